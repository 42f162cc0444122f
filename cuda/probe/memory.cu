// Streams over device memory: read, write, copy, triad, and reads that stay in the L2.
#include <algorithm>

#include "probe/case.hpp"
#include "probe/fill.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

namespace dsk::cuda::probe {
namespace {

constexpr int threads = 512;
constexpr int unroll = 4;

template <class T>
__global__ void fill_kernel(T* to, std::uint64_t count, std::uint32_t seed, bool zeros) {
  const std::uint64_t step = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < count; i += step)
    to[i] = static_cast<T>(zeros ? 0.0f : static_cast<float>(small_integer(i, seed)));
}

__global__ void word_kernel(std::uint32_t* to, std::uint64_t count, std::uint32_t seed,
                            bool zeros) {
  const std::uint64_t step = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < count; i += step)
    to[i] = zeros ? 0 : random_bits(i, seed);
}

// Each thread has `unroll` loads of 16 bytes under way. The sum is written by one thread in four
// billion: enough that the loads cannot be left out.
__global__ void __launch_bounds__(threads)
    read_kernel(const uint4* from, std::uint64_t count, int passes, std::uint32_t* sink) {
  std::uint32_t sum = 0;
  const std::uint64_t step = static_cast<std::uint64_t>(gridDim.x) * threads * unroll;
  for (int pass = 0; pass < passes; ++pass)
    for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * threads * unroll + threadIdx.x;
         i < count; i += step) {
      uint4 v[unroll];
#pragma unroll
      for (int j = 0; j < unroll; ++j) {
        const std::uint64_t at = i + static_cast<std::uint64_t>(j) * threads;
        v[j] = at < count ? (passes > 1 ? __ldcg(from + at) : __ldcs(from + at))
                          : make_uint4(0, 0, 0, 0);
      }
#pragma unroll
      for (int j = 0; j < unroll; ++j)
        sum += v[j].x ^ v[j].y ^ v[j].z ^ v[j].w;
    }
  if (sum == 0x12345678u) *sink = sum;
}

// One 16-byte word a thread: on an H200 loops over the grid and streaming hints cost 8 % of a copy.
__global__ void __launch_bounds__(threads)
    write_kernel(uint4* to, std::uint64_t count, std::uint32_t value) {
  const std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * threads + threadIdx.x;
  if (i < count)
    to[i] = make_uint4(value, value ^ 0x55555555u, static_cast<std::uint32_t>(i), value + 1);
}

__global__ void __launch_bounds__(threads)
    copy_kernel(uint4* to, const uint4* from, std::uint64_t count) {
  const std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * threads + threadIdx.x;
  if (i < count) to[i] = from[i];
}

__global__ void __launch_bounds__(threads)
    triad_kernel(float4* a, const float4* b, const float4* c, std::uint64_t count, float s) {
  const std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * threads + threadIdx.x;
  if (i >= count) return;
  const float4 x = b[i], y = c[i];
  a[i] = make_float4(x.x + s * y.x, x.y + s * y.y, x.z + s * y.z, x.w + s * y.w);
}

class MemoryCase : public dsk_backend_bench_case {
public:
  MemoryCase(Device& owner, const dsk_backend_bench_desc& desc)
      : dsk_backend_bench_case(owner), kind_(desc.kind) {
    bytes_ = desc.bytes / 16 * 16;
    if (bytes_ < 4096)
      throw Failure(DSK_STATUS_INVALID_ARGUMENT,
                    "bytes is " + std::to_string(desc.bytes) + ", must be at least 4096");
    const bool zeros = (desc.flags & DSK_BACKEND_BENCH_ZEROS) != 0;
    const int arrays = kind_ == DSK_BACKEND_BENCH_TRIAD ? 3
                       : kind_ == DSK_BACKEND_BENCH_COPY || kind_ == DSK_BACKEND_BENCH_DEVICE_COPY
                           ? 2
                           : 1;
    warm_ = kind_ == DSK_BACKEND_BENCH_L2_READ;
    info.sets = warm_ || (desc.flags & DSK_BACKEND_BENCH_WARM)
                    ? 1
                    : cold_sets(owner, bytes_ * static_cast<std::uint64_t>(arrays));
    for (std::uint32_t s = 0; s < info.sets * static_cast<std::uint32_t>(arrays); ++s) {
      buffers_.emplace_back(bytes_);
      if (kind_ == DSK_BACKEND_BENCH_TRIAD)
        fill(buffers_.back().get(), DSK_DTYPE_F32, bytes_ / 4, s, zeros, stream_);
      else
        fill_words(buffers_.back().get(), bytes_ / 4, s, zeros, stream_);
    }
    sink_ = Memory(16);
    arrays_ = arrays;
    passes_ = warm_ ? 32 : 1;
    info.bytes = static_cast<double>(bytes_) * arrays * passes_;
    check(cudaStreamSynchronize(stream_), "filling the buffers");
    verify();
    describe(kind_ == DSK_BACKEND_BENCH_DEVICE_COPY ? "cudaMemcpyAsync, device to device"
                                                    : "16-byte accesses");
  }

