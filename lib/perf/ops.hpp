// The operator graph of one step: every kernel that one device runs, with its sizes after the split
// and how often the step runs it. Times are not known here; see ops_time.hpp.
#pragma once

#include <string>
#include <vector>

#include "perf/attention.hpp"
#include "perf/deployment.hpp"
#include "perf/weights.hpp"

namespace dsk::perf {

/// How a matrix product is computed. Weight-only formats are unpacked and computed in 16 bit.
enum class Precision : std::uint8_t { bf16, fp8, fp8_block, int8, nvfp4, weight_only };
inline constexpr int precision_count = 6;
const char* precision_name(Precision precision);
/// Element type whose peak rate of the device binds.
Element math_element(Precision precision);
/// Bytes of one element of the left operand as the kernel reads it.
double input_element_bytes(Precision precision);
/// Throws UNSUPPORTED at `path` when the device computes neither in the format nor around it: fp8
/// without hardware for it is unpacked by vLLM's Marlin kernels alone.
Precision precision_of(const WeightFormat& format, const Device& device, EngineKind engine,
                       const std::string& path);

/// What sets the number of rows of an operator in a step.
enum class Rows : std::uint8_t {
  tokens,         // tokens of the busiest attention rank
  replica_tokens, // tokens of the whole replica (experts see them all)
  sampled,        // rows that reach the LM head on the busiest rank
  decode_tokens,  // tokens that decode (absorbed MLA products)
  drafted         // sequences that decode, once for each draft token
};
inline constexpr int rows_count = 5;

struct MatrixOp {
  std::string name; // "attention/q_a+kv_a"
  Rows rows = Rows::tokens;
  double count = 0; // runs a step: layers of this kind
  Precision precision = Precision::bf16;
  double n = 0;            // outputs on one device
  double k = 0;            // inputs on one device
  double copies = 1;       // products side by side in one kernel (heads of a batched product)
  double weight_bytes = 0; // one copy on one device
};

struct ExpertsOp {
  std::string name;
  Rows rows = Rows::replica_tokens;
  double count = 0;
  Precision precision = Precision::bf16;
  double hidden = 0;
  double intermediate = 0; // on one device, after moe_tp
  double experts = 0;      // of the layer, all devices
  double top_k = 0;
  double groups = 1; // group-limited routing: top_groups of groups
  double top_groups = 1;
  double skew = 0;   // popularity spread of the experts (moe.hpp)
  int redundant = 0; // EPLB copies
  ExpertDispatch dispatch = ExpertDispatch::skipped;
  int moe_tp = 1;
  int ep = 1;
  double expert_bytes = 0; // gate, up and down of one expert on one device
};

struct AttentionOp {
  std::string name;
  double count = 0;       // layers of the model
  double draft_count = 0; // MTP layers times draft tokens
  AttentionShape shape;
  // MLA prefill expands latents of the whole context to keys and values: this product, once a
  // chunk.
  bool expands = false;
  MatrixOp expansion;
};

/// Memory-bound kernels between the products: norms, rotary, activation, quantisation, residuals.
struct ElementwiseOp {
  std::string name;
  Rows rows = Rows::tokens;
  double count = 0;
  double bytes_per_row = 0;
};

struct CollectiveOp {
  enum class Kind : std::uint8_t {
    all_reduce,
    all_gather,
    reduce_scatter,
    dispatch,
    combine,
    send
  };
  std::string name;
  Kind kind = Kind::all_reduce;
  Rows rows = Rows::tokens;
  double count = 0;
  double bytes_per_row = 0; // of the whole message: one row of the tensor that is communicated
  int ranks = 1;            // in the group
  int stride = 1;           // distance of its ranks in the order tp, dp, pp
  double top_k = 0;         // dispatch, combine
  double experts = 0;
  double groups = 1; // group-limited routing: top_groups of groups
  double top_groups = 1;
};

/// Layers by what the engine's fixed cost a layer depends on.
struct LayerCounts {
  double dense = 0;
  double moe = 0;
  double linear = 0;      // linear-attention layers
  double drafted_moe = 0; // MTP layers times draft tokens
  double drafted_dense = 0;
};

struct Graph {
  std::vector<MatrixOp> products;
  std::vector<ExpertsOp> experts;
  std::vector<AttentionOp> attention;
  std::vector<ElementwiseOp> elementwise;
  std::vector<CollectiveOp> collectives;
  LayerCounts layers;
};

/// Throws INVALID_REQUEST or UNSUPPORTED as check_parallel and precision_of do.
Graph graph_of(const Deployment& deployment);

} // namespace dsk::perf
