// What the host did while something was measured: processor time that others took, time stolen by a
// hypervisor, and how often this process was put aside.
#pragma once

#include <cstdint>

#include "bench/harness.hpp"

namespace dsk::bench {

class HostWatch : public Watch {
public:
  void begin() override;
  void end(Json& measurement, std::vector<Doubt>& doubts) override;

private:
  struct Reading {
    double wall_s = 0;
    double own_cpu_s = 0;
    double busy_cpu_s = 0; // of all processors
    double stolen_s = 0;
    std::int64_t put_aside = 0; // involuntary context switches
    bool known = false;
  };
  static Reading read();

  Reading begin_;
};

} // namespace dsk::bench
