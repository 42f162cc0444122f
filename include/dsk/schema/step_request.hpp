// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_STEP_REQUEST_HPP
#define DSK_SCHEMA_STEP_REQUEST_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsk/document.hpp"
#include "dsk/schema/memory_request.hpp"
#include "dsk/schema/plan_request.hpp"

namespace dsk {
inline namespace api {

/// One chunk.
struct StepBatchPrefill {
  /// Tokens of the chunk
  std::int64_t new_tokens = 0;
  /// Tokens already in the cache
  std::optional<std::int64_t> context;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "new_tokens", new_tokens);
    detail::put(out, "context", context);
    return out;
  }
};

/// Work of one step of the whole replica (dsk_plan_explain).
struct StepBatch {
  /// Sequences that decode
  std::optional<std::int64_t> decode_sequences;
  /// Sum of their KV lengths in tokens
  std::optional<std::int64_t> kv_sum;
  /// Longest of them; default the mean, rounded up
  std::optional<std::int64_t> kv_max;
  /// Chunks of prompts in the same step
  std::optional<std::vector<StepBatchPrefill>> prefill;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "decode_sequences", decode_sequences);
    detail::put(out, "kv_sum", kv_sum);
    detail::put(out, "kv_max", kv_max);
    detail::put(out, "prefill", prefill);
    return out;
  }
};

/// The document of docs/schema/step-request.schema.json. One deployment, and for dsk_plan_explain
/// one batch.
struct StepRequest {
  /// Version of this schema
  std::int64_t schema = 1;
  /// Which model: a catalogue name, a config.json, or a size
  Model model;
  /// Accelerator by catalogue name or alias
  std::string device;
  /// vllm, sglang, tensorrt-llm, ...; NAME@VERSION; default vllm
  std::optional<std::string> engine;
  /// How the replica is split; each 1 when absent
  Parallel parallel;
  /// checkpoint (default), bf16, fp16, fp8, fp8-block, int8, int4, mxfp4, nvfp4
  std::optional<std::string> weights;
  /// KV cache type; default what the checkpoint asks for
  std::optional<std::string> kv;
  /// Draft tokens of multi-token prediction
  std::optional<std::int64_t> mtp_tokens;
  /// Copies of popular experts (EPLB), of all ranks
  std::optional<std::int64_t> redundant_experts;
  /// What the expert kernel does with pairs of other ranks; default the engine's own
  std::optional<std::string> expert_dispatch;
  /// Work of one step of the whole replica (dsk_plan_explain)
  StepBatch batch;
  /// Further catalogue documents, which replace or add
  std::optional<std::vector<JsonValue>> catalog;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "schema", schema);
    detail::put(out, "model", model);
    detail::put(out, "device", device);
    detail::put(out, "engine", engine);
    detail::put_part(out, "parallel", parallel);
    detail::put(out, "weights", weights);
    detail::put(out, "kv", kv);
    detail::put(out, "mtp_tokens", mtp_tokens);
    detail::put(out, "redundant_experts", redundant_experts);
    detail::put(out, "expert_dispatch", expert_dispatch);
    detail::put_part(out, "batch", batch);
    detail::put(out, "catalog", catalog);
    return out;
  }
  std::string to_json() const { return to_value().dump(); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_STEP_REQUEST_HPP
