// Products of any size on tensor cores (mma m16n8k16): weight rows fill the instruction's 16, rows
// of x its 8. Weights of 8 and 4 bits are widened exactly to 16 on the way to shared memory; every
// 128 columns the partial sum is scaled and added in single precision, so each output is summed in
// one fixed order whatever m is.
#include "linear/device_math.cuh"

namespace dsk::cuda {
namespace {

constexpr int threads = 128; // 4 warps of 16 weight rows
constexpr int tile_n = 64;
constexpr int tile_k = 128;
constexpr int pitch = tile_k + 8; // of a shared row: ldmatrix without bank conflicts
constexpr int groups = tile_k / 8;

enum class Format { sixteen, e4m3, int8, int4 };

__device__ __forceinline__ std::uint32_t pack(__half low, __half high) {
  const __half2 pair(low, high);
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}
__device__ __forceinline__ std::uint32_t pack(__nv_bfloat16 low, __nv_bfloat16 high) {
  const __nv_bfloat162 pair(low, high);
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}

/// One weight as a 16-bit element, for rows that vectors cannot take.
template <Format format, class Element>
__device__ __forceinline__ Element element_at(const void* w, std::uint64_t row, std::uint32_t k,
                                              std::uint32_t column) {
  if constexpr (format == Format::sixteen) return static_cast<const Element*>(w)[row * k + column];
  if constexpr (format == Format::e4m3)
    return __half(
        __nv_cvt_fp8_to_halfraw(static_cast<const std::uint8_t*>(w)[row * k + column], __NV_E4M3));
  if constexpr (format == Format::int8)
    return narrow<Element>(
        static_cast<float>(static_cast<const std::int8_t*>(w)[row * k + column]));
  if constexpr (format == Format::int4) {
    const std::uint8_t pair = static_cast<const std::uint8_t*>(w)[row * (k / 2) + column / 2];
    return narrow<Element>(
        static_cast<float>(static_cast<int>(column % 2 ? pair >> 4 : pair & 0xf) - 8));
  }
}

/// The same eight by eight single loads, zeros outside the row: for rows that vectors cannot take.
/// Kept out of line so that the common path stays small.
template <Format format, class Element>
__device__ __noinline__ uint4 slow_eight_at(const void* w, std::uint64_t row, std::uint32_t k,
                                            int column) {
  uint4 out;
  std::uint32_t* words = &out.x;
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    const int at = column + 2 * e;
    const Element zero = narrow<Element>(0.0f);
    words[e] = pack(
        at >= 0 && at < static_cast<int>(k) ? element_at<format, Element>(w, row, k, at) : zero,
        at + 1 >= 0 && at + 1 < static_cast<int>(k) ? element_at<format, Element>(w, row, k, at + 1)
                                                    : zero);
  }
  return out;
}

/// Eight weights as four words of two 16-bit elements.
template <Format format, class Element>
__device__ __forceinline__ uint4 eight_at(const void* w, std::uint64_t row, std::uint32_t k,
                                          std::uint32_t column) {
  uint4 out;
  std::uint32_t* words = &out.x;
  if constexpr (format == Format::sixteen) {
    out = __ldg(reinterpret_cast<const uint4*>(static_cast<const Element*>(w) + row * k + column));
  } else if constexpr (format == Format::e4m3) {
    const uint2 raw = __ldg(
        reinterpret_cast<const uint2*>(static_cast<const std::uint8_t*>(w) + row * k + column));
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const __half2 pair =
          half_pair_of_e4m3(static_cast<std::uint16_t>((i < 2 ? raw.x : raw.y) >> (16 * (i % 2))));
      words[i] = *reinterpret_cast<const std::uint32_t*>(&pair);
    }
  } else if constexpr (format == Format::int8) {
    const uint2 raw = __ldg(
        reinterpret_cast<const uint2*>(static_cast<const std::uint8_t*>(w) + row * k + column));
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t bits = (i < 2 ? raw.x : raw.y) >> (16 * (i % 2));
      words[i] = pack(narrow<Element>(static_cast<float>(static_cast<std::int8_t>(bits))),
                      narrow<Element>(static_cast<float>(static_cast<std::int8_t>(bits >> 8))));
    }
  } else {
    const std::uint32_t raw = __ldg(reinterpret_cast<const std::uint32_t*>(
        static_cast<const std::uint8_t*>(w) + (row * k + column) / 2));
#pragma unroll
    for (int i = 0; i < 4; ++i)
      words[i] =
          pack(narrow<Element>(static_cast<float>(static_cast<int>(raw >> (8 * i) & 0xf) - 8)),
               narrow<Element>(static_cast<float>(static_cast<int>(raw >> (8 * i + 4) & 0xf) - 8)));
  }
  return out;
}

