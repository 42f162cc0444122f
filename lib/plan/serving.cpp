#include "plan/serving.hpp"

#include <algorithm>
#include <cmath>

namespace dsk::plan {
namespace {

// Beyond this many chunks a prompt's prefill is sampled at four contexts: its time is linear in the
// context, so the mean over an even grid is exact up to rounding.
constexpr std::int64_t sampled_chunks = 4;

std::int64_t tokens(double mean) {
  return std::max<std::int64_t>(1, std::llround(mean));
}

} // namespace

Replica::Replica(const perf::StepModel& step, const Model& model, const Engine& engine,
                 const Device& device, const Workload& workload, int dp)
    : model_(&step), engine_(engine), host_(sim::prefill_host(engine, device, model)),
      token_budget_(start_limits(engine, device).token_budget), workload_(workload), dp_(dp) {}

perf::Batch Replica::decode_batch(std::int64_t batch) const {
  perf::Batch b;
  b.decode_sequences = batch;
  // A sequence is seen at every length from input to input + output.
  const double mean_kv = workload_.input_tokens + workload_.output_tokens / 2;
  b.kv_sum = std::llround(mean_kv * static_cast<double>(batch));
  b.kv_max = tokens(workload_.input_tokens + workload_.output_tokens);
  if (batch == 1) b.kv_max = b.kv_sum;
  return b;
}

Replica::Prefill Replica::prefill(std::int64_t batch, double decode_us) const {
  const std::int64_t new_tokens = tokens(workload_.input_tokens * (1 - workload_.prefix_hit_rate));
  const std::int64_t cached = std::llround(workload_.input_tokens * workload_.prefix_hit_rate);
  const bool mixed = !engine_.prefill_first;
  const std::int64_t others = mixed ? (batch + dp_ - 1) / dp_ : 0; // each rank has its own budget
  const std::int64_t budget = std::max<std::int64_t>(token_budget_ - others, 64);
  const std::int64_t chunks = (new_tokens + budget - 1) / budget;

  perf::Batch step = mixed ? decode_batch(batch) : perf::Batch{};
  step.chunks = 1;
  const auto timed = [&](std::int64_t first, std::int64_t size) {
    step.prefill[0] = {size, cached + first};
    return std::max(model_->step(step).total_us + host_.added_us, host_.floor_us);
  };
  double own_us = 0;
  if (chunks <= sampled_chunks) {
    for (std::int64_t first = 0; first < new_tokens; first += budget)
      own_us += timed(first, std::min(budget, new_tokens - first));
  } else {
    const double size = static_cast<double>(new_tokens) / static_cast<double>(chunks);
    for (int i = 0; i < sampled_chunks; ++i)
      own_us +=
          timed(std::llround(size * static_cast<double>(chunks - 1) * i / (sampled_chunks - 1)),
                tokens(size));
    own_us *= static_cast<double>(chunks) / static_cast<double>(sampled_chunks);
  }
  const double decode_part = mixed ? decode_us * static_cast<double>(chunks) : 0;
  return {std::max(own_us - decode_part, 0.0), own_us};
}

Point Replica::at_batch(std::int64_t batch, double offered_per_s) const {
  const perf::StepTime decode = model_->step(decode_batch(batch));
  const double d = decode.total_us;
  const Prefill p = prefill(batch, d);
  // Data-parallel ranks prefill side by side, so one prompt takes its share of the replica's time.
  const double added = p.added_us / dp_;
  const double n = static_cast<double>(batch);
  const double output = workload_.output_tokens;

  Point point;
  point.batch = n;
  const double cycle_us = output * d + n * added;
  const double requests_per_us = n / cycle_us;
  const double load_per_us = std::min(requests_per_us, offered_per_s / 1e6);
  const double rho = std::min(load_per_us * added, 0.98);
  const double wait_us = p.added_us * rho / (2 * (1 - rho));
  point.tpot_ms = (d + (n - 1) / output * added) / 1e3;
  point.ttft_ms = (p.own_us + wait_us + d / 2 + engine_.first_token_steps * d) / 1e3 +
                  engine_.request_overhead_ms;
  point.e2e_ms = point.ttft_ms + (output - 1) * point.tpot_ms;
  point.requests_per_s = requests_per_us * 1e6;
  point.decode_step_ms = d / 1e3;
  point.prefill_ms = p.own_us / 1e3;
  point.prefill_share = n * added / cycle_us;
  point.communication_share = decode.communication_share();
  point.binding = decode.binding;
  return point;
}

} // namespace dsk::plan
