// Conversions between float and the narrow types, in integer arithmetic only, so that the host and
// the device give the same bits. Rounding is to nearest, ties to even.
#pragma once

#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define DSK_SHARED_FN __host__ __device__ __forceinline__
#else
#define DSK_SHARED_FN inline
#endif

namespace dsk::number {

DSK_SHARED_FN std::uint32_t bits_of(float value) {
#ifdef __CUDA_ARCH__
  return __float_as_uint(value);
#else
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
#endif
}

DSK_SHARED_FN float float_of(std::uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __uint_as_float(bits);
#else
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
#endif
}

DSK_SHARED_FN float from_bf16(std::uint16_t code) {
  return float_of(static_cast<std::uint32_t>(code) << 16);
}

/// NaN stays NaN (quiet, sign kept); values above the range become infinity.
DSK_SHARED_FN std::uint16_t to_bf16(float value) {
  const std::uint32_t bits = bits_of(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

DSK_SHARED_FN float from_f16(std::uint16_t code) {
  const std::uint32_t sign = static_cast<std::uint32_t>(code & 0x8000u) << 16;
  const std::uint32_t exponent = (code >> 10) & 0x1fu;
  const std::uint32_t fraction = code & 0x3ffu;
  if (exponent == 31) return float_of(sign | 0x7f800000u | (fraction << 13));
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 5.9604644775390625e-08f; // 2^-24
    return float_of(sign | bits_of(magnitude));
  }
  return float_of(sign | ((exponent + 112u) << 23) | (fraction << 13));
}

DSK_SHARED_FN std::uint16_t to_f16(float value) {
  const std::uint32_t bits = bits_of(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) { // below 2^-14: subnormal or zero, a multiple of 2^-24
    if (magnitude < 0x33000000u) return static_cast<std::uint16_t>(sign);
    const std::uint32_t exponent = magnitude >> 23;
    const std::uint32_t fraction = (magnitude & 0x7fffffu) | 0x800000u;
    const std::uint32_t shift = 126u - exponent;
    const std::uint32_t kept = fraction >> shift;
    const std::uint32_t rest = fraction & ((1u << shift) - 1u);
    const std::uint32_t half = 1u << (shift - 1u);
    const std::uint32_t up = rest > half || (rest == half && (kept & 1u)) ? 1u : 0u;
    return static_cast<std::uint16_t>(sign | (kept + up));
  }
  const std::uint32_t rebased = magnitude - 0x38000000u;
  return static_cast<std::uint16_t>(sign | ((rebased + 0xfffu + ((rebased >> 13) & 1u)) >> 13));
}

/// OCP E4M3: 0x7f and 0xff are NaN, there is no infinity.
DSK_SHARED_FN float from_e4m3(std::uint8_t code) {
  const std::uint32_t sign = static_cast<std::uint32_t>(code & 0x80u) << 24;
  const std::uint32_t exponent = (code >> 3) & 0xfu;
  const std::uint32_t fraction = code & 7u;
  if (exponent == 15 && fraction == 7) return float_of(sign | 0x7fc00000u);
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0.001953125f; // 2^-9
    return float_of(sign | bits_of(magnitude));
  }
  return float_of(sign | ((exponent + 120u) << 23) | (fraction << 20));
}

/// Saturates at +-448; NaN gives NaN.
DSK_SHARED_FN std::uint8_t to_e4m3(float value) {
  const std::uint32_t bits = bits_of(value);
  const std::uint32_t sign = (bits >> 24) & 0x80u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint8_t>(sign | 0x7fu);
  if (magnitude >= 0x43e80000u) return static_cast<std::uint8_t>(sign | 0x7eu); // 464 and above
  if (magnitude < 0x3c800000u) { // below 2^-6: a multiple of 2^-9
    if (magnitude < 0x3a800000u) return static_cast<std::uint8_t>(sign);
    const std::uint32_t exponent = magnitude >> 23;
    const std::uint32_t fraction = (magnitude & 0x7fffffu) | 0x800000u;
    const std::uint32_t shift = 141u - exponent;
    const std::uint32_t kept = fraction >> shift;
    const std::uint32_t rest = fraction & ((1u << shift) - 1u);
    const std::uint32_t half = 1u << (shift - 1u);
    const std::uint32_t up = rest > half || (rest == half && (kept & 1u)) ? 1u : 0u;
    return static_cast<std::uint8_t>(sign | (kept + up));
  }
  const std::uint32_t rebased = magnitude - 0x3c000000u;
  return static_cast<std::uint8_t>(sign | ((rebased + 0x7ffffu + ((rebased >> 20) & 1u)) >> 20));
}

inline constexpr float e4m3_largest = 448.0f;

/// Scale of a block whose largest magnitude is `largest`: the block times 1/scale fills the range.
DSK_SHARED_FN float block_scale(float largest, float range) {
  return largest > 0.0f ? largest / range : 1.0f;
}

} // namespace dsk::number
