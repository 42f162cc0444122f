// One to four rows of x: weights are streamed once, in 16-byte loads that begin before the kernel
// waits for x. A warp takes one or two weight rows, or shares them with other warps along k; sums
// meet in a fixed order.
#include "linear/device_math.cuh"

namespace dsk::cuda {
namespace {

constexpr int warps = 8;
constexpr int threads = 32 * warps;
constexpr int depth = 4; // loads in flight per lane and row

enum class Format { sixteen, e4m3, int8, int4 };

/// What one lane loads at once.
template <Format> struct Load {
  using Type = uint4;
  static constexpr int values = 16;
};
template <> struct Load<Format::sixteen> {
  using Type = uint4;
  static constexpr int values = 8;
};
template <> struct Load<Format::int4> {
  using Type = uint2;
  static constexpr int values = 16;
};

/// Weights pass through once: keep them out of L1 and first to leave L2.
__device__ __forceinline__ uint4 stream_load(const uint4* at) {
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(at));
  return v;
}
__device__ __forceinline__ uint2 stream_load(const uint2* at) {
  uint2 v;
  asm volatile("ld.global.nc.L1::no_allocate.v2.u32 {%0,%1}, [%2];"
               : "=r"(v.x), "=r"(v.y)
               : "l"(at));
  return v;
}

template <class Element> __device__ __forceinline__ float2 widen_pair(std::uint32_t bits);
template <> __device__ __forceinline__ float2 widen_pair<__nv_bfloat16>(std::uint32_t bits) {
  return make_float2(__uint_as_float(bits << 16), __uint_as_float(bits & 0xffff0000u));
}
template <> __device__ __forceinline__ float2 widen_pair<__half>(std::uint32_t bits) {
  return __half22float2(*reinterpret_cast<const __half2*>(&bits));
}

/// The values of one load as floats.
template <Format format, class Element>
__device__ __forceinline__ void unpack(const typename Load<format>::Type& raw,
                                       float (&out)[Load<format>::values]) {
  if constexpr (format == Format::sixteen) {
    const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float2 pair = widen_pair<Element>(words[i]);
      out[2 * i] = pair.x;
      out[2 * i + 1] = pair.y;
    }
  } else if constexpr (format == Format::e4m3) {
    const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float2 pair = __half22float2(
          half_pair_of_e4m3(static_cast<std::uint16_t>(words[i / 2] >> (16 * (i % 2)))));
      out[2 * i] = pair.x;
      out[2 * i + 1] = pair.y;
    }
  } else if constexpr (format == Format::int8) {
    const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 16; ++i)
      out[i] = static_cast<float>(static_cast<std::int8_t>(words[i / 4] >> (8 * (i % 4))));
  } else {
    const std::uint32_t words[2] = {raw.x, raw.y};
#pragma unroll
    for (int i = 0; i < 16; ++i)
      out[i] = static_cast<float>(static_cast<int>((words[i / 8] >> (4 * (i % 8))) & 0xfu) - 8);
  }
}

template <Format> constexpr bool quantises_x = false;
template <> constexpr bool quantises_x<Format::e4m3> = true;
template <> constexpr bool quantises_x<Format::int8> = true;

/// Brings x into shared memory as 16-bit elements, quantised where the format says so.
template <Format format, class Element, int M>
__device__ void stage_x(const ProductView& p, std::uint32_t m, const void* x, Element* shared_x,
                        float* shared_scale, float* scratch) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  if constexpr (format == Format::e4m3) {
    for (std::uint32_t job = warp; job < M * p.scale_columns; job += warps) {
      const std::uint32_t row = job / p.scale_columns, column = job % p.scale_columns;
      float value[4];
      float largest = 0.0f;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = static_cast<int>(column * 128 + lane + 32 * i) - static_cast<int>(p.k_phase);
        value[i] = row < m && at >= 0 && at < static_cast<int>(p.k)
                       ? load_as_float(x, p.activation, std::uint64_t{row} * p.k + at)
                       : 0.0f;
        largest = fmaxf(largest, fabsf(value[i]));
      }
      const float scale = number::block_scale(warp_max(largest), number::e4m3_largest);
      if (lane == 0) shared_scale[job] = scale;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = static_cast<int>(column * 128 + lane + 32 * i) - static_cast<int>(p.k_phase);
        if (at >= 0 && at < static_cast<int>(p.k))
          shared_x[row * p.k + at] =
              __half(__nv_cvt_fp8_to_halfraw(e4m3_of(value[i] / scale), __NV_E4M3));
      }
    }
  } else if constexpr (format == Format::int8) {
    for (std::uint32_t row = 0; row < M; ++row) {
      float largest = 0.0f;
      if (row < m)
        for (std::uint32_t i = threadIdx.x; i < p.k; i += threads)
          largest =
              fmaxf(largest, fabsf(load_as_float(x, p.activation, std::uint64_t{row} * p.k + i)));
      largest = warp_max(largest);
      if (lane == 0) scratch[warp] = largest;
      __syncthreads();
      for (int w = 0; w < warps; ++w)
        largest = fmaxf(largest, scratch[w]);
      __syncthreads();
      const float scale = number::block_scale(largest, 127.0f);
      if (threadIdx.x == 0) shared_scale[row] = scale;
      for (std::uint32_t i = threadIdx.x; i < p.k; i += threads) {
        const float value =
            row < m ? load_as_float(x, p.activation, std::uint64_t{row} * p.k + i) : 0.0f;
        shared_x[row * p.k + i] =
            __float2half_rn(fminf(fmaxf(rintf(value / scale), -127.0f), 127.0f));
      }
    }
  } else {
    const auto* from = static_cast<const uint4*>(x);
    auto* to = reinterpret_cast<uint4*>(shared_x);
    const std::uint32_t count = M * p.k / 8, given = m * p.k / 8;
    for (std::uint32_t i = threadIdx.x; i < count; i += threads)
      to[i] = i < given ? from[i] : make_uint4(0, 0, 0, 0);
  }
}

