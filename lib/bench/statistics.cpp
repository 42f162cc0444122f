#include "bench/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace dsk::bench {
namespace {

// Draws with std::mt19937_64, whose bits the standard fixes; a distribution object would not be.
class Draw {
public:
  explicit Draw(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) {
    return static_cast<std::size_t>(static_cast<double>(engine_() >> 11) * 0x1p-53 *
                                    static_cast<double>(limit));
  }

private:
  std::mt19937_64 engine_;
};

double median_of(std::vector<double>& values) {
  const std::size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle),
                   values.end());
  const double upper = values[middle];
  if (values.size() % 2) return upper;
  return 0.5 * (upper + *std::max_element(values.begin(),
                                          values.begin() + static_cast<std::ptrdiff_t>(middle)));
}

double resampled_median(const std::vector<double>& from, std::vector<double>& scratch, Draw& draw) {
  scratch.resize(from.size());
  for (double& value : scratch)
    value = from[draw.below(from.size())];
  return median_of(scratch);
}

Interval central(std::vector<double>& values, double confidence) {
  std::sort(values.begin(), values.end());
  const double tail = (1 - confidence) / 2;
  return {quantile(values, tail), quantile(values, 1 - tail)};
}

// A bootstrap over more samples than this costs much and tells nothing more.
std::vector<double> thinned(const std::vector<double>& samples) {
  constexpr std::size_t most = 2000;
  if (samples.size() <= most) return samples;
  std::vector<double> out;
  out.reserve(most);
  for (std::size_t i = 0; i < most; ++i)
    out.push_back(samples[i * samples.size() / most]);
  return out;
}

} // namespace

double quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  const double at = std::clamp(q, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const double share = at - static_cast<double>(below);
  if (share <= 0) return sorted[below];
  return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

double median_deviation(const std::vector<double>& sorted) {
  const double middle = quantile(sorted, 0.5);
  std::vector<double> distance;
  distance.reserve(sorted.size());
  for (double value : sorted)
    distance.push_back(std::abs(value - middle));
  return median_of(distance);
}

double noise(const std::vector<double>& sorted) {
  const double middle = quantile(sorted, 0.5);
  return middle > 0 ? 1.4826 * median_deviation(sorted) / middle : 0;
}

Interval median_interval(const std::vector<double>& sorted, double confidence) {
  const double n = static_cast<double>(sorted.size());
  const double half = normal_deviate(confidence) * 0.5 * std::sqrt(n);
  const double low = std::max(0.0, std::floor(0.5 * n - half));
  const double high = std::min(n - 1, std::ceil(0.5 * n + half));
  return {sorted[static_cast<std::size_t>(low)], sorted[static_cast<std::size_t>(high)]};
}

Interval bootstrap_median(const std::vector<double>& samples, double confidence, std::uint64_t seed,
                          int resamples) {
  const std::vector<double> from = thinned(samples);
  // Of fewer samples, the interval is that of the median over all of them: rescaled below.
  const double shrink =
      std::sqrt(static_cast<double>(from.size()) / static_cast<double>(samples.size()));
  Draw draw(seed);
  std::vector<double> scratch;
  std::vector<double> medians;
  medians.reserve(static_cast<std::size_t>(resamples));
  for (int i = 0; i < resamples; ++i)
    medians.push_back(resampled_median(from, scratch, draw));
  const Interval wide = central(medians, confidence);
  scratch = samples;
  const double middle = median_of(scratch);
  return {middle - (middle - wide.low) * shrink, middle + (wide.high - middle) * shrink};
}

Interval bootstrap_ratio(const std::vector<double>& a, const std::vector<double>& b,
                         double confidence, std::uint64_t seed, int resamples) {
  const std::vector<double> from_a = thinned(a);
  const std::vector<double> from_b = thinned(b);
  Draw draw(seed);
  std::vector<double> scratch;
  std::vector<double> ratios;
  ratios.reserve(static_cast<std::size_t>(resamples));
  for (int i = 0; i < resamples; ++i) {
    const double below = resampled_median(from_a, scratch, draw);
    const double above = resampled_median(from_b, scratch, draw);
    ratios.push_back(below > 0 ? above / below : 0);
  }
  return central(ratios, confidence);
}

double normal_deviate(double confidence) {
  const double p = 0.5 + 0.5 * std::clamp(confidence, 0.0, 1 - 1e-12);
  // Peter J. Acklam, "An algorithm for computing the inverse normal cumulative distribution
  // function" (2003), upper half.
  if (p > 1 - 0.02425) {
    const double q = std::sqrt(-2 * std::log(1 - p));
    return -(((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q -
               2.549732539343734) *
                  q +
              4.374664141464968) *
                 q +
             2.938163982698783) /
           ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q +
             3.754408661907416) *
                q +
            1);
  }
  const double q = p - 0.5;
  const double r = q * q;
  return (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r +
            1.383577518672690e+02) *
               r -
           3.066479806614716e+01) *
              r +
          2.506628277459239) *
         q /
         (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r +
            6.680131188771972e+01) *
               r -
           1.328068155288572e+01) *
              r +
          1);
}

Trend trend(const std::vector<double>& in_order) {
  constexpr std::size_t most = 1000;
  std::vector<double> values;
  const std::size_t n = std::min(in_order.size(), most);
  for (std::size_t i = 0; i < n; ++i)
    values.push_back(in_order[i * in_order.size() / n]);
  Trend out;
  if (n < 10) return out;
  double score = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j)
      score += values[j] > values[i] ? 1 : values[j] < values[i] ? -1 : 0;
  const double count = static_cast<double>(n);
  out.tau = score / (0.5 * count * (count - 1));
  const double deviation = std::sqrt(count * (count - 1) * (2 * count + 5) / 18);
  out.significant = std::abs(score) > normal_deviate(0.999) * deviation;
  return out;
}

} // namespace dsk::bench
