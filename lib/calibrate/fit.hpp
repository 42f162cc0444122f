// Robust fit of the law of products to measured times.
#pragma once

#include "catalog/calibration.hpp"

namespace dsk::calibrate {

struct Outlier {
  MeasuredProduct point;
  double factor = 1; // measured over law
};

struct Fit {
  CalibratedProducts products; // without the outliers
  std::vector<Outlier> outliers;
  double median_error = 0; // |ln(predicted / measured)| of points that the prediction did not see
  double p90_error = 0;
};

/// Fits launch, compute and memory rate by least sums of Huber's loss of the logarithms, beginning
/// at the rates given; names what lies beyond 3.5 robust deviations and 20 % and fits again
/// without.
Fit fit_products(const std::string& type, std::vector<MeasuredProduct> points, double flops_per_us,
                 double bytes_per_us);

struct MessageOutlier {
  MeasuredMessage point;
  double factor = 1; // measured over what its neighbours say
};

struct CurveFit {
  CalibratedAllReduce curve; // without the outliers
  std::vector<MessageOutlier> outliers;
  double median_error = 0; // as Fit
  double p90_error = 0;
};

/// Fits latency and rate as fit_products() does; repeated sizes become their median. A point that
/// lies outside of its neighbours' times and 50 % and more from the curve without it is an outlier:
/// protocols switch by size, so a step between the two is no fault.
CurveFit fit_all_reduce(const std::string& by, int ranks, std::vector<MeasuredMessage> points);

/// An error of logarithms as answers show it: in percent, to three digits.
Json percent(double log_error);

/// Quantile of a list; 0 of an empty one.
double quantile_of(std::vector<double> values, double q);

} // namespace dsk::calibrate
