#include "calibrate/fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/quantile.hpp"

namespace dsk::calibrate {
namespace {

constexpr double huber = 0.05; // beyond 5 % an error counts by its size, not by its square

double loss(const CalibratedProducts& p) {
  double sum = 0;
  for (const MeasuredProduct& point : p.points) {
    const double r = std::abs(std::log(point.us / p.law_us(point.m, point.n, point.k)));
    sum += r <= huber ? 0.5 * r * r : huber * (r - 0.5 * huber);
  }
  return sum;
}

// Pattern search over the logarithms of the three numbers: no derivatives, the same on every
// machine, and the loss has few valleys.
void descend(CalibratedProducts& p) {
  const std::array<double*, 3> numbers{&p.launch_us, &p.flops_per_us, &p.bytes_per_us};
  double best = loss(p);
  for (double step = 0.5; step > 1e-4;) {
    bool better = false;
    for (double* number : numbers)
      for (const double factor : {std::exp(step), std::exp(-step)}) {
        const double before = *number;
        *number = before * factor;
        if (const double now = loss(p); now < best) {
          best = now;
          better = true;
        } else {
          *number = before;
        }
      }
    if (!better) step *= 0.5;
  }
}

} // namespace

double quantile_of(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return sorted_quantile(values, q);
}

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

} // namespace dsk::calibrate
