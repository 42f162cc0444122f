// Laws of the search that hold whatever the step model says.
#include <doctest/doctest.h>

#include <cmath>

#include "base/error.hpp"
#include "plan/search.hpp"

using namespace dsk;
using namespace dsk::plan;

namespace {

const Catalog& catalog() {
  static const Catalog built_in;
  return built_in;
}

Engine test_engine() {
  Engine engine;
  engine.name = "generic";
  engine.version = "1";
  engine.kind = EngineKind::generic;
  return engine;
}

Request request_for(double params_b, std::vector<std::string> devices) {
  Request request;
  ModelSize size;
  size.params_b = params_b;
  request.model = model_from_size(size, "/model");
  for (const std::string& name : devices)
    request.devices.push_back(catalog().device(name, "/devices"));
  request.engines = {test_engine()};
  request.workload.input_tokens = 1000;
  request.workload.output_tokens = 200;
  request.workload.rate_per_s = 20;
  request.objective = Objective::gpus;
  request.slo.tpot_ms = 60;
  request.slo.ttft_ms = 3000;
  return request;
}

// An outcome points into its search.
struct Run {
  explicit Run(const Request& request)
      : search(request, catalog(), Cancel()), outcome(search.run(request.slo)) {}
  Search search;
  Outcome outcome;
};

} // namespace

TEST_CASE("the best plan keeps every bound and carries the load") {
  for (const double params : {1.0, 8.0, 70.0}) {
    Request request = request_for(params, {"h100-sxm", "l40s"});
    const Run run(request);
    const Outcome& outcome = run.outcome;
    REQUIRE(outcome.best);
    const Option& best = *outcome.best;
    CHECK(best.point.tpot_ms <= 60);
    CHECK(best.point.ttft_ms <= 3000);
    CHECK(best.point.requests_per_s * static_cast<double>(best.replicas) == doctest::Approx(20));
    CHECK(best.limit.requests_per_s >= best.point.requests_per_s * (1 - 1e-9));
    CHECK(best.limit.batch <= static_cast<double>(best.candidate->max_batch));
    CHECK(best.candidate->memory.fits);
  }
}

TEST_CASE("a weaker bound or a further device never needs more GPUs") {
  Request request = request_for(30, {"h100-sxm"});
  double before = 1e9;
  for (const double tpot : {12.0, 20.0, 40.0, 80.0, 200.0}) {
    request.slo.tpot_ms = tpot;
    const Run run(request);
    const Outcome& outcome = run.outcome;
    if (!outcome.best) continue;
    CHECK(static_cast<double>(outcome.best->gpus()) <= before);
    before = static_cast<double>(outcome.best->gpus());
  }
  CHECK(before < 1e9);
  Request wider = request_for(30, {"h100-sxm", "h200-sxm"});
  wider.slo.tpot_ms = 200;
  const Run wider_run(wider);
  CHECK(static_cast<double>(wider_run.outcome.best->gpus()) <= before);
}

TEST_CASE("no plan of the Pareto set is beaten in every respect") {
  const Request request = request_for(8, {"h100-sxm", "l40s", "a100-sxm-80gb"});
  const Run run(request);
  const Outcome& outcome = run.outcome;
  REQUIRE(outcome.pareto.size() >= 2);
  for (const Option& a : outcome.pareto)
    for (const Option& b : outcome.pareto)
      CHECK_FALSE((&a != &b && a.gpus() <= b.gpus() && a.point.ttft_ms <= b.point.ttft_ms &&
                   a.point.tpot_ms <= b.point.tpot_ms));
}

