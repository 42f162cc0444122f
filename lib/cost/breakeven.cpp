#include "cost/breakeven.hpp"

namespace dsk::cost {
namespace {

OwnershipTerms at_utilisation(const Rivals& r, double utilisation) {
  OwnershipTerms terms = r.own;
  terms.power_kw = r.idle_power_kw + (r.own.power_kw - r.idle_power_kw) * utilisation;
  return terms;
}

} // namespace

BreakEven break_even(const Rivals& r) {
  BreakEven out;
  const double spread = annuity(r.own.discount_rate, r.own.years);
  const OwnershipTerms terms = at_utilisation(r, r.utilisation);
  const Ownership bill = own(terms);
  const double full_rent = r.cloud_usd_per_device_hour * r.devices * hours_per_year;
  const double rent_per_year = r.committed ? full_rent : full_rent * r.utilisation;
  out.own_usd = bill.present_total_usd;
  out.cloud_usd = rent_per_year * spread;
  out.own_usd_per_used_device_hour =
      out.own_usd / (r.devices * hours_per_year * spread * r.utilisation);

  const double upfront = terms.hardware_usd + terms.installation_usd;
  const double running_per_year = (bill.before_residual_usd - upfront) / terms.years;
  if (rent_per_year > running_per_year)
    out.months = upfront / (rent_per_year - running_per_year) * 12;

  if (!r.committed) {
    // Both bills are straight lines in utilisation: what does not depend on it over the difference
    // of the slopes.
    const double idle = own(at_utilisation(r, 0)).present_total_usd;
    const double slope = own(at_utilisation(r, 1)).present_total_usd - idle;
    const double rent_slope = full_rent * spread;
    if (rent_slope > slope) out.utilisation = idle / (rent_slope - slope);
  }
  return out;
}

} // namespace dsk::cost
