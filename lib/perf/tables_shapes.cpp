#include "perf/tables_shapes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "perf/tables_rules.hpp"

namespace dsk::perf {
namespace {

double matern32(double r) {
  const double s = std::sqrt(3.0) * r;
  return (1 + s) * std::exp(-s);
}

// Covariance of the residuals of two shapes. Found by leaving every measured shape out in turn and
// comparing the errors (docs/results/kernels.md). Products: a part for n alone (tiles and waves), a
// part for k alone (split-k), a part for both. Experts: one part over all sizes.
struct Covariance {
  bool experts = false;

  static constexpr double noise = 0.02;
  static constexpr double root3 = 1.7320508075688772;

  double operator()(const Sizes& x, const Sizes& y) const {
    if (experts) {
      double sum = 0;
      for (std::size_t i = 0; i < 5; ++i)
        sum += (x[i] - y[i]) * (x[i] - y[i]);
      return 1 + 0.09 * matern32(std::sqrt(sum) / 3);
    }
    const double dn = std::abs(x[0] - y[0]);
    const double dk = std::abs(x[1] - y[1]) / 3;
    // exp(-|x - y|) from exponentials that each point carries: thousands of pairs a deployment.
    const double en = std::min(x[2], y[2]) / std::max(x[2], y[2]);
    const double ek = std::min(x[3], y[3]) / std::max(x[3], y[3]);
    return 1 + 0.01 * matern32(std::sqrt(dn * dn + dk * dk)) + 0.04 * (1 + root3 * dn) * en +
           0.04 * (1 + root3 * dk) * ek +
           0.05 * ((x[0] - 12) * (y[0] - 12) + (x[1] - 12) * (y[1] - 12));
  }
};

Sizes features(KernelOp op, const Sizes& size) {
  const auto lg = [](double v) { return std::log2(std::max(v, 1e-3)); };
  if (op == KernelOp::gemm)
    return {lg(size[0]), lg(size[1]), std::exp(Covariance::root3 * lg(size[0])),
            std::exp(Covariance::root3 * lg(size[1]) / 3)};
  if (op == KernelOp::moe) // hidden;inter;topk;experts;tp;ep
    return {lg(size[1] / size[4]), lg(size[0]), 0.7 * lg(size[3] / size[5]), 0.7 * lg(size[5]),
            0.7 * lg(size[2])};
  return {lg(size[0]), lg(size[1]), lg(size[2])}; // deepep: hidden;topk;experts
}

constexpr double head_tile = 64; // rows of one tile of an MLA decode kernel

// Two head counts of one tile whose residuals differ by more an octave, in the mean, are served by
// different kernels.
constexpr double most_within_tile = 0.095;

Sizes sizes_of(std::span<const std::int32_t> shape) {
  Sizes sizes{};
  std::copy(shape.begin(), shape.end(), sizes.begin());
  return sizes;
}

// Lower triangle in place; `n` rows of a row-major matrix. The matrix is positive definite by its
// noise term.
void cholesky(std::vector<double>& m, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = m[i * n + j];
      for (std::size_t k = 0; k < j; ++k)
        sum -= m[i * n + k] * m[j * n + k];
      m[i * n + j] = i == j ? std::sqrt(std::max(sum, 1e-12)) : sum / m[j * n + j];
    }
}

std::vector<double> solve(const std::vector<double>& l, std::vector<double> x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k)
      x[i] -= l[i * n + k] * x[k];
    x[i] /= l[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k)
      x[i] -= l[k * n + i] * x[k];
    x[i] /= l[i * n + i];
  }
  return x;
}

} // namespace

