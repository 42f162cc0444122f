// What a launch costs: chains of tiny dependent kernels, the same steps inside one kernel, and
// building graphs.
#include <chrono>

#include "probe/case.hpp"

namespace dsk::cuda::probe {
namespace {

constexpr int step_threads = 128;

// One step: each thread adds to its own word, so that a step that was left out shows.
__global__ void __launch_bounds__(step_threads) step_kernel(std::uint32_t* words) {
#if __CUDA_ARCH__ >= 900
  // The next step may be launched now; it waits here until this one's writes are there. Without
  // programmatic launch both return at once.
  cudaTriggerProgrammaticLaunchCompletion();
  cudaGridDependencySynchronize();
#endif
  words[blockIdx.x * step_threads + threadIdx.x] += 1;
}

// The grid fits on the device at once, so that its blocks can wait for each other. The counter only
// grows; each launch begins at a multiple of the number of blocks.
__global__ void __launch_bounds__(step_threads)
    persistent_kernel(std::uint32_t* words, unsigned int* arrived, std::uint32_t steps) {
  __shared__ unsigned int base;
  if (threadIdx.x == 0)
    base = *reinterpret_cast<volatile unsigned int*>(arrived) / gridDim.x * gridDim.x;
  __syncthreads();
  for (std::uint32_t s = 0; s < steps; ++s) {
    words[blockIdx.x * step_threads + threadIdx.x] += 1;
    __syncthreads();
    if (threadIdx.x == 0) {
      __threadfence();
      atomicAdd(arrived, 1u);
      const unsigned int target = base + (s + 1) * gridDim.x;
      while (static_cast<int>(*reinterpret_cast<volatile unsigned int*>(arrived) - target) < 0)
        __nanosleep(20);
      __threadfence();
    }
    __syncthreads();
  }
}

class LaunchCase : public dsk_backend_bench_case {
public:
  LaunchCase(Device& owner, const dsk_backend_bench_desc& desc)
      : dsk_backend_bench_case(owner), kind_(desc.kind), count_(desc.count),
        programmatic_((desc.flags & DSK_BACKEND_BENCH_PDL) != 0),
        blocks_(static_cast<unsigned>(owner.multiprocessors)),
        words_(static_cast<std::uint64_t>(blocks_) * step_threads * 4), arrived_(16) {
    if (count_ == 0 || count_ > 100000)
      throw Failure(DSK_STATUS_INVALID_ARGUMENT,
                    "count is " + std::to_string(count_) + ", must be from 1 to 100000");
    if (programmatic_ && !owner.programmatic_launch)
      throw Failure(DSK_STATUS_UNSUPPORTED, "programmatic launch needs compute capability 9.0");
    check(cudaMemset(words_.get(), 0, static_cast<std::size_t>(blocks_) * step_threads * 4),
          "cudaMemset");
    check(cudaMemset(arrived_.get(), 0, 16), "cudaMemset");
    verify();
    const std::string what = kind_ == DSK_BACKEND_BENCH_PERSISTENT
                                 ? "one cooperative kernel, a grid barrier a step"
                                 : "one add a thread, a block on each multiprocessor";
    describe(what + (programmatic_ ? ", programmatic launch" : ""));
    if (kind_ == DSK_BACKEND_BENCH_KERNELS && (desc.flags & DSK_BACKEND_BENCH_GRAPH)) capture(1);
  }

  void enqueue(cudaStream_t stream, std::uint64_t) override {
    if (kind_ == DSK_BACKEND_BENCH_PERSISTENT) {
      auto* words = words_.get<std::uint32_t>();
      auto* arrived = arrived_.get<unsigned int>();
      void* arguments[] = {&words, &arrived, &count_};
      check(cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(&persistent_kernel),
                                        dim3(blocks_), dim3(step_threads), arguments, 0, stream),
            "launching the persistent kernel");
      return;
    }
    cudaLaunchAttribute attribute{};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(blocks_);
    config.blockDim = dim3(step_threads);
    config.stream = stream;
    config.attrs = &attribute;
    config.numAttrs = programmatic_ ? 1 : 0;
    for (std::uint32_t i = 0; i < count_; ++i)
      check(cudaLaunchKernelEx(&config, step_kernel, words_.get<std::uint32_t>()),
            "launching a step");
  }

  dsk_backend_bench_times run(std::uint64_t iterations) override {
    if (kind_ != DSK_BACKEND_BENCH_GRAPH_BUILD) return dsk_backend_bench_case::run(iterations);
    const Current current(device.ordinal);
    const auto from = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < iterations; ++i)
      build();
    dsk_backend_bench_times times{};
    times.struct_size = sizeof times;
    times.enqueue_ns =
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - from).count();
    return times; // the host's time is what is asked for
  }

private:
  void build() {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "beginning a capture");
    enqueue(stream_, 0);
    check(cudaStreamEndCapture(stream_, &graph), "ending a capture");
    const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
    (void)cudaGraphDestroy(graph);
    check(status, "instantiating a graph");
    check(cudaGraphExecDestroy(executable), "destroying a graph");
  }

  void verify() {
    enqueue(stream_, 0);
    check(cudaStreamSynchronize(stream_), "the first run");
    std::vector<std::uint32_t> got(static_cast<std::size_t>(blocks_) * step_threads);
    check(cudaMemcpy(got.data(), words_.get(), got.size() * 4, cudaMemcpyDeviceToHost),
          "reading the result");
    info.checked = 1;
    for (const std::uint32_t word : got)
      if (word != count_) info.relative_error = 1;
  }

  dsk_backend_bench_kind kind_;
  std::uint32_t count_;
  bool programmatic_;
  unsigned blocks_;
  Memory words_, arrived_;
};

} // namespace

Case make_launches(Device& device, const dsk_backend_bench_desc& desc) {
  return std::make_unique<LaunchCase>(device, desc);
}

} // namespace dsk::cuda::probe
