#include "cost/mix.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dsk::cost {
namespace {

// Steps in which the k-th unit runs when it must start `lead` steps early, for k = 1 to the peak.
std::vector<std::size_t> steps_of_units(const std::vector<std::size_t>& demand, std::size_t lead,
                                        std::size_t peak) {
  const std::size_t n = demand.size();
  std::vector<std::size_t> at_level(peak + 2, 0);
  for (std::size_t t = 0; t < n; ++t) {
    std::size_t needed = 0;
    for (std::size_t ahead = 0; ahead <= std::min(lead, n - 1); ++ahead)
      needed = std::max(needed, demand[(t + ahead) % n]);
    ++at_level[needed];
  }
  std::vector<std::size_t> steps(peak + 1, 0);
  std::size_t running = 0;
  for (std::size_t k = peak; k >= 1; --k) {
    running += at_level[k];
    steps[k] = running;
  }
  return steps;
}

} // namespace

Mix cheapest_mix(const std::vector<double>& demand, double step_hours,
                 const std::vector<Tariff>& tariffs) {
  std::vector<std::size_t> units;
  units.reserve(demand.size());
  for (const double d : demand)
    units.push_back(static_cast<std::size_t>(std::ceil(d)));
  Mix mix;
  mix.hours = step_hours * static_cast<double>(units.size());
  mix.base_units = *std::min_element(units.begin(), units.end());
  mix.peak_units = *std::max_element(units.begin(), units.end());
  mix.alone_usd.assign(tariffs.size(), 0);

  std::vector<std::vector<std::size_t>> steps;
  for (const Tariff& tariff : tariffs) {
    steps.push_back(steps_of_units(units, tariff.lead_steps, mix.peak_units));
    mix.shares.push_back({tariff.name, 0, 0, 0, 0});
  }
  for (std::size_t k = 1; k <= mix.peak_units; ++k) {
    std::size_t best = 0;
    double best_usd = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < tariffs.size(); ++i) {
      const double used = static_cast<double>(steps[i][k]) * step_hours;
      const double usd =
          tariffs[i].usd_per_hour_held * mix.hours + tariffs[i].usd_per_hour_used * used;
      mix.alone_usd[i] += usd;
      if (usd < best_usd) {
        best_usd = usd;
        best = i;
      }
    }
    MixShare& share = mix.shares[best];
    ++share.units;
    share.used_hours += static_cast<double>(steps[best][k]) * step_hours;
    share.usd += best_usd;
    mix.usd += best_usd;
  }
  for (MixShare& share : mix.shares)
    if (share.units > 0)
      share.utilisation = share.used_hours / (static_cast<double>(share.units) * mix.hours);
  return mix;
}

double crossover_hours(const Tariff& a, const Tariff& b, double hours) {
  const double held = (b.usd_per_hour_held - a.usd_per_hour_held) * hours;
  const double used = a.usd_per_hour_used - b.usd_per_hour_used;
  if (used <= 0) return held <= 0 && used == 0 ? -1 : std::numeric_limits<double>::infinity();
  return held / used;
}

} // namespace dsk::cost
