// What one node gives to one replica of a plan: the figures that manifests ask for and that
// placement checks.
#pragma once

#include <cstdint>

#include "plan/plan.hpp"

namespace dsk::plan {

/// One pod: the part of a replica that one node holds.
struct PodNeeds {
  int gpus = 1;
  int tp = 1; // width of a tensor-parallel group within this pod
  std::int64_t cpus = 0;
  std::int64_t host_memory_bytes = 0;   // without shared memory
  std::int64_t shared_memory_bytes = 0; // /dev/shm
  std::int64_t memory_bytes() const { return host_memory_bytes + shared_memory_bytes; }
};

PodNeeds pod_needs(const Chosen& chosen);

} // namespace dsk::plan
