#include "perf/ops.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "perf/moe.hpp"

namespace dsk::perf {

const char* precision_name(Precision precision) {
  static constexpr const char* names[precision_count] = {"bf16", "fp8",   "fp8_block",
                                                         "int8", "nvfp4", "weight_only"};
  return names[static_cast<std::size_t>(precision)];
}

Element math_element(Precision precision) {
  switch (precision) {
  case Precision::fp8:
  case Precision::fp8_block:
    return Element::fp8;
  case Precision::int8:
    return Element::int8;
  case Precision::nvfp4:
    return Element::fp4;
  case Precision::bf16:
  case Precision::weight_only:
    break;
  }
  return Element::bf16;
}

double input_element_bytes(Precision precision) {
  switch (precision) {
  case Precision::fp8:
  case Precision::fp8_block:
  case Precision::int8:
    return 1;
  case Precision::nvfp4:
    return 9.0 / 16; // 4 bits and one e4m3 scale for each 16 values
  case Precision::bf16:
  case Precision::weight_only:
    break;
  }
  return 2;
}

Precision precision_of(const WeightFormat& format, const Device& device, EngineKind engine,
                       const std::string& path) {
  const auto need = [&](Element element) {
    if (device.dense_peak(element) <= 0)
      throw Error(DSK_STATUS_UNSUPPORTED,
                  "device " + device.name + " does not compute in " +
                      std::string(element_name(element)) + ", which the weights (" +
                      format_name(format) + ") need: choose a device or a checkpoint that fits",
                  path);
  };
  switch (format.element) {
  case Element::fp8:
    // vLLM unpacks it there (Marlin), SGLang does so without blocks.
    if (device.dense_peak(Element::fp8) <= 0 &&
        (engine == EngineKind::vllm || (engine == EngineKind::sglang && format.block_in == 0))) {
      need(Element::bf16);
      return Precision::weight_only;
    }
    need(Element::fp8);
    return format.block_in > 0 ? Precision::fp8_block : Precision::fp8;
  case Element::int8:
    need(Element::int8);
    return Precision::int8;
  case Element::fp4: // without hardware for it, unpacked and computed in 16 bit
    return device.dense_peak(Element::fp4) > 0 ? Precision::nvfp4 : Precision::weight_only;
  case Element::fp6:
  case Element::int4:
    need(Element::bf16);
    return Precision::weight_only;
  case Element::fp32:
  case Element::tf32: // routers and the like: engines compute them in 16 bit or TF32
  case Element::bf16:
  case Element::fp16:
    break;
  }
  need(Element::bf16);
  return Precision::bf16;
}

namespace {

// Products that engines run as one: same input, same rows, same format, same split.
struct FusionKey {
  Component component;
  std::int64_t in;
  bool split;
  Element element;
  int block_in;
  auto operator<=>(const FusionKey&) const = default;
};

struct Split {
  double out_share = 1;
  double in_share = 1;
};

Split split_of(const Matrix& matrix, const Parallel& parallel) {
  const double tp = parallel.tp;
  switch (matrix.shard) {
  case Shard::column:
  case Shard::vocab:
    return {1 / tp, 1};
  case Shard::row:
    return {1, 1 / tp};
  case Shard::kv_heads:
    return {1.0 / std::min(parallel.tp, std::max(1, matrix.heads)), 1};
  case Shard::expert:
    return matrix.row_within ? Split{1, 1.0 / parallel.moe_tp()}
                             : Split{1.0 / parallel.moe_tp(), 1};
  case Shard::replicated:
    break;
  }
  return {};
}

class Builder {
public:
  explicit Builder(const Deployment& deployment)
      : d_(deployment), model_(*deployment.model), weights_(weights_of(*deployment.model)) {}