template <Format format, class Element, int M, int Rows>
__global__ void __launch_bounds__(threads)
    gemv_kernel(ProductView p, std::uint32_t m, std::uint32_t split, const void* x, void* y) {
  using Raw = typename Load<format>::Type;
  constexpr int values = Load<format>::values;
  extern __shared__ uint4 shared[];
  auto* shared_x = reinterpret_cast<Element*>(shared);
  auto* shared_scale = reinterpret_cast<float*>(shared_x + static_cast<std::size_t>(M) * p.k);
  __shared__ float scratch[warps * M * Rows];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const std::uint32_t part = warp % split;
  const std::uint32_t first_row = (blockIdx.x * (warps / split) + warp / split) * Rows;
  const std::uint32_t loads = p.k / values; // of one row
  const std::uint32_t chunks = (loads + 31) / 32;

  const auto* weights = static_cast<const Raw*>(p.w);
  const Raw nothing{};
  Raw raw[Rows][depth];
  const auto fetch = [&](std::uint32_t chunk) {
#pragma unroll
    for (int d = 0; d < depth; ++d) {
      const std::uint32_t at = (chunk + d * split) * 32 + lane;
#pragma unroll
      for (int r = 0; r < Rows; ++r)
        raw[r][d] = at < loads && first_row + r < p.n
                        ? stream_load(weights + std::uint64_t{first_row + r} * loads + at)
                        : nothing;
    }
  };
  fetch(part); // weights do not depend on the kernel before
  allow_consumer();
  wait_for_producer();
  stage_x<format, Element, M>(p, m, x, shared_x, shared_scale, scratch);
  __syncthreads();

  float sum[Rows][M] = {};
  for (std::uint32_t chunk = part; chunk < chunks; chunk += depth * split) {
    Raw now[Rows][depth];
#pragma unroll
    for (int r = 0; r < Rows; ++r)
#pragma unroll
      for (int d = 0; d < depth; ++d)
        now[r][d] = raw[r][d];
    if (chunk + depth * split < chunks) fetch(chunk + depth * split);
#pragma unroll
    for (int d = 0; d < depth; ++d) {
      const std::uint32_t at = (chunk + d * split) * 32 + lane;
      if (at >= loads) continue;
      float xv[M][values];
#pragma unroll
      for (int row = 0; row < M; ++row) {
        const auto* from = reinterpret_cast<const uint4*>(
            shared_x + static_cast<std::size_t>(row) * p.k + at * values);
#pragma unroll
        for (int q = 0; q < values / 8; ++q) {
          const uint4 eight = from[q];
          const std::uint32_t words[4] = {eight.x, eight.y, eight.z, eight.w};
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            const float2 pair = widen_pair<Element>(words[i]);
            xv[row][8 * q + 2 * i] = pair.x;
            xv[row][8 * q + 2 * i + 1] = pair.y;
          }
        }
      }
#pragma unroll
      for (int r = 0; r < Rows; ++r) {
        if (first_row + r >= p.n) continue;
        float wv[values];
        unpack<format, Element>(now[r][d], wv);
        const std::uint32_t column = (p.k_phase + at * values) / 128;
        float scale = 1.0f;
        if constexpr (format == Format::e4m3)
          scale =
              __ldg(p.w_scales +
                    std::uint64_t{static_cast<std::uint32_t>(__ldg(p.scale_rows + first_row + r))} *
                        p.scale_columns +
                    column);
        if constexpr (format == Format::int4)
          scale = __ldg(p.w_scales + std::uint64_t{first_row + r} * p.scale_columns + column);
#pragma unroll
        for (int row = 0; row < M; ++row) {
          float part_sum = 0.0f;
#pragma unroll
          for (int i = 0; i < values; ++i)
            part_sum = fmaf(wv[i], xv[row][i], part_sum);
          if constexpr (format == Format::e4m3)
            sum[r][row] += part_sum * (scale * shared_scale[row * p.scale_columns + column]);
          else if constexpr (format == Format::int4)
            sum[r][row] += part_sum * scale;
          else
            sum[r][row] += part_sum;
        }
      }
    }
  }
#pragma unroll
  for (int r = 0; r < Rows; ++r)
