#include "base/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "base/reader.hpp"

namespace dsk {
namespace {

struct Place {
  int octave;
  std::size_t bin;
};

// value = fraction * 2^octave with fraction in [1/2, 1), which the bins cut evenly.
// Read from the bits of the number, which is positive and normal.
Place place_of(double value) {
  static_assert(Histogram::bins_per_octave == 1 << 9);
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return {static_cast<int>(bits >> 52) - 1022, static_cast<std::size_t>(bits >> 43 & 0x1ff)};
}

double middle_of(int octave, std::size_t bin) {
  const double fraction =
      0.5 + (static_cast<double>(bin) + 0.5) / (2.0 * Histogram::bins_per_octave);
  return std::ldexp(fraction, octave);
}

} // namespace

void Histogram::swap(Histogram& other) noexcept {
  octaves_.swap(other.octaves_);
  std::swap(recent_, other.recent_);
  std::swap(recent_octave_, other.recent_octave_);
  std::swap(count_, other.count_);
  std::swap(zeros_, other.zeros_);
  std::swap(refused_, other.refused_);
  std::swap(min_, other.min_);
  std::swap(max_, other.max_);
  std::swap(mean_, other.mean_);
  std::swap(m2_, other.m2_);
}

Histogram& Histogram::operator=(Histogram other) noexcept {
  swap(other);
  return *this;
}

void Histogram::add(double value, std::uint64_t count) {
  if (count == 0) return;
  if (!std::isfinite(value)) {
    refused_ += count;
    return;
  }
  value = std::max(value, 0.0);
  if (value < 1e-300) {
    zeros_ += count;
    value = 0;
  } else {
    const Place place = place_of(value);
    if (!recent_ || recent_octave_ != place.octave) {
      std::unique_ptr<Octave>& octave = octaves_[place.octave];
      if (!octave) octave = std::make_unique<Octave>();
      recent_ = octave.get();
      recent_octave_ = place.octave;
    }
    (*recent_)[place.bin] += count;
  }
  min_ = count_ ? std::min(min_, value) : value;
  max_ = count_ ? std::max(max_, value) : value;
  const double before = static_cast<double>(count_);
  const double added = static_cast<double>(count);
  const double delta = value - mean_;
  const double share = added / (before + added);
  count_ += count;
  mean_ += delta * share;
  m2_ += delta * delta * before * share;
}

void Histogram::add_ramp(double first, double last, std::uint64_t count) {
  // One value a bin that the ramp crosses; a bin is at least 1/1024 of what is in it.
  const double low = std::min(first, last);
  const double span = std::abs(last - first);
  if (span * 1024 < low || count < 2) {
    add((first + last) / 2, count);
    return;
  }
  const std::uint64_t parts = std::clamp<std::uint64_t>(
      static_cast<std::uint64_t>(std::min(span / std::max(low, 1e-300), 64.0) * 1024), 1, count);
  std::uint64_t given = 0;
  for (std::uint64_t i = 0; i < parts; ++i) {
    const std::uint64_t upto = count * (i + 1) / parts;
    const double at = (static_cast<double>(i) + 0.5) / static_cast<double>(parts);
    add(first + (last - first) * at, upto - given);
    given = upto;
  }
}

void Histogram::merge(const Histogram& other) {
  refused_ += other.refused_;
  if (other.count_ == 0) return;
  for (const auto& [exponent, theirs] : other.octaves_) {
    std::unique_ptr<Octave>& octave = octaves_[exponent];
    if (!octave) octave = std::make_unique<Octave>();
    for (std::size_t i = 0; i < theirs->size(); ++i)
      (*octave)[i] += (*theirs)[i];
  }
  min_ = count_ ? std::min(min_, other.min_) : other.min_;
  max_ = count_ ? std::max(max_, other.max_) : other.max_;
  const double mine = static_cast<double>(count_);
  const double theirs = static_cast<double>(other.count_);
  const double delta = other.mean_ - mean_;
  mean_ += delta * theirs / (mine + theirs);
  m2_ += other.m2_ + delta * delta * mine * theirs / (mine + theirs);
  count_ += other.count_;
  zeros_ += other.zeros_;
}

double Histogram::deviation() const noexcept {
  return count_ ? std::sqrt(m2_ / static_cast<double>(count_)) : 0;
}

double Histogram::order_statistic(std::uint64_t rank) const {
  if (rank == 0) return min();
  if (rank + 1 >= count_) return max();
  std::uint64_t seen = zeros_;
  if (rank < seen) return 0;
  for (const auto& [exponent, octave] : octaves_)
    for (std::size_t bin = 0; bin < octave->size(); ++bin) {
      seen += (*octave)[bin];
      if (rank < seen) return std::clamp(middle_of(exponent, bin), min_, max_);
    }
  return max();
}

double Histogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const double at = std::clamp(q, 0.0, 1.0) * static_cast<double>(count_ - 1);
  const auto below = static_cast<std::uint64_t>(at);
  const double share = at - static_cast<double>(below);
  const double low = order_statistic(below);
  if (share <= 0) return low;
  return low + share * (order_statistic(below + 1) - low);
}

