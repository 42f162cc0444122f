#include "sim/fleet.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "sim/world.hpp"

using namespace dsk;
using namespace dsk::sim;

namespace {

Pool pool(int count) {
  const auto& setup = world::llama8b();
  Pool p;
  p.step = setup.step.get();
  p.replica.policy = default_policy(setup.engine, setup.device, setup.model);
  p.replica.kv_pool_pages = 20000;
  p.replica.kv_bytes_per_token = 131072;
  p.count = count;
  return p;
}

workload::WorkloadSpec load(double rate, int requests) {
  workload::WorkloadSpec w;
  w.requests = requests;
  w.arrivals.rate_per_s = rate;
  w.input = workload::Lengths::uniform(100, 2000);
  w.output = workload::Lengths::uniform(1, 300);
  return w;
}

RunResult run(const FleetSpec& fleet, const workload::WorkloadSpec& w) {
  RunOptions options;
  options.series = true;
  return simulate(fleet, workload::Workload(w), options, Cancel());
}

void each_once(const RunResult& r, std::int64_t requests) {
  std::set<std::int64_t> ids;
  for (const Done& d : r.series)
    ids.insert(d.id);
  CHECK(static_cast<std::int64_t>(ids.size()) == requests);
  CHECK(r.completed == requests);
  CHECK(r.rejected == 0);
}

} // namespace

TEST_CASE("every router serves every request once; the same seed gives the same times") {
  for (const Routing routing :
       {Routing::round_robin, Routing::least_loaded, Routing::prefix_affinity}) {
    FleetSpec fleet;
    fleet.serve = pool(4);
    fleet.routing = routing;
    const RunResult a = run(fleet, load(60, 3000));
    each_once(a, 3000);
    const RunResult b = run(fleet, load(60, 3000));
    REQUIRE(a.series.size() == b.series.size());
    for (std::size_t i = 0; i < a.series.size(); ++i)
      REQUIRE(a.series[i].last_s == b.series[i].last_s);
  }
}

TEST_CASE("a closed loop keeps its clients busy: N = X R, the response time law") {
  FleetSpec fleet;
  fleet.serve = pool(1);
  workload::WorkloadSpec w = load(1, 2000);
  w.closed = workload::ClosedLoop{32, 0.5, false};
  const RunResult r = run(fleet, w);
  each_once(r, 2000);
  const double x = static_cast<double>(r.completed) / r.end_s;
  CHECK(x * (r.e2e.mean() + 0.5) == doctest::Approx(32).epsilon(0.05));
}

TEST_CASE("a cancelled run stops within 50 ms and says that it is partial") {
  using clock = std::chrono::steady_clock;
  FleetSpec fleet;
  fleet.serve = pool(4);
  const workload::Workload w(load(100, 50'000'000)); // minutes of work
  // The best of five: a busy machine may hold the thread up for longer than the run takes.
  double best_ms = 1e9;
  for (int i = 0; i < 5 && best_ms > 50; ++i) {
    const auto state = std::make_shared<CancelState>();
    clock::time_point set_at;
    std::thread canceller([&] {
      while (state->done.load() < 1000)
        std::this_thread::yield();
      set_at = clock::now();
      state->set.store(true);
    });
    const RunResult r = simulate(fleet, w, {}, Cancel(state));
    const auto back = clock::now();
    canceller.join();
    best_ms = std::min(best_ms, std::chrono::duration<double, std::milli>(back - set_at).count());
    CHECK(r.stop == Stop::cancelled);
    CHECK(r.completed >= 1000);
    CHECK(r.completed < w.requests());
    CHECK(r.ttft.count() == static_cast<std::uint64_t>(r.completed));
  }
  CHECK(best_ms <= 50);
}