#pragma unroll
    for (int row = 0; row < M; ++row) {
      const float total = warp_sum(sum[r][row]);
      if (lane == 0) scratch[(warp * Rows + r) * M + row] = total;
    }
  __syncthreads();
  // One thread for each output of the block.
  const std::uint32_t groups = warps / split;
  for (std::uint32_t out = threadIdx.x; out < groups * Rows * M; out += threads) {
    const std::uint32_t group = out / (Rows * M), r = out / M % Rows, row = out % M;
    const std::uint32_t n = (blockIdx.x * groups + group) * Rows + r;
    if (n >= p.n || row >= m) continue;
    float total = 0.0f;
    for (std::uint32_t w = 0; w < split; ++w)
      total += scratch[((group * split + w) * Rows + r) * M + row];
    if constexpr (format == Format::int8) total *= shared_scale[row] * p.w_scales[n];
    if (p.bias) total += load_as_float(p.bias, p.activation, n);
    store_as(y, p.output, std::uint64_t{row} * p.n + n, total);
  }
}

std::uint32_t rows_of(std::uint32_t m) {
  return m <= 1 ? 1 : m <= 2 ? 2 : 4;
}

std::size_t shared_bytes(const ProductView& p, std::uint32_t m) {
  const std::size_t rows = rows_of(m);
  const std::size_t scales = p.weight == DSK_DTYPE_F8E4M3 ? rows * p.scale_columns
                             : p.weight == DSK_DTYPE_I8   ? rows
                                                          : 0;
  return rows * p.k * 2 + scales * 4;
}

Format format_of(dsk_dtype weight) {
  switch (weight) {
  case DSK_DTYPE_F8E4M3:
    return Format::e4m3;
  case DSK_DTYPE_I8:
    return Format::int8;
  case DSK_DTYPE_I4:
    return Format::int4;
  default:
    return Format::sixteen;
  }
}

using Kernel = void (*)(ProductView, std::uint32_t, std::uint32_t, const void*, void*);

template <Format format, class Element> Kernel pick(std::uint32_t m, std::uint32_t rows_per_warp) {
  const bool two = rows_per_warp == 2;
  switch (rows_of(m)) {
  case 1:
    return two ? gemv_kernel<format, Element, 1, 2> : gemv_kernel<format, Element, 1, 1>;
  case 2:
    return two ? gemv_kernel<format, Element, 2, 2> : gemv_kernel<format, Element, 2, 1>;
  default:
    return two ? gemv_kernel<format, Element, 4, 2> : gemv_kernel<format, Element, 4, 1>;
  }
}

Kernel pick(dsk_dtype weight, dsk_dtype activation, std::uint32_t m, std::uint32_t rows_per_warp) {
  const bool bf16 = activation == DSK_DTYPE_BF16;
  switch (format_of(weight)) {
  case Format::e4m3:
    return pick<Format::e4m3, __half>(m, rows_per_warp);
  case Format::int8:
    return pick<Format::int8, __half>(m, rows_per_warp);
  case Format::int4:
    return bf16 ? pick<Format::int4, __nv_bfloat16>(m, rows_per_warp)
                : pick<Format::int4, __half>(m, rows_per_warp);
  default:
    return bf16 ? pick<Format::sixteen, __nv_bfloat16>(m, rows_per_warp)
                : pick<Format::sixteen, __half>(m, rows_per_warp);
  }
}

} // namespace

bool gemv_takes(const ProductView& p, std::uint32_t m, std::size_t shared_limit) {
  if (m > gemv_most_rows || p.weight == DSK_DTYPE_F32) return false;
  const bool quantises = p.weight == DSK_DTYPE_F8E4M3 || p.weight == DSK_DTYPE_I8;
  if (p.activation == DSK_DTYPE_F32 && !quantises) return false;
  if (p.k % 16 != 0 || p.k_phase % 16 != 0) return false;
  return shared_bytes(p, m) + 2048 <= shared_limit;
}

void gemv_prepare(std::size_t shared_limit) {
  for (const dsk_dtype weight : {DSK_DTYPE_BF16, DSK_DTYPE_F8E4M3, DSK_DTYPE_I8, DSK_DTYPE_I4})
    for (const dsk_dtype activation : {DSK_DTYPE_BF16, DSK_DTYPE_F16})
      for (const std::uint32_t m : {1u, 2u, 4u})
        for (const std::uint32_t rows : {1u, 2u})
          (void)cudaFuncSetAttribute(
              reinterpret_cast<const void*>(pick(weight, activation, m, rows)),
              cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_limit - 2048));
}

void gemv(const ProductView& p, GemvChoice choice, std::uint32_t m, const void* x, void* y,
          Launch launch) {
  const std::uint32_t rows_per_block = warps / choice.split * choice.rows_per_warp;
  launch_kernel(pick(p.weight, p.activation, m, choice.rows_per_warp),
                dim3((p.n + rows_per_block - 1) / rows_per_block), dim3(threads),
                shared_bytes(p, m), launch, p, m, choice.split, x, y);
}

} // namespace dsk::cuda
