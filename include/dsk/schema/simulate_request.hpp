// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_SIMULATE_REQUEST_HPP
#define DSK_SCHEMA_SIMULATE_REQUEST_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsk/document.hpp"
#include "dsk/schema/load_request.hpp"
#include "dsk/schema/memory_request.hpp"
#include "dsk/schema/plan_request.hpp"

namespace dsk {
inline namespace api {

/// what differs from the engine's defaults.
struct SimulatePolicy {
  std::optional<std::string> batching;
  std::optional<std::string> preemption;
  std::optional<std::int64_t> max_sequences;
  std::optional<std::int64_t> token_budget;
  std::optional<bool> chunked_prefill;
  std::optional<std::int64_t> max_prompts;
  std::optional<double> reserve_output;
  std::optional<double> watermark;
  std::optional<std::int64_t> poll_steps;
  std::optional<std::int64_t> lag_steps;
  std::optional<std::int64_t> block_tokens;
  std::optional<bool> prefix_cache;
  std::optional<std::vector<std::int64_t>> graph_sizes;
  std::optional<double> request_overhead_ms;
  std::optional<double> request_serial_ms;
  std::optional<double> first_token_steps;
  std::optional<double> prefill_step_ms;
  std::optional<double> host_step_ms;
  std::optional<double> host_sequence_ms;
  std::optional<double> stream_tokens_per_s;
  std::optional<std::int64_t> wait_tokens;
  std::optional<std::int64_t> wait_steps;
  std::optional<std::int64_t> batch_size;
  std::optional<double> batch_wait_ms;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "batching", batching);
    detail::put(out, "preemption", preemption);
    detail::put(out, "max_sequences", max_sequences);
    detail::put(out, "token_budget", token_budget);
    detail::put(out, "chunked_prefill", chunked_prefill);
    detail::put(out, "max_prompts", max_prompts);
    detail::put(out, "reserve_output", reserve_output);
    detail::put(out, "watermark", watermark);
    detail::put(out, "poll_steps", poll_steps);
    detail::put(out, "lag_steps", lag_steps);
    detail::put(out, "block_tokens", block_tokens);
    detail::put(out, "prefix_cache", prefix_cache);
    detail::put(out, "graph_sizes", graph_sizes);
    detail::put(out, "request_overhead_ms", request_overhead_ms);
    detail::put(out, "request_serial_ms", request_serial_ms);
    detail::put(out, "first_token_steps", first_token_steps);
    detail::put(out, "prefill_step_ms", prefill_step_ms);
    detail::put(out, "host_step_ms", host_step_ms);
    detail::put(out, "host_sequence_ms", host_sequence_ms);
    detail::put(out, "stream_tokens_per_s", stream_tokens_per_s);
    detail::put(out, "wait_tokens", wait_tokens);
    detail::put(out, "wait_steps", wait_steps);
    detail::put(out, "batch_size", batch_size);
    detail::put(out, "batch_wait_ms", batch_wait_ms);
    return out;
  }
};

/// A part of simulate-request documents.
struct SimulateGroup {
  Parallel parallel;
  std::optional<double> memory_fraction;
  std::optional<std::int64_t> kv_pool_tokens;
  SimulatePolicy policy;
  std::optional<std::int64_t> replicas;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put_part(out, "parallel", parallel);
    detail::put(out, "memory_fraction", memory_fraction);
    detail::put(out, "kv_pool_tokens", kv_pool_tokens);
    detail::put_part(out, "policy", policy);
    detail::put(out, "replicas", replicas);
    return out;
  }
};

/// A part of simulate-request documents.
struct SimulateDisaggregated {
  SimulateGroup prefill;
  SimulateGroup decode;
  /// KV out of one prefill instance, 1e9 bytes/s
  std::optional<double> transfer_gbs;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "prefill", prefill);
    detail::put(out, "decode", decode);
    detail::put(out, "transfer_gbs", transfer_gbs);
    return out;
  }
};

/// A part of simulate-request documents.
struct SimulateTier {
  std::string name;
  double capacity_gb = 0;
  double bandwidth_gbs = 0;
  std::optional<double> latency_us;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "name", name);
    detail::put(out, "capacity_gb", capacity_gb);
    detail::put(out, "bandwidth_gbs", bandwidth_gbs);
    detail::put(out, "latency_us", latency_us);
    return out;
  }
};

