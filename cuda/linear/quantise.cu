// Quantising x: E4M3 per block of 128 columns, INT8 per row; and helpers for measuring choices.
#include "linear/device_math.cuh"

namespace dsk::cuda {
namespace {

constexpr int threads = 256;
constexpr int warps = threads / 32;

/// One warp for each block of a row. `narrow_codes`: bytes and transposed scales, else F16 and
/// scales by row.
template <bool narrow_codes>
__global__ void __launch_bounds__(threads)
    quantise_e4m3(ProductView p, std::uint32_t m, const void* x, void* codes, float* scales) {
  const int lane = threadIdx.x % 32;
  const std::uint64_t job = std::uint64_t{blockIdx.x} * warps + threadIdx.x / 32;
  allow_consumer();
  wait_for_producer();
  if (job >= std::uint64_t{m} * p.scale_columns) return;
  const std::uint64_t row = job / p.scale_columns;
  const std::uint32_t column = static_cast<std::uint32_t>(job % p.scale_columns);
  float value[4];
  float largest = 0.0f;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int at = static_cast<int>(column * 128 + lane * 4 + i) - static_cast<int>(p.k_phase);
    value[i] = at >= 0 && at < static_cast<int>(p.k)
                   ? load_as_float(x, p.activation, row * p.k + at)
                   : 0.0f;
    largest = fmaxf(largest, fabsf(value[i]));
  }
  const float scale = number::block_scale(warp_max(largest), number::e4m3_largest);
  if (lane == 0)
    scales[narrow_codes ? std::uint64_t{column} * ((m + 3) / 4 * 4) + row : job] = scale;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int at = static_cast<int>(column * 128 + lane * 4 + i) - static_cast<int>(p.k_phase);
    if (at < 0 || at >= static_cast<int>(p.k)) continue;
    const std::uint8_t code = e4m3_of(value[i] / scale);
    if constexpr (narrow_codes)
      static_cast<std::uint8_t*>(codes)[row * p.k + at] = code;
    else
      static_cast<__half*>(codes)[row * p.k + at] =
          __half(__nv_cvt_fp8_to_halfraw(code, __NV_E4M3));
  }
}

/// The same with bytes and transposed scales for rows that 16-byte loads can take: half a warp for
/// each block.
__global__ void __launch_bounds__(threads)
    quantise_e4m3_vectors(ProductView p, std::uint32_t m, const void* x, std::uint8_t* codes,
                          float* scales) {
  const std::uint64_t job = std::uint64_t{blockIdx.x} * (threads / 16) + threadIdx.x / 16;
  const std::uint32_t lane = threadIdx.x % 16;
  const std::uint64_t row = job / p.scale_columns;
  const auto column = static_cast<std::uint32_t>(job % p.scale_columns);
  const int at = static_cast<int>(column * 128 + lane * 8) - static_cast<int>(p.k_phase);
  const bool inside = row < m && at >= 0 && at < static_cast<int>(p.k);
  allow_consumer();
  wait_for_producer();
  uint4 raw = make_uint4(0, 0, 0, 0);
  if (inside)
    raw = *reinterpret_cast<const uint4*>(static_cast<const std::uint16_t*>(x) + row * p.k + at);
  float scale;
  const uint2 eight = quantised_eight(raw, p.activation, scale);
  if (row < m && lane == 0) scales[std::uint64_t{column} * ((m + 3) / 4 * 4) + row] = scale;
  if (inside) *reinterpret_cast<uint2*>(codes + row * p.k + at) = eight;
}

/// One thread block for each row.
__global__ void __launch_bounds__(threads)
    quantise_int8(ProductView p, const void* x, __half* codes, float* scales) {
  __shared__ float scratch[warps];
  const std::uint64_t row = blockIdx.x;
  allow_consumer();
  wait_for_producer();
  float largest = 0.0f;
  for (std::uint32_t i = threadIdx.x; i < p.k; i += threads)
    largest = fmaxf(largest, fabsf(load_as_float(x, p.activation, row * p.k + i)));
  largest = warp_max(largest);
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = largest;
  __syncthreads();
  for (int w = 0; w < warps; ++w)
    largest = fmaxf(largest, scratch[w]);
  const float scale = number::block_scale(largest, 127.0f);
  if (threadIdx.x == 0) scales[row] = scale;
  for (std::uint32_t i = threadIdx.x; i < p.k; i += threads)
    codes[row * p.k + i] = __float2half_rn(fminf(
        fmaxf(rintf(load_as_float(x, p.activation, row * p.k + i) / scale), -127.0f), 127.0f));
}

