// What a StepCache holds. Preparing a kernel (interpolating its tables for a shape) costs far more
// than asking it.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "perf/step.hpp"
#include "perf/step_timers.hpp"

namespace dsk::perf {

/// Grows as deployments are prepared. What it hands out does not outlive it, except the surfaces.
struct StepCache::State {
public:
  template <class Timer> struct Prepared {
    Timer timer;
    Curve<columns> once; // of one run, over the operator's rows
  };

  const Prepared<ProductTimer>& product(const MatrixOp& op, const Rates& rates,
                                        const Engine& engine);
  const Prepared<ExpertsTimer>& experts(const ExpertsOp& op, const Rates& rates,
                                        const Engine& engine);
  const AttentionTimer& attention(const AttentionOp& op, const Rates& rates, const Engine& engine);
  /// Decode attention of all layers of a step, over sequences and their length.
  std::shared_ptr<const Surface<columns>> decode(const std::vector<AttentionTimer>& timers,
                                                 double queries, const Rates& rates,
                                                 const Engine& engine);

private:
  template <class Value> using Map = std::unordered_map<std::string, std::unique_ptr<const Value>>;

  Map<Prepared<ProductTimer>> products_;
  Map<Prepared<ExpertsTimer>> experts_;
  Map<AttentionTimer> attention_;
  std::unordered_map<std::string, std::shared_ptr<const Surface<columns>>> decode_;
};

} // namespace dsk::perf
