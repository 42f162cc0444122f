#include "plan/served.hpp"

#include <algorithm>
#include <cmath>

namespace dsk::plan {

double default_acceptance(int drafts) {
  static constexpr double curve[] = {1, 1.79, 2.27, 2.49, 2.54, 2.55, 2.55, 2.55, 2.55};
  return curve[std::clamp(drafts, 0, 8)];
}

Served::Served(const Model& model, const Device& device, const Engine& engine,
               const std::optional<sim::Policy>& policy, const ServedOptions& options,
               const std::string& path)
    : model_(model), device_(device), engine_(engine) {
  deployment_.model = &model_;
  deployment_.device = &device_;
  deployment_.engine = &engine_;
  deployment_.parallel = options.parallel;
  deployment_.kv_element = options.kv.value_or(perf::default_kv_element(model_));
  deployment_.mtp_tokens = options.mtp_tokens;
  perf::check_parallel(model_, options.parallel, path);
  spec_.policy = policy ? *policy : sim::default_policy(engine_, device_, model_);
  spec_.dp = options.parallel.dp;
  sim::Policy& p = spec_.policy;
  if (options.mtp_tokens > 0) {
    p.decode_tokens = 1 + options.mtp_tokens;
    p.tokens_per_step = options.tokens_per_step > 0 ? options.tokens_per_step
                                                    : default_acceptance(options.mtp_tokens);
  }
  perf::MemoryOptions memory_options;
  memory_options.memory_fraction = options.memory_fraction;
  memory_options.max_batch = p.max_sequences;
  // A step of several forward passes holds the activations of one.
  memory_options.token_budget = engine_.step_tokens > 0 ? 0 : p.token_budget;
  memory_ = perf::memory(deployment_, memory_options);
  step_ = std::make_unique<perf::StepModel>(deployment_);

  const perf::KvCost cost = perf::kv_cost(deployment_);
  const double token_bytes = std::max(cost.bytes_per_token, 1e-3);
  const double page_bytes = token_bytes * p.block_tokens;
  const double pool_bytes =
      options.kv_pool_tokens
          ? static_cast<double>(*options.kv_pool_tokens) * token_bytes
          : static_cast<double>(std::max<std::int64_t>(0, memory_.kv_pool_bytes));
  spec_.kv_pool_pages =
      static_cast<std::int64_t>(pool_bytes / page_bytes) * (options.kv_pool_tokens ? 1 : spec_.dp);
  const auto pages = [&](std::int64_t bytes) {
    return static_cast<std::int64_t>(std::ceil(static_cast<double>(bytes) / page_bytes));
  };
  spec_.sequence_pages = pages(cost.state_bytes);
  spec_.window_pages = pages(cost.window_bytes);
  spec_.window_tokens = cost.window_tokens;
  const int copies = options.parallel.tp * options.parallel.pp;
  spec_.kv_bytes_per_token = token_bytes * copies;
  // Host link of one device, of which each moves its own part.
  spec_.swap_bytes_per_s = 25e9 * copies;
  if (options.kv_pool_tokens) memory_.fits = true;
}

} // namespace dsk::plan
