// Time of one engine step of one replica. Prepared once for a deployment; then any number of
// threads may ask, with no allocation and no lock.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "perf/deployment.hpp"
#include "perf/ops_time.hpp"

namespace dsk::perf {

struct PrefillChunk {
  std::int64_t new_tokens = 0;
  std::int64_t context = 0; // tokens already in the cache before the chunk
};

/// Work of one step of the whole replica. With dp > 1 sequences are dealt out evenly and chunks to
/// the least loaded rank. With pp > 1 the step is one pass through all stages.
struct Batch {
  std::int64_t decode_sequences = 0; // each brings 1 + mtp_tokens tokens
  std::int64_t kv_sum = 0;           // sum of their KV lengths in tokens
  std::int64_t kv_max = 0;
  int chunks = 0;
  std::array<PrefillChunk, 4> prefill{};
};

enum class Resource : std::uint8_t { compute, memory, scale_up, scale_out, launch, host };
const char* resource_name(Resource resource);

struct StepTime {
  double total_us = 0;
  double low_us = 0; // 90 % interval
  double high_us = 0;
  // Where the time goes; the terms add up to total_us.
  double compute_us = 0;
  double memory_us = 0;
  double scale_up_us = 0;
  double scale_out_us = 0;
  double launch_us = 0;
  double host_us = 0;
  Resource binding = Resource::memory;

  double communication_share() const {
    return total_us > 0 ? (scale_up_us + scale_out_us) / total_us : 0;
  }
};

/// One operator of one step, summed over the layers that run it.
struct StepPart {
  std::string name; // "attention/q_a_proj+kv_a_proj", "experts/routed", "engine/layers", ...
  double runs = 0;  // kernels of this operator in the step
  double rows = 0;  // tokens, sequences or pairs that it works on
  double us = 0;
  double error_us = 0;   // half width of the 90 % interval
  double flops = 0;      // of one device
  double bytes = 0;      // of its memory
  double link_bytes = 0; // sent by it
  Resource resource = Resource::memory;
  bool calibrated = false; // rests on a measurement of the user's calibration
  Origin origin = Origin::roofline;
};

/// Counts that set every part of a step but attention; see StepModel::rows_us.
struct StepRows {
  double sequences = 0;              // that decode, in the whole replica
  double busiest_sequences = 0;      // of them on the fullest attention rank
  double prefill_tokens = 0;         // in the whole replica
  double busiest_prefill_tokens = 0; // of them on the fullest attention rank
  double prompts = 0;                // prefill chunks, each sampled once
};

/// Prepared operators that deployments share: the splits of one search repeat the same shapes. Not
/// for several threads at once, and for one catalogue: it tells devices apart by name.
class StepCache {
public:
  StepCache();
  ~StepCache();
  StepCache(StepCache&&) noexcept;
  StepCache& operator=(StepCache&&) noexcept;

  struct State;
  State& state() { return *state_; }

private:
  std::unique_ptr<State> state_;
};

class StepModel {
public:
  /// Throws UNSUPPORTED when the device lacks the formats, INVALID_REQUEST when the split does not
  /// divide the model. Copies what it needs.
  explicit StepModel(const Deployment& deployment);
  /// The same, with the prepared operators of `cache`, which grows: for many deployments in a row.
  StepModel(const Deployment& deployment, StepCache& cache);
  ~StepModel();
  StepModel(StepModel&&) noexcept;
  StepModel& operator=(StepModel&&) noexcept;

  /// Never allocates or locks; a batch without work takes no time. The batch must be valid.
  StepTime step(const Batch& batch) const noexcept;
  // The same total in three parts, for a simulator that keeps them in tables and has any number of
  // prompts in a step:  total_us = rows_us + decode_attention_us + chunk_attention_us summed over
  // the chunks of the slowest rank.
  double rows_us(const StepRows& rows) const noexcept;
  /// Part of rows_us: what a token of the replica loses in all its layers to expert kernels that
  /// are not tuned for their shape.
  double untuned_token_us() const noexcept;
  /// Of one rank's sequences; at fixed `sequences` piecewise linear in their mean KV length, with
  /// corners only at the knots of step_curve.hpp.
  double decode_attention_us(double sequences, double mean_length) const noexcept;
  double chunk_attention_us(const PrefillChunk& chunk) const noexcept;

  /// The same step operator by operator, in graph order. The parts add up to step()'s total within
  /// the interpolation of its curves (1 %).
  std::vector<StepPart> explain(const Batch& batch) const;

  /// Throws INVALID_REQUEST at `path` for counts that are negative or overflow, a KV sum that no
  /// lengths up to kv_max add up to, or more tokens in a sequence than the model has positions.
  /// Allocates only to throw.
  void check(const Batch& batch, const char* path) const;

private:
  struct State;
  std::unique_ptr<const State> state_;
};

} // namespace dsk::perf