TEST_CASE("limits on GPUs are kept, and relaxing to what is needed is enough") {
  Request request = request_for(70, {"h100-sxm"});
  const Run free_run(request);
  const Outcome& free = free_run.outcome;
  REQUIRE(free.best);
  request.limits.max_gpus = free.best->gpus() - 1;
  const Run run(request);
  const Outcome& outcome = run.outcome;
  REQUIRE_FALSE(outcome.best);
  REQUIRE(outcome.nearest);
  CHECK_FALSE(outcome.violated.empty());
  REQUIRE_FALSE(outcome.relaxations.empty());
  for (const Relaxation& relaxation : outcome.relaxations) {
    Request relaxed = request;
    // The bound itself rounds in the last digit.
    const double enough = relaxation.needed * (1 + 1e-9);
    if (relaxation.bound == Bound::gpus) relaxed.limits.max_gpus = std::llround(relaxation.needed);
    if (relaxation.bound == Bound::ttft) relaxed.slo.ttft_ms = enough;
    if (relaxation.bound == Bound::tpot) relaxed.slo.tpot_ms = enough;
    CAPTURE(bound_name(relaxation.bound));
    CHECK(Run(relaxed).outcome.best);
    CHECK(relaxation.needed > relaxation.limit);
  }
}

TEST_CASE("the largest output length meets the end-to-end bound, and one token more does not") {
  Request request = request_for(100, {"h200-sxm"});
  request.slo = Slo{};
  request.slo.e2e_ms = 300;
  const Run run(request);
  const Outcome& outcome = run.outcome;
  REQUIRE_FALSE(outcome.best);
  REQUIRE(outcome.largest_output_tokens);
  const std::int64_t most = *outcome.largest_output_tokens;
  CHECK(most >= 1);
  CHECK(most < 200);
  // The same candidates, as the search kept them: KV room is counted for the longer request.
  request.workload.output_tokens = static_cast<double>(most);
  CHECK(Run(request).outcome.best);
}

TEST_CASE("a model that no replica holds is explained by memory") {
  Request request = request_for(400, {"l4"});
  request.limits.max_gpus = 4;
  const Search search(request, catalog(), Cancel());
  const Outcome outcome = search.run(request.slo);
  CHECK_FALSE(outcome.best);
  CHECK_FALSE(outcome.nearest);
  REQUIRE(outcome.violated.size() == 1);
  CHECK(outcome.violated[0] == Bound::memory);
  REQUIRE(search.closest_to_fit());
  CHECK(search.closest_to_fit()->parallel.devices() == 4);
  CHECK(search.too_large() == search.considered());
}

TEST_CASE("closed loop: Little's law ties clients, throughput and time in the system") {
  Request request = request_for(8, {"h100-sxm"});
  request.workload.rate_per_s.reset();
  request.workload.concurrency = 64;
  const Run run(request);
  const Outcome& outcome = run.outcome;
  REQUIRE(outcome.best);
  const Option& best = *outcome.best;
  const double in_flight =
      best.point.requests_per_s * best.point.e2e_ms / 1e3 * static_cast<double>(best.replicas);
  // The batch is whole, so the clients are met from above by at most one sequence a replica.
  CHECK(in_flight >= 64 * (1 - 1e-9));
  CHECK(in_flight <= 64 + 2.0 * static_cast<double>(best.replicas));
}

TEST_CASE("throughput and latency grow with the batch") {
  // Measured kernels wobble: a few run faster on two rows than on one.
  constexpr double wobble = 0.95;
  Request request = request_for(8, {"h100-sxm"});
  const Search search(request, catalog(), Cancel());
  REQUIRE_FALSE(search.candidates().empty());
  for (const Candidate& candidate : search.candidates()) {
    const Replica replica(*candidate.step, *candidate.model, *candidate.engine, *candidate.device,
                          request.workload, candidate.parallel.dp);
    Point before = replica.at_batch(1);
    for (std::int64_t batch = 2; batch <= candidate.max_batch; batch *= 2) {
      const Point point = replica.at_batch(batch);
      CHECK(point.requests_per_s >= before.requests_per_s);
      CHECK(point.tpot_ms >= before.tpot_ms * wobble);
      CHECK(point.ttft_ms >= before.ttft_ms * wobble);
      before = point;
    }
  }
}

TEST_CASE("a set token stops the search") {
  const auto state = std::make_shared<CancelState>();
  state->set = true;
  const Request request = request_for(8, {"h100-sxm"});
  CHECK_THROWS_AS(Search(request, catalog(), Cancel(state)), Error);
}
