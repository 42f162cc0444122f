// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_PLAN_REQUEST_HPP
#define DSK_SCHEMA_PLAN_REQUEST_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// Which model: a catalogue name, a config.json, or a size.
struct Model {
  /// Name or alias in the catalogue
  std::optional<std::string> name;
  /// The config.json
  JsonValue config;
  /// The hf_quant_config.json beside it
  JsonValue hf_quant_config;
  /// Total parameters in 1e9
  std::optional<double> params_b;
  /// Parameters that a token passes through, in 1e9; 0 for a dense model
  std::optional<double> active_b;
  /// Layers
  std::optional<std::int64_t> layers;
  /// Hidden size
  std::optional<std::int64_t> hidden;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "name", name);
    detail::put_part(out, "config", config);
    detail::put_part(out, "hf_quant_config", hf_quant_config);
    detail::put(out, "params_b", params_b);
    detail::put(out, "active_b", active_b);
    detail::put(out, "layers", layers);
    detail::put(out, "hidden", hidden);
    if (out.members().size() == 1 && out.members()[0].first == "name")
      return out.members()[0].second;
    return out;
  }
};

/// The requests, by their means.
struct Workload {
  /// Mean input tokens of a request
  double input_tokens = 0;
  /// Mean output tokens of a request
  double output_tokens = 0;
  /// Share of input tokens whose KV is cached already
  std::optional<double> prefix_hit_rate;
  /// Open loop: requests per second over all replicas
  std::optional<double> rate_per_s;
  /// Closed loop: requests in flight over all replicas
  std::optional<double> concurrency;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "input_tokens", input_tokens);
    detail::put(out, "output_tokens", output_tokens);
    detail::put(out, "prefix_hit_rate", prefix_hit_rate);
    detail::put(out, "rate_per_s", rate_per_s);
    detail::put(out, "concurrency", concurrency);
    return out;
  }
};

/// Upper bounds on means, in milliseconds.
struct Slo {
  /// Time to first token
  std::optional<double> ttft_ms;
  /// Time per output token after the first
  std::optional<double> tpot_ms;
  /// From arrival to last token
  std::optional<double> e2e_ms;
  /// A bound whose meaning is open; the answer covers each reading. Stands alone
  std::optional<double> latency_ms;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "ttft_ms", ttft_ms);
    detail::put(out, "tpot_ms", tpot_ms);
    detail::put(out, "e2e_ms", e2e_ms);
    detail::put(out, "latency_ms", latency_ms);
    return out;
  }
};

/// Upper bounds on resources.
struct Limits {
  /// Devices of all replicas
  std::optional<std::int64_t> max_gpus;
  /// US dollars an hour for all replicas
  std::optional<double> usd_per_hour;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "max_gpus", max_gpus);
    detail::put(out, "usd_per_hour", usd_per_hour);
    return out;
  }
};

/// What the search may vary; a member left out leaves the choice to the library.
struct PlanSearch {
  /// Tensor-parallel widths
  std::optional<std::vector<std::int64_t>> tp;
  /// Pipeline stages
  std::optional<std::vector<std::int64_t>> pp;
  /// Attention data-parallel ranks inside a replica
  std::optional<std::vector<std::int64_t>> dp;
  /// Expert-parallel widths
  std::optional<std::vector<std::int64_t>> ep;
  /// Weight formats: checkpoint, bf16, fp16, fp8, fp8-block, int8, int4, mxfp4, nvfp4, or the name
  /// that an answer gave this model's
  std::optional<std::vector<std::string>> weights;
  /// KV cache types
  std::optional<std::vector<std::string>> kv;
  /// Sequences of one replica at once
  std::optional<std::int64_t> max_batch;
  /// The engine's memory fraction flag
  std::optional<double> memory_fraction;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "tp", tp);
    detail::put(out, "pp", pp);
    detail::put(out, "dp", dp);
    detail::put(out, "ep", ep);
    detail::put(out, "weights", weights);
    detail::put(out, "kv", kv);
    detail::put(out, "max_batch", max_batch);
    detail::put(out, "memory_fraction", memory_fraction);
    return out;
  }
};

/// The document of docs/schema/plan-request.schema.json. Planning request.
struct PlanRequest {
  /// Version of this schema
  std::int64_t schema = 1;
  /// Which model: a catalogue name, a config.json, or a size
  Model model;
  /// Accelerators to consider, by catalogue name or alias
  std::vector<std::string> devices;
  /// Serving engines to consider, NAME or NAME@VERSION; default vllm, sglang and tensorrt-llm
  std::optional<std::vector<std::string>> engines;
  /// The requests, by their means
  Workload workload;
  /// Upper bounds on means, in milliseconds
  Slo slo;
  /// Upper bounds on resources
  Limits limits;
  /// What the search may vary; a member left out leaves the choice to the library
  PlanSearch search;
  /// What the best plan has least of; default cost when every device has a price, else gpus
  std::optional<std::string> objective;
  /// Further catalogue documents, which replace or add
  std::optional<std::vector<JsonValue>> catalog;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "schema", schema);
    detail::put(out, "model", model);
    detail::put(out, "devices", devices);
    detail::put(out, "engines", engines);
    detail::put(out, "workload", workload);
    detail::put_part(out, "slo", slo);
    detail::put_part(out, "limits", limits);
    detail::put_part(out, "search", search);
    detail::put(out, "objective", objective);
    detail::put(out, "catalog", catalog);
    return out;
  }
  std::string to_json() const { return to_value().dump(); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_PLAN_REQUEST_HPP
