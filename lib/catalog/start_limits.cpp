#include <algorithm>

#include "catalog/engine.hpp"

namespace dsk {

StartLimits start_limits(const Engine& engine, const Device& device) {
  const bool small = static_cast<double>(device.memory_bytes) < engine.small_below_bytes ||
                     std::any_of(engine.small_devices.begin(), engine.small_devices.end(),
                                 [&](const std::string& s) { return device.name.starts_with(s); });
  return small ? engine.small_limits : engine.limits;
}

} // namespace dsk