  Graph build() {
    check_parallel(model_, d_.parallel, "/parallel");
    for (std::size_t kind = 0; kind < model_.kinds.size(); ++kind) {
      const double count = static_cast<double>(
          std::count(model_.layer_kinds.begin(), model_.layer_kinds.end(), static_cast<int>(kind)));
      if (count > 0) add_layer(model_.kinds[kind], weights_.kinds[kind], count, false);
    }
    add_matrices(weights_.head, 1, Rows::sampled, nullptr);
    if (d_.parallel.tp > 1)
      collective("lm_head/all_gather", CollectiveOp::Kind::all_gather, Rows::sampled, 1,
                 model_.vocab * 2.0, d_.parallel.tp);
    add_drafts();
    if (d_.parallel.pp > 1)
      collective("pipeline/send", CollectiveOp::Kind::send, Rows::tokens, d_.parallel.pp - 1,
                 model_.hidden * 2.0, 2, d_.parallel.tp * d_.parallel.dp);
    merge();
    return std::move(graph_);
  }

private:
  // Layers of different kinds share most operators: one entry each, run as often as both.
  template <class Op, class Same> static void merge_equal(std::vector<Op>& ops, Same same) {
    std::vector<Op> merged;
    for (Op& op : ops) {
      const auto twin = std::find_if(merged.begin(), merged.end(),
                                     [&](const Op& other) { return same(op, other); });
      if (twin == merged.end()) {
        merged.push_back(std::move(op));
      } else {
        twin->count += op.count;
        if constexpr (requires { op.draft_count; }) twin->draft_count += op.draft_count;
      }
    }
    ops = std::move(merged);
  }

  void merge() {
    merge_equal(graph_.products, [](const MatrixOp& a, const MatrixOp& b) {
      return a.name == b.name && a.rows == b.rows && a.precision == b.precision && a.n == b.n &&
             a.k == b.k && a.copies == b.copies && a.weight_bytes == b.weight_bytes;
    });
    merge_equal(graph_.experts, [](const ExpertsOp& a, const ExpertsOp& b) {
      return a.name == b.name && a.rows == b.rows && a.precision == b.precision &&
             a.experts == b.experts && a.top_k == b.top_k && a.expert_bytes == b.expert_bytes;
    });
    merge_equal(graph_.attention, [](const AttentionOp& a, const AttentionOp& b) {
      return a.shape == b.shape && a.expands == b.expands &&
             a.expansion.precision == b.expansion.precision;
    });
    merge_equal(graph_.elementwise, [](const ElementwiseOp& a, const ElementwiseOp& b) {
      return a.rows == b.rows && a.bytes_per_row == b.bytes_per_row;
    });
    merge_equal(graph_.collectives, [](const CollectiveOp& a, const CollectiveOp& b) {
      return a.name == b.name && a.rows == b.rows && a.bytes_per_row == b.bytes_per_row;
    });
  }

  void add_drafts() {
    if (d_.mtp_tokens <= 0) return;
    if (model_.mtp_kinds.empty())
      invalid_request("/mtp_tokens", "mtp_tokens is " + std::to_string(d_.mtp_tokens) + ", but " +
                                         model_.name + " has no multi-token-prediction layer: 0");
    // Draft i runs MTP layer i; a model with fewer layers runs the last one again.
    const double each =
        static_cast<double>(d_.mtp_tokens) / static_cast<double>(model_.mtp_kinds.size());
    for (std::size_t i = 0; i < model_.mtp_kinds.size(); ++i)
      add_layer(model_.kinds[static_cast<std::size_t>(model_.mtp_kinds[i])], weights_.mtp[i], each,
                true);
    add_matrices(weights_.head, d_.mtp_tokens, Rows::drafted, nullptr);
  }

  void add_layer(const Layer& layer, const std::vector<Matrix>& matrices, double count,
                 bool draft) {
    const Rows rows = draft ? Rows::drafted : Rows::tokens;
    add_attention(layer, matrices, count, draft);
    add_matrices(matrices, count, rows, &layer);
    const auto* moe = std::get_if<MoeMlp>(&layer.ffn);
    if (moe) add_experts(*moe, matrices, count, draft);
    add_elementwise(layer, count, rows);
    add_collectives(layer, count, draft);
    LayerCounts& layers = graph_.layers;
    (draft ? (moe ? layers.drafted_moe : layers.drafted_dense)
           : (moe ? layers.moe : layers.dense)) += count;
    if (std::holds_alternative<LinearAttention>(layer.attention)) layers.linear += count;
  }

  static bool is_expansion(const Matrix& matrix, const Layer* layer) {
    const auto* mla = layer ? std::get_if<MlaAttention>(&layer->attention) : nullptr;
    return mla && matrix.component == Component::attention && matrix.in == mla->kv_lora_rank &&
           matrix.out == std::int64_t{mla->heads} * (mla->qk_nope_dim + mla->v_head_dim);
  }

