#include "workload/lengths.hpp"

#include <algorithm>
#include <cmath>

#include "base/exact_math.hpp"

namespace dsk::workload {

Lengths Lengths::fixed(double tokens) {
  Lengths l;
  l.a_ = tokens;
  l.summarise();
  return l;
}

Lengths Lengths::uniform(double low, double high) {
  Lengths l;
  l.shape_ = Shape::uniform;
  l.a_ = std::ceil(low);
  l.b_ = std::max(l.a_, std::floor(high));
  l.summarise();
  return l;
}

Lengths Lengths::lognormal(double mean, double deviation, double low, double high) {
  Lengths l;
  l.shape_ = Shape::lognormal;
  const double variance = exact::log(1 + deviation * deviation / (mean * mean));
  l.b_ = std::sqrt(variance);
  l.a_ = exact::log(mean) - variance / 2;
  l.low_ = low;
  l.high_ = high;
  l.summarise();
  return l;
}

Lengths Lengths::quantiles(std::vector<LengthFacts::Quantile> points) {
  Lengths l;
  l.shape_ = Shape::quantiles;
  l.points_ = std::move(points);
  if (l.points_.front().probability > 0)
    l.points_.insert(l.points_.begin(), {0, std::min(1.0, l.points_.front().tokens)});
  l.summarise();
  return l;
}

Lengths Lengths::empirical(std::vector<double> values) {
  Lengths l;
  l.shape_ = Shape::empirical;
  std::sort(values.begin(), values.end());
  l.values_ = std::move(values);
  l.summarise();
  return l;
}

Lengths Lengths::of(const LengthFacts& facts) {
  switch (facts.shape) {
  case LengthFacts::Shape::fixed:
    return fixed(facts.mean_tokens);
  case LengthFacts::Shape::uniform:
    return uniform(facts.min_tokens, facts.max_tokens);
  case LengthFacts::Shape::lognormal:
    return lognormal(facts.mean_tokens, facts.std_tokens, std::max(1.0, facts.min_tokens),
                     facts.max_tokens);
  case LengthFacts::Shape::quantiles:
    return quantiles(facts.quantiles);
  }
  return fixed(facts.mean_tokens);
}

std::int32_t Lengths::at(double u) const noexcept {
  double tokens = a_;
  switch (shape_) {
  case Shape::fixed:
    break;
  case Shape::uniform:
    tokens = std::min(b_, a_ + std::floor(u * (b_ - a_ + 1)));
    break;
  case Shape::lognormal:
    tokens = std::max(lognormal_quantile(u, a_, b_), low_);
    if (high_ > 0) tokens = std::min(tokens, high_);
    break;
  case Shape::quantiles: {
    const auto right = std::find_if(points_.begin() + 1, points_.end() - 1,
                                    [&](const auto& p) { return p.probability >= u; });
    const auto left = right - 1;
    const double width = right->probability - left->probability;
    const double part = width > 0 ? std::min(1.0, (u - left->probability) / width) : 1;
    tokens = left->tokens + part * (right->tokens - left->tokens);
    break;
  }
  case Shape::empirical:
    tokens = values_[std::min(values_.size() - 1,
                              static_cast<std::size_t>(u * static_cast<double>(values_.size())))];
    break;
  }
  return static_cast<std::int32_t>(
      std::clamp(std::floor(tokens + 0.5), 1.0, static_cast<double>(max_tokens)));
}

void Lengths::summarise() {
  if (shape_ == Shape::fixed) {
    mean_ = largest_ = at(0.5);
    return;
  }
  constexpr int parts = 4096;
  double sum = 0;
  for (int i = 0; i < parts; ++i)
    sum += at((i + 0.5) / parts);
  mean_ = sum / parts;
  largest_ = at(1 - 1e-9);
}

} // namespace dsk::workload