std::uint64_t Histogram::count_up_to(double limit) const {
  if (count_ == 0 || limit < 0) return 0;
  if (limit >= max_) return count_;
  std::uint64_t seen = zeros_;
  if (limit < 1e-300) return seen;
  const Place last = place_of(limit);
  for (const auto& [exponent, octave] : octaves_) {
    if (exponent > last.octave) break;
    const std::size_t end = exponent < last.octave ? octave->size() : last.bin + 1;
    for (std::size_t bin = 0; bin < end; ++bin)
      seen += (*octave)[bin];
  }
  return seen;
}

Json Histogram::to_json() const {
  Json bins = Json::array();
  for (const auto& [exponent, octave] : octaves_)
    for (std::size_t bin = 0; bin < octave->size(); ++bin)
      if ((*octave)[bin])
        bins.push_back(
            Json::array({exponent * bins_per_octave + static_cast<int>(bin), (*octave)[bin]}));
  Json out;
  out["count"] = count_;
  out["mean"] = mean();
  out["m2"] = m2_;
  out["min"] = min();
  out["max"] = max();
  out["zeros"] = zeros_;
  out["refused"] = refused_;
  out["bins"] = std::move(bins);
  return out;
}

Histogram Histogram::from_json(const Json& document, const std::string& path) {
  constexpr std::int64_t most = std::int64_t{1} << 53;
  constexpr std::int64_t index_limit = 1100 * bins_per_octave;
  Reader reader(document, path);
  Histogram out;
  const std::int64_t count = reader.integer("count", 0, most);
  out.mean_ = reader.number("mean", 0, 1e300);
  out.m2_ = reader.number("m2", 0, 1e300);
  out.min_ = reader.number("min", 0, 1e300);
  out.max_ = reader.number("max", out.min_, 1e300);
  out.zeros_ = static_cast<std::uint64_t>(reader.integer("zeros", 0, count));
  out.refused_ = static_cast<std::uint64_t>(reader.integer("refused", 0, most, 0));
  std::int64_t total = static_cast<std::int64_t>(out.zeros_);
  const auto bins = reader.array("bins", static_cast<std::size_t>(2 * index_limit));
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const std::string at = json::pointer(reader.path_of("bins"), i);
    if (!bins[i]->is_array() || bins[i]->size() != 2)
      invalid_request(at, "a bin is " + json::preview(*bins[i]) + ", must be [index, count]");
    const std::int64_t index =
        integer_of((*bins[i])[0], json::pointer(at, std::size_t{0}), -index_limit, index_limit);
    const std::int64_t in_bin =
        integer_of((*bins[i])[1], json::pointer(at, std::size_t{1}), 1, most);
    const std::int64_t exponent =
        (index - (index < 0 ? bins_per_octave - 1 : 0)) / bins_per_octave; // towards minus infinity
    std::unique_ptr<Octave>& octave = out.octaves_[static_cast<int>(exponent)];
    if (!octave) octave = std::make_unique<Octave>();
    (*octave)[static_cast<std::size_t>(index - exponent * bins_per_octave)] +=
        static_cast<std::uint64_t>(in_bin);
    total += in_bin;
    if (total > most) reader.fail("bins", "must hold 2^53 values at most");
  }
  if (total != count)
    reader.fail("count",
                "must be the sum of the bins and the zeros (" + std::to_string(total) + ")");
  reader.done();
  out.count_ = static_cast<std::uint64_t>(count);
  return out;
}

} // namespace dsk
