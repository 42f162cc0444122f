// The narrow types against their definitions, over all codes, and rounding against exact
// neighbours.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>

#include "protocol/number.hpp"

using namespace dsk::number;

namespace {

double value_of(std::uint32_t code, int exponent_bits, int fraction_bits) {
  const std::uint32_t fraction = code & ((1u << fraction_bits) - 1u);
  const int exponent = static_cast<int>((code >> fraction_bits) & ((1u << exponent_bits) - 1u));
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = (code >> (fraction_bits + exponent_bits)) & 1u ? -1.0 : 1.0;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp(1.0 + std::ldexp(fraction, -fraction_bits), exponent - bias);
}

/// `to` rounds to nearest even: checked at each code's value, at each midpoint and beside it.
template <class To, class From>
void check_rounding(To to, From from, std::uint32_t last_finite, int exponent_bits,
                    int fraction_bits) {
  for (std::uint32_t code = 0; code < last_finite; ++code) {
    const double low = value_of(code, exponent_bits, fraction_bits),
                 high = value_of(code + 1, exponent_bits, fraction_bits);
    const auto middle = static_cast<float>((low + high) / 2);
    REQUIRE(static_cast<double>(middle) == (low + high) / 2);
    const std::uint32_t even = code % 2 ? code + 1 : code;
    const std::uint32_t sign = 1u << (exponent_bits + fraction_bits);
    REQUIRE(static_cast<double>(from(static_cast<decltype(to(0.0f))>(code))) == low);
    REQUIRE(to(static_cast<float>(low)) == code);
    REQUIRE(to(-static_cast<float>(low)) == (code | sign));
    REQUIRE(to(middle) == even);
    REQUIRE(to(-middle) == (even | sign));
    REQUIRE(to(std::nextafter(middle, 0.0f)) == code);
    REQUIRE(to(std::nextafter(middle, HUGE_VALF)) == code + 1);
  }
}

} // namespace

TEST_CASE("bf16: every finite code, its midpoints, infinity and NaN") {
  check_rounding(to_bf16, from_bf16, 0x7f7f, 8, 7);
  CHECK(to_bf16(HUGE_VALF) == 0x7f80);
  CHECK(to_bf16(3.4e38f) == 0x7f80); // beyond the last midpoint
  CHECK(std::isnan(from_bf16(to_bf16(std::nanf("")))));
  CHECK(std::isnan(
      from_bf16(to_bf16(float_of(0x7f800001u))))); // a NaN whose upper half alone is infinity
  CHECK(from_bf16(0x8000) == 0.0f);
  CHECK(std::signbit(from_bf16(0x8000)));
}

TEST_CASE("f16: every finite code, its midpoints, infinity and NaN") {
  check_rounding(to_f16, from_f16, 0x7bff, 5, 10);
  CHECK(to_f16(65519.996f) == 0x7bff);
  CHECK(to_f16(65520.0f) == 0x7c00);
  CHECK(to_f16(-HUGE_VALF) == 0xfc00);
  CHECK(std::isinf(from_f16(0x7c00)));
  CHECK(std::isnan(from_f16(0x7e00)));
  CHECK(std::isnan(from_f16(to_f16(std::nanf("")))));
}

TEST_CASE("e4m3: every finite code, its midpoints, saturation and NaN") {
  check_rounding(to_e4m3, from_e4m3, 0x7e, 4, 3);
  CHECK(from_e4m3(0x7e) == 448.0f);
  CHECK(to_e4m3(448.0f) == 0x7e);
  CHECK(to_e4m3(1e9f) == 0x7e);
  CHECK(to_e4m3(-HUGE_VALF) == 0xfe);
  CHECK(std::isnan(from_e4m3(0x7f)));
  CHECK(std::isnan(from_e4m3(0xff)));
  CHECK(std::isnan(from_e4m3(to_e4m3(std::nanf("")))));
}

TEST_CASE(
    "a block scale brings the largest magnitude to the end of the range, and zeros stay zeros") {
  CHECK(block_scale(0.0f, e4m3_largest) == 1.0f);
  std::mt19937 rng(5);
  for (int i = 0; i < 100000; ++i) {
    const float largest = float_of(0x20000000u + rng() % 0x40000000u);
    const float scaled = largest / block_scale(largest, e4m3_largest);
    REQUIRE(to_e4m3(scaled) == 0x7e);
  }
}
