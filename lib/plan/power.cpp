#include "plan/power.hpp"

#include <algorithm>
#include <cmath>

namespace dsk::plan {

double estimated_power_w(const Device& device, double sequences, double busy) {
  constexpr double low = 300.0 / 700.0;
  constexpr double high = 600.0 / 700.0;
  constexpr double midpoint_log2 = 4.2;
  constexpr double assumed_idle = 0.15; // of the board limit, where the idle power is not known
  const double idle_w =
      device.idle_power_w > 0 ? device.idle_power_w : assumed_idle * device.power_w;
  const double log2_batch = std::log2(std::max(sequences, 1.0));
  const double share = low + (high - low) / (1 + std::exp(midpoint_log2 - log2_batch));
  const double loaded_w = std::max(share * device.power_w, idle_w);
  return idle_w + (loaded_w - idle_w) * std::clamp(busy, 0.0, 1.0);
}

} // namespace dsk::plan