ShapeBlend::ShapeBlend(const FactTable& table, const Sizes& size, Without without,
                       const LawAt& law_at)
    : table_(table) {
  for (const std::int32_t a : table.a)
    a_.push_back(std::log(static_cast<double>(a)));
  for (const std::int32_t b : table.b)
    b_.push_back(std::log(std::max(1.0, static_cast<double>(b))));
  Sizes largest{};
  for (std::size_t s = 0; s < table.shape_count(); ++s)
    for (std::size_t i = 0; i < table.sizes; ++i)
      largest[i] = std::max(largest[i], static_cast<double>(table.shape(s)[i]));
  std::vector<std::size_t> shapes;
  for (std::size_t s = 0; s < table.shape_count(); ++s) {
    const Sizes other = sizes_of(table.shape(s));
    if (other == size) {
      if (without.self) continue;
      exact_ = true;
      sources_.push_back(source(s, law_at));
      return;
    }
    bool beyond = false;
    for (std::size_t i = 0; i < table.sizes; ++i)
      beyond = beyond || (size[i] >= largest[i] && other[i] >= size[i]);
    if (!(without.beyond && beyond)) shapes.push_back(s);
  }
  if (shapes.empty()) return; // nothing but the shape itself: the bare law
  switch (table.op) {
  case KernelOp::gemm:
  case KernelOp::moe:
  case KernelOp::deepep_ll_dispatch:
  case KernelOp::deepep_ll_combine:
    krige(size, shapes, law_at);
    break;
  case KernelOp::generation_mla:
    if (!line_in_tile(size, shapes, law_at)) line(size, shapes, law_at);
    break;
  case KernelOp::custom_allreduce:
  case KernelOp::nccl_all_reduce:
  case KernelOp::nccl_all_gather:
  case KernelOp::nccl_reduce_scatter:
  case KernelOp::nccl_alltoall:
    line(size, shapes, law_at);
    break;
  case KernelOp::context_attention:
  case KernelOp::generation_attention:
  case KernelOp::context_mla:
    group(size, shapes, law_at);
    break;
  }
}

ShapeBlend::Source ShapeBlend::source(std::size_t shape, const LawAt& law_at) const {
  Source s;
  const std::size_t na = a_.size();
  const std::size_t nb = b_.size();
  s.grid.assign(na * nb, 0);
  s.present.assign(na * nb, false);
  const auto sizes = table_.shape(shape);
  for (std::size_t i = 0; i < na; ++i)
    for (std::size_t j = 0; j < nb; ++j) {
      const double ln_us = table_.ln_us(shape, i, j);
      if (std::isnan(ln_us)) continue;
      const Law law = law_at(sizes, table_.a[i], table_.b[j]);
      // Faster than the memory can be: not what the row says that it is.
      if (ln_us < law.ln_floor_us) continue;
      s.present[i * nb + j] = true;
      s.grid[i * nb + j] = static_cast<float>(ln_us - law.ln_us);
    }
  // Spikes, along the axis that has a series.
  const std::size_t step = nb > 1 ? 1 : nb;
  const std::vector<float> measured = s.grid;
  const std::vector<bool> was = s.present;
  for (std::size_t at = step; at + step < na * nb; ++at)
    if ((nb == 1 || (at % nb != 0 && at % nb != nb - 1)) && was[at - step] && was[at] &&
        was[at + step] && is_spike(measured[at - step], measured[at], measured[at + step])) {
      s.present[at] = false;
      s.grid[at] = (measured[at - step] + measured[at + step]) / 2;
    }
  // Holes (sizes that did not fit the device): along the second axis, then along the first.
  std::vector<bool> filled = s.present;
  for (std::size_t i = 0; i < na; ++i) {
    std::size_t last = nb;
    for (std::size_t j = 0; j < nb; ++j)
      if (s.present[i * nb + j]) {
        for (std::size_t h = last == nb ? 0 : last + 1; h < j; ++h) {
          const double f = last == nb ? 1 : (b_[h] - b_[last]) / (b_[j] - b_[last]);
          const double left = last == nb ? 0 : s.grid[i * nb + last];
          s.grid[i * nb + h] = static_cast<float>(left + f * (s.grid[i * nb + j] - left));
          filled[i * nb + h] = true;
        }
        last = j;
      }
    for (std::size_t h = last + 1; last < nb && h < nb; ++h) {
      s.grid[i * nb + h] = s.grid[i * nb + last];
      filled[i * nb + h] = true;
    }
  }
  for (std::size_t i = 0; i < na; ++i)
    if (!filled[i * nb]) {
      std::size_t near = i;
      for (std::size_t away = 1; away < na && near == i; ++away) {
        if (i >= away && filled[(i - away) * nb])
          near = i - away;
        else if (i + away < na && filled[(i + away) * nb])
          near = i + away;
      }
      std::copy_n(s.grid.begin() + static_cast<std::ptrdiff_t>(near * nb), nb,
                  s.grid.begin() + static_cast<std::ptrdiff_t>(i * nb));
    }
  return s;
}

