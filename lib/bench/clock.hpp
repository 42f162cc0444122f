// The one clock that measurements read.
#pragma once

#include <sys/time.h>

namespace dsk::bench {

/// A processor time, as getrusage() gives it.
inline double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
}

/// Seconds of a clock that never goes back (CLOCK_MONOTONIC), from an arbitrary start.
double now_s();

/// Smallest step between two readings that this machine shows.
double clock_step_s();

/// Seconds since 1970 (CLOCK_REALTIME): for time stamps, never for durations.
double unix_time_s();

} // namespace dsk::bench