TEST_CASE("a front end that streams slower than the engine sets the rate") {
  FleetSpec fleet;
  fleet.serve = pool(1);
  workload::WorkloadSpec w = load(1, 640);
  w.closed = workload::ClosedLoop{64, 0, false};
  w.output = workload::Lengths::uniform(180, 220);
  const RunResult free = run(fleet, w);
  const double engine_rate = static_cast<double>(free.output_tokens) / free.end_s;
  fleet.serve.replica.policy.stream_tokens_per_s = engine_rate / 2;
  const RunResult slow = run(fleet, w);
  const double rate = static_cast<double>(slow.output_tokens) / slow.end_s;
  CHECK(rate <= engine_rate / 2);
  CHECK(rate > 0.45 * engine_rate);
  CHECK(slow.ttft.mean() > 3 * free.ttft.mean());
}

TEST_CASE("disaggregated: every request passes both stages, the transfer takes its time") {
  FleetSpec fleet;
  fleet.serve = pool(2);
  fleet.decode = pool(2);
  fleet.transfer_bytes_per_s = 50e9;
  const workload::WorkloadSpec w = load(30, 2000);
  const RunResult fast = run(fleet, w);
  each_once(fast, 2000);
  fleet.transfer_bytes_per_s = 1e9;
  const RunResult slow = run(fleet, w);
  each_once(slow, 2000);
  CHECK(slow.transferred_bytes == fast.transferred_bytes);
  CHECK(slow.e2e.mean() > fast.e2e.mean());
  CHECK(slow.ttft.mean() == doctest::Approx(fast.ttft.mean()));
}

TEST_CASE("colder tiers give back prefixes that device memory had to drop") {
  FleetSpec fleet;
  fleet.serve = pool(1);
  fleet.serve.replica.policy.prefix_cache = true;
  fleet.serve.replica.kv_pool_pages = 700;
  workload::WorkloadSpec w = load(4, 1500);
  w.sessions = {4, 512, 4, 40};
  w.input = workload::Lengths::uniform(100, 400);
  w.output = workload::Lengths::uniform(10, 60);
  const RunResult cold = run(fleet, w);
  fleet.tiers = {{"host", 64e9, 40e9, 1e-5}, {"nvme", 1e12, 6e9, 1e-4}};
  const RunResult warm = run(fleet, w);
  CHECK(cold.completed == 1500);
  CHECK(warm.completed == 1500);
  CHECK(warm.tiers.loads > 0);
  CHECK(warm.totals.prompt_tokens < cold.totals.prompt_tokens);
  CHECK(warm.ttft.mean() < cold.ttft.mean());
}

TEST_CASE("what cannot fit is refused and counted, and time stops where it is told to") {
  FleetSpec fleet;
  fleet.serve = pool(1);
  fleet.serve.replica.kv_pool_pages = 60;
  const RunResult r = run(fleet, load(10, 500));
  CHECK(r.rejected > 0);
  CHECK(r.completed + r.rejected == 500);
  fleet.serve = pool(1);
  RunOptions options;
  options.until_s = 10;
  const RunResult cut = simulate(fleet, workload::Workload(load(10, 500)), options, Cancel());
  CHECK(cut.stop == Stop::until);
  CHECK(cut.completed < 150);
  auto state = std::make_shared<CancelState>();
  state->set = true;
  const RunResult stopped =
      simulate(fleet, workload::Workload(load(10, 100000)), RunOptions{}, Cancel(state));
  CHECK(stopped.stop == Stop::cancelled);
  CHECK(stopped.completed < 100000);
}

TEST_CASE("fair sharing of a link: two transfers take as long together as one after the other") {
  SharedLink link(100, 0);
  link.start(1, 100, 0);
  link.start(2, 50, 0);
  CHECK(link.next_s() == doctest::Approx(1)); // 50 bytes at 50 a second
  CHECK(link.finish() == 2);
  CHECK(link.next_s() == doctest::Approx(1.5));
  link.start(3, 1000, 1.25);
  CHECK(link.next_s() == doctest::Approx(1.75));
  CHECK(link.finish() == 1);
}
