// An accelerator as its datasheet and its driver describe it; achieved figures live in lib/perf.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "catalog/format.hpp"

namespace dsk {

/// A link out of the device. Bandwidth is one direction, for one device, in 1e9 bytes/s.
struct Link {
  std::string kind;         // "nvlink4", "pcie5", "ib-ndr400", ...
  double bandwidth_gbs = 0; // one direction
  double latency_us = 0;
  int domain = 1; // devices that reach each other over it
};

struct Device {
  std::string name;   // canonical: "h200-sxm"
  std::string vendor; // "nvidia", "amd", ...
  std::string family; // "hopper", "blackwell", ...: who may lend its measured tables
  std::vector<std::string> aliases;
  std::string source;
  std::string as_of;

  std::int64_t memory_bytes = 0; // as the driver reports it
  std::string memory_origin;     // "driver" or "datasheet"
  double bandwidth_gbs = 0;      // device memory, datasheet, 1e9 bytes/s
  std::int64_t l2_bytes = 0;     // 0 = not known
  int multiprocessors = 0;       // 0 = not known
  /// Dense and 2:4-sparse peaks in 1e12 operations/s by Element; 0 = the hardware has none.
  std::array<double, element_count> dense_tflops{};
  std::array<double, element_count> sparse_tflops{};
  double power_w = 0;      // board limit
  double idle_power_w = 0; // 0 = not known

  Link scale_up;    // within the domain (NVLink, or PCIe where there is none)
  Link scale_out;   // between domains, one device's share (InfiniBand, RoCE)
  int per_node = 8; // devices of one host

  double dense_peak(Element e) const { return dense_tflops[static_cast<std::size_t>(e)]; }
};

} // namespace dsk
