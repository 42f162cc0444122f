#include "base/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "base/error.hpp"

namespace {

// The definition itself: linear between order statistics of the sorted values.
double exact_quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const double share = at - static_cast<double>(below);
  return share > 0 ? sorted[below] + share * (sorted[below + 1] - sorted[below]) : sorted[below];
}

std::vector<double> values_of(int family, std::size_t count) {
  std::mt19937_64 random(static_cast<std::uint64_t>(family) + 7);
  std::lognormal_distribution<double> wide(0, 3);
  std::exponential_distribution<double> steep(1e4);
  std::uniform_real_distribution<double> flat(0.999, 1.001);
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(family == 0 ? wide(random) : family == 1 ? steep(random) : flat(random));
  return out;
}

} // namespace

TEST_CASE("histogram: quantiles are within 0.1 % of the exact ones") {
  for (int family = 0; family < 3; ++family)
    for (std::size_t count : {1u, 2u, 3u, 100u, 100000u}) {
      std::vector<double> values = values_of(family, count);
      dsk::Histogram histogram;
      for (double v : values)
        histogram.add(v);
      std::sort(values.begin(), values.end());
      for (double q : {0.0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0}) {
        const double exact = exact_quantile(values, q);
        CAPTURE(family);
        CAPTURE(count);
        CAPTURE(q);
        CHECK(std::abs(histogram.quantile(q) - exact) <= 0.001 * exact);
      }
      CHECK(histogram.min() == values.front());
      CHECK(histogram.max() == values.back());
    }
}

TEST_CASE("histogram: merging parts equals recording the whole") {
  const std::vector<double> values = values_of(0, 20000);
  dsk::Histogram whole;
  std::vector<dsk::Histogram> parts(7);
  for (std::size_t i = 0; i < values.size(); ++i) {
    whole.add(values[i]);
    parts[i % 7].add(values[i]);
  }
  dsk::Histogram merged;
  for (const dsk::Histogram& part : parts)
    merged.merge(part);
  CHECK(merged.count() == whole.count());
  for (double q : {0.0, 0.3, 0.5, 0.99, 1.0})
    CHECK(merged.quantile(q) == whole.quantile(q));
  CHECK(merged.mean() == doctest::Approx(whole.mean()).epsilon(1e-12));
  CHECK(merged.deviation() == doctest::Approx(whole.deviation()).epsilon(1e-9));
}

TEST_CASE("histogram: zero, negative, huge and not-a-number") {
  dsk::Histogram h;
  CHECK(h.quantile(0.5) == 0);
  h.add(0);
  h.add(-3);
  h.add(1e290);
  h.add(std::numeric_limits<double>::quiet_NaN());
  h.add(std::numeric_limits<double>::infinity());
  CHECK(h.count() == 3);
  CHECK(h.refused() == 2);
  CHECK(h.quantile(0.5) == 0);
  CHECK(h.quantile(1) == 1e290);
  CHECK(h.count_up_to(1) == 2);
  CHECK(h.count_up_to(1e300) == 3);
}

TEST_CASE("histogram: a document reads back as the same histogram, and a false one is refused") {
  dsk::Histogram h;
  for (double v : values_of(0, 1000))
    h.add(v / 1000);
  h.add(0);
  const dsk::Json document = h.to_json();
  const dsk::Histogram back = dsk::Histogram::from_json(document, "/h");
  CHECK(back.to_json() == document);
  CHECK(back.quantile(0.37) == h.quantile(0.37));

  dsk::Json wrong = document;
  wrong["count"] = 5000;
  try {
    dsk::Histogram::from_json(wrong, "/h");
    FAIL("accepted a count that is not the sum of the bins");
  } catch (const dsk::Error& e) {
    CHECK(e.status() == DSK_STATUS_INVALID_REQUEST);
    CHECK(e.path() == "/h/count");
  }
  wrong = document;
  wrong["bins"][0][1] = -1;
  try {
    dsk::Histogram::from_json(wrong, "/h");
    FAIL("accepted a negative count");
  } catch (const dsk::Error& e) {
    CHECK(e.path() == "/h/bins/0/1");
  }
}
