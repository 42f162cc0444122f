// Distributions of times: a mergeable histogram with a fixed relative error, and exact quantiles of
// a sample.
#pragma once

#include <cstdint>
#include <vector>

namespace dsk {

/// Counts of non-negative values, 128 buckets an octave: any quantile is
/// right within 0.4 %. Merging is addition, so the order and the number of parts do not matter.
/// Covers 1e-9 to 1e9 of whatever unit; what lies outside counts at the ends.
class Histogram {
public:
  void add(double value, std::uint64_t count = 1) noexcept;
  /// `count` values spread evenly from `first` to `last`.
  void add_ramp(double first, double last, std::uint64_t count) noexcept;
  void merge(const Histogram& other);

  std::uint64_t count() const noexcept { return count_; }
  double sum() const noexcept { return sum_; }
  double mean() const noexcept { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  double max() const noexcept { return max_; }
  double min() const noexcept { return count_ == 0 ? 0 : min_; }
  /// Value at rank q (0 to 1), by the middle of its bucket and within [min, max]; 0 when empty.
  double quantile(double q) const noexcept;

private:
  static std::size_t bucket_of(double value) noexcept;
  static double middle_of(std::size_t bucket) noexcept;

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  double min_ = 1e300;
  double max_ = 0;
};

/// Quantile q of `sorted` (ascending, not empty) by linear interpolation between ranks (type 7 of
/// Hyndman and Fan, what NumPy and vLLM's benchmark client use).
double sorted_quantile(const std::vector<double>& sorted, double q);

} // namespace dsk
