// What differs between serving engines, as data: memory budget, defaults and scheduling policy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dsk {

enum class EngineKind { vllm, sglang, tensorrt_llm, lmdeploy, generic };

/// Who counts what against the memory fraction (planning docs: docs/memory.md).
enum class MemoryRule {
  fraction_of_total,   // vLLM: fraction x total - weights - peak activation - other - graphs
  fraction_of_free,    // TensorRT-LLM: fraction x what is free after load
  fraction_static_pool // SGLang: fraction x (capacity - resident) - weights; activations outside
};

struct Engine {
  std::string name;    // "vllm", "sglang", "tensorrt-llm", "lmdeploy", "generic"
  std::string version; // "0.22", ...
  EngineKind kind = EngineKind::generic;
  std::string source;
  std::string as_of;

  MemoryRule memory_rule = MemoryRule::fraction_of_total;
  double memory_fraction = 0.9; // default of the engine's flag
  int kv_block_tokens = 16;     // tokens a KV page
  int max_sequences = 256;      // default slots
  int token_budget = 8192;      // tokens a step with chunked prefill

  bool prefill_first = false;     // a step holds either prefill or decode, prefill before decode
  double request_overhead_ms = 0; // HTTP, tokeniser and detokeniser of one request
  double first_token_steps = 1;   // decode steps between the end of a prefill and its first token
};

} // namespace dsk
