// Piecewise linear functions on a grid of four knots an octave, found from the bits of the
// argument: no search, no logarithm, and exact for anything linear in between.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dsk::perf {

inline constexpr int knots_per_octave = 4;

/// Knot i lies at 2^(i / 4) with a linear octave: 1, 1.25, 1.5, 1.75, 2, 2.5, ...
inline double knot(std::size_t index) {
  const std::size_t octave = index / knots_per_octave;
  const double part = static_cast<double>(index % knots_per_octave) / knots_per_octave;
  return std::ldexp(1 + part, static_cast<int>(octave));
}

struct Position {
  std::size_t index = 0;
  double fraction = 0; // beyond 1 past the last knot: straight on
};

/// Cell of `x` on `knots` knots; below 1 it extends the first cell to the left.
inline Position locate(double x, std::size_t knots) {
  if (!(x >= 1)) {
    return {0, (x - 1) * knots_per_octave};
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const std::size_t octave = static_cast<std::size_t>(bits >> 52) - 1023;
  const std::size_t index = octave * knots_per_octave + ((bits >> 50) & 3);
  if (index + 1 < knots) {
    // The mantissa below its two leading bits is the place within the cell.
    const double place = static_cast<double>(bits & ((std::uint64_t{1} << 50) - 1));
    return {index, place * 0x1p-50};
  }
  const double left = knot(knots - 2);
  return {knots - 2, (x - left) / (knot(knots - 1) - left)};
}

template <std::size_t Columns> class Curve {
public:
  using Row = std::array<double, Columns>;

  Curve() = default;
  explicit Curve(std::size_t knots) : rows_(knots, Row{}) {}

  std::size_t size() const { return rows_.size(); }
  Row& operator[](std::size_t index) { return rows_[index]; }
  const Row& operator[](std::size_t index) const { return rows_[index]; }

  /// Adds the curve's value at `x` to `sum`.
  void add(double x, Row& sum) const noexcept {
    const Position at = locate(x, rows_.size());
    const Row& left = rows_[at.index];
    const Row& right = rows_[at.index + 1];
    for (std::size_t c = 0; c < Columns; ++c)
      sum[c] += left[c] + at.fraction * (right[c] - left[c]);
  }

private:
  std::vector<Row> rows_;
};

template <std::size_t Columns> class Surface {
public:
  using Row = std::array<double, Columns>;

  Surface() = default;
  Surface(std::size_t knots_x, std::size_t knots_y)
      : nx_(knots_x), ny_(knots_y), rows_(knots_x * knots_y, Row{}) {}

  bool empty() const { return rows_.empty(); }
  std::size_t knots_x() const { return nx_; }
  std::size_t knots_y() const { return ny_; }
  Row& at(std::size_t x, std::size_t y) { return rows_[x * ny_ + y]; }

  void add(double x, double y, Row& sum) const noexcept {
    const Position px = locate(x, nx_);
    const Position py = locate(y, ny_);
    const Row* row = &rows_[px.index * ny_ + py.index];
    const double w11 = px.fraction * py.fraction;
    const double w10 = px.fraction - w11;
    const double w01 = py.fraction - w11;
    const double w00 = 1 - px.fraction - w01;
    for (std::size_t c = 0; c < Columns; ++c)
      sum[c] += w00 * row[0][c] + w01 * row[1][c] + w10 * row[ny_][c] + w11 * row[ny_ + 1][c];
  }

private:
  std::size_t nx_ = 0;
  std::size_t ny_ = 0;
  std::vector<Row> rows_;
};

} // namespace dsk::perf
