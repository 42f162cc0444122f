#include "bench/clock.hpp"

#include <algorithm>
#include <ctime>

namespace dsk::bench {
namespace {

double read(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

} // namespace

double now_s() {
  return read(CLOCK_MONOTONIC);
}

double clock_step_s() {
  static const double step = [] {
    double least = 1;
    for (int i = 0; i < 1000; ++i) {
      const double from = now_s();
      double to = now_s();
      while (to == from)
        to = now_s();
      least = std::min(least, to - from);
    }
    return least;
  }();
  return step;
}

double unix_time_s() {
  return read(CLOCK_REALTIME);
}

} // namespace dsk::bench
