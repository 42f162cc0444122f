// Reading and writing single elements of tensors in ordinary memory.
#pragma once

#include <cstdint>
#include <cstring>

#include "dsk/dtype.h"
#include "protocol/number.hpp"

namespace dsk::tp {

inline float load_element(const void* base, dsk_dtype dtype, std::uint64_t index) {
  if (dtype == DSK_DTYPE_F32) return static_cast<const float*>(base)[index];
  const std::uint16_t code = static_cast<const std::uint16_t*>(base)[index];
  return dtype == DSK_DTYPE_BF16 ? number::from_bf16(code) : number::from_f16(code);
}

inline void store_element(void* base, dsk_dtype dtype, std::uint64_t index, float value) {
  if (dtype == DSK_DTYPE_F32)
    static_cast<float*>(base)[index] = value;
  else
    static_cast<std::uint16_t*>(base)[index] =
        dtype == DSK_DTYPE_BF16 ? number::to_bf16(value) : number::to_f16(value);
}

/// The double rounded once to `dtype`: through float this would round twice.
inline void store_double(void* base, dsk_dtype dtype, std::uint64_t index, double value) {
  float near = static_cast<float>(value);
  if (dtype != DSK_DTYPE_F32) {
    // Round to odd: an inexact float keeps a set last bit, so that the second rounding cannot see a
    // false tie.
    const double back = near;
    std::uint32_t bits = number::bits_of(near);
    if (back != value && (bits & 1u) == 0 && (bits & 0x7f800000u) != 0x7f800000u) {
      const bool too_large = (back > value) == (value > 0);
      if (near == 0.0f)
        bits |= 1u;
      else
        bits = too_large ? bits - 1u : bits + 1u;
      near = number::float_of(bits);
    }
  }
  store_element(base, dtype, index, near);
}

} // namespace dsk::tp
