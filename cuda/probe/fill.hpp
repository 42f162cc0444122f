// Test data on the device: a function of place and seed, so that the host can compute any element
// again.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "dsk/dtype.h"

namespace dsk::cuda::probe {

#ifdef __CUDACC__
#define DSK_PROBE_FN __host__ __device__ inline
#else
#define DSK_PROBE_FN inline
#endif

DSK_PROBE_FN std::uint32_t random_bits(std::uint64_t place, std::uint32_t seed) {
  std::uint64_t h = place + (static_cast<std::uint64_t>(seed) << 40) + 0x9e3779b97f4a7c15ull;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull; // splitmix64's finaliser
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
  return static_cast<std::uint32_t>((h ^ (h >> 31)) >> 32);
}

/// Whole numbers from -3 to 3: exact in every format, so that a product of them is exact in single
/// precision.
DSK_PROBE_FN int small_integer(std::uint64_t place, std::uint32_t seed) {
  return static_cast<int>(random_bits(place, seed) % 7) - 3;
}

/// Fills with small_integer() in the type; zeros on demand.
void fill(void* to, dsk_dtype type, std::uint64_t count, std::uint32_t seed, bool zeros,
          cudaStream_t stream);
/// Fills 32-bit words with random bits.
void fill_words(void* to, std::uint64_t words, std::uint32_t seed, bool zeros, cudaStream_t stream);

} // namespace dsk::cuda::probe
