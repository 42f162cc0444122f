// CUDA graphs of a chain: capture over several streams, update in place, launch.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "device.hpp"
#include "dsk/backend.h"

struct dsk_backend_graph {
  int ordinal = 0;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  std::uint64_t nodes = 0;
  ~dsk_backend_graph();
};

namespace dsk::cuda {

void begin_capture(const Device& device, void* const* streams, std::uint32_t count);
void end_capture(const Device& device, void* const* streams, std::uint32_t count, bool discard,
                 dsk_backend_graph*& graph);
void launch_graph(const dsk_backend_graph& graph, void* stream);
/// Device memory that an instantiated graph of `nodes` kernel nodes takes at most.
std::uint64_t graph_memory_bound(std::uint64_t nodes);

} // namespace dsk::cuda
