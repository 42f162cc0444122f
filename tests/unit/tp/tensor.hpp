// Random layers in every weight format, with their meaning worked out here in double precision,
// apart from the library's own code; and small owners for the handles of dsk/tp.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dsk/tp.h"

namespace layer {

using Bytes = std::vector<std::uint8_t>;
using Rng = std::mt19937_64;

inline double uniform(Rng& rng, double low, double high) {
  return low + (high - low) * (static_cast<double>(rng() >> 11) * 0x1p-53);
}

/* ------------------------------------------------------------------- numbers */

/// Value of a code of a binary format with `exponent` and `fraction` bits, read bit by bit.
inline double value_of(std::uint32_t code, int exponent_bits, int fraction_bits) {
  const std::uint32_t fraction = code & ((1u << fraction_bits) - 1u);
  const int exponent = static_cast<int>((code >> fraction_bits) & ((1u << exponent_bits) - 1u));
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = (code >> (fraction_bits + exponent_bits)) & 1u ? -1.0 : 1.0;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp(1.0 + std::ldexp(fraction, -fraction_bits), exponent - bias);
}

inline double e4m3_value(std::uint8_t code) {
  return value_of(code, 4, 3);
}

/// Spacing of the values of a type around `value`.
inline double ulp(dsk_dtype dtype, double value) {
  const int digits = dtype == DSK_DTYPE_F32 ? 23 : dtype == DSK_DTYPE_BF16 ? 7 : 10;
  const int lowest = dtype == DSK_DTYPE_F16 ? -14 : -126;
  const double magnitude = std::fabs(value);
  const int exponent = magnitude > 0 ? std::max(std::ilogb(magnitude), lowest) : lowest;
  return std::ldexp(1.0, exponent - digits);
}

/// Nearest value of the type, ties to even.
inline double rounded(dsk_dtype dtype, double value) {
  const double step = ulp(dtype, value);
  return std::nearbyint(value / step) * step;
}

/// Nearest E4M3 value, ties to even, at most 448.
inline double nearest_e4m3(double value) {
  const double magnitude = std::fabs(value);
  const int exponent = magnitude > 0 ? std::max(std::ilogb(magnitude), -6) : -6;
  const double step = std::ldexp(1.0, exponent - 3);
  return std::copysign(std::min(std::nearbyint(magnitude / step) * step, 448.0), value);
}

inline std::size_t size_of(dsk_dtype dtype) {
  return dtype == DSK_DTYPE_F32 ? 4 : 2;
}

inline double read(const void* base, dsk_dtype dtype, std::size_t index) {
  if (dtype == DSK_DTYPE_F32) {
    float value;
    std::memcpy(&value, static_cast<const char*>(base) + index * 4, 4);
    return static_cast<double>(value);
  }
  std::uint16_t code;
  std::memcpy(&code, static_cast<const char*>(base) + index * 2, 2);
  return dtype == DSK_DTYPE_BF16 ? value_of(code, 8, 7) : value_of(code, 5, 10);
}

/// Writes a value that the type can hold.
inline void write(void* base, dsk_dtype dtype, std::size_t index, double value) {
  if (dtype == DSK_DTYPE_F32) {
    const float narrow = static_cast<float>(value);
    std::memcpy(static_cast<char*>(base) + index * 4, &narrow, 4);
    return;
  }
  std::uint16_t code = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(value);
  if (magnitude > 0) {
    const int digits = dtype == DSK_DTYPE_BF16 ? 7 : 10, bias = dtype == DSK_DTYPE_BF16 ? 127 : 15;
    const int exponent = std::max(std::ilogb(magnitude), 1 - bias);
    const auto steps = static_cast<std::uint32_t>(std::ldexp(magnitude, digits - exponent));
    const std::uint32_t hidden = 1u << digits;
    code = static_cast<std::uint16_t>(
        code | (steps >= hidden ? ((exponent + bias) << digits) | static_cast<int>(steps - hidden)
                                : static_cast<int>(steps)));
  }
  std::memcpy(static_cast<char*>(base) + index * 2, &code, 2);
}

/// A tensor of random values in [-1, 1].
inline Bytes random_tensor(Rng& rng, dsk_dtype dtype, std::size_t count) {
  Bytes out(count * size_of(dtype));
  for (std::size_t i = 0; i < count; ++i)
    write(out.data(), dtype, i, rounded(dtype, uniform(rng, -1, 1)));
  return out;
}

/* -------------------------------------------------------------------- weights */

/// A whole weight in checkpoint form and as doubles.
struct Weight {
  dsk_dtype dtype, activation;
  std::size_t n, k;
  Bytes data, scales, bias;
  std::vector<double> value; // [n][k]