__device__ std::uint32_t mixed(std::uint32_t v) {
  v = (v ^ 61u) ^ (v >> 16);
  v *= 9u;
  v ^= v >> 4;
  v *= 0x27d4eb2du;
  return v ^ (v >> 15);
}

__global__ void fill_kernel(void* to, dsk_dtype dtype, std::uint64_t count, std::uint32_t seed) {
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += std::uint64_t{gridDim.x} * blockDim.x) {
    // The sum of four uniform values: near enough to a normal distribution, which matters for
    // power.
    float sum = -2.0f;
    for (std::uint32_t j = 0; j < 4; ++j)
      sum += static_cast<float>(
                 mixed(static_cast<std::uint32_t>(i) * 4u + j + seed * 0x9e3779b9u) >> 8) *
             0x1p-24f;
    store_as(to, dtype, i, sum * 1.7320508f);
  }
}

__global__ void compare_kernel(const void* a, const void* b, dsk_dtype dtype, std::uint64_t count,
                               float* result) {
  float difference = 0.0f, largest = 0.0f;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += std::uint64_t{gridDim.x} * blockDim.x) {
    const float x = load_as_float(a, dtype, i), y = load_as_float(b, dtype, i);
    const float d = fabsf(x - y);
    difference = fmaxf(difference, d == d ? d : __int_as_float(0x7f800000));
    largest = fmaxf(largest, fabsf(y));
  }
  // Positive floats order as integers do.
  atomicMax(reinterpret_cast<int*>(result), __float_as_int(difference));
  atomicMax(reinterpret_cast<int*>(result + 1), __float_as_int(largest));
}

} // namespace

void quantise_wide(const ProductView& p, std::uint32_t m, const void* x, void* codes, float* scales,
                   Launch launch) {
  if (p.weight == DSK_DTYPE_I8) {
    launch_kernel(quantise_int8, dim3(m), dim3(threads), 0, launch, p, x,
                  static_cast<__half*>(codes), scales);
    return;
  }
  const std::uint64_t jobs = std::uint64_t{m} * p.scale_columns;
  launch_kernel(quantise_e4m3<false>, dim3(static_cast<unsigned>((jobs + warps - 1) / warps)),
                dim3(threads), 0, launch, p, m, x, codes, scales);
}

void quantise_narrow(const ProductView& p, std::uint32_t m, const void* x, void* codes,
                     float* scales, Launch launch) {
  const std::uint64_t jobs = std::uint64_t{m} * p.scale_columns;
  if (p.activation != DSK_DTYPE_F32 && p.k % 8 == 0 && p.k_phase % 8 == 0 &&
      reinterpret_cast<std::uintptr_t>(x) % 16 == 0) {
    launch_kernel(quantise_e4m3_vectors, dim3(static_cast<unsigned>((jobs + 15) / 16)),
                  dim3(threads), 0, launch, p, m, x, static_cast<std::uint8_t*>(codes), scales);
    return;
  }
  launch_kernel(quantise_e4m3<true>, dim3(static_cast<unsigned>((jobs + warps - 1) / warps)),
                dim3(threads), 0, launch, p, m, x, codes, scales);
}

void fill_random(void* to, dsk_dtype dtype, std::uint64_t count, std::uint32_t seed,
                 cudaStream_t stream) {
  fill_kernel<<<1024, 256, 0, stream>>>(to, dtype, count, seed);
}

void compare(const void* a, const void* b, dsk_dtype dtype, std::uint64_t count, float* result,
             cudaStream_t stream) {
  (void)cudaMemsetAsync(result, 0, 2 * sizeof(float), stream);
  compare_kernel<<<256, 256, 0, stream>>>(a, b, dtype, count, result);
}

} // namespace dsk::cuda