  void enqueue(cudaStream_t stream, std::uint64_t turn) override {
    const auto set = static_cast<std::size_t>(turn % info.sets) * static_cast<std::size_t>(arrays_);
    const std::uint64_t count = bytes_ / 16;
    const auto all = static_cast<unsigned>((count + threads - 1) / threads);
    switch (kind_) {
    case DSK_BACKEND_BENCH_READ:
    case DSK_BACKEND_BENCH_L2_READ:
      read_kernel<<<std::min(all, 8 * static_cast<unsigned>(device.multiprocessors)), threads, 0,
                    stream>>>(buffers_[set].get<uint4>(), count, passes_,
                              sink_.get<std::uint32_t>());
      break;
    case DSK_BACKEND_BENCH_WRITE:
      write_kernel<<<all, threads, 0, stream>>>(buffers_[set].get<uint4>(), count,
                                                static_cast<std::uint32_t>(turn));
      break;
    case DSK_BACKEND_BENCH_COPY:
      copy_kernel<<<all, threads, 0, stream>>>(buffers_[set].get<uint4>(),
                                               buffers_[set + 1].get<uint4>(), count);
      break;
    case DSK_BACKEND_BENCH_TRIAD:
      triad_kernel<<<all, threads, 0, stream>>>(buffers_[set].get<float4>(),
                                                buffers_[set + 1].get<float4>(),
                                                buffers_[set + 2].get<float4>(), count, 0.5f);
      break;
    default:
      check(cudaMemcpyAsync(buffers_[set].get(), buffers_[set + 1].get(), bytes_,
                            cudaMemcpyDeviceToDevice, stream),
            "cudaMemcpyAsync");
    }
    check(cudaGetLastError(), "launching a memory kernel");
  }

private:
  // Reads leave no result to compare.
  void verify() {
    if (kind_ == DSK_BACKEND_BENCH_READ || kind_ == DSK_BACKEND_BENCH_L2_READ) return;
    enqueue(stream_, 0);
    check(cudaStreamSynchronize(stream_), "the first run");
    info.checked = 1;
    std::vector<std::uint32_t> got(1024), wanted(1024);
    for (const std::uint64_t at : {std::uint64_t{0}, bytes_ / 32 * 16, bytes_ - 4096}) {
      check(cudaMemcpy(got.data(), buffers_[0].get<char>() + at, 4096, cudaMemcpyDeviceToHost),
            "reading the result");
      if (kind_ == DSK_BACKEND_BENCH_WRITE) {
        for (std::size_t i = 0; i < 1024; i += 4) {
          wanted[i] = 0;
          wanted[i + 1] = 0x55555555u;
          wanted[i + 2] = static_cast<std::uint32_t>((at + 4 * i) / 16);
          wanted[i + 3] = 1;
        }
      } else {
        check(cudaMemcpy(wanted.data(), buffers_[1].get<char>() + at, 4096, cudaMemcpyDeviceToHost),
              "reading the source");
        if (kind_ == DSK_BACKEND_BENCH_TRIAD) {
          std::vector<float> c(1024);
          check(cudaMemcpy(c.data(), buffers_[2].get<char>() + at, 4096, cudaMemcpyDeviceToHost),
                "reading the source");
          for (std::size_t i = 0; i < 1024; ++i) {
            float b;
            memcpy(&b, &wanted[i], 4);
            b += 0.5f * c[i];
            memcpy(&wanted[i], &b, 4);
          }
        }
      }
      if (got != wanted) info.relative_error = 1;
    }
  }

  dsk_backend_bench_kind kind_;
  std::uint64_t bytes_ = 0;
  int arrays_ = 1;
  int passes_ = 1;
  bool warm_ = false;
  std::vector<Memory> buffers_;
  Memory sink_;
};

} // namespace

void fill(void* to, dsk_dtype type, std::uint64_t count, std::uint32_t seed, bool zeros,
          cudaStream_t stream) {
  constexpr unsigned blocks = 1024;
  switch (type) {
  case DSK_DTYPE_F32:
    fill_kernel<<<blocks, 256, 0, stream>>>(static_cast<float*>(to), count, seed, zeros);
    break;
  case DSK_DTYPE_BF16:
    fill_kernel<<<blocks, 256, 0, stream>>>(static_cast<__nv_bfloat16*>(to), count, seed, zeros);
    break;
  case DSK_DTYPE_F16:
    fill_kernel<<<blocks, 256, 0, stream>>>(static_cast<__half*>(to), count, seed, zeros);
    break;
  case DSK_DTYPE_F8E4M3:
    fill_kernel<<<blocks, 256, 0, stream>>>(static_cast<__nv_fp8_e4m3*>(to), count, seed, zeros);
    break;
  case DSK_DTYPE_I8:
    fill_kernel<<<blocks, 256, 0, stream>>>(static_cast<signed char*>(to), count, seed, zeros);
    break;
  default:
    throw Failure(DSK_STATUS_UNSUPPORTED,
                  "no probe has data of type " + std::to_string(static_cast<int>(type)));
  }
  check(cudaGetLastError(), "filling a buffer");
}

void fill_words(void* to, std::uint64_t words, std::uint32_t seed, bool zeros,
                cudaStream_t stream) {
  word_kernel<<<1024, 256, 0, stream>>>(static_cast<std::uint32_t*>(to), words, seed, zeros);
  check(cudaGetLastError(), "filling a buffer");
}

Case make_memory(Device& device, const dsk_backend_bench_desc& desc) {
  return std::make_unique<MemoryCase>(device, desc);
}

} // namespace dsk::cuda::probe
