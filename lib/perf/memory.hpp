// Bytes on one device: weights by component, KV cache by layer kind, and what the engine keeps for
// itself; then the pool that is left, in bytes, tokens and sequences.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perf/deployment.hpp"
#include "perf/weights.hpp"

namespace dsk::perf {

/// Cost of one sequence's cache on one device: fixed bytes (windows, linear-attention state) and
/// bytes that grow with its length, page padding included.
struct KvCost {
  double bytes_per_token = 0; // amortised slope beyond the windows
  std::int64_t fixed_bytes = 0;
};

/// Bytes that a sequence of `tokens` takes on one device (the worst pipeline stage), with the
/// engine's layout and page padding.
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
};

MemoryReport memory(const Deployment& deployment, const MemoryOptions& options);

} // namespace dsk::perf
