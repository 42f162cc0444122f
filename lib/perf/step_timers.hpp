// The timers of one deployment: every operator of its graph bound to the kernel that an engine runs
// for it, and what one run adds to a step, by resource and by class of error.
#pragma once

#include <array>

#include "perf/collectives.hpp"
#include "perf/ops_time.hpp"
#include "perf/step_curve.hpp"
#include "perf/step_overheads.hpp"

namespace dsk::perf {

// Columns of every curve: time by resource in the order of Resource, then half widths of the 90 %
// interval. Errors of one class add up, since one law or table stands behind them; classes are
// taken as independent.
enum Column : std::size_t {
  compute,
  memory,
  scale_up,
  scale_out,
  launch,
  host,
  error_products,
  error_experts,
  error_attention,
  error_links,
  error_engine,
  columns
};
using Row = std::array<double, columns>;

double total_us(const Row& row);
/// Column of the largest time.
std::size_t largest(const Row& row);
/// Half width of the interval over the total: classes in quadrature.
double relative_error(const Row& row);

void add_kernel(Row& row, double runs, const KernelTime& time, Column error);
void add_collective(Row& row, double runs, const CollectiveTime& time);

struct ProductTimer {
  MatrixOp op;
  KernelTimer timer;

  ProductTimer(const MatrixOp& op, const Rates& rates, const Engine& engine);
  Work work(double rows) const;
  KernelTime at(double rows) const { return timer.at(work(rows), rows, 0); }
};

struct ExpertsTimer {
  ExpertsOp op;

  ExpertsTimer(const ExpertsOp& op, const Rates& rates, const Engine& engine);
  /// Of the slowest rank, for tokens of the whole replica.
  Work work(double tokens) const;
  /// Of the fastest kernel that is known for the format.
  KernelTime at(double tokens) const;
  /// A table of the device holds the kernel, with its fixed time.
  bool measured() const;
  /// What a token loses to a kernel that is not tuned for this shape; part of at().
  double untuned_token_us() const { return token_us_; }

private:
  std::vector<KernelTimer> kernels_;
  double peak_ = 0;         // of a balanced placement
  double flops_factor_ = 1; // of old engines
  double token_us_ = 0;     // a token beyond what tuned kernels take
  double deviations_ = 0;   // of the expected maximum over the ranks
};

class AttentionTimer {
public:
  AttentionTimer(const AttentionOp& op, const Rates& rates, const Engine& engine);

  const AttentionOp& op() const { return op_; }
  /// The same kernels for another operator of the same shape: its name and counts.
  AttentionTimer with(const AttentionOp& op) const {
    AttentionTimer timer = *this;
    timer.op_ = op;
    return timer;
  }
  /// `sequences` caches of `length` tokens, `queries` new tokens each.
  Work decode_work(double sequences, double length, double queries) const;
  KernelTime add_decode(Row& row, double runs, double sequences, double length,
                        double queries) const;
  /// A chunk; no logarithm and no allocation, since a step asks for each chunk.
  Work prefill_work(double fresh, double context) const;
  void add_prefill(Row& row, double runs, double fresh, double context) const noexcept;
  KernelTimer::Factor prefill_factor(double length) const { return prefill_.factor(1, length); }

private:
  AttentionOp op_;
  KernelTimer decode_;
  KernelTimer prefill_;
  KernelTimer index_;
  double decode_factor_ = 1;
  Curve<2> prefill_factor_;  // residual factor and half width over the prompt's length
  Curve<columns> expansion_; // kv_b_proj over the tokens that it expands
};

struct ElementwiseTimer {
  ElementwiseOp op;
  KernelTimer timer;

  ElementwiseTimer(const ElementwiseOp& op, const Rates& rates);
  Work work(double rows) const { return {0, rows * op.bytes_per_row}; }
  KernelTime at(double rows) const { return timer.law(work(rows)); }
};

struct LinkTimer {
  CollectiveOp op;
  CollectiveTimer timer;
};

inline constexpr std::size_t token_knots = 20 * knots_per_octave; // to 1 M tokens, then straight on
inline constexpr std::size_t sequence_knots = 13 * knots_per_octave; // to 8 K sequences
inline constexpr std::size_t length_knots = 21 * knots_per_octave;   // to 2 M tokens

} // namespace dsk::perf
