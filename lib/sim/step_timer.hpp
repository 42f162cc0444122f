// The step model in tables: what the simulator asks millions of times a second. Fills itself on
// demand, so one belongs to one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "perf/step.hpp"
#include "sim/policy.hpp"

namespace dsk::sim {

/// A prefill step's work, of which `busiest_*` is the fullest attention rank's.
struct PrefillWork {
  std::int64_t tokens = 0;
  std::int64_t busiest_tokens = 0;
  int prompts = 0;
  double attention_us = 0; // of the busiest rank
};

class StepTimer {
public:
  /// Keeps a reference to `model`. `skew` below is a length in tokens.
  StepTimer(const perf::StepModel& model, const Policy& policy, int dp);

  /// A step of `sequences` decoding at `mean_length`, the fullest rank's mean being `skew` longer.
  double decode_us(std::int64_t sequences, double mean_length, double skew) const;
  /// Time of `steps` such steps, each longer than the one before by `growth` tokens a sequence.
  double run_us(std::int64_t sequences, double mean_length, double skew, double growth,
                std::int64_t steps) const;
  /// The least number of steps, at most `steps`, that take `us` or more together.
  std::int64_t steps_within(std::int64_t sequences, double mean_length, double skew, double growth,
                            std::int64_t steps, double us) const;

  /// A step with prefill; the sequences that decode in it may be none.
  double prefill_us(std::int64_t sequences, double mean_length, double skew,
                    const PrefillWork& work) const;
  /// What a chunk adds to the attention of its step; all chunks of a step share the launches.
  double chunk_attention_us(std::int64_t new_tokens, std::int64_t context) const;

private:
  // Time of a decode step as a line in the length, within one cell.
  struct Line {
    double value = 0; // at the length asked for
    double slope = 0;
    double until = 0; // length at which the line ends
  };
  struct Cached {
    std::uint64_t key = ~std::uint64_t{0};
    double value = 0;
  };
  Line line(std::int64_t sequences, double length) const;
  double decode_rows_us(std::int64_t sequences) const;
  double tile_us(double length) const;
  double attention_at_knot(std::int64_t busiest, std::size_t index) const;
  std::int64_t busiest(std::int64_t sequences) const {
    return dp_ == 1 ? sequences : (sequences + dp_ - 1) / dp_;
  }

  const perf::StepModel* model_;
  Policy policy_;
  std::int64_t dp_;
  const double* knots_;
  bool has_floor_;
  double chunk_launch_us_ = 0;
  mutable std::vector<double> decode_rows_;     // by sequences; negative: not known yet
  mutable std::vector<double> attention_;       // by busiest sequences and knot
  mutable std::vector<Cached> rows_cache_;      // direct mapped
  mutable std::vector<Cached> attention_cache_; // likewise
};

} // namespace dsk::sim