  MatrixOp product(const Matrix& matrix, double count, Rows rows) const {
    const Split split = split_of(matrix, d_.parallel);
    MatrixOp op;
    op.name = std::string(component_name(matrix.component)) + "/" + matrix.name;
    op.rows = rows;
    op.count = count;
    op.precision = precision_of(matrix.format, *d_.device, d_.engine->kind, "/device");
    op.n = static_cast<double>(matrix.out) * split.out_share;
    op.k = static_cast<double>(matrix.in) * split.in_share;
    op.copies = static_cast<double>(matrix.copies);
    op.weight_bytes =
        static_cast<double>(matrix.bytes()) / op.copies * split.out_share * split.in_share;
    return op;
  }

  void add_matrices(const std::vector<Matrix>& matrices, double count, Rows rows,
                    const Layer* layer) {
    std::map<FusionKey, std::size_t> fused;
    for (const Matrix& matrix : matrices) {
      if (!matrix.product || matrix.shard == Shard::expert || is_expansion(matrix, layer)) continue;
      MatrixOp op = product(matrix, count, rows);
      const bool split = matrix.shard != Shard::replicated;
      if (matrix.shard == Shard::row || matrix.shard == Shard::vocab || matrix.copies > 1) {
        graph_.products.push_back(std::move(op));
        continue;
      }
      const FusionKey key{matrix.component, matrix.in, split, matrix.format.element,
                          matrix.format.block_in};
      const auto [at, fresh] = fused.emplace(key, graph_.products.size());
      if (fresh) {
        graph_.products.push_back(std::move(op));
      } else {
        MatrixOp& whole = graph_.products[at->second];
        whole.name += std::string("+") + matrix.name;
        whole.n += op.n;
        whole.weight_bytes += op.weight_bytes;
      }
    }
  }

  void add_attention(const Layer& layer, const std::vector<Matrix>& matrices, double count,
                     bool draft) {
    AttentionOp op;
    op.shape = attention_shape(layer.attention, d_.parallel.tp, d_.kv_element);
    (draft ? op.draft_count : op.count) = count;
    switch (op.shape.kind) {
    case AttentionShape::Kind::grouped:
      op.name = op.shape.window > 0 ? "attention/window" : "attention/grouped";
      break;
    case AttentionShape::Kind::latent:
      op.name = op.shape.compress_ratio > 0 ? "attention/compressed" : "attention/latent";
      break;
    case AttentionShape::Kind::linear:
      op.name = "attention/linear";
      break;
    }
    const auto* mla = std::get_if<MlaAttention>(&layer.attention);
    for (const Matrix& matrix : matrices) {
      if (!mla || !is_expansion(matrix, &layer)) continue;
      // Decode multiplies the queries and the outputs by the two halves, head by head.
      MatrixOp half = product(matrix, count, draft ? Rows::drafted : Rows::decode_tokens);
      const double head_bytes =
          half.weight_bytes / (op.shape.heads * (mla->qk_nope_dim + mla->v_head_dim));
      half.copies = op.shape.heads;
      half.name = "attention/q_absorb";
      half.n = mla->kv_lora_rank;
      half.k = mla->qk_nope_dim;
      half.weight_bytes = head_bytes * mla->qk_nope_dim;
      half.precision = half.precision == Precision::fp8_block ? Precision::fp8 : half.precision;
      graph_.products.push_back(half);
      half.name = "attention/v_absorb";
      half.n = mla->v_head_dim;
      half.k = mla->kv_lora_rank;
      half.weight_bytes = head_bytes * mla->v_head_dim;
      graph_.products.push_back(half);
      if (op.shape.index_heads == 0) {
        op.expands = true;
        op.expansion = product(matrix, count, Rows::tokens);
      }
    }
    graph_.attention.push_back(std::move(op));
  }

  void add_experts(const MoeMlp& moe, const std::vector<Matrix>& matrices, double count,
                   bool draft) {
    ExpertsOp op;
    op.name = moe.hash_routed ? "experts/hash_routed" : "experts/routed";
    op.rows = draft ? Rows::drafted : Rows::replica_tokens;
    op.count = count;
    op.hidden = model_.hidden;
    op.moe_tp = d_.parallel.moe_tp();
    op.ep = d_.parallel.ep;
    op.intermediate = static_cast<double>(moe.intermediate) / op.moe_tp;
    op.experts = moe.experts;
    op.top_k = moe.top_k;
    op.groups = moe.groups;
    op.top_groups = moe.top_groups;
    op.skew = default_expert_skew;
    op.redundant = d_.redundant_experts;
    op.dispatch =
        op.ep == 1
            ? ExpertDispatch::skipped
            : d_.expert_dispatch.value_or(default_expert_dispatch(*d_.engine, d_.parallel.dp > 1));
    for (const Matrix& matrix : matrices) {
      if (matrix.shard != Shard::expert || !matrix.product) continue;
      op.precision = precision_of(matrix.format, *d_.device, d_.engine->kind, "/device");
      op.expert_bytes +=
          static_cast<double>(matrix.bytes()) / static_cast<double>(matrix.copies) / op.moe_tp;
    }
    graph_.experts.push_back(std::move(op));
  }

