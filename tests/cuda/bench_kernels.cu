// What an all-reduce of virtual ranks would cost without its protocol: the same cooperative grid
// copies in to out.
#include <cuda_runtime.h>

#include "bench_kernels.hpp"

namespace {

__global__ void __launch_bounds__(128) copy_kernel(CopyRanks ranks, unsigned long long vectors) {
  const uint4* in = static_cast<const uint4*>(ranks.in[blockIdx.y]);
  uint4* out = static_cast<uint4*>(ranks.out[blockIdx.y]);
  for (unsigned long long i = blockIdx.x * 128ull + threadIdx.x; i < vectors;
       i += gridDim.x * 128ull)
    out[i] = in[i];
}

} // namespace

void copy_ranks(const CopyRanks& ranks, unsigned count, unsigned long long bytes,
                cudaStream_t stream) {
  unsigned long long vectors = bytes / 16;
  CopyRanks copy = ranks;
  void* parameters[] = {&copy, &vectors};
  const unsigned blocks = static_cast<unsigned>(vectors + 127) / 128;
  (void)cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(copy_kernel),
                                    dim3(blocks < 64 ? blocks : 64, count), dim3(128), parameters,
                                    0, stream);
}
