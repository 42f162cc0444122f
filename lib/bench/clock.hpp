// The one clock that measurements read.
#pragma once

namespace dsk::bench {

/// Seconds of a clock that never goes back (CLOCK_MONOTONIC), from an arbitrary start.
double now_s();

/// Smallest step between two readings that this machine shows.
double clock_step_s();

/// Seconds since 1970 (CLOCK_REALTIME): for time stamps, never for durations.
double unix_time_s();

} // namespace dsk::bench
