// What the suites hold: every probe with its parameters, as data.
#pragma once

#include <string>
#include <vector>

#include "bench/host_probes.hpp"
#include "bench/linears.hpp"
#include "dsk/backend_bench.h"

namespace dsk::bench {

struct HostProbe {
  std::string id; // "host/memory_read/8"
  HostMemoryKind kind = HostMemoryKind::read;
  int threads = 1;
};

struct DiskProbe {
  std::string id;
  std::size_t block_bytes = 0;
  bool random = false;
  int threads = 1;
};

struct DeviceProbe {
  std::string id; // "device/gemm/bf16/64x8192x1024"
  dsk_backend_bench_desc desc{};
};

/// Two ways to do the same, measured in turn.
struct Versus {
  std::string id; // "before_after/graph"
  std::string question;
  DeviceProbe before;
  DeviceProbe after;
};

struct Suite {
  std::vector<HostProbe> host;
  std::vector<DiskProbe> disk;
  std::vector<DeviceProbe> device;
  std::vector<Versus> versus;
  double max_time_s = 1; // of one probe
};

/// What depends on the machine: its processors and, when there is one, its GPU.
struct SuiteInput {
  int processors = 1;
  std::uint64_t device_memory_bytes = 0; // 0: no device is known, sizes are those of a large one
  std::uint64_t l2_bytes = 0;
  int devices = 0;
  std::vector<Linear> linears;
};

Suite host_suite(const SuiteInput& input);
/// At most 60 s on one GPU.
Suite quick_suite(const SuiteInput& input);
Suite full_suite(const SuiteInput& input);
/// Merging batches, graphs, a persistent kernel, programmatic launch: each as before and after.
Suite before_after_suite(const SuiteInput& input);

const char* dtype_name(dsk_dtype dtype);
const char* bench_kind_name(dsk_backend_bench_kind kind);

} // namespace dsk::bench