void ShapeBlend::krige(const Sizes& size, const std::vector<std::size_t>& shapes,
                       const LawAt& law_at) {
  constexpr std::size_t most = 64;
  const Covariance covariance{table_.op != KernelOp::gemm};
  const Sizes target = features(table_.op, size);
  std::vector<std::pair<double, std::size_t>> near;
  std::vector<Sizes> points;
  for (const std::size_t s : shapes) {
    const Sizes point = features(table_.op, sizes_of(table_.shape(s)));
    near.emplace_back(-covariance(target, point), points.size());
    points.push_back(point);
  }
  const std::size_t n = std::min(most, near.size());
  std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(n), near.end());
  std::vector<double> matrix(n * n);
  std::vector<double> right(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Sizes& x = points[near[i].second];
    for (std::size_t j = 0; j <= i; ++j)
      matrix[i * n + j] = covariance(x, points[near[j].second]);
    matrix[i * n + i] += Covariance::noise * Covariance::noise;
    right[i] = -near[i].first;
  }
  cholesky(matrix, n);
  const std::vector<double> weights = solve(matrix, right, n);
  const double explained = std::inner_product(weights.begin(), weights.end(), right.begin(), 0.0);
  const double deviation = std::sqrt(std::max(0.0, covariance(target, target) - explained));
  // The table's width is that of a measured shape left out of its grid, whose prior deviation is
  // about 0.10 (products) and 0.12 (experts). Farther shapes widen faster than their prior
  // deviation, which knows the distance but not that kernels change beyond the measured range.
  scale_ =
      std::clamp(std::pow(deviation / (table_.op == KernelOp::gemm ? 0.10 : 0.12), 1.6), 0.5, 8.0);
  for (std::size_t i = 0; i < n; ++i) {
    sources_.push_back(source(shapes[near[i].second], law_at));
    sources_.back().weight = weights[i];
  }
}

void ShapeBlend::line(const Sizes& size, const std::vector<std::size_t>& shapes,
                      const LawAt& law_at) {
  // Shapes of one size, sorted in the table. Head counts beyond a tile of 64 act like more
  // sequences.
  const bool heads = table_.op == KernelOp::generation_mla;
  const auto tiles = [&](double v) { return heads ? std::ceil(v / head_tile) : 1.0; };
  const auto value = [&](std::size_t s) { return static_cast<double>(table_.shape(s)[0]); };
  std::size_t low = shapes.size(), high = shapes.size();
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (value(shapes[i]) < size[0])
      low = i;
    else if (high == shapes.size())
      high = i;
  }
  const auto add = [&](std::size_t at, double weight) {
    sources_.push_back(source(shapes[at], law_at));
    sources_.back().weight = weight;
    sources_.back().shift = std::log(tiles(size[0]) / tiles(value(shapes[at])));
  };
  if (low == shapes.size() || high == shapes.size()) {
    const std::size_t at = low == shapes.size() ? high : low;
    add(at, 1);
    scale_ = 1 + 0.3 * std::abs(std::log2(size[0] / value(shapes[at])));
    return;
  }
  const double x0 = std::log(value(shapes[low]));
  const double f = (std::log(size[0]) - x0) / (std::log(value(shapes[high])) - x0);
  add(low, 1 - f);
  add(high, f);
}