template <class Element>
__device__ __forceinline__ void mma(float (&c)[4], const std::uint32_t (&a)[4],
                                    const std::uint32_t (&b)[2]);
template <>
__device__ __forceinline__ void mma<__half>(float (&c)[4], const std::uint32_t (&a)[4],
                                            const std::uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
               "{%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
template <>
__device__ __forceinline__ void mma<__nv_bfloat16>(float (&c)[4], const std::uint32_t (&a)[4],
                                                   const std::uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
               "{%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ __forceinline__ std::uint32_t shared_address(const void* at) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(at));
}

template <Format format, class Element, int TileM>
__global__ void __launch_bounds__(threads)
    tile_kernel(ProductView p, std::uint32_t m, bool vectors, const Element* x,
                const float* x_scales, void* y) {
  constexpr int parts_m = TileM / 8;
  __shared__ alignas(16) Element sw[tile_n][pitch];
  __shared__ alignas(16) Element sx[TileM][pitch];
  __shared__ float row_scale[tile_n], column_scale[TileM];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const std::uint32_t first_n = blockIdx.x * tile_n, first_m = blockIdx.y * TileM;
  const std::uint32_t tiles = p.scale_columns; // of 128 columns, cut as the scale blocks are

  uint4 held_w[tile_n * groups / threads], held_x[TileM * groups / threads];
  const auto load_w = [&](std::uint32_t tile) {
#pragma unroll
    for (int i = 0; i < tile_n * groups / threads; ++i) {
      const int job = threadIdx.x + i * threads, row = job / groups, group = job % groups;
      const int column = static_cast<int>(tile * tile_k + group * 8) - static_cast<int>(p.k_phase);
      const std::uint64_t n = first_n + row;
      held_w[i] = make_uint4(0, 0, 0, 0);
      if (n >= p.n) continue;
      if (vectors && column >= 0 && column + 8 <= static_cast<int>(p.k)) {
        held_w[i] = eight_at<format, Element>(p.w, n, p.k, column);
      } else {
        held_w[i] = slow_eight_at<format, Element>(p.w, n, p.k, column);
      }
    }
  };
  const auto load_x = [&](std::uint32_t tile) {
#pragma unroll
    for (int i = 0; i < TileM * groups / threads; ++i) {
      const int job = threadIdx.x + i * threads, row = job / groups, group = job % groups;
      const int column = static_cast<int>(tile * tile_k + group * 8) - static_cast<int>(p.k_phase);
      const std::uint64_t at = first_m + row;
      held_x[i] = make_uint4(0, 0, 0, 0);
      if (at >= m) continue;
      if (vectors && column >= 0 && column + 8 <= static_cast<int>(p.k)) {
        held_x[i] = *reinterpret_cast<const uint4*>(x + at * p.k + column);
      } else {
        held_x[i] = slow_eight_at<Format::sixteen, Element>(x, at, p.k, column);
      }
    }
  };

  load_w(0);
  allow_consumer();
  wait_for_producer();
  load_x(0);
  float total[parts_m][4] = {};
  for (std::uint32_t tile = 0; tile < tiles; ++tile) {
    __syncthreads();
#pragma unroll
    for (int i = 0; i < tile_n * groups / threads; ++i) {
      const int job = threadIdx.x + i * threads;
      *reinterpret_cast<uint4*>(&sw[job / groups][job % groups * 8]) = held_w[i];
    }
#pragma unroll
    for (int i = 0; i < TileM * groups / threads; ++i) {
      const int job = threadIdx.x + i * threads;
      *reinterpret_cast<uint4*>(&sx[job / groups][job % groups * 8]) = held_x[i];
    }
    if constexpr (format == Format::e4m3 || format == Format::int4)
      if (threadIdx.x < tile_n) {
        const std::uint32_t n = first_n + threadIdx.x;
        const std::uint64_t row = format == Format::int4 ? n
                                  : n < p.n ? static_cast<std::uint64_t>(p.scale_rows[n])
                                            : 0;
        row_scale[threadIdx.x] = n < p.n ? p.w_scales[row * p.scale_columns + tile] : 0.0f;
      }
    if constexpr (format == Format::e4m3)
      if (threadIdx.x < TileM) {
        const std::uint64_t at = first_m + threadIdx.x;
        column_scale[threadIdx.x] = at < m ? x_scales[at * p.scale_columns + tile] : 0.0f;
      }
    __syncthreads();
    if (tile + 1 < tiles) {
      load_w(tile + 1);
      load_x(tile + 1);
    }
    float part[parts_m][4] = {};
#pragma unroll
    for (int step = 0; step < tile_k / 16; ++step) {
      std::uint32_t a[4];
      const std::uint32_t from =
          shared_address(&sw[warp * 16 + lane % 16][step * 16 + lane / 16 * 8]);
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
                   : "r"(from));
#pragma unroll
      for (int q = 0; q < parts_m; ++q) {
        std::uint32_t b[2];
        const std::uint32_t at =
            shared_address(&sx[q * 8 + lane % 8][step * 16 + lane / 8 % 2 * 8]);
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                     : "=r"(b[0]), "=r"(b[1])
                     : "r"(at));
        mma<Element>(part[q], a, b);
      }
    }
#pragma unroll
    for (int q = 0; q < parts_m; ++q)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if constexpr (format == Format::e4m3)
          total[q][i] += part[q][i] * (row_scale[warp * 16 + lane / 4 + i / 2 * 8] *
                                       column_scale[q * 8 + lane % 4 * 2 + i % 2]);
        else if constexpr (format == Format::int4)
          total[q][i] += part[q][i] * row_scale[warp * 16 + lane / 4 + i / 2 * 8];
        else
          total[q][i] += part[q][i];
      }
  }
