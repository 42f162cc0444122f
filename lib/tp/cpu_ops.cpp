#include "tp/cpu_ops.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "tp/element.hpp"
#include "tp/shard.hpp"

namespace dsk::tp {
namespace {

double activated(dsk_backend_activation activation, double x) {
  switch (activation) {
  case DSK_BACKEND_GELU:
    return 0.5 * x * (1.0 + std::erf(x * 0.70710678118654752440)); // 1 / sqrt(2)
  case DSK_BACKEND_GELU_TANH:
    return 0.5 * x *
           (1.0 + std::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x))); // sqrt(2 / pi)
  default:
    return x / (1.0 + std::exp(-x));
  }
}

} // namespace

void cpu_activate(dsk_dtype dtype, dsk_backend_activation activation, std::uint64_t m,
                  std::uint64_t inner, const void* gate_up, void* h) {
  for (std::uint64_t row = 0; row < m; ++row)
    for (std::uint64_t i = 0; i < inner; ++i) {
      const double gate = static_cast<double>(load_element(gate_up, dtype, row * 2 * inner + i));
      const double up =
          static_cast<double>(load_element(gate_up, dtype, row * 2 * inner + inner + i));
      store_double(h, dtype, row * inner + i, activated(activation, gate) * up);
    }
}

void cpu_epilogue(const dsk_backend_epilogue_desc& desc, std::uint64_t m, const void* in,
                  const void* residual, void* residual_out, void* out) {
  const dsk_dtype t = desc.activation_dtype;
  for (std::uint64_t row = 0; row < m; ++row) {
    const std::uint64_t at = row * desc.n;
    double squares = 0.0;
    for (std::uint64_t i = 0; i < desc.n; ++i) {
      float value = load_element(in, desc.input_dtype, at + i);
      if (desc.bias) value += load_element(desc.bias, t, i);
      if (residual) value += load_element(residual, t, at + i);
      store_element(out, t, at + i, value);
      const double rounded = static_cast<double>(load_element(out, t, at + i));
      squares += rounded * rounded;
    }
    if (residual_out)
      std::memcpy(static_cast<std::byte*>(residual_out) + at * bits_of(t) / 8,
                  static_cast<const std::byte*>(out) + at * bits_of(t) / 8,
                  desc.n * bits_of(t) / 8);
    if (!desc.gamma) continue;
    const double factor =
        1.0 / std::sqrt(squares / static_cast<double>(desc.n) + static_cast<double>(desc.eps));
    for (std::uint64_t i = 0; i < desc.n; ++i) {
      const double rounded = static_cast<double>(load_element(out, t, at + i));
      store_double(out, t, at + i,
                   rounded * factor * static_cast<double>(load_element(desc.gamma, t, i)));
    }
  }
}

void cpu_unpack_columns(dsk_dtype dtype, std::uint32_t ranks, const std::uint64_t* offsets,
                        std::uint64_t m, const void* in, void* out) {
  const std::uint64_t size = bits_of(dtype) / 8;
  std::uint64_t widest = 0;
  for (std::uint32_t r = 0; r < ranks; ++r)
    widest = std::max(widest, offsets[r + 1] - offsets[r]);
  for (std::uint32_t r = 0; r < ranks; ++r)
    for (std::uint64_t row = 0; row < m; ++row)
      std::memcpy(static_cast<std::byte*>(out) + (row * offsets[ranks] + offsets[r]) * size,
                  static_cast<const std::byte*>(in) +
                      (r * m * widest + row * (offsets[r + 1] - offsets[r])) * size,
                  (offsets[r + 1] - offsets[r]) * size);
}

void cpu_sum_ranks(dsk_dtype dtype, std::uint32_t ranks, std::uint64_t count, const void* in,
                   void* out) {
  for (std::uint64_t i = 0; i < count; ++i) {
    float sum = 0.0f;
    for (std::uint32_t r = 0; r < ranks; ++r)
      sum += load_element(in, dtype, r * count + i);
    store_element(out, dtype, i, sum);
  }
}

} // namespace dsk::tp
