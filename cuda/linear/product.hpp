// A product y = x . w^T as the kernels see it, and the kernels' host entries. All pointers are
// device pointers.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <vector>

#include "dsk/backend.h"

namespace dsk::cuda {

struct ProductView {
  dsk_dtype activation, weight, output;
  std::uint32_t n, k, k_phase;
  std::uint32_t scale_columns; // ceil((k_phase + k) / 128)
  const void* w;
  const float* w_scales;
  const std::int32_t* scale_rows;
  const void* bias;
};

/// x as 16-bit codes of a quantised product, and what they are scaled by: F8E4M3 codes[m][k] and
/// scales[m][blocks], I8 codes[m][k] and scales[m].
struct QuantisedView {
  const void* codes;
  const float* scales;
};

/// How kernels are launched: programmatic dependent launch where the device has it.
struct Launch {
  cudaStream_t stream;
  bool programmatic;
};

/* ------------------------------------------------------ one to four rows: gemv */

inline constexpr std::uint32_t gemv_most_rows = 4;

struct GemvChoice {
  std::uint32_t rows_per_warp; // 1 or 2 weight rows that share a pass over x
  std::uint32_t split;         // warps of a block that share a row along k: 1, 2, 4 or 8
};

/// Whether the kernel takes this product with m rows: 16-byte rows, x fits in shared memory.
bool gemv_takes(const ProductView& product, std::uint32_t m, std::size_t shared_limit);
/// Raises the kernels' limit of shared memory; once per device, before capture.
void gemv_prepare(std::size_t shared_limit);
void gemv(const ProductView& product, GemvChoice choice, std::uint32_t m, const void* x, void* y,
          Launch launch);

/* ------------------------------------- one to 64 rows on Hopper: weights streamed by the copy
 * engine */

inline constexpr std::uint32_t skinny_most_rows = 64;

struct SkinnyChoice {
  std::uint32_t split; // blocks of a cluster that share k: 1, 2, 4, 8 or 16
  std::uint32_t rows;  // of w in a tile: 64; without a split also 40, 48 or 56
  std::uint32_t share; // a block takes this part of a multiprocessor's shared memory: 1, 2 or 3
  bool quantises;      // FP8 up to 16 rows: every block quantises its part of x itself
};

/// What the kernel's launch depends on.
struct SkinnyDevice {
  bool usable; // compute capability 9.0
  std::uint32_t multiprocessors;
  std::size_t shared_limit;
};

bool skinny_takes(const ProductView& product, const SkinnyChoice& choice,
                  const SkinnyDevice& device, std::uint32_t m);
/// The choices worth measuring for m rows; none where the kernel does not take the product.
std::vector<SkinnyChoice> skinny_candidates(const ProductView& product, const SkinnyDevice& device,
                                            std::uint32_t m);
/// Raises the kernels' limits; once per device, before capture.
void skinny_prepare(std::size_t shared_limit);
/// `x`: the activations, or for FP8 that the kernel does not quantise itself the codes and scales
/// of quantise_narrow. False when the launch is refused (x not aligned to 16 bytes, or a cluster
/// that does not fit).
bool skinny(const ProductView& product, const SkinnyChoice& choice, const SkinnyDevice& device,
            std::uint32_t m, const void* x, const float* x_scales, void* y, Launch launch);

/* ------------------------------------ FP8 blocks, many rows on Hopper: tensor cores kept busy */

struct WideChoice {
  std::uint32_t rows;    // of x in a tile: 128 or 256
  std::uint32_t columns; // of y in a tile: 64, 96, 112 or 128
  std::uint32_t split;   // blocks of a cluster that share k: 1, 2, 4 or 8
  std::uint32_t pair;    // without a split, blocks of a cluster that share x: 1 or 2
};

/// What the kernel's launch depends on.
struct WideDevice {
  bool usable; // compute capability 9.0
  std::uint32_t multiprocessors;
  std::size_t shared_limit;
};

bool wide_takes(const ProductView& product, const WideChoice& choice, const WideDevice& device);
/// The choices worth measuring for m rows; none where the kernel does not take the product.
std::vector<WideChoice> wide_candidates(const ProductView& product, const WideDevice& device,
                                        std::uint32_t m);
/// Raises the kernels' limits; once per device, before capture.
void wide_prepare(std::size_t shared_limit);
/// `x` and `x_scales`: codes and scales of quantise_narrow. `n_phase`: the weight's scale rows
/// follow each other every 128 rows after the first 128 - n_phase; or irregular_rows. False when
/// the launch is refused (x not aligned to 16 bytes, or a cluster that does not fit).
inline constexpr std::uint32_t irregular_rows = 128;
bool wide(const ProductView& product, const WideChoice& choice, const WideDevice& device,
          std::uint32_t n_phase, std::uint32_t m, const void* x, const float* x_scales, void* y,
          Launch launch);

/* -------------------------------------------------- any number of rows: tiles */

/// Weights of 16, 8 or 4 bits with BF16 or F16 operands on tensor cores; each output is summed
/// along k in one fixed order whatever m is. `x` is the activations, or the codes of a quantised
/// product.
bool tile_takes(const ProductView& product);
void tile(const ProductView& product, std::uint32_t m, const void* x, const float* x_scales,
          void* y, Launch launch);

/// Single precision throughout: F32 weights, and I4 weights with F32 activations. Fixed order along
/// k.
void plain(const ProductView& product, std::uint32_t m, const float* x, void* y, Launch launch);

/* --------------------------------------------------------------- quantisation */

/// x to 16-bit codes in rows of k (for tile).
void quantise_wide(const ProductView& product, std::uint32_t m, const void* x, void* codes,
                   float* scales, Launch launch);
/// x to E4M3 bytes with scales[block][m rounded up to 4], as cuBLASLt wants them.
void quantise_narrow(const ProductView& product, std::uint32_t m, const void* x, void* codes,
                     float* scales, Launch launch);

/* ----------------------------------------------------- for measuring choices */

void fill_random(void* to, dsk_dtype dtype, std::uint64_t count, std::uint32_t seed,
                 cudaStream_t stream);
/// result[0] = largest |a - b|, result[1] = largest |b|; NaN counts as infinite.
void compare(const void* a, const void* b, dsk_dtype dtype, std::uint64_t count, float* result,
             cudaStream_t stream);

} // namespace dsk::cuda