#pragma unroll
  for (int q = 0; q < parts_m; ++q)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t n = first_n + warp * 16 + lane / 4 + i / 2 * 8,
                          at = first_m + q * 8 + lane % 4 * 2 + i % 2;
      if (n >= p.n || at >= m) continue;
      float value = total[q][i];
      if constexpr (format == Format::int8) value *= x_scales[at] * p.w_scales[n];
      if (p.bias) value += load_as_float(p.bias, p.activation, n);
      store_as(y, p.output, at * p.n + n, value);
    }
}

template <Format format, class Element>
void run(const ProductView& p, std::uint32_t m, const void* x, const float* x_scales, void* y,
         Launch launch) {
  const std::uint32_t bits = format == Format::sixteen ? 16 : format == Format::int4 ? 4 : 8;
  // Rows of eight weights and of eight x must be aligned to their own size.
  const bool vectors = p.k % 8 == 0 && p.k_phase % 8 == 0 &&
                       reinterpret_cast<std::uintptr_t>(x) % 16 == 0 && bits != 0;
  const std::uint32_t blocks_n = (p.n + tile_n - 1) / tile_n;
  const auto* elements = static_cast<const Element*>(x);
  if (m <= 16)
    launch_kernel(tile_kernel<format, Element, 16>, dim3(blocks_n, 1), dim3(threads), 0, launch, p,
                  m, vectors, elements, x_scales, y);
  else
    launch_kernel(tile_kernel<format, Element, 64>, dim3(blocks_n, (m + 63) / 64), dim3(threads), 0,
                  launch, p, m, vectors, elements, x_scales, y);
}

