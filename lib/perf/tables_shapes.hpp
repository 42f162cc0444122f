// Between the shapes of one table: residuals of a kernel whose sizes were not measured from those
// of its neighbours. Three ways, by what the kernel's time depends on:
//   products and experts   kriging over the logarithms of the sizes
//   prefill, GQA decode    shapes with the same group size at the same number of KV heads in flight
//   MLA decode, collectives  straight lines between neighbouring head or rank counts; MLA heads
//   that
//                            share a tile of 64 add to the time in proportion to their number
#pragma once

#include <functional>
#include <vector>

#include "perf/tables.hpp"

namespace dsk::perf {

class ShapeBlend {
public:
  /// ln of the law's time and of the speed of light, in us, for a row with these sizes at (a, b).
  struct Law {
    double ln_us = 0;
    double ln_floor_us = 0;
  };
  using LawAt = std::function<Law(std::span<const std::int32_t> sizes, double a, double b)>;

  /// What a hold-out test leaves out: the rows of `size` itself, and of every GEMM shape that is as
  /// large in a dimension where `size` is the largest (so that it lies outside what is left).
  struct Without {
    bool self = false;
    bool beyond = false;
  };
  ShapeBlend(const FactTable& table, const Sizes& size, Without without, const LawAt& law_at);

  struct Value {
    double residual = 0; // ln(measured / law)
    double scale = 1;    // of the 90 % interval, over that of a shape left out of the table
    bool measured = false;
  };
  Value at(double a, double b) const;
  /// The very shape was measured.
  bool exact() const { return exact_; }
  /// No other shape is left: the bare law.
  bool empty() const { return sources_.empty(); }

private:
  struct Source {
    std::vector<float> grid; // residuals over the table's axes, holes held from neighbours
    std::vector<bool> present;
    double weight = 1;   // kriging and lines
    double shift = 0;    // ln of what the row axis is multiplied by for this shape
    double distance = 0; // octaves of group size
  };
  struct Place {
    std::size_t index = 0;
    double fraction = 0;
    double outside = 0; // octaves
  };
  static Place place(const std::vector<double>& axis, double x);
  Source source(std::size_t shape, const LawAt& law_at) const;
  double read(const Source& source, const Place& a, const Place& b) const;
  void krige(const Sizes& size, const std::vector<std::size_t>& shapes, const LawAt& law_at);
  void line(const Sizes& size, const std::vector<std::size_t>& shapes, const LawAt& law_at);
  bool line_in_tile(const Sizes& size, const std::vector<std::size_t>& shapes, const LawAt& law_at);
  void group(const Sizes& size, const std::vector<std::size_t>& shapes, const LawAt& law_at);

  const FactTable& table_;
  std::vector<double> a_; // ln
  std::vector<double> b_;
  std::vector<Source> sources_;
  bool exact_ = false;
  bool by_distance_ = false; // weights follow from distances at each point
  double scale_ = 1;
};

} // namespace dsk::perf
