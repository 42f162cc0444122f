// Order statistics of samples: robust location and spread, and intervals that assume no
// distribution.
#pragma once

#include <cstdint>
#include <vector>

namespace dsk::bench {

struct Interval {
  double low = 0;
  double high = 0;
};

/// Quantile q of sorted samples, linear between order statistics (Hyndman and Fan's type 7).
double quantile(const std::vector<double>& sorted, double q);

/// Median absolute deviation from the median; `sorted` is not empty.
double median_deviation(const std::vector<double>& sorted);

/// Spread as a share of the median: 1.4826 MAD / median (1.4826 makes it the standard deviation of
/// normal samples). 0 when the median is 0.
double noise(const std::vector<double>& sorted);

/// Interval of the median from the binomial law of order statistics (normal approximation).
Interval median_interval(const std::vector<double>& sorted, double confidence);

/// Percentile bootstrap of the median with `resamples` draws.
Interval bootstrap_median(const std::vector<double>& samples, double confidence, std::uint64_t seed,
                          int resamples = 2000);
/// Percentile bootstrap of median(b) / median(a).
Interval bootstrap_ratio(const std::vector<double>& a, const std::vector<double>& b,
                         double confidence, std::uint64_t seed, int resamples = 2000);

/// Two-sided quantile of the standard normal distribution: 1.96 for 0.95. Acklam's rational
/// approximation of the inverse (relative error below 1.2e-9).
double normal_deviate(double confidence);

/// Kendall's rank correlation of the samples with their order, over at most 1,000 of them: 1 for a
/// steady rise, 0 for none. `significant` when chance gives one as large in fewer than 1 of 1,000.
struct Trend {
  double tau = 0;
  bool significant = false;
};
Trend trend(const std::vector<double>& in_order);

} // namespace dsk::bench
