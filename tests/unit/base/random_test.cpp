#include "base/random.hpp"

#include <cmath>

#include <doctest/doctest.h>

#include "base/exact_math.hpp"
#include "base/histogram.hpp"

using namespace dsk;

TEST_CASE("philox4x32-10 gives the known answers of the Random123 distribution") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) ==
        PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t f = 0xffffffff;
  CHECK(philox4x32({f, f, f, f}, {f, f}) ==
        PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("log, exp and the normal quantile agree with the C library") {
  for (int i = -3000; i <= 3000; ++i) {
    const double x = i * 0.1 + 0.013;
    CHECK(exact::exp(x) == doctest::Approx(std::exp(x)).epsilon(4e-16));
    const double y = std::exp(x / 2);
    CHECK(exact::log(y) == doctest::Approx(std::log(y)).epsilon(4e-16));
  }
  // 1.959963984540054 and the like: tables of the standard normal distribution.
  CHECK(exact::normal_quantile(0.975) == doctest::Approx(1.959963984540054).epsilon(1e-14));
  CHECK(exact::normal_quantile(0.5) == 0);
  CHECK(exact::normal_quantile(1e-12) == doctest::Approx(-7.034483825301131).epsilon(1e-12));
  for (double p = 0.0005; p < 1; p += 0.0005) {
    const double back = 0.5 * std::erfc(-exact::normal_quantile(p) / std::sqrt(2.0));
    CHECK(back == doctest::Approx(p).epsilon(1e-13));
  }
}

TEST_CASE("variates have the moments of their distribution") {
  const Random random(7, 1);
  const int n = 200000;
  for (const double shape : {0.25, 1.0, 4.0}) {
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < n; ++i) {
      const double x = gamma_variate(random, static_cast<std::uint64_t>(i), shape);
      sum += x;
      squares += x * x;
    }
    const double mean = sum / n;
    CHECK(mean == doctest::Approx(1).epsilon(0.02));
    CHECK(squares / n - mean * mean == doctest::Approx(1 / shape).epsilon(0.05));
  }
  double sum = 0;
  for (int i = 0; i < n; ++i)
    sum += exponential_quantile(random.uniform2(static_cast<std::uint64_t>(i))[0], 3);
  CHECK(sum / n == doctest::Approx(3).epsilon(0.01));
}

TEST_CASE("streams and indices are independent draws") {
  const Random a(1, 1);
  const Random b(1, 2);
  CHECK(a.block(5) != b.block(5));
  CHECK(a.block(5) != a.block(6));
  CHECK(a.block(5) == Random(1, 1).block(5));
  CHECK(a.block(std::uint64_t{1} << 32) != a.block(0));
}

TEST_CASE("a ramp counts what it was given and keeps the mean") {
  Histogram h;
  h.add_ramp(1, 3, 1001);
  CHECK(h.count() == 1001);
  CHECK(h.mean() == doctest::Approx(2).epsilon(1e-3));
  CHECK(h.quantile(0.25) == doctest::Approx(1.5).epsilon(0.01));
}
