// Work that measures: prepared once, run any number of times, timed by device events.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "check.hpp"
#include "device.hpp"
#include "dsk/backend_bench.h"

/// The base of every kind of work; its device outlives it.
struct dsk_backend_bench_case {
  explicit dsk_backend_bench_case(dsk::cuda::Device& device_);
  virtual ~dsk_backend_bench_case();
  dsk_backend_bench_case(const dsk_backend_bench_case&) = delete;
  dsk_backend_bench_case& operator=(const dsk_backend_bench_case&) = delete;

  /// Puts one iteration on the stream; `turn` counts iterations and chooses the buffers.
  virtual void enqueue(cudaStream_t stream, std::uint64_t turn) = 0;
  /// Runs and times iterations. Work in a graph runs in whole graphs, its time scaled to the number
  /// asked for.
  virtual dsk_backend_bench_times run(std::uint64_t iterations);

  dsk::cuda::Device& device;
  dsk_backend_bench_info info{};

protected:
  /// Captures `turns` iterations; later runs replay them.
  void capture(std::uint64_t turns);
  void describe(const std::string& kernel);

  cudaStream_t stream_ = nullptr;

private:
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
  cudaGraphExec_t graph_ = nullptr;
  std::uint64_t graph_turns_ = 0;
  std::uint64_t turn_ = 0;
};

namespace dsk::cuda::probe {

/// Device memory that goes with its owner.
class Memory {
public:
  Memory() = default;
  explicit Memory(std::uint64_t bytes) { check(cudaMalloc(&pointer_, bytes), "cudaMalloc"); }
  Memory(Memory&& other) noexcept : pointer_(std::exchange(other.pointer_, nullptr)) {}
  Memory& operator=(Memory&& other) noexcept {
    std::swap(pointer_, other.pointer_);
    return *this;
  }
  ~Memory() { (void)cudaFree(pointer_); }
  template <class T = void> T* get() const { return static_cast<T*>(pointer_); }

private:
  void* pointer_ = nullptr;
};

/// Sets of buffers of `bytes` each that together are far larger than the L2: so many that a set has
/// left the L2 when its turn comes again. At least 1, at most 64, and no more than half of the free
/// memory.
std::uint32_t cold_sets(const Device& device, std::uint64_t bytes);

using Case = std::unique_ptr<dsk_backend_bench_case>;
Case make_memory(Device& device, const dsk_backend_bench_desc& desc);
Case make_product(Device& device, const dsk_backend_bench_desc& desc);
Case make_sparse(Device& device, const dsk_backend_bench_desc& desc);
Case make_launches(Device& device, const dsk_backend_bench_desc& desc);
Case make_link(Device& device, const dsk_backend_bench_desc& desc);

/// The table behind extension(DSK_BACKEND_BENCH).
const dsk_backend_bench_api& bench_api();

} // namespace dsk::cuda::probe
