#include "plan/pod.hpp"

#include <algorithm>

namespace dsk::plan {

PodNeeds pod_needs(const Chosen& chosen) {
  constexpr std::int64_t gib_bytes = std::int64_t{1} << 30;
  PodNeeds needs;
  needs.gpus = chosen.parallel.devices() / chosen.nodes_per_replica;
  needs.tp = std::min(chosen.parallel.tp, needs.gpus);
  // Assumed, not measured: one worker process a GPU with its CUDA context, pinned staging buffers
  // and NCCL's shared-memory segments, beside the server and tokeniser processes. Weights are read
  // through the page cache, which gives way.
  needs.cpus = 4 + 8 * needs.gpus;
  needs.host_memory_bytes = (32 + 16 * needs.gpus) * gib_bytes;
  needs.shared_memory_bytes = std::max<std::int64_t>(8, 4 * needs.gpus) * gib_bytes;
  return needs;
}

} // namespace dsk::plan
