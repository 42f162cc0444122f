#include "plan/policy_request.hpp"

namespace dsk::plan {
namespace {

constexpr const char* batching_names[] = {"mixed", "prefill_first", "fixed"};

} // namespace

sim::Policy read_policy(Reader r, const sim::Policy& defaults) {
  sim::Policy p = defaults;
  const std::string batching = r.choice("batching", {"mixed", "prefill_first", "fixed"},
                                        batching_names[static_cast<int>(p.batching)]);
  p.batching = batching == "mixed"           ? sim::Batching::mixed
               : batching == "prefill_first" ? sim::Batching::prefill_first
                                             : sim::Batching::fixed;
  const std::string preemption =
      r.choice("preemption", {"recompute", "swap"},
               p.preemption == sim::Preemption::swap ? "swap" : "recompute");
  p.preemption = preemption == "swap" ? sim::Preemption::swap : sim::Preemption::recompute;
  p.max_sequences = static_cast<int>(r.integer("max_sequences", 1, 65536, p.max_sequences));
  p.token_budget = static_cast<int>(r.integer("token_budget", 16, 1 << 22, p.token_budget));
  p.chunked = r.boolean("chunked_prefill", p.chunked);
  p.max_prompts = static_cast<int>(r.integer("max_prompts", 0, 65536, p.max_prompts));
  p.reserve_output =
      r.number("reserve_output", 0, 1, p.batching == sim::Batching::fixed ? 1 : p.reserve_output);
  p.watermark = r.number("watermark", 0, 0.9, p.watermark);
  p.poll_steps = static_cast<int>(r.integer("poll_steps", 1, 100000, p.poll_steps));
  p.lag_steps = static_cast<int>(r.integer("lag_steps", 0, 1, p.lag_steps));
  p.block_tokens = static_cast<int>(r.integer("block_tokens", 1, 4096, p.block_tokens));
  p.prefix_cache = r.boolean("prefix_cache", p.prefix_cache);
  if (p.batching == sim::Batching::fixed) p.prefix_cache = false;
  if (r.has("graph_sizes")) {
    p.graph_sizes.clear();
    for (const std::int64_t size : r.integers("graph_sizes", 1, 65536, 4096)) {
      if (!p.graph_sizes.empty() && size <= p.graph_sizes.back())
        r.fail("graph_sizes", "must be ascending");
      p.graph_sizes.push_back(static_cast<int>(size));
    }
  }
  p.request_overhead_s = r.number("request_overhead_ms", 0, 1e6, p.request_overhead_s * 1e3) / 1e3;
  p.request_serial_s = r.number("request_serial_ms", 0, 1e6, p.request_serial_s * 1e3) / 1e3;
  p.first_token_steps = r.number("first_token_steps", 0, 1000, p.first_token_steps);
  p.prefill_step_us = r.number("prefill_step_ms", 0, 1e5, p.prefill_step_us / 1e3) * 1e3;
  p.host_step_us = r.number("host_step_ms", 0, 1e5, p.host_step_us / 1e3) * 1e3;
  p.host_sequence_us = r.number("host_sequence_ms", 0, 1e4, p.host_sequence_us / 1e3) * 1e3;
  p.stream_tokens_per_s = r.number("stream_tokens_per_s", 0, 1e9, p.stream_tokens_per_s);
  p.wait_tokens = static_cast<int>(r.integer("wait_tokens", 0, 1 << 22, p.wait_tokens));
  p.wait_steps = static_cast<int>(r.integer("wait_steps", 0, 100000, p.wait_steps));
  p.batch_size = static_cast<int>(r.integer("batch_size", 1, 65536, p.batch_size));
  p.batch_wait_s = r.number("batch_wait_ms", 0, 1e6, p.batch_wait_s * 1e3) / 1e3;
  r.done();
  return p;
}

Json policy_json(const sim::Policy& p) {
  Json j = Json::object();
  j["batching"] = batching_names[static_cast<int>(p.batching)];
  j["preemption"] = p.preemption == sim::Preemption::swap ? "swap" : "recompute";
  j["max_sequences"] = p.max_sequences;
  j["token_budget"] = p.token_budget;
  j["chunked_prefill"] = p.chunked;
  j["max_prompts"] = p.max_prompts;
  j["reserve_output"] = p.reserve_output;
  j["watermark"] = p.watermark;
  j["poll_steps"] = p.poll_steps;
  j["lag_steps"] = p.lag_steps;
  j["block_tokens"] = p.block_tokens;
  j["prefix_cache"] = p.prefix_cache;
  j["request_overhead_ms"] = p.request_overhead_s * 1e3;
  j["request_serial_ms"] = p.request_serial_s * 1e3;
  j["first_token_steps"] = p.first_token_steps;
  j["prefill_step_ms"] = p.prefill_step_us / 1e3;
  j["host_step_ms"] = p.host_step_us / 1e3;
  j["host_sequence_ms"] = p.host_sequence_us / 1e3;
  j["stream_tokens_per_s"] = p.stream_tokens_per_s;
  j["wait_tokens"] = p.wait_tokens;
  j["wait_steps"] = p.wait_steps;
  j["batch_size"] = p.batch_size;
  j["batch_wait_ms"] = p.batch_wait_s * 1e3;
  j["tokens_per_step"] = p.tokens_per_step;
  return j;
}

} // namespace dsk::plan