// Heads of one tile share the pass over the cache; each adds its queries and outputs. So the time
// is a straight line over the heads that share the shape's tile, through the two nearest of them.
bool ShapeBlend::line_in_tile(const Sizes& size, const std::vector<std::size_t>& shapes,
                              const LawAt& law_at) {
  const auto heads = [&](std::size_t s) { return static_cast<double>(table_.shape(s)[0]); };
  std::vector<std::size_t> mates;
  for (const std::size_t s : shapes)
    if (heads(s) <= head_tile) mates.push_back(s);
  if (size[0] > head_tile || mates.size() < 2) return false;
  std::sort(mates.begin(), mates.end(), [&](std::size_t l, std::size_t r) {
    return std::abs(heads(l) - size[0]) < std::abs(heads(r) - size[0]);
  });
  Source near = source(mates[0], law_at);
  Source far = source(mates[1], law_at);
  double apart = 0;
  for (std::size_t i = 0; i < near.grid.size(); ++i)
    apart += std::abs(near.grid[i] - far.grid[i]) / static_cast<double>(near.grid.size());
  if (apart > most_within_tile * std::abs(std::log2(heads(mates[0]) / heads(mates[1]))))
    return false;
  far.weight = (size[0] - heads(mates[0])) / (heads(mates[1]) - heads(mates[0]));
  near.weight = 1 - far.weight;
  sources_ = {std::move(near), std::move(far)};
  return true;
}

void ShapeBlend::group(const Sizes& size, const std::vector<std::size_t>& shapes,
                       const LawAt& law_at) {
  by_distance_ = true;
  const bool latent = table_.op == KernelOp::context_mla;
  double nearest = 1e9;
  for (const std::size_t s : shapes) {
    const Sizes other = sizes_of(table_.shape(s));
    Source own = source(s, law_at);
    own.shift = std::log(latent ? size[0] / other[0] : size[1] / other[1]);
    own.distance = std::abs(latent ? std::log2(size[0] / other[0])
                                   : std::log2(size[0] / size[1] * other[1] / other[0]));
    if (!latent) own.distance += std::abs(std::log2(size[2] / other[2]));
    nearest = std::min(nearest, own.distance);
    sources_.push_back(std::move(own));
  }
  scale_ = 1 + 0.5 * nearest;
}

ShapeBlend::Place ShapeBlend::place(const std::vector<double>& axis, double x) {
  Place p;
  p.outside = std::max({0.0, axis.front() - x, x - axis.back()}) / std::log(2.0);
  if (axis.size() == 1) {
    p.outside = 0;
    return p;
  }
  const double inside = std::clamp(x, axis.front(), axis.back());
  const auto above = std::upper_bound(axis.begin() + 1, axis.end() - 1, inside);
  p.index = static_cast<std::size_t>(above - axis.begin()) - 1;
  p.fraction = (inside - axis[p.index]) / (axis[p.index + 1] - axis[p.index]);
  return p;
}

double ShapeBlend::read(const Source& s, const Place& a, const Place& b) const {
  const std::size_t nb = b_.size();
  const std::size_t at = a.index * nb + b.index;
  const std::size_t da = a_.size() > 1 ? nb : 0;
  const std::size_t db = nb > 1 ? 1 : 0;
  const double low = (1 - b.fraction) * s.grid[at] + b.fraction * s.grid[at + db];
  const double high = (1 - b.fraction) * s.grid[at + da] + b.fraction * s.grid[at + da + db];
  return (1 - a.fraction) * low + a.fraction * high;
}

ShapeBlend::Value ShapeBlend::at(double a, double b) const {
  Value value;
  value.scale = scale_;
  if (sources_.empty()) return value;
  const double la = std::log(a);
  const Place pb = place(b_, std::log(std::max(1.0, b)));
  double weights = 0;
  for (const Source& s : sources_) {
    const Place pa = place(a_, la + s.shift);
    const double weight = by_distance_ ? std::exp(-6 * (s.distance + pa.outside)) : s.weight;
    value.residual += weight * read(s, pa, pb);
    weights += weight;
  }
  if (by_distance_) value.residual /= weights;
  if (exact_) {
    const Place pa = place(a_, la);
    const std::size_t i = pa.index + (pa.fraction > 0.5 ? 1 : 0);
    const std::size_t j = pb.index + (pb.fraction > 0.5 ? 1 : 0);
    value.measured = sources_[0].present[i * b_.size() + j];
  }
  return value;
}

} // namespace dsk::perf
