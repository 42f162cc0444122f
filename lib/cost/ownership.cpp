#include "cost/ownership.hpp"

#include <cmath>

#include "base/text.hpp"

namespace dsk::cost {

double annuity(double rate, double years) {
  const double whole = std::floor(years);
  double sum = 0;
  for (double t = 1; t <= whole; ++t)
    sum += std::pow(1 + rate, -t);
  return sum + (years - whole) * std::pow(1 + rate, -years);
}

Ownership own(const OwnershipTerms& t) {
  Ownership out;
  const double spread = annuity(t.discount_rate, t.years);
  const auto once = [&](const char* name, double usd, std::string formula) {
    out.terms.push_back({name, usd, usd, std::move(formula)});
  };
  const auto yearly = [&](const char* name, double usd_per_year, std::string formula) {
    out.terms.push_back({name, usd_per_year * t.years, usd_per_year * spread,
                         std::move(formula) + " x " + number_text(t.years) + " years"});
  };
  once("hardware", t.hardware_usd, "paid at the start");
  if (t.installation_usd > 0) once("installation", t.installation_usd, "paid at the start");
  yearly("power", t.power_kw * t.pue * hours_per_year * t.usd_per_kwh,
         number_text(t.power_kw) + " kW x PUE " + number_text(t.pue) + " x 8760 h x " +
             number_text(t.usd_per_kwh) + " USD/kWh");
  if (t.operations_fraction_per_year > 0)
    yearly("operations", t.operations_fraction_per_year * t.hardware_usd,
           number_text(t.operations_fraction_per_year * 100) + " % of hardware");
  if (t.operations_usd_per_year > 0)
    yearly("operations-fixed", t.operations_usd_per_year,
           number_text(t.operations_usd_per_year) + " USD a year");
  if (t.space_usd_per_year > 0)
    yearly("space", t.space_usd_per_year, number_text(t.space_usd_per_year) + " USD a year");
  for (const CostTerm& term : out.terms) {
    out.before_residual_usd += term.usd;
    out.present_before_residual_usd += term.present_usd;
  }
  out.residual_usd = t.residual_fraction * t.hardware_usd;
  out.present_residual_usd = out.residual_usd * std::pow(1 + t.discount_rate, -t.years);
  out.terms.push_back({"residual", -out.residual_usd, -out.present_residual_usd,
                       number_text(t.residual_fraction * 100) + " % of hardware, at the end"});
  out.total_usd = out.before_residual_usd - out.residual_usd;
  out.present_total_usd = out.present_before_residual_usd - out.present_residual_usd;
  return out;
}

double implied_residual_fraction(const OwnershipTerms& terms, double total_usd) {
  const double gap = own(terms).present_before_residual_usd - total_usd;
  return gap * std::pow(1 + terms.discount_rate, terms.years) / terms.hardware_usd;
}

} // namespace dsk::cost
