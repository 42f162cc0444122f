// Quantiles of a sample.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace dsk {

/// Quantile q of `sorted` (ascending, not empty) by linear interpolation between order statistics
/// (Hyndman and Fan's type 7, what NumPy and the engines' benchmark clients use).
inline double sorted_quantile(const std::vector<double>& sorted, double q) {
  const double rank = q * static_cast<double>(sorted.size() - 1);
  const auto left = static_cast<std::size_t>(rank);
  const std::size_t right = std::min(left + 1, sorted.size() - 1);
  return sorted[left] + (rank - static_cast<double>(left)) * (sorted[right] - sorted[left]);
}

} // namespace dsk
