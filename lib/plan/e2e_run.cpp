#include "plan/e2e_run.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <map>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "perf/step_overheads.hpp"

namespace dsk::plan {
namespace {

double step_error(const Served& served, const sim::RunResult& r) {
  const double running =
      std::clamp(r.totals.busy_s > 0 ? r.totals.running_s / r.totals.busy_s : 1, 1.0, 1e5);
  perf::Batch batch;
  batch.decode_sequences = std::max<std::int64_t>(1, std::llround(running));
  const double mean = r.completed > 0 ? static_cast<double>(r.input_tokens + r.output_tokens / 2) /
                                            static_cast<double>(r.completed)
                                      : 1;
  batch.kv_max = std::max<std::int64_t>(1, std::llround(mean));
  batch.kv_sum = batch.kv_max * batch.decode_sequences;
  const perf::StepTime time = served.step().step(batch);
  return time.total_us > 0 ? time.high_us / time.total_us - 1 : 0;
}

void apply(const E2eConstants& constants, const Served& served, sim::Policy& p) {
  const perf::EngineOverheads o = perf::engine_overheads(served.engine(), served.device());
  p.extra_step_us = (constants.host - 1) * served.model().layers() * o.layer_us;
  p.extra_sequence_us = (constants.host - 1) * o.sequence_us;
  p.extra_token_us = (constants.experts - 1) * served.step().untuned_token_us();
  p.prefill_step_us *= constants.prefill_host;
  p.request_overhead_s *= constants.request;
  p.request_serial_s *= constants.request;
}

// Tokens that the longest request of a case holds.
double longest(const E2eCase& what) {
  return std::max(what.load.input.largest(), static_cast<double>(what.load.sessions.group_tokens)) +
         what.load.output.largest();
}

bool holds(const Served& served, const E2eCase& what) {
  return served.fits() &&
         (what.kind == E2eKind::fixed_batch ||
          static_cast<double>(served.spec().kv_pool_pages) * what.policy.block_tokens >=
              longest(what));
}

// What was measured did run: where the engine's default share of memory leaves no room for a
// request, it was started with a larger one, or its pool holds at least two. Weights that exceed
// the memory stay refused. Returns what was assumed; `served` is empty when nothing helps.
std::string make_room(const E2eCase& what, const Served& standard, std::optional<Served>& served) {
  if (standard.memory().weights_bytes > standard.memory().capacity_bytes) return "";
  ServedOptions options = what.options;
  const auto make = [&] {
    served.emplace(what.model, what.device, what.engine, what.policy, options, "");
    return holds(*served, what);
  };
  for (const double fraction : {0.95, 0.98}) {
    options.memory_fraction = fraction;
    if (fraction > what.options.memory_fraction && make())
      return "; memory share raised to " + number_text(fraction) + ", since the run did fit";
  }
  options = what.options;
  options.kv_pool_tokens = static_cast<std::int64_t>(2 * longest(what));
  make();
  return "; KV cache of two requests, since the run did fit";
}

E2eOutcome run_one(const E2eCase& what, const Served& served, const std::string& room,
                   const E2eConstants& constants, const Cancel& cancel) {
  E2eOutcome out;
  if (!served.fits()) {
    out.failure = "does not fit: " + served.memory().binding;
    return out;
  }
  sim::FleetSpec fleet;
  fleet.serve.step = &served.step();
  fleet.serve.replica = served.spec();
  sim::Policy& p = fleet.serve.replica.policy;
  p = what.policy;
  apply(constants, served, p);
  // Its memory is its own: a static batch was sized to fit.
  out.assumptions = room;
  if (what.kind == E2eKind::fixed_batch) fleet.serve.replica.kv_pool_pages = std::int64_t{1} << 40;
  const double held = static_cast<double>(fleet.serve.replica.kv_pool_pages) * p.block_tokens;
  if (what.spread > 1 && what.load.closed &&
      static_cast<double>(what.load.closed->clients) * what.request_tokens > held) {
    fleet.serve.count = what.spread;
    out.assumptions +=
        "; clients of a whole server of " + std::to_string(what.spread) + " replicas";
  }
  workload::WorkloadSpec load = what.load;
  const workload::Workload workload(std::move(load));
  sim::RunOptions options;
  options.skip = what.skip;
  const sim::RunResult r = sim::simulate(fleet, workload, options, cancel);
  if (r.completed == 0) {
    out.failure = "no request fits in the KV pool of " +
                  std::to_string(served.spec().kv_pool_pages * p.block_tokens) + " tokens";
    return out;
  }
  const auto ms = [&](const Histogram& h) {
    return 1e3 * (what.median ? h.quantile(0.5) : h.mean());
  };
  out.ttft_ms = ms(r.ttft);
  out.tpot_ms = ms(r.tpot);
  out.e2e_ms = ms(r.e2e);
  out.output_tok_s = static_cast<double>(r.output_tokens) / r.end_s;
  out.total_tok_s = static_cast<double>(r.output_tokens + r.input_tokens) / r.end_s;
  out.samples_s = static_cast<double>(r.completed) / r.end_s;
  out.step_error = step_error(served, r);
  return out;
}

} // namespace

E2eClass class_of(E2eMetric metric) {
  switch (metric) {
  case E2eMetric::ttft_ms:
    return E2eClass::ttft;
  case E2eMetric::tpot_ms:
  case E2eMetric::e2e_ms:
    return E2eClass::tpot;
  default:
    return E2eClass::rate;
  }
}

const E2eWidths& fitted_widths() {
  // By kind: closed loop, burst, open loop, fixed batch.
  static constexpr E2eWidths widths{{{{1.94, 2.88, 2.02, 1.75},    // TTFT
                                      {0.79, 3.20, 11.0, 1.15},    // TPOT; open loops are 12 rows
                                      {1.61, 1.26, 1.41, 1.93}}}}; // rates
  return widths;
}

double E2eOutcome::value(E2eMetric metric, int gpus) const {
  switch (metric) {
  case E2eMetric::ttft_ms:
    return ttft_ms;
  case E2eMetric::tpot_ms:
    return tpot_ms;
  case E2eMetric::e2e_ms:
    return e2e_ms;
  case E2eMetric::output_tok_s:
    return output_tok_s;
  case E2eMetric::output_tok_s_per_gpu:
    return output_tok_s / gpus;
  case E2eMetric::total_tok_s:
    return total_tok_s;
  case E2eMetric::samples_s:
    return samples_s;
  }
  return 0;
}

double base_width(const E2eTask& task, const E2eOutcome& outcome, E2eMetric metric) {
  // Cadence, front end and undeclared launch options move the first token most.
  double spread = class_of(metric) == E2eClass::ttft ? 0.35 : 0.15;
  if (!task.what.assumptions.empty()) spread *= 1.25;
  return std::log1p(std::hypot(spread, outcome.step_error));
}

std::vector<std::vector<E2eOutcome>> run_tasks(const std::vector<E2eTask>& tasks,
                                               const std::vector<E2eConstants>& settings,
                                               std::size_t jobs, const Cancel& cancel,
                                               std::size_t& deployments) {
  std::map<std::string, std::vector<std::size_t>> by_deployment;
  for (std::size_t t = 0; t < tasks.size(); ++t)
    by_deployment[tasks[t].what.deployment].push_back(t);
  std::vector<const std::vector<std::size_t>*> groups;
  for (const auto& [name, members] : by_deployment)
    groups.push_back(&members);
  deployments = groups.size();
  std::vector<std::vector<E2eOutcome>> outcomes(tasks.size(),
                                                std::vector<E2eOutcome>(settings.size()));
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t g = next++; g < groups.size(); g = next++) {
      if (cancel.is_set()) return;
      std::optional<Served> served;
      std::string failure;
      const E2eCase& first = tasks[groups[g]->front()].what;
      try {
        served.emplace(first.model, first.device, first.engine, first.policy, first.options, "");
      } catch (const Error& e) {
        failure = e.what();
      }
      for (const std::size_t t : *groups[g]) {
        const E2eCase& what = tasks[t].what;
        const Served* use = served ? &*served : nullptr;
        std::optional<Served> roomier;
        std::string room;
        if (use && !holds(*use, what)) {
          room = make_room(what, *use, roomier);
          if (roomier) use = &*roomier;
        }
        for (std::size_t s = 0; s < settings.size(); ++s) {
          // Where there is nothing to scale, the setting before differs in nothing.
          if (use && s > 0 && settings[s].experts != 1 && use->step().untuned_token_us() == 0)
            outcomes[t][s] = outcomes[t][s - 1];
          else if (use)
            outcomes[t][s] = run_one(what, *use, room, settings[s], cancel);
          else
            outcomes[t][s].failure = failure;
        }
      }
      cancel.progress(g + 1, groups.size());
    }
  };
  std::vector<std::future<void>> others; // whose failures come back through get()
  for (std::size_t j = 1; j < std::min(jobs, groups.size()); ++j)
    others.push_back(std::async(std::launch::async, work));
  work();
  for (std::future<void>& other : others)
    other.get();
  cancel.check();
  return outcomes;
}

} // namespace dsk::plan
