// Exhaustive search of the declared space: every device, engine, split and format, each at the
// largest batch that keeps every bound; then replicas, money, the Pareto set, and, when nothing
// fits, what binds and what would do.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "perf/memory.hpp"
#include "plan/request.hpp"
#include "plan/serving.hpp"

namespace dsk::plan {

/// One way to build a replica that divides the model and fits in memory.
struct Candidate {
  const Model* model = nullptr; // owned by the search
  std::string weights;          // as requested: "checkpoint" or a format
  const Device* device = nullptr;
  const Engine* engine = nullptr;
  perf::Parallel parallel;
  Element kv = Element::bf16;
  perf::MemoryOptions memory_options;
  perf::MemoryReport memory;
  std::int64_t max_batch = 0; // sequences at once, by slots and KV pool
  Catalog::Price price;       // of one device-hour; 0 when there is none
  std::shared_ptr<const perf::StepModel> step;
};

/// A candidate with replicas, at the point where it serves the offered load.
struct Option {
  const Candidate* candidate = nullptr;
  std::int64_t replicas = 0;
  Point point; // of one replica at the offered load
  Point limit; // of one replica at the largest load that keeps every latency bound
  double usd_per_hour = 0;
  std::int64_t gpus() const { return replicas * candidate->parallel.devices(); }
};

enum class Bound { memory, ttft, tpot, e2e, gpus, budget };
const char* bound_name(Bound bound);

/// What giving up one bound would need.
struct Relaxation {
  Bound bound = Bound::memory;
  double limit = 0;  // as requested
  double needed = 0; // the least value that makes the request feasible; the others stay
  Option option;
};

struct Outcome {
  std::optional<Option> best; // feasible
  std::vector<Option>
      pareto; // best first; no two where one is at least as good in all of cost, TTFT, TPOT
  std::vector<Option>
      by_device; // the best for each device that has one, in the order of the request
  // Only when infeasible:
  std::optional<Option> nearest; // least relative violation
  std::vector<Bound> violated;   // by the nearest, worst first
  std::vector<Relaxation> relaxations;
  std::optional<std::int64_t>
      largest_output_tokens; // that meets every bound, when an E2E bound is set
};

class Search {
public:
  /// Builds every candidate. Keeps references to `request` and `catalog`.
  Search(const Request& request, const Catalog& catalog, const Cancel& cancel);

  Outcome run(const Slo& slo) const;

  const std::vector<Candidate>& candidates() const { return candidates_; }
  /// Splits and formats looked at, and how many of them did not fit in memory.
  std::int64_t considered() const { return considered_; }
  std::int64_t too_large() const { return too_large_; }
  /// The smallest device count of one replica that would hold the model; for a request where
  /// nothing fits.
  const std::optional<Candidate>& closest_to_fit() const { return closest_to_fit_; }

private:
  struct Goal; // bounds in force

  /// The model in one weight format.
  struct Variant {
    std::string weights;
    Model model;
    perf::ModelWeights matrices;
  };

  void add_candidates(const Variant& variant, const Device& device, const Engine& engine,
                      Element kv, perf::StepCache& cache);
  std::optional<Option> solve(const Candidate& candidate, const Goal& goal,
                              const Workload& workload) const;
  std::vector<Option> solve_all(const Goal& goal, const Workload& workload) const;
  void explain(const Goal& goal, Outcome& outcome) const;
  bool better(const Option& a, const Option& b) const;

  const Request* request_;
  const Catalog* catalog_;
  Cancel cancel_;
  std::vector<std::unique_ptr<const Variant>> variants_;
  std::vector<Candidate> candidates_;
  std::int64_t considered_ = 0;
  std::int64_t too_large_ = 0;
  std::optional<Candidate> closest_to_fit_;
};

} // namespace dsk::plan
