// The cheapest split of a load curve between owned, reserved, on-demand and spot capacity.
//
// Capacity comes in units (one replica). The k-th unit is needed in those steps whose demand is at
// least k, so the curve alone says for how many hours; each way to pay is a tariff of two parts,
// and the cheapest tariff for that many hours is found unit by unit. The costs of units are
// independent, hence the split is optimal for the curve.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace dsk::cost {

struct Tariff {
  std::string name;
  double usd_per_hour_held = 0; // one unit, all hours, used or not: owned, reserved
  double usd_per_hour_used = 0; // one unit, hours in which it runs: on-demand, spot, energy
  /// Steps that a unit must be started before it is needed, and so be paid: how slowly it scales.
  std::size_t lead_steps = 0;
};

struct MixShare {
  std::string name;
  std::size_t units = 0;
  double used_hours = 0; // of all its units together, lead time included
  double usd = 0;
  double utilisation = 0; // hours used over hours held
};

struct Mix {
  std::vector<MixShare> shares;  // in the order of the tariffs
  std::vector<double> alone_usd; // the whole curve on that tariff alone
  double usd = 0;                // of the split, for the curve once
  double hours = 0;              // of the curve
  std::size_t base_units = 0;    // needed in every step
  std::size_t peak_units = 0;
};

/// `demand` is units needed in each step, fractions round up; the curve repeats, so the step before
/// the first one is the last. Ties go to the tariff that comes first.
Mix cheapest_mix(const std::vector<double>& demand, double step_hours,
                 const std::vector<Tariff>& tariffs);

/// Hours of use, out of `hours`, from which `b` costs no more than `a` for one unit without lead
/// time; negative when b is never dearer, above `hours` when it always is.
double crossover_hours(const Tariff& a, const Tariff& b, double hours);

} // namespace dsk::cost