/// A part of simulate-request documents.
struct SimulateWorkloadArrivals {
  std::optional<std::string> process;
  std::optional<double> rate_per_s;
  std::optional<double> cv;
  std::optional<double> on_s;
  std::optional<double> off_s;
  std::optional<double> day_s;
  std::optional<double> peak;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "process", process);
    detail::put(out, "rate_per_s", rate_per_s);
    detail::put(out, "cv", cv);
    detail::put(out, "on_s", on_s);
    detail::put(out, "off_s", off_s);
    detail::put(out, "day_s", day_s);
    detail::put(out, "peak", peak);
    return out;
  }
};

/// A part of simulate-request documents.
struct SimulateWorkloadTrace {
  std::optional<std::string> format;
  std::optional<std::string> text;
  std::optional<std::vector<JsonValue>> requests;
  std::optional<double> speed;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "format", format);
    detail::put(out, "text", text);
    detail::put(out, "requests", requests);
    detail::put(out, "speed", speed);
    return out;
  }
};

/// A part of simulate-request documents.
struct SimulateWorkloadSessions {
  std::optional<std::int64_t> groups;
  std::optional<std::int64_t> shared_tokens;
  std::optional<std::int64_t> turns;
  std::optional<std::int64_t> parallel;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "groups", groups);
    detail::put(out, "shared_tokens", shared_tokens);
    detail::put(out, "turns", turns);
    detail::put(out, "parallel", parallel);
    return out;
  }
};

/// A part of simulate-request documents.
struct SimulateWorkload {
  std::optional<std::int64_t> seed;
  std::optional<std::int64_t> requests;
  std::optional<std::string> dataset;
  JsonValue input;
  JsonValue output;
  std::optional<std::int64_t> concurrency;
  std::optional<double> think_ms;
  std::optional<bool> think_random;
  SimulateWorkloadArrivals arrivals;
  SimulateWorkloadTrace trace;
  SimulateWorkloadSessions sessions;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "seed", seed);
    detail::put(out, "requests", requests);
    detail::put(out, "dataset", dataset);
    detail::put_part(out, "input", input);
    detail::put_part(out, "output", output);
    detail::put(out, "concurrency", concurrency);
    detail::put(out, "think_ms", think_ms);
    detail::put(out, "think_random", think_random);
    detail::put_part(out, "arrivals", arrivals);
    detail::put_part(out, "trace", trace);
    detail::put_part(out, "sessions", sessions);
    return out;
  }
};

/// The document of docs/schema/simulate-request.schema.json. A deployment and a workload for
/// dsk_plan_simulate. Members that begin with x- are ignored.
struct SimulateRequest {
  std::int64_t schema = 1;
  /// own records: models, devices, engines
  std::optional<std::vector<JsonValue>> catalog;
  /// as in a plan request
  Model model;
  std::string device;
  /// NAME or NAME@VERSION; vllm when absent
  std::optional<std::string> engine;
  /// weight format; the checkpoint's when absent
  std::optional<std::string> weights;
  /// KV cache type; the model's default when absent
  std::optional<std::string> kv;
  std::optional<std::int64_t> mtp_tokens;
  /// accepted with drafts
  std::optional<double> tokens_per_step;
  Parallel parallel;
  std::optional<double> memory_fraction;
  /// as the engine logged it; computed when absent
  std::optional<std::int64_t> kv_pool_tokens;
  SimulatePolicy policy;
  std::optional<std::int64_t> replicas;
  std::optional<SimulateDisaggregated> disaggregated;
  std::optional<std::string> routing;
  std::optional<std::vector<SimulateTier>> tiers;
  SimulateWorkload workload;
  LoadSlo slo;
  std::optional<double> until_s;
  std::optional<std::int64_t> skip_requests;
  std::optional<bool> timeline;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "schema", schema);
    detail::put(out, "catalog", catalog);
    detail::put(out, "model", model);
    detail::put(out, "device", device);
    detail::put(out, "engine", engine);
    detail::put(out, "weights", weights);
    detail::put(out, "kv", kv);
    detail::put(out, "mtp_tokens", mtp_tokens);
    detail::put(out, "tokens_per_step", tokens_per_step);
    detail::put_part(out, "parallel", parallel);
    detail::put(out, "memory_fraction", memory_fraction);
    detail::put(out, "kv_pool_tokens", kv_pool_tokens);
    detail::put_part(out, "policy", policy);
    detail::put(out, "replicas", replicas);
    detail::put(out, "disaggregated", disaggregated);
    detail::put(out, "routing", routing);
    detail::put(out, "tiers", tiers);
    detail::put(out, "workload", workload);
    detail::put_part(out, "slo", slo);
    detail::put(out, "until_s", until_s);
    detail::put(out, "skip_requests", skip_requests);
    detail::put(out, "timeline", timeline);
    return out;
  }
  std::string to_json() const { return to_value().dump(); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_SIMULATE_REQUEST_HPP
