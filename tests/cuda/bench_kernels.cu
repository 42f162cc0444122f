// Yardsticks: what an all-reduce of virtual ranks would cost without its protocol (the same
// cooperative grid copies in to out), and memory streams written without any care.
#include <cuda_runtime.h>

#include "bench_kernels.hpp"

namespace {

__global__ void __launch_bounds__(64) copy_kernel(CopyRanks ranks, unsigned long long vectors) {
  const uint4* in = static_cast<const uint4*>(ranks.in[blockIdx.y]);
  uint4* out = static_cast<uint4*>(ranks.out[blockIdx.y]);
  for (unsigned long long i = blockIdx.x * 64ull + threadIdx.x; i < vectors; i += gridDim.x * 64ull)
    out[i] = in[i];
}

/// The plainest copy: one 16-byte word a thread.
__global__ void __launch_bounds__(512) plain_copy_kernel(const uint4* from, uint4* to) {
  const unsigned long long i = blockIdx.x * 512ull + threadIdx.x;
  to[i] = from[i];
}

/// The plainest read: a thread sums words a grid apart; the condition never holds.
__global__ void __launch_bounds__(1024)
    plain_read_kernel(const uint4* from, unsigned long long vectors, unsigned* sink) {
  unsigned sum = 0;
  const unsigned long long step = gridDim.x * 1024ull;
#pragma unroll 8
  for (unsigned long long i = blockIdx.x * 1024ull + threadIdx.x; i < vectors; i += step) {
    const uint4 v = from[i];
    sum += v.x ^ v.y ^ v.z ^ v.w;
  }
  if (sum == 0x9e3779b9u) *sink = sum;
}

} // namespace

void plain_copy(const void* from, void* to, unsigned long long bytes, cudaStream_t stream) {
  plain_copy_kernel<<<static_cast<unsigned>(bytes / 16 / 512), 512, 0, stream>>>(
      static_cast<const uint4*>(from), static_cast<uint4*>(to));
}

void plain_read(const void* from, unsigned long long bytes, unsigned blocks, void* sink,
                cudaStream_t stream) {
  plain_read_kernel<<<blocks, 1024, 0, stream>>>(static_cast<const uint4*>(from), bytes / 16,
                                                 static_cast<unsigned*>(sink));
}

void copy_ranks(const CopyRanks& ranks, unsigned count, unsigned long long bytes,
                cudaStream_t stream) {
  unsigned long long vectors = bytes / 16;
  CopyRanks copy = ranks;
  void* parameters[] = {&copy, &vectors};
  const unsigned blocks = static_cast<unsigned>(vectors + 63) / 64;
  (void)cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(copy_kernel),
                                    dim3(blocks < 128 ? blocks : 128, count), dim3(64), parameters,
                                    0, stream);
}
