// An accelerator as its datasheet and its driver describe it; achieved figures live in lib/perf.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "catalog/calibration.hpp"
#include "catalog/format.hpp"

namespace dsk {

/// A link out of the device. Bandwidth is one direction, for one device, in 1e9 bytes/s.
struct Link {
  std::string kind;         // name of the link record: "nvlink4", "pcie5", "ib-ndr", ...; "" = none
  int lanes = 0;            // of this device
  double bandwidth_gbs = 0; // one direction, all lanes, and no more than the link that it crosses
  double latency_us = 0;
  int domain = 1;             // devices that reach each other over it
  std::string latency_origin; // "measured", "datasheet" or "assumed"
};

/// A slice of a device that the driver offers as a device of its own (NVIDIA MIG).
struct MigProfile {
  std::string name; // "1g.10gb"
  int instances = 0;
  double compute_fraction = 0; // of the multiprocessors
  double memory_fraction = 0;  // of capacity and bandwidth
};

/// One figure that somebody measured, beside what the datasheet says.
struct Measurement {
  std::string quantity; // "memory_read_gbs", "idle_power_w", ...
  double value = 0;
  std::string conditions;
  std::string source;
  std::string as_of;
};

/// Where a group of fields comes from.
struct FactSource {
  std::string source;
  std::string as_of;
};

struct Device {
  std::string name;   // canonical: "h200-sxm"
  std::string vendor; // "nvidia", "amd", ...
  std::string family; // "hopper", "blackwell", ...: who may lend its measured tables
  std::vector<std::string> aliases;
  std::string source;
  std::string as_of;

  std::int64_t memory_bytes = 0; // as the driver reports it; the datasheet's where it is not known
  std::string memory_origin;     // "driver" or "datasheet"
  std::int64_t runtime_bytes =
      0; // total that the runtime hands out (cudaMemGetInfo); 0 = not known
  double memory_datasheet_gb = 0; // 1e9 bytes, as sold
  std::string memory_type;        // "HBM3e", "GDDR6", ...
  double bandwidth_gbs = 0;       // device memory, datasheet, 1e9 bytes/s
  std::int64_t l2_bytes = 0;      // 0 = not known
  int multiprocessors = 0;        // 0 = not known
  /// Dense and 2:4-sparse peaks in 1e12 operations/s by Element; 0 = the hardware has none.
  std::array<double, element_count> dense_tflops{};
  double fp16_sum_tflops = 0; // dense fp16 products summed in fp16, where that is faster; 0 = same
  std::array<double, element_count> sparse_tflops{};
  double power_w = 0;       // board limit
  std::string power_origin; // "datasheet", "measured" or "assumed"
  double idle_power_w = 0;  // 0 = not known

  Link scale_up;    // within the domain (NVLink, or PCIe where there is none)
  Link scale_out;   // between domains, one device's share (InfiniBand, RoCE)
  Link host;        // to the host's memory (PCIe, NVLink-C2C)
  int per_node = 8; // devices of one host

  std::vector<MigProfile> mig;
  std::vector<Measurement> measured;
  FactSource memory_source;
  FactSource compute_source;
  FactSource power_source;
  FactSource links_source;
  std::shared_ptr<const Calibration> calibration; // of the request, when it has one

  double dense_peak(Element e) const { return dense_tflops[static_cast<std::size_t>(e)]; }
  double sparse_peak(Element e) const { return sparse_tflops[static_cast<std::size_t>(e)]; }
};

} // namespace dsk
