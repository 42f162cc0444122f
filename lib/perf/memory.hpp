// Bytes on one device: weights by component, KV cache by layer kind, and what the engine keeps for
// itself; then the pool that is left, in bytes, tokens and sequences.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "perf/deployment.hpp"
#include "perf/weights.hpp"

namespace dsk::perf {

/// What one layer keeps of one sequence on one device.
struct KvLayer {
  std::int64_t entry_bytes = 0;        // one entry: latent, or keys and values of the local heads
  std::int64_t index_bytes = 0;        // indexer key beside each entry
  int ratio = 1;                       // tokens that one entry stands for; 0 = no growing entries
  int window = 0;                      // most recent tokens kept; 0 = none beside the entries
  std::int64_t window_entry_bytes = 0; // one token of that window
  std::int64_t state_bytes = 0;        // fixed recurrent state (linear attention, compressor)
};
KvLayer kv_layer(const Deployment& deployment, const Layer& layer);

/// Cost of one sequence's cache on one device (the pipeline stage that keeps most).
struct KvCost {
  double bytes_per_token = 0;     // amortised slope beyond the windows
  std::int64_t fixed_bytes = 0;   // window_bytes + state_bytes
  std::int64_t window_bytes = 0;  // full windows
  std::int64_t window_tokens = 0; // the longest of them
  std::int64_t state_bytes = 0;
};

/// Bytes that a sequence of `tokens` takes on one device (the worst pipeline stage), with the
/// engine's layout and page padding, windows and states included.
std::int64_t kv_bytes(const Deployment& deployment, std::int64_t tokens);
KvCost kv_cost(const Deployment& deployment);

struct MemoryTerm {
  std::string name; // "weights/attention", "activations", "cuda graphs", ...
  std::int64_t bytes = 0;
  std::string origin; // "shapes", "datasheet", "measured", "fitted", "assumed"
  std::string source; // formula or publication
};

struct MemoryOptions {
  double memory_fraction = 0;       // 0 = the engine's default
  int max_batch = 0;                // 0 = the engine's default
  int token_budget = 0;             // 0 = the engine's default
  std::int64_t sequence_tokens = 0; // length at which sequences are counted; 0 = not asked
  bool cuda_graphs = true;
  int lora_adapters = 0; // resident adapters on every projection of attention and MLP
  int lora_rank = 0;     // of each
};

struct MemoryReport {
  std::vector<MemoryTerm> terms; // of the fullest device; they add up to what is not KV pool
  std::int64_t capacity_bytes = 0;
  std::int64_t weights_bytes = 0;
  std::int64_t kv_pool_bytes = 0;  // 0 or less: it does not fit
  std::int64_t kv_pool_tokens = 0; // by the engine's own meaning, for one replica
  std::int64_t sequences = 0;      // of sequence_tokens at once, for one replica; 0 when not asked
  std::int64_t headroom_bytes = 0; // left outside the engine's budget
  bool fits = false;
  double smallest_fraction = 0; // of the engine's flag at which the weights alone fit
  std::string binding;          // the largest term, in words, or why it does not fit

  double memory_fraction = 0;    // in force
  std::int64_t budget_bytes = 0; // what the engine's rule gives to weights, KV and the rest
  std::int64_t kv_bytes_per_sequence = 0; // at sequence_tokens; 0 when not asked
  int stage = 0;                          // pipeline stage of the fullest device
  std::string smallest_formula;           // of smallest_fraction, with its figures
  std::string rule;                       // the engine's budget rule as a formula
  std::string tokens_meaning;             // what kv_pool_tokens counts
};

/// `weights` are weights_of(*deployment.model); planners keep them and save their cost.
MemoryReport memory(const Deployment& deployment, const ModelWeights& weights,
                    const MemoryOptions& options);
MemoryReport memory(const Deployment& deployment, const MemoryOptions& options);

/// Weight bytes on one device of a pipeline stage, by component.
std::array<std::int64_t, component_count> stage_weights(const Deployment& deployment,
                                                        const ModelWeights& weights, int stage);

} // namespace dsk::perf
