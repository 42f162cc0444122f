// Every weight matrix of a model, from its shapes: the one list that parameter counts, memory and
// the time of each matrix product are read from.
#pragma once

#include <cstdint>
#include <vector>

#include "catalog/model.hpp"
#include "perf/deployment.hpp"

namespace dsk::perf {

enum class Component : std::uint8_t {
  embedding,
  attention,
  indexer,
  dense_mlp,
  shared_experts,
  routed_experts,
  router,
  norm,
  hyper_connections,
  mtp, // only for what an MTP layer has beside an ordinary layer (projection, its own norms)
  vision,
  lm_head,
  engram // V4.1's n-gram tables
};
inline constexpr int component_count = 13;
const char* component_name(Component component);

/// How tensor parallelism splits W[out, in].
enum class Shard : std::uint8_t {
  replicated,
  column,   // out / tp
  row,      // in / tp
  kv_heads, // out / tp, but never finer than one KV head: heads are replicated beyond that
  expert,   // copies / ep, and (column or row by `row_within`) / moe_tp
  vocab     // out / tp, padded
};

struct Matrix {
  const char* name = ""; // projection, e.g. "q_a_proj"; static storage
  Component component = Component::attention;
  std::int64_t out = 0;
  std::int64_t in = 0;     // 1 for vectors (norms, biases)
  std::int64_t copies = 1; // number of experts for expert matrices
  Shard shard = Shard::replicated;
  bool row_within = false; // expert matrices: moe_tp splits `in` (down) and not `out` (gate, up)
  bool product = true;     // a matrix product of a step; false for embeddings and vectors
  int heads = 0;           // kv_heads shard: how many KV heads `out` holds
  WeightFormat format = formats::bf16;

  std::int64_t parameters() const { return out * in * copies; }
  std::int64_t bytes() const { return copies * stored_bytes(format, out, in); }
};

struct ModelWeights {
  std::vector<Matrix> embedding;
  std::vector<std::vector<Matrix>> kinds; // by Model::kinds
  std::vector<std::vector<Matrix>> mtp;   // one list for each MTP layer, the layer itself included
  std::vector<Matrix> head;               // final norm and LM head (empty head when tied)
  std::vector<Matrix> vision;
  std::vector<Matrix> engram; // of all layers that read it
};

/// Shapes and formats of everything that `model` stores. Costs microseconds for a uniform
/// checkpoint and more for one with many format rules: keep it beside the model.
ModelWeights weights_of(const Model& model);

/// What one device holds of a matrix: shapes rounded up where the split is uneven.
struct LocalShape {
  std::int64_t out = 0;
  std::int64_t in = 0;
  std::int64_t copies = 0;
};
LocalShape local_shape(const Matrix& matrix, const Parallel& parallel);
std::int64_t local_bytes(const Matrix& matrix, const Parallel& parallel);

/// Layers of each pipeline stage, in order. A remainder goes to the stages before the last one
/// (vLLM's get_pp_indices), since the last stage has the LM head.
std::vector<int> pipeline_layers(int layers, int stages);

/// Parameters of the model as its publisher counts them: without MTP layers and vision tower.
/// Engram tables are counted.
std::int64_t parameter_count(const Model& model, const ModelWeights& weights);
/// Bytes of everything that the checkpoint stores: MTP layers and vision tower included.
std::int64_t whole_bytes(const Model& model, const ModelWeights& weights);
/// Parameters that one token passes through (top-k experts and shared ones).
std::int64_t active_parameter_count(const Model& model, const ModelWeights& weights);

} // namespace dsk::perf
