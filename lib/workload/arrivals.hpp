// When requests are sent in an open loop: a stream of times that does not depend on the answers.
#pragma once

#include <array>
#include <cstdint>

#include "base/random.hpp"

namespace dsk::workload {

struct ArrivalSpec {
  enum class Process { constant, poisson, gamma, on_off, daily, burst };
  Process process = Process::poisson;
  double rate_per_s = 1; // mean over the whole of time
  double cv = 1;         // gamma: standard deviation over mean of the gaps
  double on_s = 10;      // on_off: Poisson while on, silent while off
  double off_s = 10;
  double day_s = 86400; // daily: period of the curve ...
  double peak = 1.6;    // ... its highest rate over its mean (a raised cosine; at most 2)
};

class Arrivals {
public:
  Arrivals(const ArrivalSpec& spec, std::uint64_t seed);

  /// Time of the next request; never before the one before it.
  double next() noexcept;

private:
  double unit_gap() noexcept;

  ArrivalSpec spec_;
  Random random_;
  std::uint64_t count_ = 0;
  double load_ = 0; // on_off, daily: expected requests so far, which a rate curve turns into time
  double now_s_ = 0;
};

} // namespace dsk::workload
