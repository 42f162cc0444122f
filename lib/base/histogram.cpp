#include "base/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace dsk {
namespace {

constexpr int bits_per_octave = 7;          // 128 buckets an octave
constexpr std::uint64_t lowest = 1023 - 30; // 2^-30, about 1e-9
constexpr std::size_t octaves = 60;
constexpr std::size_t bucket_count = (octaves << bits_per_octave) + 1; // the first one is for less

} // namespace

std::size_t Histogram::bucket_of(double value) noexcept {
  if (!(value >= 0x1p-30)) return 0;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t place =
      (bits >> (52 - bits_per_octave)) - (lowest << bits_per_octave); // exponent and 7 bits
  return std::min<std::size_t>(static_cast<std::size_t>(place) + 1, bucket_count - 1);
}

double Histogram::middle_of(std::size_t bucket) noexcept {
  if (bucket == 0) return 0;
  const std::size_t place = bucket - 1;
  const double part =
      (static_cast<double>(place & ((1u << bits_per_octave) - 1)) + 0.5) / (1 << bits_per_octave);
  return std::ldexp(1 + part, static_cast<int>(place >> bits_per_octave) - 30);
}

void Histogram::add(double value, std::uint64_t count) noexcept {
  if (count == 0) return;
  if (buckets_.empty()) buckets_.resize(bucket_count);
  buckets_[bucket_of(value)] += count;
  count_ += count;
  sum_ += value * static_cast<double>(count);
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
}

void Histogram::add_ramp(double first, double last, std::uint64_t count) noexcept {
  const std::size_t a = bucket_of(std::min(first, last));
  const std::size_t b = bucket_of(std::max(first, last));
  if (a == b || count < 2) {
    add((first + last) / 2, count);
    return;
  }
  const std::uint64_t parts = std::min<std::uint64_t>(b - a + 1, count);
  std::uint64_t given = 0;
  for (std::uint64_t i = 0; i < parts; ++i) {
    const std::uint64_t upto = count * (i + 1) / parts;
    const double at = (static_cast<double>(i) + 0.5) / static_cast<double>(parts);
    add(first + (last - first) * at, upto - given);
    given = upto;
  }
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  if (buckets_.empty()) buckets_.resize(bucket_count);
  for (std::size_t i = 0; i < bucket_count; ++i)
    buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

double Histogram::quantile(double q) const noexcept {
  if (count_ == 0) return 0;
  const double rank = q * static_cast<double>(count_ - 1);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    below += buckets_[i];
    if (static_cast<double>(below) > rank) return std::clamp(middle_of(i), min_, max_);
  }
  return max_;
}

double sorted_quantile(const std::vector<double>& sorted, double q) {
  const double rank = q * static_cast<double>(sorted.size() - 1);
  const auto left = static_cast<std::size_t>(rank);
  const std::size_t right = std::min(left + 1, sorted.size() - 1);
  return sorted[left] + (rank - static_cast<double>(left)) * (sorted[right] - sorted[left]);
}

} // namespace dsk