/* ------------------------------------------------------------ single precision */

constexpr int plain_tile = 32;

__global__ void __launch_bounds__(256)
    plain_kernel(ProductView p, std::uint32_t m, const float* x, void* y) {
  __shared__ float sx[plain_tile][plain_tile + 1], sw[plain_tile][plain_tile + 1];
  const int column = threadIdx.x % 32, row = threadIdx.x / 32;
  const std::uint32_t first_n = blockIdx.x * plain_tile, first_m = blockIdx.y * plain_tile;
  float sum[4] = {};
  allow_consumer();
  wait_for_producer();
  for (std::uint32_t from = 0; from < p.k; from += plain_tile) {
    const std::uint32_t k = from + column;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t at = first_m + row + 8 * i, n = first_n + row + 8 * i;
      sx[row + 8 * i][column] = at < m && k < p.k ? x[at * p.k + k] : 0.0f;
      float w = 0.0f;
      if (n < p.n && k < p.k) {
        if (p.weight == DSK_DTYPE_I4) {
          const std::uint8_t pair = static_cast<const std::uint8_t*>(p.w)[n * (p.k / 2) + k / 2];
          w = static_cast<float>(static_cast<int>(k % 2 ? pair >> 4 : pair & 0xf) - 8) *
              p.w_scales[n * p.scale_columns + (p.k_phase + k) / 128];
        } else {
          w = static_cast<const float*>(p.w)[n * p.k + k];
        }
      }
      sw[row + 8 * i][column] = w;
    }
    __syncthreads();
#pragma unroll
    for (int k2 = 0; k2 < plain_tile; ++k2)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        sum[i] = fmaf(sx[row + 8 * i][k2], sw[column][k2], sum[i]);
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const std::uint64_t at = first_m + row + 8 * i, n = first_n + column;
    if (at >= m || n >= p.n) continue;
    const float value = sum[i] + (p.bias ? load_as_float(p.bias, p.activation, n) : 0.0f);
    store_as(y, p.output, at * p.n + n, value);
  }
}

} // namespace

bool tile_takes(const ProductView& p) {
  const bool quantises = p.weight == DSK_DTYPE_F8E4M3 || p.weight == DSK_DTYPE_I8;
  return p.weight != DSK_DTYPE_F32 && (quantises || p.activation != DSK_DTYPE_F32);
}

void tile(const ProductView& p, std::uint32_t m, const void* x, const float* x_scales, void* y,
          Launch launch) {
  const bool bf16 = p.activation == DSK_DTYPE_BF16;
  switch (p.weight) {
  case DSK_DTYPE_F8E4M3:
    return run<Format::e4m3, __half>(p, m, x, x_scales, y, launch);
  case DSK_DTYPE_I8:
    return run<Format::int8, __half>(p, m, x, x_scales, y, launch);
  case DSK_DTYPE_I4:
    return bf16 ? run<Format::int4, __nv_bfloat16>(p, m, x, x_scales, y, launch)
                : run<Format::int4, __half>(p, m, x, x_scales, y, launch);
  default:
    return bf16 ? run<Format::sixteen, __nv_bfloat16>(p, m, x, x_scales, y, launch)
                : run<Format::sixteen, __half>(p, m, x, x_scales, y, launch);
  }
}

void plain(const ProductView& p, std::uint32_t m, const float* x, void* y, Launch launch) {
  launch_kernel(plain_kernel,
                dim3((p.n + plain_tile - 1) / plain_tile, (m + plain_tile - 1) / plain_tile),
                dim3(256), 0, launch, p, m, x, y);
}

} // namespace dsk::cuda
