// Kernels that only the benchmark needs.
#pragma once

#include <cuda_runtime_api.h>

struct CopyRanks {
  const void* in[8];
  void* out[8];
};

void copy_ranks(const CopyRanks& ranks, unsigned count, unsigned long long bytes,
                cudaStream_t stream);

/// `bytes` must be a multiple of 8 KiB.
void plain_copy(const void* from, void* to, unsigned long long bytes, cudaStream_t stream);
void plain_read(const void* from, unsigned long long bytes, unsigned blocks, void* sink,
                cudaStream_t stream);