  Weight(Rng& rng, dsk_dtype dtype_, dsk_dtype activation_, std::size_t n_, std::size_t k_,
         bool with_bias)
      : dtype(dtype_), activation(activation_), n(n_), k(k_), value(n_ * k_) {
    const std::size_t kb = (k + 127) / 128;
    std::vector<float> s;
    const auto random_scale = [&] { return static_cast<float>(std::exp2(uniform(rng, -9, -5))); };
    switch (dtype) {
    case DSK_DTYPE_F8E4M3:
      for (std::size_t i = 0; i < (n + 127) / 128 * kb; ++i)
        s.push_back(random_scale());
      data.resize(n * k);
      for (std::size_t i = 0; i < n * k; ++i) {
        do
          data[i] = static_cast<std::uint8_t>(rng() & 0xff);
        while ((data[i] & 0x7f) == 0x7f ||
               (data[i] & 0x78) > 0x50); // no NaN, and no value above 28
        value[i] = e4m3_value(data[i]) * static_cast<double>(s[i / k / 128 * kb + i % k / 128]);
      }
      break;
    case DSK_DTYPE_I8:
      for (std::size_t i = 0; i < n; ++i)
        s.push_back(random_scale());
      data.resize(n * k);
      for (std::size_t i = 0; i < n * k; ++i) {
        const int q = static_cast<int>(rng() % 255) - 127;
        data[i] = static_cast<std::uint8_t>(q);
        value[i] = q * static_cast<double>(s[i / k]);
      }
      break;
    case DSK_DTYPE_I4:
      for (std::size_t i = 0; i < n * kb; ++i)
        s.push_back(random_scale());
      data.resize(n * k / 2);
      for (std::size_t row = 0; row < n; ++row)
        for (std::size_t col = 0; col < k; ++col) {
          const int q = static_cast<int>(rng() % 16) - 8;
          // Word col / 8 of the row, bits 4 * (col % 8) upwards, little-endian.
          data[row * k / 2 + col / 8 * 4 + col % 8 / 2] |=
              static_cast<std::uint8_t>((q + 8) << (col % 2 * 4));
          value[row * k + col] = q * static_cast<double>(s[row * kb + col / 128]);
        }
      break;
    default:
      data = random_tensor(rng, dtype, n * k);
      for (std::size_t i = 0; i < n * k; ++i)
        value[i] = read(data.data(), dtype, i);
    }
    scales.resize(s.size() * 4);
    if (!s.empty()) std::memcpy(scales.data(), s.data(), scales.size());
    if (with_bias) bias = random_tensor(rng, activation, n);
  }

  dsk_tp_weight describe() const {
    dsk_tp_weight out{};
    out.struct_size = sizeof out;
    out.dtype = dtype;
    out.n = n;
    out.k = k;
    out.data = data.data();
    out.data_bytes = data.size();
    out.scales = scales.empty() ? nullptr : scales.data();
    out.scales_bytes = scales.size();
    out.scales_dtype = scales.empty() ? DSK_DTYPE_NONE : DSK_DTYPE_F32;
    out.bias = bias.empty() ? nullptr : bias.data();
    return out;
  }
  double bias_at(std::size_t row) const {
    return bias.empty() ? 0.0 : read(bias.data(), activation, row);
  }
};

/// Columns [from, to) of one row of x as a product with `weight` sees them: blocks are cut at
/// `from` and `to`.
inline std::vector<double> seen(dsk_dtype weight, std::vector<double> x, std::size_t from) {
  const auto quantise = [&](std::size_t begin, std::size_t end, double range, auto nearest) {
    float largest = 0;
    for (std::size_t i = begin; i < end; ++i)
      largest = std::max(largest, static_cast<float>(std::fabs(x[i])));
    const float scale = largest > 0 ? largest / static_cast<float>(range) : 1.0f;
    for (std::size_t i = begin; i < end; ++i)
      x[i] = nearest(static_cast<double>(static_cast<float>(x[i]) / scale)) *
             static_cast<double>(scale);
  };
  if (weight == DSK_DTYPE_I8)
    quantise(0, x.size(), 127, [](double v) { return std::nearbyint(v); });
  if (weight == DSK_DTYPE_F8E4M3)
    for (std::size_t begin = 0; begin < x.size();) {
      const std::size_t end = std::min(x.size(), (from + begin) / 128 * 128 + 128 - from);
      quantise(begin, end, 448, nearest_e4m3);
      begin = end;
    }
  return x;
}

/// A product in double precision with what its error is measured against.
struct Exact {
  double sum = 0, magnitude = 0; // sum of x w and of |x| |w|
};
inline Exact dot(const Weight& w, std::size_t row, const std::vector<double>& x, std::size_t from) {
  Exact out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double term = x[i] * w.value[row * w.k + from + i];
    out.sum += term;
    out.magnitude += std::fabs(term);
  }
  return out;
}

/* -------------------------------------------------------------------- handles */

struct Destroy {
  void operator()(dsk_tp_device* p) const { dsk_tp_device_destroy(p); }
  void operator()(dsk_tp_comm* p) const { dsk_tp_comm_destroy(p); }
  void operator()(dsk_tp_linear* p) const { dsk_tp_linear_destroy(p); }
  void operator()(dsk_tp_mlp* p) const { dsk_tp_mlp_destroy(p); }
  void operator()(dsk_tp_graph* p) const { dsk_tp_graph_destroy(p); }
  void operator()(dsk_tp_weights* p) const { dsk_tp_weights_destroy(p); }
  void operator()(dsk_tp_tuning* p) const { dsk_tp_tuning_destroy(p); }
  void operator()(dsk_error* p) const { dsk_error_destroy(p); }
};
template <class T> using Owned = std::unique_ptr<T, Destroy>;

} // namespace layer
