#include "calibrate/fit.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "base/quantile.hpp"

namespace dsk::calibrate {

Json percent(double log_error) {
  return json::significant(100 * std::expm1(log_error), 3);
}

double quantile_of(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return sorted_quantile(values, q);
}

namespace {

constexpr double huber = 0.05; // beyond 5 % an error counts by its size, not by its square

double loss_of(double ratio) {
  const double r = std::abs(std::log(ratio));
  return r <= huber ? 0.5 * r * r : huber * (r - 0.5 * huber);
}

double loss(const CalibratedProducts& p) {
  double sum = 0;
  for (const MeasuredProduct& point : p.points)
    sum += loss_of(point.us / p.law_us(point.m, point.n, point.k));
  return sum;
}

double loss(const CalibratedAllReduce& c) {
  double sum = 0;
  for (const MeasuredMessage& point : c.points)
    sum += loss_of(point.us / c.law_us(point.bytes));
  return sum;
}

// Pattern search over the logarithms of the law's numbers: no derivatives, the same on every
// machine, and the loss has few valleys.
template <class Law> void descend(Law& law, std::initializer_list<double*> numbers) {
  double best = loss(law);
  for (double step = 0.5; step > 1e-4;) {
    bool better = false;
    for (double* number : numbers)
      for (const double factor : {std::exp(step), std::exp(-step)}) {
        const double before = *number;
        *number = before * factor;
        if (const double now = loss(law); now < best) {
          best = now;
          better = true;
        } else {
          *number = before;
        }
      }
    if (!better) step *= 0.5;
  }
}

void descend(CalibratedProducts& p) {
  descend(p, {&p.launch_us, &p.flops_per_us, &p.bytes_per_us});
}

// One point a size, ascending.
std::vector<MeasuredMessage> by_size(std::vector<MeasuredMessage> points) {
  std::stable_sort(points.begin(), points.end(),
                   [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
  std::vector<MeasuredMessage> out;
  for (std::size_t i = 0; i < points.size();) {
    std::vector<double> times;
    std::size_t j = i;
    for (; j < points.size() && points[j].bytes == points[i].bytes; ++j)
      times.push_back(points[j].us);
    out.push_back({points[i].bytes, quantile_of(times, 0.5)});
    i = j;
  }
  return out;
}

} // namespace

Fit fit_products(const std::string& type, std::vector<MeasuredProduct> points, double flops_per_us,
                 double bytes_per_us) {
  Fit out;
  CalibratedProducts& p = out.products;
  p.type = type;
  p.launch_us = 3;
  p.flops_per_us = 0.7 * flops_per_us;
  p.bytes_per_us = 0.8 * bytes_per_us;
  p.points = std::move(points);
  descend(p);
  std::vector<double> residuals;
  for (const MeasuredProduct& point : p.points)
    residuals.push_back(std::log(point.us / p.law_us(point.m, point.n, point.k)));
  const double middle = quantile_of(residuals, 0.5);
  std::vector<double> distances;
  for (const double r : residuals)
    distances.push_back(std::abs(r - middle));
  const double limit = std::max(std::log(1.2), 3.5 * 1.4826 * quantile_of(distances, 0.5));
  std::vector<MeasuredProduct> kept;
  for (std::size_t i = 0; i < residuals.size(); ++i)
    if (distances[i] > limit)
      out.outliers.push_back({p.points[i], std::exp(residuals[i])});
    else
      kept.push_back(p.points[i]);
  if (!out.outliers.empty() && kept.size() >= 4) {
    p.points = std::move(kept);
    descend(p);
  } else {
    out.outliers.clear();
  }
  std::vector<double> errors;
  for (std::size_t i = 0; i < p.points.size(); ++i) {
    const MeasuredProduct& point = p.points[i];
    errors.push_back(
        std::abs(std::log(p.us(point.m, point.n, point.k, static_cast<int>(i)) / point.us)));
  }
  out.median_error = quantile_of(errors, 0.5);
  out.p90_error = quantile_of(errors, 0.9);
  p.error = std::max(0.03, out.p90_error); // repeats of one product differ by up to 3 %
  return out;
}

CurveFit fit_all_reduce(const std::string& by, int ranks, std::vector<MeasuredMessage> points) {
  CurveFit out;
  CalibratedAllReduce& c = out.curve;
  c.by = by;
  c.ranks = ranks;
  c.points = by_size(std::move(points));
  const MeasuredMessage last = c.points.back();
  c.latency_us = c.points.front().us;
  c.bytes_per_us = c.traffic(last.bytes) / last.us;
  descend(c, {&c.latency_us, &c.bytes_per_us});
  // The worst first: an outlier makes its neighbours look wrong too.
  while (c.points.size() > 3) {
    std::size_t worst = 0;
    double worst_factor = 1;
    for (std::size_t i = 1; i + 1 < c.points.size(); ++i) {
      const double us = c.points[i].us;
      if (c.points[i - 1].us / 1.05 <= us && us <= c.points[i + 1].us * 1.05) continue;
      const double factor = us / c.us(c.points[i].bytes, static_cast<int>(i));
      if (std::abs(std::log(factor)) <= std::abs(std::log(worst_factor))) continue;
      worst = i;
      worst_factor = factor;
    }
    if (std::abs(std::log(worst_factor)) < std::log(1.5)) break;
    out.outliers.push_back({c.points[worst], worst_factor});
    c.points.erase(c.points.begin() + static_cast<std::ptrdiff_t>(worst));
  }
  if (!out.outliers.empty()) descend(c, {&c.latency_us, &c.bytes_per_us});
  std::vector<double> errors;
  for (std::size_t i = 0; i < c.points.size(); ++i)
    errors.push_back(
        std::abs(std::log(c.us(c.points[i].bytes, static_cast<int>(i)) / c.points[i].us)));
  out.median_error = quantile_of(errors, 0.5);
  out.p90_error = quantile_of(errors, 0.9);
  c.error = std::max(0.03, out.p90_error);
  return out;
}

} // namespace dsk::calibrate
