#include "probe/case.hpp"

#include <algorithm>
#include <chrono>

using dsk::cuda::check;
using dsk::cuda::Current;
using dsk::cuda::Failure;
using dsk::cuda::guarded;

dsk_backend_bench_case::dsk_backend_bench_case(dsk::cuda::Device& device_) : device(device_) {
  const Current current(device.ordinal);
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  check(cudaEventCreate(&begin_), "cudaEventCreate");
  check(cudaEventCreate(&end_), "cudaEventCreate");
  info.struct_size = sizeof info;
  info.sets = 1;
}

dsk_backend_bench_case::~dsk_backend_bench_case() {
  if (graph_) (void)cudaGraphExecDestroy(graph_);
  if (begin_) (void)cudaEventDestroy(begin_);
  if (end_) (void)cudaEventDestroy(end_);
  if (stream_) (void)cudaStreamDestroy(stream_);
}

void dsk_backend_bench_case::describe(const std::string& kernel) {
  std::snprintf(info.kernel, sizeof info.kernel, "%s", kernel.c_str());
}

void dsk_backend_bench_case::capture(std::uint64_t turns) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "beginning a capture");
  try {
    for (std::uint64_t i = 0; i < turns; ++i)
      enqueue(stream_, i);
  } catch (...) {
    (void)cudaStreamEndCapture(stream_, &graph);
    if (graph) (void)cudaGraphDestroy(graph);
    throw;
  }
  check(cudaStreamEndCapture(stream_, &graph), "ending a capture");
  const cudaError_t status = cudaGraphInstantiate(&graph_, graph, 0);
  (void)cudaGraphDestroy(graph);
  check(status, "instantiating a graph");
  graph_turns_ = turns;
  check(cudaGraphUpload(graph_, stream_), "uploading a graph");
  check(cudaStreamSynchronize(stream_), "uploading a graph");
}

dsk_backend_bench_times dsk_backend_bench_case::run(std::uint64_t iterations) {
  const Current current(device.ordinal);
  std::uint64_t executed = 0;
  check(cudaEventRecord(begin_, stream_), "cudaEventRecord");
  const auto from = std::chrono::steady_clock::now();
  while (executed < iterations) {
    if (graph_) {
      check(cudaGraphLaunch(graph_, stream_), "launching a graph");
      executed += graph_turns_;
    } else {
      enqueue(stream_, turn_++);
      ++executed;
    }
  }
  const auto free = std::chrono::steady_clock::now();
  check(cudaEventRecord(end_, stream_), "cudaEventRecord");
  check(cudaEventSynchronize(end_), "the measured work");
  float ms = 0;
  check(cudaEventElapsedTime(&ms, begin_, end_), "cudaEventElapsedTime");
  const double share = static_cast<double>(iterations) / static_cast<double>(executed);
  dsk_backend_bench_times times{};
  times.struct_size = sizeof times;
  times.device_ns = 1e6 * static_cast<double>(ms) * share;
  times.enqueue_ns = std::chrono::duration<double, std::nano>(free - from).count() * share;
  return times;
}

namespace dsk::cuda::probe {

std::uint32_t cold_sets(const Device& device, std::uint64_t bytes) {
  int l2 = 0;
  check(cudaDeviceGetAttribute(&l2, cudaDevAttrL2CacheSize, device.ordinal),
        "reading the size of the L2");
  std::size_t free_bytes = 0, total = 0;
  check(cudaMemGetInfo(&free_bytes, &total), "cudaMemGetInfo");
  const std::uint64_t wanted =
      std::max<std::uint64_t>(std::uint64_t{640} << 20, 8 * static_cast<std::uint64_t>(l2));
  const std::uint64_t fitting =
      std::max<std::uint64_t>(1, free_bytes / 2 / std::max<std::uint64_t>(1, bytes));
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
      (wanted + bytes - 1) / bytes, 1, std::min<std::uint64_t>(64, fitting)));
}

namespace {

Case make(Device& device, const dsk_backend_bench_desc& desc) {
  switch (desc.kind) {
  case DSK_BACKEND_BENCH_READ:
  case DSK_BACKEND_BENCH_WRITE:
  case DSK_BACKEND_BENCH_COPY:
  case DSK_BACKEND_BENCH_TRIAD:
  case DSK_BACKEND_BENCH_L2_READ:
  case DSK_BACKEND_BENCH_DEVICE_COPY:
    return make_memory(device, desc);
  case DSK_BACKEND_BENCH_GEMM:
    return make_product(device, desc);
  case DSK_BACKEND_BENCH_GEMM_SPARSE:
    return make_sparse(device, desc);
  case DSK_BACKEND_BENCH_KERNELS:
  case DSK_BACKEND_BENCH_PERSISTENT:
  case DSK_BACKEND_BENCH_GRAPH_BUILD:
    return make_launches(device, desc);
  case DSK_BACKEND_BENCH_FROM_HOST:
  case DSK_BACKEND_BENCH_TO_HOST:
  case DSK_BACKEND_BENCH_PEER_COPY:
  case DSK_BACKEND_BENCH_ALL_REDUCE:
    return make_link(device, desc);
  case DSK_BACKEND_BENCH_FORCE_32BIT:
    break;
  }
  throw Failure(DSK_STATUS_UNSUPPORTED,
                "the plugin has no probe of kind " + std::to_string(static_cast<int>(desc.kind)));
}

} // namespace

const dsk_backend_bench_api& bench_api() {
  static const dsk_backend_bench_api table = [] {
    dsk_backend_bench_api api{};
    api.struct_size = sizeof api;
    api.create = [](dsk_backend_device* owner, const dsk_backend_bench_desc* desc,
                    dsk_backend_bench_case** out, dsk_backend_error* error) {
      return guarded(error, [&] {
        const Current current(owner->device.ordinal);
        *out = make(owner->device, *desc).release();
      });
    };
    api.destroy = [](dsk_backend_bench_case* work) {
      if (!work) return;
      (void)guarded(nullptr, [&] {
        const Current current(work->device.ordinal);
        delete work;
      });
    };
    api.info = [](const dsk_backend_bench_case* work, dsk_backend_bench_info* out,
                  dsk_backend_error* error) { return guarded(error, [&] { *out = work->info; }); };
    api.run = [](dsk_backend_bench_case* work, std::uint64_t iterations,
                 dsk_backend_bench_times* out, dsk_backend_error* error) {
      return guarded(error, [&] { *out = work->run(iterations); });
    };
    return api;
  }();
  return table;
}

} // namespace dsk::cuda::probe
