// What a StepModel prepares: timers, their sums as curves, and the engine's overheads.
#pragma once

#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "perf/step.hpp"
#include "perf/step_cache.hpp"
#include "perf/step_timers.hpp"

namespace dsk::perf {

/// One rank's share of a batch: what the slowest attention rank does.
struct RankBatch {
  double sequences = 0;
  double length = 0; // mean KV length of its sequences
  double tokens = 0; // decode and prefill
  double replica_tokens = 0;
  double decode_tokens = 0;
  double sampled = 0;
  std::array<std::size_t, 4> chunk_rank{}; // rank of each chunk
};

struct StepModel::State {
  Parallel parallel;
  double queries = 1; // tokens a decoding sequence brings
  std::int64_t max_positions = 0;
  LayerCounts layers;
  EngineOverheads overheads;
  double runs_error = INFINITY; // half width of a whole step, from runs of the engine on the device

  std::vector<ProductTimer> products;
  std::vector<ExpertsTimer> experts;
  std::vector<AttentionTimer> attention;
  std::vector<ElementwiseTimer> elementwise;
  std::vector<LinkTimer> links;

  std::array<Curve<columns>, rows_count> curves;
  std::shared_ptr<const Surface<columns>> decode; // shared by deployments with the same attention

  State(const Deployment& d, StepCache::State& cache);
  RankBatch rank_of(const Batch& batch) const noexcept;
  double rows_of(const RankBatch& rank, Rows rows) const noexcept;
  void add_engine(Row& row, const RankBatch& rank) const noexcept;
  /// Adds the chunks of the rank whose chunks take longest, and returns that rank.
  std::size_t add_chunks(Row& row, const Batch& batch, const RankBatch& rank) const noexcept;
};

} // namespace dsk::perf
