#include "tp/cpu_gemm.hpp"

#include <algorithm>
#include <cmath>

#include "tp/element.hpp"

namespace dsk::tp {
namespace {

constexpr std::uint64_t block = DSK_BACKEND_SCALE_BLOCK;
constexpr std::uint64_t lane_count = 16;
constexpr std::uint64_t rows_at_once = 4; // weight rows that share one pass over x
constexpr std::uint64_t chunk_rows = 256; // rows of x that share one expansion of the weight

std::uint64_t padded(std::uint64_t k) {
  return (k + lane_count - 1) / lane_count * lane_count;
}

/// Row `row` of x as the product sees it: as it is, or quantised and scaled back. `out` has k
/// values.
void expand_x(const dsk_backend_gemm_desc& desc, const void* x, std::uint64_t row, float* out) {
  const std::uint64_t k = desc.k;
  for (std::uint64_t i = 0; i < k; ++i)
    out[i] = load_element(x, desc.activation_dtype, row * k + i);
  if (desc.weight_dtype == DSK_DTYPE_F8E4M3) {
    for (std::uint64_t from = 0; from < k;) {
      const std::uint64_t to =
          std::min(k, (desc.k_phase + from) / block * block + block - desc.k_phase);
      float largest = 0.0f;
      for (std::uint64_t i = from; i < to; ++i)
        largest = std::fmax(largest, std::fabs(out[i]));
      const float scale = number::block_scale(largest, number::e4m3_largest);
      for (std::uint64_t i = from; i < to; ++i)
        out[i] = number::from_e4m3(number::to_e4m3(out[i] / scale)) * scale;
      from = to;
    }
  } else if (desc.weight_dtype == DSK_DTYPE_I8) {
    float largest = 0.0f;
    for (std::uint64_t i = 0; i < k; ++i)
      largest = std::fmax(largest, std::fabs(out[i]));
    const float scale = number::block_scale(largest, 127.0f);
    for (std::uint64_t i = 0; i < k; ++i)
      out[i] = std::fmin(std::fmax(std::nearbyintf(out[i] / scale), -127.0f), 127.0f) * scale;
  }
}

/// Row `row` of the weight, scaled. `out` has k values.
void expand_w(const dsk_backend_gemm_desc& desc, std::uint64_t row, float* out) {
  const std::uint64_t k = desc.k;
  const std::uint64_t columns = (desc.k_phase + k + block - 1) / block;
  const auto* bytes = static_cast<const std::uint8_t*>(desc.weight);
  switch (desc.weight_dtype) {
  case DSK_DTYPE_F8E4M3: {
    const float* scales =
        desc.weight_scales + static_cast<std::uint64_t>(desc.scale_rows[row]) * columns;
    for (std::uint64_t i = 0; i < k; ++i)
      out[i] = number::from_e4m3(bytes[row * k + i]) * scales[(desc.k_phase + i) / block];
    break;
  }
  case DSK_DTYPE_I8:
    for (std::uint64_t i = 0; i < k; ++i)
      out[i] = static_cast<float>(static_cast<std::int8_t>(bytes[row * k + i])) *
               desc.weight_scales[row];
    break;
  case DSK_DTYPE_I4: {
    const float* scales = desc.weight_scales + row * columns;
    for (std::uint64_t i = 0; i < k; ++i) {
      const std::uint8_t pair = bytes[row * (k / 2) + i / 2];
      const int value = static_cast<int>(i % 2 ? pair >> 4 : pair & 0xf) - 8;
      out[i] = static_cast<float>(value) * scales[(desc.k_phase + i) / block];
    }
    break;
  }
  default:
    for (std::uint64_t i = 0; i < k; ++i)
      out[i] = load_element(desc.weight, desc.weight_dtype, row * k + i);
  }
}

// Sixteen lanes whatever the instruction set, so that every machine adds in the same order.
typedef float Lanes __attribute__((vector_size(4 * lane_count), may_alias));

template <std::uint64_t Rows>
[[gnu::always_inline]] inline void dots_body(const float* x, const float* w, std::uint64_t width,
                                             float* out) {
  Lanes sum[Rows] = {};
  for (std::uint64_t i = 0; i < width; i += lane_count) {
    const Lanes a = *reinterpret_cast<const Lanes*>(x + i);
    for (std::uint64_t r = 0; r < Rows; ++r)
      sum[r] += a * *reinterpret_cast<const Lanes*>(w + r * width + i);
  }
  for (std::uint64_t r = 0; r < Rows; ++r) {
    for (std::uint64_t half = lane_count / 2; half > 0; half /= 2)
      for (std::uint64_t lane = 0; lane < half; ++lane)
        sum[r][lane] += sum[r][lane + half];
    out[r] = sum[r][0];
  }
}

void dots_plain(const float* x, const float* w, std::uint64_t width, float* out) {
  dots_body<rows_at_once>(x, w, width, out);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void dots_avx2(const float* x, const float* w, std::uint64_t width,
                                       float* out) {
  dots_body<rows_at_once>(x, w, width, out);
}
#endif

using Dots = void (*)(const float*, const float*, std::uint64_t, float*);

Dots choose_dots() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return dots_avx2;
#endif
  return dots_plain;
}

} // namespace

std::uint64_t cpu_gemm_workspace(const dsk_backend_gemm_desc& desc, std::uint64_t m) {
  return (std::min(m, chunk_rows) + rows_at_once) * padded(desc.k) * sizeof(float) + 64;
}

void cpu_gemm(const dsk_backend_gemm_desc& desc, std::uint64_t m, const void* x, void* y,
              void* workspace) {
  static const Dots dots = choose_dots();
  const std::uint64_t width = padded(desc.k);
  const auto address = (reinterpret_cast<std::uintptr_t>(workspace) + 63) / 64 * 64;
  auto* ws = reinterpret_cast<float*>(address);
  float* xs = ws + rows_at_once * width;
  std::fill(ws, xs + std::min(m, chunk_rows) * width, 0.0f); // the padding stays zero
  const bool reference = desc.flags & DSK_BACKEND_GEMM_REFERENCE;
  for (std::uint64_t begin = 0; begin < m; begin += chunk_rows) {
    const std::uint64_t end = std::min(m, begin + chunk_rows);
    for (std::uint64_t row = begin; row < end; ++row)
      expand_x(desc, x, row, xs + (row - begin) * width);
    for (std::uint64_t first = 0; first < desc.n; first += rows_at_once) {
      const std::uint64_t rows = std::min(rows_at_once, desc.n - first);
      for (std::uint64_t r = 0; r < rows; ++r)
        expand_w(desc, first + r, ws + r * width);
      for (std::uint64_t row = begin; row < end; ++row) {
        const float* xr = xs + (row - begin) * width;
        double sums[rows_at_once];
        if (reference) {
          for (std::uint64_t r = 0; r < rows; ++r) {
            sums[r] = 0.0;
            for (std::uint64_t i = 0; i < desc.k; ++i)
              sums[r] += static_cast<double>(xr[i]) * static_cast<double>(ws[r * width + i]);
          }
        } else {
          float narrow[rows_at_once];
          dots(xr, ws, width, narrow);
          for (std::uint64_t r = 0; r < rows; ++r)
            sums[r] = static_cast<double>(narrow[r]);
        }
        for (std::uint64_t r = 0; r < rows; ++r) {
          if (desc.bias)
            sums[r] +=
                static_cast<double>(load_element(desc.bias, desc.activation_dtype, first + r));
          store_double(y, desc.output_dtype, row * desc.n + first + r, sums[r]);
        }
      }
    }
  }
}

} // namespace dsk::tp
