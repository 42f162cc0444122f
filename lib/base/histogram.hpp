// Log-linear histogram of non-negative numbers: quantiles within 0.1 %, bounded memory, and merging
// that loses nothing. Each power of two is cut into 512 equal bins, so the middle of a bin is at
// most 1/1024 (0.098 %) away from any value in it. A power of two takes 4 KiB once a value falls
// into it: a nanosecond to a day, in any unit, is 47 of them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>

#include "base/json.hpp"

namespace dsk {

class Histogram {
public:
  static constexpr int bins_per_octave = 512;

  Histogram() = default;
  Histogram(const Histogram& other) { merge(other); }
  Histogram(Histogram&& other) noexcept { swap(other); }
  Histogram& operator=(Histogram other) noexcept;

  /// Negative numbers count as 0; NaN and infinity are not recorded (see refused()).
  void add(double value, std::uint64_t count = 1);
  /// `count` numbers spread evenly from `first` to `last`, to the width of a bin.
  void add_ramp(double first, double last, std::uint64_t count);
  void merge(const Histogram& other);

  std::uint64_t count() const noexcept { return count_; }
  /// Values that were NaN or infinite.
  std::uint64_t refused() const noexcept { return refused_; }
  /// Exact; 0 when nothing was recorded, as the others below.
  double min() const noexcept { return count_ ? min_ : 0; }
  double max() const noexcept { return count_ ? max_ : 0; }
  double mean() const noexcept { return count_ ? mean_ : 0; }
  double sum() const noexcept { return mean() * static_cast<double>(count_); }
  /// Standard deviation of the values themselves (divisor n).
  double deviation() const noexcept;
  /// Quantile q in [0, 1], linear between order statistics (Hyndman and Fan's type 7, what NumPy
  /// calls "linear"). Within 0.1 % of the same figure over the values themselves.
  double quantile(double q) const;
  /// Values at most `limit`, by whole bins: off by at most the values within 0.1 % of it.
  std::uint64_t count_up_to(double limit) const;

  /// {"count", "mean", "m2", "min", "max", "zeros", "refused", "bins": [[index, count], ...]}
  Json to_json() const;
  /// Throws INVALID_REQUEST at `path` or below.
  static Histogram from_json(const Json& document, const std::string& path);

private:
  using Octave = std::array<std::uint64_t, bins_per_octave>;

  void swap(Histogram& other) noexcept;
  double order_statistic(std::uint64_t rank) const; // rank from 0

  std::map<int, std::unique_ptr<Octave>> octaves_;
  Octave* recent_ = nullptr; // the one that add() used last, since most values lie close together
  int recent_octave_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t zeros_ = 0;
  std::uint64_t refused_ = 0;
  double min_ = 0;
  double max_ = 0;
  double mean_ = 0;
  double m2_ = 0; // sum of squared distances from the mean
};

} // namespace dsk
