// How many tokens a request brings and asks for, as a pure function of (seed, request number).
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.hpp"
#include "base/random.hpp"
#include "catalog/dataset.hpp"

namespace dsk::workload {

inline constexpr std::int64_t max_tokens = 10'000'000; // of one side of one request

/// A distribution of token counts by its inverse cumulative distribution function.
class Lengths {
public:
  static Lengths fixed(double tokens);
  /// Whole numbers from `low` to `high`, each as likely.
  static Lengths uniform(double low, double high);
  /// With the mean and the standard deviation of the numbers themselves (not of their logarithms)
  /// before clipping to [low, high]; high 0 = no clip.
  static Lengths lognormal(double mean, double deviation, double low, double high);
  /// Linear between (probability, tokens), ascending in both, from 0 to 1.
  static Lengths quantiles(std::vector<LengthFacts::Quantile> points);
  /// Each listed value equally likely.
  static Lengths empirical(std::vector<double> values);
  static Lengths of(const LengthFacts& facts);

  /// Tokens at u in (0, 1); at least 1.
  std::int32_t at(double u) const noexcept;
  double mean() const noexcept { return mean_; }
  double largest() const noexcept { return largest_; }

private:
  enum class Shape { fixed, uniform, lognormal, quantiles, empirical };
  void summarise();

  Shape shape_ = Shape::fixed;
  double a_ = 1; // fixed: tokens; uniform: low; lognormal: mu
  double b_ = 0; // uniform: high; lognormal: sigma
  double low_ = 1;
  double high_ = 0;
  std::vector<LengthFacts::Quantile> points_;
  std::vector<double> values_;
  double mean_ = 1;
  double largest_ = 1;
};

} // namespace dsk::workload
