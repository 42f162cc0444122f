// Mean-value analysis of one replica under steady load: from the time of a step to TTFT, TPOT, E2E
// and throughput. Means only: percentiles need the simulator.
//
// The closed form is the one that explains published closed-loop measurements as well as simulation
// for engines that mix prefill into decode steps (docs/design/serving-means.md gives the
// derivation):
//   TPOT = d(B) + (B - 1) / O * p(B)          d: decode step, p: what one prompt's prefill adds
//   X    = B / (O d(B) + B p(B))              requests per second
//   TTFT = own prefill + wait + d / 2 + k d + request overhead,  wait = p rho / (2 (1 - rho)), rho
//   = X p
#pragma once

#include "catalog/engine.hpp"
#include "perf/step.hpp"
#include "plan/request.hpp"
#include "sim/policy.hpp"

namespace dsk::plan {

/// The replica with `batch` sequences decoding at once.
struct Point {
  double batch = 0;
  double ttft_ms = 0;
  double tpot_ms = 0;
  double e2e_ms = 0;
  double requests_per_s = 0;
  double decode_step_ms = 0;
  double prefill_ms = 0;    // of one prompt, alone with the running decodes
  double prefill_share = 0; // of the replica's time
  double communication_share = 0;
  perf::Resource binding = perf::Resource::memory;
};

class Replica {
public:
  /// Keeps a pointer to `step`, which must outlive it.
  Replica(const perf::StepModel& step, const Model& model, const Engine& engine,
          const Device& device, const Workload& workload, int dp);

  /// With `batch` decoding. `offered_per_s` is the load that the queue sees when it is less than
  /// what the batch can serve.
  Point at_batch(std::int64_t batch, double offered_per_s = unbounded) const;

  static constexpr double unbounded = 1e300;

private:
  struct Prefill {
    double added_us = 0; // beyond the decode steps that would have run anyway
    double own_us = 0;   // from the start of the prompt's first step to the end of its last
  };
  Prefill prefill(std::int64_t batch, double decode_us) const;
  perf::Batch decode_batch(std::int64_t batch) const;

  const perf::StepModel* model_;
  Engine engine_;
  sim::PrefillHost host_;
  std::int64_t token_budget_;
  Workload workload_;
  int dp_;
};

} // namespace dsk::plan
