// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_SIMULATE_ANSWER_HPP
#define DSK_SCHEMA_SIMULATE_ANSWER_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsk/document.hpp"
#include "dsk/schema/load_request.hpp"
#include "dsk/schema/memory_request.hpp"
#include "dsk/schema/plan_answer.hpp"

namespace dsk {
inline namespace api {

/// The scheduler in force: the engine's defaults with what the request changed.
struct SimulateAnswerDeploymentPolicy {
  std::string batching;
  std::string preemption;
  std::int64_t max_sequences = 0;
  std::int64_t token_budget = 0;
  bool chunked_prefill = false;
  std::int64_t max_prompts = 0;
  double reserve_output = 0;
  double watermark = 0;
  std::int64_t poll_steps = 0;
  std::int64_t lag_steps = 0;
  std::int64_t block_tokens = 0;
  bool prefix_cache = false;
  double request_overhead_ms = 0;
  double request_serial_ms = 0;
  double first_token_steps = 0;
  double prefill_step_ms = 0;
  double host_step_ms = 0;
  double host_sequence_ms = 0;
  double stream_tokens_per_s = 0;
  std::int64_t wait_tokens = 0;
  std::int64_t wait_steps = 0;
  std::int64_t batch_size = 0;
  double batch_wait_ms = 0;
  /// accepted tokens a step, 1 without drafts
  double tokens_per_step = 0;

  static SimulateAnswerDeploymentPolicy from_value(const JsonValue& j) {
    SimulateAnswerDeploymentPolicy out;
    detail::get(j, "batching", out.batching);
    detail::get(j, "preemption", out.preemption);
    detail::get(j, "max_sequences", out.max_sequences);
    detail::get(j, "token_budget", out.token_budget);
    detail::get(j, "chunked_prefill", out.chunked_prefill);
    detail::get(j, "max_prompts", out.max_prompts);
    detail::get(j, "reserve_output", out.reserve_output);
    detail::get(j, "watermark", out.watermark);
    detail::get(j, "poll_steps", out.poll_steps);
    detail::get(j, "lag_steps", out.lag_steps);
    detail::get(j, "block_tokens", out.block_tokens);
    detail::get(j, "prefix_cache", out.prefix_cache);
    detail::get(j, "request_overhead_ms", out.request_overhead_ms);
    detail::get(j, "request_serial_ms", out.request_serial_ms);
    detail::get(j, "first_token_steps", out.first_token_steps);
    detail::get(j, "prefill_step_ms", out.prefill_step_ms);
    detail::get(j, "host_step_ms", out.host_step_ms);
    detail::get(j, "host_sequence_ms", out.host_sequence_ms);
    detail::get(j, "stream_tokens_per_s", out.stream_tokens_per_s);
    detail::get(j, "wait_tokens", out.wait_tokens);
    detail::get(j, "wait_steps", out.wait_steps);
    detail::get(j, "batch_size", out.batch_size);
    detail::get(j, "batch_wait_ms", out.batch_wait_ms);
    detail::get(j, "tokens_per_step", out.tokens_per_step);
    return out;
  }
};

/// One kind of instance.
struct SimulateAnswerDeployment {
  std::string role;
  /// Instances
  std::int64_t replicas = 0;
  /// NAME@VERSION
  std::string engine;
  Parallel parallel;
  /// KV cache type
  std::string kv;
  /// Tokens that one instance's pool holds
  std::int64_t kv_pool_tokens = 0;
  /// The scheduler in force: the engine's defaults with what the request changed
  SimulateAnswerDeploymentPolicy policy;
  /// The calibration behind the times, when the device has one
  std::optional<CalibrationUse> calibration;

  static SimulateAnswerDeployment from_value(const JsonValue& j) {
    SimulateAnswerDeployment out;
    detail::get(j, "role", out.role);
    detail::get(j, "replicas", out.replicas);
    detail::get(j, "engine", out.engine);
    detail::get(j, "parallel", out.parallel);
    detail::get(j, "kv", out.kv);
    detail::get(j, "kv_pool_tokens", out.kv_pool_tokens);
    detail::get(j, "policy", out.policy);
    detail::get(j, "calibration", out.calibration);
    return out;
  }
};

/// A part of simulate-answer documents.
struct SimulateAnswerRequests {
  /// Arrived
  std::int64_t sent = 0;
  /// Answered to the last token
  std::int64_t completed = 0;
  /// Longer than the model or the pool
  std::int64_t rejected = 0;
  /// Still waiting or running at the end
  std::int64_t unfinished = 0;

  static SimulateAnswerRequests from_value(const JsonValue& j) {
    SimulateAnswerRequests out;
    detail::get(j, "sent", out.sent);
    detail::get(j, "completed", out.completed);
    detail::get(j, "rejected", out.rejected);
    detail::get(j, "unfinished", out.unfinished);
    return out;
  }
};

/// Milliseconds: mean, percentiles and largest; percentiles within 0.1 %.
struct Percentiles {
  double mean = 0;
  double p50 = 0;
  double p90 = 0;
  double p95 = 0;
  double p99 = 0;
  double p999 = 0;
  double max = 0;

  static Percentiles from_value(const JsonValue& j) {
    Percentiles out;
    detail::get(j, "mean", out.mean);
    detail::get(j, "p50", out.p50);
    detail::get(j, "p90", out.p90);
    detail::get(j, "p95", out.p95);
    detail::get(j, "p99", out.p99);
    detail::get(j, "p999", out.p999);
    detail::get(j, "max", out.max);
    return out;
  }
};

/// KV cache.
struct SimulateAnswerKv {
  /// Of one instance's pool
  double peak_share = 0;
  double mean_share = 0;
  /// Set aside in pages without a token, over what is set aside
  double paged_waste = 0;
  /// The same had each request its longest length in one piece
  double contiguous_waste = 0;
  std::int64_t preemptions = 0;
  /// Prompt tokens found in the cache
  double prefix_hit_rate = 0;
  /// Prefixes fetched from a lower tier
  std::optional<std::int64_t> tier_loads;
  std::optional<double> tier_bytes_loaded;

  static SimulateAnswerKv from_value(const JsonValue& j) {
    SimulateAnswerKv out;
    detail::get(j, "peak_share", out.peak_share);
    detail::get(j, "mean_share", out.mean_share);
    detail::get(j, "paged_waste", out.paged_waste);
    detail::get(j, "contiguous_waste", out.contiguous_waste);
    detail::get(j, "preemptions", out.preemptions);
    detail::get(j, "prefix_hit_rate", out.prefix_hit_rate);
    detail::get(j, "tier_loads", out.tier_loads);
    detail::get(j, "tier_bytes_loaded", out.tier_bytes_loaded);
    return out;
  }
};

/// Queue, batch and KV use over time, when asked for.
struct SimulateAnswerTimeline {
  std::vector<std::string> columns;
  std::vector<JsonValue> rows;

  static SimulateAnswerTimeline from_value(const JsonValue& j) {
    SimulateAnswerTimeline out;
    detail::get(j, "columns", out.columns);
    detail::get(j, "rows", out.rows);
    return out;
  }
};

/// The document of docs/schema/simulate-answer.schema.json. What a workload met: throughput,
/// latency at every percentile, KV cache.
struct SimulateAnswer {
  std::int64_t schema = 1;
  /// Whether all requests ran, until_s was reached, or the run was cancelled: then everything below
  /// is what was done by then
  std::string stopped;
  /// Canonical name
  std::string model;
  /// Canonical name
  std::string device;
  std::vector<SimulateAnswerDeployment> deployments;
  SimulateAnswerRequests requests;
  /// Simulated time
  double duration_s = 0;
  /// Completed, over the duration
  double requests_per_s = 0;
  double output_tokens_per_s = 0;
  /// Input and output
  double total_tokens_per_s = 0;
  /// Milliseconds: mean, percentiles and largest; percentiles within 0.1 %
  Percentiles queue_ms;
  /// Milliseconds: mean, percentiles and largest; percentiles within 0.1 %
  Percentiles ttft_ms;
  /// Milliseconds: mean, percentiles and largest; percentiles within 0.1 %
  Percentiles tpot_ms;
  /// Milliseconds: mean, percentiles and largest; percentiles within 0.1 %
  Percentiles itl_ms;
  /// Milliseconds: mean, percentiles and largest; percentiles within 0.1 %
  Percentiles e2e_ms;
  /// Bounds of the request
  std::optional<LoadSlo> slo;
  /// Requests within every bound, over those sent
  std::optional<double> goodput_share;
  std::optional<double> goodput_requests_per_s;
  /// Time in steps, over time, mean of the instances
  double busy_share = 0;
  /// Time in steps that prefill, over time
  double prefill_share = 0;
  /// Requests in the batch, mean over time, all instances
  double mean_running = 0;
  /// Steps of all instances
  std::int64_t steps = 0;
  /// KV cache
  SimulateAnswerKv kv;
  /// KV moved from prefill to decode instances
  std::optional<double> transferred_bytes;
  /// Queue, batch and KV use over time, when asked for
  std::optional<SimulateAnswerTimeline> timeline;
  std::vector<std::string> assumptions;

  static SimulateAnswer from_value(const JsonValue& j) {
    SimulateAnswer out;
    detail::get(j, "schema", out.schema);
    detail::get(j, "stopped", out.stopped);
    detail::get(j, "model", out.model);
    detail::get(j, "device", out.device);
    detail::get(j, "deployments", out.deployments);
    detail::get(j, "requests", out.requests);
    detail::get(j, "duration_s", out.duration_s);
    detail::get(j, "requests_per_s", out.requests_per_s);
    detail::get(j, "output_tokens_per_s", out.output_tokens_per_s);
    detail::get(j, "total_tokens_per_s", out.total_tokens_per_s);
    detail::get(j, "queue_ms", out.queue_ms);
    detail::get(j, "ttft_ms", out.ttft_ms);
    detail::get(j, "tpot_ms", out.tpot_ms);
    detail::get(j, "itl_ms", out.itl_ms);
    detail::get(j, "e2e_ms", out.e2e_ms);
    detail::get(j, "slo", out.slo);
    detail::get(j, "goodput_share", out.goodput_share);
    detail::get(j, "goodput_requests_per_s", out.goodput_requests_per_s);
    detail::get(j, "busy_share", out.busy_share);
    detail::get(j, "prefill_share", out.prefill_share);
    detail::get(j, "mean_running", out.mean_running);
    detail::get(j, "steps", out.steps);
    detail::get(j, "kv", out.kv);
    detail::get(j, "transferred_bytes", out.transferred_bytes);
    detail::get(j, "timeline", out.timeline);
    detail::get(j, "assumptions", out.assumptions);
    return out;
  }
  static SimulateAnswer from_json(std::string_view text) {
    return from_value(JsonValue::parse(text));
  }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_SIMULATE_ANSWER_HPP
