// What differs between serving engines, as data: memory budget, defaults and scheduling policy.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "catalog/device.hpp"

namespace dsk {

enum class EngineKind { vllm, sglang, tensorrt_llm, lmdeploy, generic };

/// Who counts what against the memory fraction (planning docs: docs/memory.md).
enum class MemoryRule {
  fraction_of_total,   // vLLM: fraction x total - weights - peak activation - other - graphs
  fraction_of_free,    // TensorRT-LLM: fraction x what is free after load
  fraction_static_pool // SGLang: fraction x (capacity - resident) - weights; activations outside
};

/// Memory that an engine takes beside weights and KV cache, as a sum of products with a
/// deployment's own sizes. Overheads of one name are peaks at different moments: the largest of
/// them counts.
struct Overhead {
  enum class Place {
    resident, // gone before the weights load: driver context, communication buffers
    inside,   // counted against the engine's memory fraction
    outside   // must fit into what the fraction leaves
  };
  std::string name; // "cuda context", "activations", ...
  Place place = Place::inside;
  double bytes = 0;                  // a device
  double bytes_multi = 0;            // more when a replica spans devices
  double per_token_hidden = 0;       // x tokens of a step x hidden
  double per_token_intermediate = 0; // x tokens of a step x MLP width of one token on a device
  double per_slot = 0;               // x sequence slots
  double per_slot_vocab = 0;         // x sequence slots x vocabulary
  double per_slot_vocab_shard = 0;   // ... x a tensor-parallel rank's part of the vocabulary
  bool graphs = false;               // only with CUDA graphs
  std::string origin;                // "measured", "fitted", "assumed", "shapes"
  std::string source;
};

/// Weight bytes that an engine reported for one model and split, where it repacks what it loads.
/// What the shapes do not explain of it is shown as a term of its own.
struct WeightReading {
  std::string architecture; // the model, by its shape
  int hidden = 0;
  int layers = 0;
  std::string device_family;      // "hopper", ...
  std::string method;             // the checkpoint's Quantization::method
  int tp = 0;                     // with dp, ep and pp of 1
  std::int64_t weights_bytes = 0; // on one device
  std::int64_t mtp_bytes = 0;     // more with MTP
  std::string source;
};

/// What an engine starts with unless told otherwise.
struct StartLimits {
  int max_sequences = 256; // slots of one attention rank
  int token_budget = 8192; // tokens of one forward pass of it
};

struct Engine {
  std::string name;    // "vllm", "sglang", "tensorrt-llm", "lmdeploy", "generic"
  std::string version; // "0.22", ...
  EngineKind kind = EngineKind::generic;
  std::string source;
  std::string as_of;

  MemoryRule memory_rule = MemoryRule::fraction_of_total;
  double memory_fraction = 0.9;      // default of the engine's flag; 0: derived (SGLang)
  int kv_block_tokens = 16;          // tokens a KV page
  int mla_block_tokens = 64;         // the same for MLA latents and compressed entries
  int compressed_block_tokens = 256; // tokens that a page of V4\'s compressed entries stands for
  int compressed_page_alignment = 1; // bytes
  bool materialises_kv_b = false;    // keeps kv_b_proj a second time in bf16, for absorbed MLA
  std::vector<Overhead> overheads;
  std::vector<WeightReading> readings;
  StartLimits limits;
  // On devices of less memory, or whose names begin with one of these, the engine starts with
  // these.
  StartLimits small_limits;
  double small_below_bytes = 0; // 0: the same limits everywhere
  std::vector<std::string> small_devices;

  bool prefill_first = false;     // a step holds either prefill or decode, prefill before decode
  double request_overhead_ms = 0; // HTTP, tokeniser and detokeniser of one request
  double first_token_steps = 1;   // decode steps between the end of a prefill and its first token

  // The rest of the scheduler, for the simulator.
  double reserve_output = 0;    // share of an answer's KV that admission sets aside
  double watermark = 0;         // share of the pool that admission leaves free
  int poll_steps = 1;           // decode steps between two looks at the waiting queue
  int lag_steps = 0;            // steps that a decision lags behind (overlapped scheduling)
  double request_serial_ms = 0; // of request_overhead_ms, done for one request after another
  int max_prompts = 0;          // prompts of one step; 0 = as many as fit
  int mixed_tile_rows = 0;      // rows of FlashAttention-2's tile in which a decoding sequence runs
                                // beside prompts, on devices that use it; 0 = it has its own kernel
  int step_tokens = 0;          // a step passes prompts of so many tokens through in turns of the
                                // token budget, and all their first tokens leave together; 0 = one
  double prefill_layer_us = 0;  // of a step with prefill, which no CUDA graph holds, each layer
  double prefill_moe_layer_us = 0; // ... and more for one with experts
  double prefill_moe_floor_us = 0; // a step with prefill takes at least this for each layer with
                                   // experts: the time to launch it
  double stream_tokens_per_s = 0;  // what the front end can stream; 0 = no limit known
  bool prefix_cache = false;       // on by default
  std::vector<int> graph_sizes;    // decode batches are padded up to these; empty = not padded

  std::shared_ptr<const RunFactors> runs; // of the request's calibration, when it has one
};

/// The limits in force on a device.
StartLimits start_limits(const Engine& engine, const Device& device);

} // namespace dsk
