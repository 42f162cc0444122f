// What a run is asked for, and its clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace multi {

struct Options {
  std::string backend = "cuda";
  std::vector<std::uint32_t> worlds; // numbers of ranks, largest first
  bool one_device = false;           // all ranks on device 0, driven by one thread
  bool small = false;                // sizes for a test of this program, not of a machine
  double until_s = 0;                // when to stop, on the clock of now_s()

  /// Goals are for as many H200s as there are ranks.
  bool goals_apply() const { return backend == "cuda" && !one_device && !small; }
  bool time_left(double needed_s = 0) const;
};

/// Seconds of a clock that all processes of the machine share.
inline double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
inline bool Options::time_left(double needed_s) const {
  return now_s() + needed_s < until_s;
}

/// A part's time shared over its rounds: when round `i` of `count` has to end.
inline double end_of_round(const Options& options, std::size_t i, std::size_t count) {
  const double left = options.until_s - now_s();
  return now_s() + left / static_cast<double>(count - i);
}

} // namespace multi