  void add_elementwise(const Layer& layer, double count, Rows rows) {
    const double h = model_.hidden * 2.0; // bytes of one bf16 row
    const double streams = std::max(1, layer.hyper_streams);
    ElementwiseOp op{"layer/elementwise", rows, count, 0};
    // Residual add and norm: read two rows, write two, around attention and around the MLP. With
    // hyper-connections every stream is read, mixed and written each time.
    op.bytes_per_row = 2 * (2 + 2 * streams) * h;
    const AttentionShape shape = attention_shape(layer.attention, d_.parallel.tp, d_.kv_element);
    op.bytes_per_row += 2 * 2 * shape.heads * shape.prefill_qk_dim; // rotary or latent norm of q
    if (const auto* dense = std::get_if<DenseMlp>(&layer.ffn))
      op.bytes_per_row += (dense->gated ? 3 : 2) * 2.0 * dense->intermediate / d_.parallel.tp;
    else if (const int shared = std::get<MoeMlp>(layer.ffn).shared_intermediate; shared > 0)
      op.bytes_per_row += 3 * 2.0 * shared / d_.parallel.tp + 3 * h;
    graph_.elementwise.push_back(std::move(op));
  }

  void collective(const char* name, CollectiveOp::Kind kind, Rows rows, double count,
                  double bytes_per_row, int ranks, int stride = 1) {
    graph_.collectives.push_back({name, kind, rows, count, bytes_per_row, ranks, stride});
  }

  void add_collectives(const Layer& layer, double count, bool draft) {
    using Kind = CollectiveOp::Kind;
    const Parallel& p = d_.parallel;
    const Rows own = draft ? Rows::drafted : Rows::tokens;
    const double row = model_.hidden * 2.0;
    const auto* moe = std::get_if<MoeMlp>(&layer.ffn);
    if (p.tp > 1 && !layer.parallel)
      collective("attention/all_reduce", Kind::all_reduce, own, count, row, p.tp);
    if (!moe || p.dp == 1) {
      if (p.tp > 1)
        collective(moe ? "experts/all_reduce" : "mlp/all_reduce", Kind::all_reduce, own, count, row,
                   p.tp);
      return;
    }
    const int ranks = p.tp * p.dp;
    if (p.ep == 1) { // experts cut into slices: every rank needs every token
      const Rows all = draft ? Rows::drafted : Rows::replica_tokens;
      collective("experts/all_gather", Kind::all_gather, all, count, row, ranks);
      collective("experts/reduce_scatter", Kind::reduce_scatter, all, count, row, ranks);
      return;
    }
    // One row of a token to each rank that holds one of its experts: 1 byte a value there (fp8 with
    // scales), 2 bytes back. Tokens of an attention group are shared out over its tp ranks.
    CollectiveOp op{"experts/dispatch",
                    Kind::dispatch,
                    own,
                    count,
                    0,
                    p.ep,
                    p.tp * p.dp / p.ep,
                    static_cast<double>(moe->top_k),
                    static_cast<double>(moe->experts),
                    static_cast<double>(moe->groups),
                    static_cast<double>(moe->top_groups)};
    op.bytes_per_row = model_.hidden * (1.0 + 4.0 / 128) / p.tp;
    graph_.collectives.push_back(op);
    op.name = "experts/combine";
    op.kind = Kind::combine;
    op.bytes_per_row = row / p.tp;
    graph_.collectives.push_back(op);
    if (p.tp > 1) collective("experts/all_gather", Kind::all_gather, own, count, row, p.tp);
  }

  const Deployment& d_;
  const Model& model_;
  ModelWeights weights_;
  Graph graph_;
};

} // namespace

Graph graph_of(const Deployment& deployment) {
  return Builder(deployment).build();
}

} // namespace dsk::perf
