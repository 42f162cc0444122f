// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_MEMORY_REQUEST_HPP
#define DSK_SCHEMA_MEMORY_REQUEST_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsk/document.hpp"
#include "dsk/schema/plan_request.hpp"

namespace dsk {
inline namespace api {

/// How a replica is split.
struct Parallel {
  /// Tensor-parallel width
  std::optional<std::int64_t> tp;
  /// Pipeline stages
  std::optional<std::int64_t> pp;
  /// Attention data-parallel ranks
  std::optional<std::int64_t> dp;
  /// Expert-parallel width; divides tp x dp
  std::optional<std::int64_t> ep;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "tp", tp);
    detail::put(out, "pp", pp);
    detail::put(out, "dp", dp);
    detail::put(out, "ep", ep);
    return out;
  }

  static Parallel from_value(const JsonValue& j) {
    Parallel out;
    detail::get(j, "tp", out.tp);
    detail::get(j, "pp", out.pp);
    detail::get(j, "dp", out.dp);
    detail::get(j, "ep", out.ep);
    return out;
  }
};

/// Resident adapters.
struct MemoryLora {
  /// How many
  std::int64_t adapters = 0;
  /// Of each
  std::int64_t rank = 0;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "adapters", adapters);
    detail::put(out, "rank", rank);
    return out;
  }
};

/// The document of docs/schema/memory-request.schema.json. Memory of one deployment, for
/// dsk_plan_memory.
struct MemoryRequest {
  /// Version of this schema
  std::int64_t schema = 1;
  /// Further catalogue documents, which replace or add
  std::optional<std::vector<JsonValue>> catalog;
  /// Which model: a catalogue name, a config.json, or a size
  Model model;
  /// Accelerator of the catalogue, by name or alias
  std::string device;
  /// Engine, NAME or NAME@VERSION; vllm when absent
  std::optional<std::string> engine;
  /// How a replica is split
  Parallel parallel;
  /// Format of the weights: checkpoint (when absent), bf16, fp16, fp8, fp8-block, int8, int4,
  /// mxfp4, nvfp4, or the name that an answer gave this model's
  std::optional<std::string> weights;
  /// KV cache type; what the checkpoint asks for when absent
  std::optional<std::string> kv;
  /// Indexer keys of sparse attention
  std::optional<std::string> index;
  /// Draft tokens of multi-token prediction; 0 is off
  std::optional<std::int64_t> mtp_tokens;
  /// The engine's memory fraction flag
  std::optional<double> memory_fraction;
  /// Sequence slots
  std::optional<std::int64_t> max_sequences;
  /// Tokens a step
  std::optional<std::int64_t> token_budget;
  /// Whether the engine captures graphs
  std::optional<bool> cuda_graphs;
  /// Resident adapters
  std::optional<MemoryLora> lora;
  /// Tokens of a sequence, input and output together
  std::optional<std::int64_t> sequence_tokens;
  /// Sequences at once: the answer says how long they may be
  std::optional<std::int64_t> batch;
  /// KV cache for batch, in 1e9 bytes, instead of the pool
  std::optional<double> kv_gb;
  /// Whether to compare weight formats; true when absent
  std::optional<bool> formats;
  /// model.safetensors.index.json: decides the weight bytes
  JsonValue safetensors_index;
  /// Headers of safetensors files: decide the weight bytes
  std::optional<std::vector<JsonValue>> safetensors_headers;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "schema", schema);
    detail::put(out, "catalog", catalog);
    detail::put(out, "model", model);
    detail::put(out, "device", device);
    detail::put(out, "engine", engine);
    detail::put_part(out, "parallel", parallel);
    detail::put(out, "weights", weights);
    detail::put(out, "kv", kv);
    detail::put(out, "index", index);
    detail::put(out, "mtp_tokens", mtp_tokens);
    detail::put(out, "memory_fraction", memory_fraction);
    detail::put(out, "max_sequences", max_sequences);
    detail::put(out, "token_budget", token_budget);
    detail::put(out, "cuda_graphs", cuda_graphs);
    detail::put(out, "lora", lora);
    detail::put(out, "sequence_tokens", sequence_tokens);
    detail::put(out, "batch", batch);
    detail::put(out, "kv_gb", kv_gb);
    detail::put(out, "formats", formats);
    detail::put_part(out, "safetensors_index", safetensors_index);
    detail::put(out, "safetensors_headers", safetensors_headers);
    return out;
  }
  std::string to_json() const { return to_value().dump(); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_MEMORY_REQUEST_HPP
