#include "bench/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include <doctest/doctest.h>

using namespace dsk::bench;

namespace {

std::vector<double> normal(std::uint64_t seed, std::size_t n, double mean, double deviation) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> draw(mean, deviation);
  std::vector<double> out(n);
  for (double& x : out)
    x = draw(random);
  return out;
}

std::vector<double> sorted(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values;
}

} // namespace

TEST_CASE("statistics: median, deviation and percentiles of a known list") {
  const std::vector<double> list{1, 2, 3, 4, 100};
  CHECK(quantile(list, 0.5) == 3);
  CHECK(quantile(list, 0.25) == 2);
  CHECK(quantile(list, 0.9) == doctest::Approx(61.6)); // 4 + 0.6 * 96
  CHECK(median_deviation(list) == 1);                  // of 2 1 0 1 97
  CHECK(noise(list) == doctest::Approx(1.4826 / 3));
}

TEST_CASE("statistics: deviates of the normal distribution") {
  // Table values of the two-sided quantiles.
  CHECK(normal_deviate(0.5) == doctest::Approx(0.674489750196082).epsilon(1e-8));
  CHECK(normal_deviate(0.9) == doctest::Approx(1.644853626951473).epsilon(1e-8));
  CHECK(normal_deviate(0.95) == doctest::Approx(1.959963984540054).epsilon(1e-8));
  CHECK(normal_deviate(0.99) == doctest::Approx(2.575829303548901).epsilon(1e-8));
}

TEST_CASE("statistics: intervals hold the truth about as often as they say") {
  int order = 0;
  int bootstrap = 0;
  int ratio = 0;
  constexpr int trials = 200;
  for (int i = 0; i < trials; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    const std::vector<double> a = normal(seed, 60, 10, 1);
    const std::vector<double> b = normal(seed + 100000, 60, 12, 1);
    const Interval by_order = median_interval(sorted(a), 0.95);
    order += by_order.low <= 10 && 10 <= by_order.high;
    const Interval by_draw = bootstrap_median(a, 0.95, seed, 400);
    bootstrap += by_draw.low <= 10 && 10 <= by_draw.high;
    const Interval of_ratio = bootstrap_ratio(a, b, 0.95, seed, 400);
    ratio += of_ratio.low <= 1.2 && 1.2 <= of_ratio.high;
  }
  // Binomial(200, 0.95) is below 178 in 1 of 3,000 cases.
  CHECK(order >= 178);
  CHECK(bootstrap >= 176);
  CHECK(ratio >= 176);
  CHECK(order < trials);
}

TEST_CASE("statistics: the same seed gives the same interval") {
  const std::vector<double> a = normal(3, 100, 5, 1);
  const Interval one = bootstrap_median(a, 0.95, 42);
  const Interval two = bootstrap_median(a, 0.95, 42);
  CHECK(one.low == two.low);
  CHECK(one.high == two.high);
}

TEST_CASE("statistics: a trend is seen, and noise is not taken for one") {
  std::vector<double> rising = normal(1, 500, 10, 0.1);
  for (std::size_t i = 0; i < rising.size(); ++i)
    rising[i] += 0.001 * static_cast<double>(i);
  CHECK(trend(rising).significant);
  CHECK(trend(rising).tau > 0.5);
  int false_alarms = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    false_alarms += trend(normal(seed, 300, 10, 1)).significant;
  CHECK(false_alarms <= 3);
}
