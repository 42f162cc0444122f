// What owning machines costs over their life: hardware, energy, operations and space, less what the
// hardware still fetches at the end. Pure functions.
#pragma once

#include <string>
#include <vector>

namespace dsk::cost {

inline constexpr double hours_per_year = 8760;
inline constexpr double hours_per_month = hours_per_year / 12;

struct OwnershipTerms {
  double hardware_usd = 0;     // paid at the start
  double installation_usd = 0; // paid at the start, worth nothing later
  double years = 3;
  double power_kw = 0; // drawn by the machines on average, before cooling
  double pue = 1;      // power usage effectiveness: site power over machine power
  double usd_per_kwh = 0;
  double operations_fraction_per_year = 0; // of hardware_usd
  double operations_usd_per_year = 0;
  double space_usd_per_year = 0;
  double residual_fraction = 0; // of hardware_usd, received at the end
  double discount_rate = 0;     // a year; 0 = money later counts as money now
};

/// One line of the bill.
struct CostTerm {
  std::string name;
  double usd = 0;         // as paid
  double present_usd = 0; // discounted to the start
  std::string formula;
};

struct Ownership {
  std::vector<CostTerm> terms; // residual last, negative
  double before_residual_usd = 0;
  double residual_usd = 0;
  double total_usd = 0;
  double present_before_residual_usd = 0;
  double present_residual_usd = 0;
  double present_total_usd = 0;
};

/// Sum of 1 / (1 + rate)^t over the ends of `years` years; a last part of a year counts as that
/// part, paid when it ends. Equals `years` at rate 0.
double annuity(double rate, double years);

/// Yearly costs are paid at the end of each year.
Ownership own(const OwnershipTerms& terms);

/// The residual value, as a fraction of the hardware, at which the total (present, when a discount
/// rate is given) would be `total_usd`. May lie outside 0 to 1: no residual explains that total.
double implied_residual_fraction(const OwnershipTerms& terms, double total_usd);

} // namespace dsk::cost
