// A service: clients, a router, replicas (or prefill and decode instances with a transfer in
// between), colder KV tiers; and what came of a workload that was sent to it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/cancel.hpp"
#include "base/histogram.hpp"
#include "sim/kv_tiers.hpp"
#include "sim/replica.hpp"
#include "workload/workload.hpp"

namespace dsk::sim {

enum class Routing {
  round_robin,
  least_loaded,   // fewest requests in the system
  prefix_affinity // where most of the prefix is cached, unless that replica is far fuller
};

/// Instances of one kind.
struct Pool {
  const perf::StepModel* step = nullptr; // must outlive the simulation
  ReplicaSpec replica;
  int count = 1;
};

struct FleetSpec {
  Pool serve;                  // whole replicas, or the prefill instances when `decode` has some
  Pool decode{nullptr, {}, 0}; // count 0: not disaggregated
  Routing routing = Routing::round_robin;
  double transfer_bytes_per_s = 0; // KV out of one prefill instance
  double transfer_latency_s = 0;
  std::vector<TierSpec> tiers; // of each serving replica
};

struct RunOptions {
  bool series = false;    // keep what became of each request
  bool timeline = false;  // keep samples over time
  double until_s = 1e300; // stop at this simulated time
  std::int64_t skip = 0;  // first requests to leave out of the distributions (warm-up)
  std::int32_t max_request_tokens =
      0; // positions of the model; longer requests are refused. 0 = any
  // Bounds for goodput; 0 = none.
  double ttft_bound_s = 0;
  double tpot_bound_s = 0;
  double e2e_bound_s = 0;
};

struct Sample {
  double at_s = 0;
  std::int64_t waiting = 0;
  std::int64_t running = 0;
  double kv_share = 0; // of the pools in use
};

enum class Stop { finished, until, cancelled };

struct RunResult {
  Stop stop = Stop::finished;
  std::int64_t sent = 0;
  std::int64_t completed = 0;
  std::int64_t rejected = 0; // longer than the model or the pool allows
  std::int64_t good = 0;     // completed within every bound
  double end_s = 0;          // of the last answer
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  // Seconds.
  Histogram queue; // from reaching the server to being admitted
  Histogram ttft;
  Histogram tpot; // (e2e - ttft) / (tokens - 1); answers of one token have none
  Histogram itl;  // gaps between the tokens of a sequence
  Histogram e2e;
  std::vector<Done> series; // in order of completion
  std::vector<Sample> timeline;
  ReplicaTotals totals; // of all instances
  KvTiers::Totals tiers;
  double transferred_bytes = 0;
  std::int64_t pool_pages = 0;
};

/// Runs the workload to its end, to `until_s` or to the cancellation, whichever comes first.
RunResult simulate(const FleetSpec& fleet, const workload::Workload& workload,
                   const RunOptions& options, const Cancel& cancel);

} // namespace dsk::sim
