#include "perf/weights.hpp"

#include <algorithm>
#include <string>

namespace dsk::perf {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// Lists the matrices of one layer. Formats come from the module's name in the checkpoint.
class LayerWeights {
public:
  LayerWeights(const Model& model, int index)
      : model_(model),
        prefix_("model.layers." + std::to_string(index) + "."), plain_{model.activation} {}

  std::vector<Matrix> list(const Layer& layer) {
    std::visit([this](const auto& a) { attention(a); }, layer.attention);
    if (layer.norms > 0) vector("norm", Component::norm, std::int64_t{layer.norms} * model_.hidden);
    if (layer.hyper_streams > 0) hyper_connections(layer.hyper_streams, 2);
    std::visit([this](const auto& f) { ffn(f); }, layer.ffn);
    return std::move(out_);
  }

  // What an MTP layer has beside the layer itself. `stage` counts draft layers from 0.
  std::vector<Matrix> list_mtp(const Layer& layer, std::size_t stage, std::size_t stages) {
    out_ = list(layer);
    const std::int64_t h = model_.hidden;
    if (const auto& draft = model_.dspark) {
      if (stage == 0)
        add("main_proj", "main_proj", Component::mtp, h, draft->taps * h, Shard::replicated);
      vector("mtp_norms", Component::mtp, h);
      if (stage + 1 == stages && draft->markov_rank > 0) {
        plain("markov_in", Component::mtp, model_.vocab, draft->markov_rank, Shard::vocab, plain_)
            .product = false;
        plain("markov_out", Component::mtp, model_.vocab, draft->markov_rank, Shard::vocab, plain_);
      }
    } else {
      add("eh_proj", "eh_proj", Component::mtp, h, 2 * h, Shard::replicated);
      vector("mtp_norms", Component::mtp, 3 * h); // of the embedding, the hidden state, the output
    }
    if (layer.hyper_streams > 0 && stage + 1 == stages)
      hyper_head(layer.hyper_streams, Component::mtp);
    return std::move(out_);
  }

  void hyper_head(int streams, Component component) {
    const std::int64_t s = streams;
    plain("hc_head_fn", component, s, s * model_.hidden, Shard::replicated, formats::fp32);
    vector("hc_head_base", component, s + 1, Shard::replicated, formats::fp32);
  }
  std::vector<Matrix> take() { return std::move(out_); }

private:
  WeightFormat format(const char* module) const {
    return model_.quantization.format_of(prefix_ + module, plain_);
  }
  Matrix& add(const char* name, const char* module, Component component, std::int64_t out,
              std::int64_t in, Shard shard) {
    out_.push_back(Matrix{name, component, out, in, 1, shard, false, true, 0, format(module)});
    return out_.back();
  }
  // A product that no checkpoint quantises.
  Matrix& plain(const char* name, Component component, std::int64_t out, std::int64_t in,
                Shard shard, const WeightFormat& stored) {
    out_.push_back(Matrix{name, component, out, in, 1, shard, false, true, 0, stored});
    return out_.back();
  }
  Matrix& vector(const char* name, Component component, std::int64_t size,
                 Shard shard = Shard::replicated) {
    return vector(name, component, size, shard, plain_);
  }
  Matrix& vector(const char* name, Component component, std::int64_t size, Shard shard,
                 const WeightFormat& stored) {
    out_.push_back(Matrix{name, component, size, 1, 1, shard, false, false, 0, stored});
    return out_.back();
  }

  void attention(const GqaAttention& a) {
    const std::int64_t h = model_.hidden;
    const std::int64_t q = std::int64_t{a.heads} * a.qk_head_dim * (a.output_gate ? 2 : 1);
    const std::int64_t k = std::int64_t{a.kv_heads} * a.qk_head_dim;
    const std::int64_t v = std::int64_t{a.kv_heads} * a.v_head_dim;
    constexpr auto c = Component::attention;
    add("q_proj", "self_attn.q_proj", c, q, h, Shard::column);
    add("k_proj", "self_attn.k_proj", c, k, h, Shard::kv_heads).heads = a.kv_heads;
    add("v_proj", "self_attn.v_proj", c, v, h, Shard::kv_heads).heads = a.kv_heads;
    add("o_proj", "self_attn.o_proj", c, h, std::int64_t{a.heads} * a.v_head_dim, Shard::row);
    if (a.qkv_bias) {
      vector("q_bias", c, q, Shard::column);
      vector("k_bias", c, k, Shard::kv_heads).heads = a.kv_heads;
      vector("v_bias", c, v, Shard::kv_heads).heads = a.kv_heads;
    }
    if (a.out_bias) vector("o_bias", c, h);
    if (a.qk_norm && a.qk_norm_full) {
      vector("q_norm", c, std::int64_t{a.heads} * a.qk_head_dim, Shard::column);
      vector("k_norm", c, k, Shard::kv_heads).heads = a.kv_heads;
    } else if (a.qk_norm) {
      vector("qk_norm", c, 2 * std::int64_t{a.qk_head_dim});
    }
    if (a.sinks) vector("sinks", c, a.heads, Shard::column);
  }

  void attention(const MlaAttention& a) {
    const std::int64_t h = model_.hidden;
    const std::int64_t heads = a.heads;
    const std::int64_t qk = a.qk_nope_dim + a.qk_rope_dim;
    constexpr auto c = Component::attention;
    if (a.q_lora_rank > 0) {
      add("q_a_proj", "self_attn.q_a_proj", c, a.q_lora_rank, h, Shard::replicated);
      vector("q_a_norm", c, a.q_lora_rank);
      add("q_b_proj", "self_attn.q_b_proj", c, heads * qk, a.q_lora_rank, Shard::column);
    } else {
      add("q_proj", "self_attn.q_proj", c, heads * qk, h, Shard::column);
    }
    add("kv_a_proj", "self_attn.kv_a_proj_with_mqa", c, a.kv_lora_rank + a.qk_rope_dim, h,
        Shard::replicated);
    vector("kv_a_norm", c, a.kv_lora_rank);
    add("kv_b_proj", "self_attn.kv_b_proj", c, heads * (a.qk_nope_dim + a.v_head_dim),
        a.kv_lora_rank, Shard::column);
    add("o_proj", "self_attn.o_proj", c, h, heads * a.v_head_dim, Shard::row);
    if (a.indexer) {
      const Indexer& x = *a.indexer;
      const std::int64_t from = a.q_lora_rank > 0 ? a.q_lora_rank : h;
      add("indexer_q", "self_attn.indexer.wq_b", Component::indexer,
          std::int64_t{x.heads} * x.head_dim, from, Shard::replicated);
      add("indexer_k", "self_attn.indexer.wk", Component::indexer, x.head_dim, h,
          Shard::replicated);
      vector("indexer_k_norm", Component::indexer, 2 * std::int64_t{x.head_dim}); // LayerNorm
      plain("indexer_weights", Component::indexer, x.heads, h, Shard::replicated, plain_);
    }
  }

  // Entries of `ratio` tokens: gated pooling, overlapping (twice as wide) at ratio 4.
  void compressor(Component component, int ratio, std::int64_t head_dim) {
    const std::int64_t width = (ratio == 4 ? 2 : 1) * head_dim;
    plain("compressor_kv", component, width, model_.hidden, Shard::replicated, plain_);
    plain("compressor_gate", component, width, model_.hidden, Shard::replicated, plain_);
    vector("compressor_ape", component, width * ratio, Shard::replicated, formats::fp32);
    vector("compressor_norm", component, head_dim);
  }

  void attention(const CompressedAttention& a) {
    const std::int64_t h = model_.hidden;
    const std::int64_t q = std::int64_t{a.heads} * a.head_dim;
    const std::int64_t o = std::int64_t{a.o_groups} * a.o_lora_rank;
    constexpr auto c = Component::attention;
    add("q_a_proj", "self_attn.q_a_proj", c, a.q_lora_rank, h, Shard::replicated);
    vector("q_a_norm", c, a.q_lora_rank);
    add("q_b_proj", "self_attn.q_b_proj", c, q, a.q_lora_rank, Shard::column);
    add("kv_proj", "self_attn.kv_proj", c, a.head_dim, h, Shard::replicated);
    vector("kv_norm", c, a.head_dim);
    add("o_a_proj", "self_attn.o_a_proj", c, o, q / a.o_groups, Shard::column);
    add("o_b_proj", "self_attn.o_b_proj", c, h, o, Shard::row);
    vector("sinks", c, a.heads, Shard::column, formats::fp32);
    if (a.compress_ratio > 0 && a.stores_entries) compressor(c, a.compress_ratio, a.head_dim);
    if (a.indexer) {
      const Indexer& x = *a.indexer;
      add("indexer_q", "self_attn.indexer.wq_b", Component::indexer,
          std::int64_t{x.heads} * x.head_dim, a.q_lora_rank, Shard::replicated);
      plain("indexer_weights", Component::indexer, x.heads, h, Shard::replicated, plain_);
      if (a.stores_entries) compressor(Component::indexer, a.compress_ratio, x.head_dim);
    }
  }

  void attention(const LinearAttention& a) {
    const std::int64_t h = model_.hidden;
    const std::int64_t key = std::int64_t{a.key_heads} * a.key_head_dim;
    const std::int64_t value = std::int64_t{a.value_heads} * a.value_head_dim;
    constexpr auto c = Component::attention;
    add("in_proj_qkv", "linear_attn.in_proj_qkv", c, 2 * key + value, h, Shard::column);
    add("in_proj_z", "linear_attn.in_proj_z", c, value, h, Shard::column);
    add("in_proj_ba", "linear_attn.in_proj_ba", c, 2 * std::int64_t{a.value_heads}, h,
        Shard::column);
    vector("conv1d", c, (2 * key + value) * a.conv_kernel, Shard::column);
    vector("dt_bias", c, a.value_heads, Shard::column);
    vector("a_log", c, a.value_heads, Shard::column);
    vector("gate_norm", c, a.value_head_dim);
    add("out_proj", "linear_attn.out_proj", c, h, value, Shard::row);
  }

  // Hyper-connections mix `streams` copies of the residual: for each of attention and MLP one
  // product to (2 + streams) x streams coefficients, in fp32.
  void hyper_connections(int streams, int sites) {
    const std::int64_t s = streams;
    const std::int64_t mix = (2 + s) * s;
    for (int i = 0; i < sites; ++i) {
      plain("hc_fn", Component::hyper_connections, mix, s * model_.hidden, Shard::replicated,
            formats::fp32);
      vector("hc_base", Component::hyper_connections, mix + 3, Shard::replicated, formats::fp32);
    }
  }

  void ffn(const DenseMlp& f) {
    const std::int64_t h = model_.hidden;
    constexpr auto c = Component::dense_mlp;
    if (f.gated) add("gate_proj", "mlp.gate_proj", c, f.intermediate, h, Shard::column);
    add("up_proj", "mlp.up_proj", c, f.intermediate, h, Shard::column);
    add("down_proj", "mlp.down_proj", c, h, f.intermediate, Shard::row);
    if (!f.bias) return;
    vector("up_bias", c, std::int64_t{f.intermediate} * (f.gated ? 2 : 1), Shard::column);
    vector("down_bias", c, h);
  }

  void expert(const char* name, const char* module, std::int64_t out, std::int64_t in,
              std::int64_t copies, bool row) {
    Matrix& m = add(name, module, Component::routed_experts, out, in, Shard::expert);
    m.copies = copies;
    m.row_within = row;
  }

  void ffn(const MoeMlp& f) {
    const std::int64_t h = model_.hidden;
    const std::int64_t width = f.intermediate;
    expert("gate_proj", "mlp.experts.0.gate_proj", width, h, f.experts, false);
    expert("up_proj", "mlp.experts.0.up_proj", width, h, f.experts, false);
    expert("down_proj", "mlp.experts.0.down_proj", h, width, f.experts, true);
    if (f.expert_bias) {
      for (const auto& [name, size, row] :
           {std::tuple{"gate_up_bias", 2 * width, false}, std::tuple{"down_bias", h, true}}) {
        Matrix& m = vector(name, Component::routed_experts, size, Shard::expert);
        m.copies = f.experts;
        m.row_within = row;
      }
    }
    if (f.shared_intermediate > 0) {
      constexpr auto c = Component::shared_experts;
      const std::int64_t shared = f.shared_intermediate;
      add("shared_gate_proj", "mlp.shared_experts.gate_proj", c, shared, h, Shard::column);
      add("shared_up_proj", "mlp.shared_experts.up_proj", c, shared, h, Shard::column);
      add("shared_down_proj", "mlp.shared_experts.down_proj", c, h, shared, Shard::row);
      if (f.shared_gate) plain("shared_gate", c, 1, h, Shard::replicated, plain_);
    }
    add("router", "mlp.gate", Component::router, f.experts, h, Shard::replicated);
    if (f.router_bias) vector("router_bias", Component::router, f.experts);
    if (f.correction_bias)
      vector("correction_bias", Component::router, f.experts, Shard::replicated, formats::fp32);
    if (f.hash_routed) { // the experts of each token id, as 32-bit integers
      vector("hash_table", Component::router, std::int64_t{model_.vocab} * f.top_k);
      out_.back().format = formats::fp32;
    }
  }

  const Model& model_;
  std::string prefix_;
  WeightFormat plain_;
  std::vector<Matrix> out_;
};

std::vector<Matrix> vision_weights(const Model& model) {
  std::vector<Matrix> out;
  if (!model.vision) return out;
  const VisionTower& v = *model.vision;
  const WeightFormat plain{model.activation};
  const auto add = [&](const char* name, std::int64_t rows, std::int64_t columns,
                       std::int64_t copies, bool product) {
    // Each engine holds the whole tower on every device unless it is told otherwise.
    out.push_back(Matrix{name, Component::vision, rows, columns, copies, Shard::replicated, false,
                         product, 0, plain});
  };
  const std::int64_t h = v.hidden;
  add("patch_embed", h, v.patch_elements, 1, true);
  add("position_embed", v.positions, h, 1, false);
  add("vision_qkv", 3 * h, h, v.layers, true);
  add("vision_out", h, h, v.layers, true);
  add("vision_up", v.intermediate, h, v.layers, true);
  add("vision_down", h, v.intermediate, v.layers, true);
  // Biases of the four products and two LayerNorms a block.
  add("vision_vectors", 4 * h + v.intermediate + h + 4 * h, 1, v.layers, false);
  add("merger_up", v.merged, v.merged, 1, true);
  add("merger_down", v.out_hidden, v.merged, 1, true);
  add("merger_vectors", v.merged + v.out_hidden + 2 * h, 1, 1, false);
  return out;
}

} // namespace

const char* component_name(Component component) {
  static constexpr const char* names[component_count] = {
      "embedding",      "attention", "indexer", "dense mlp",         "shared experts",
      "routed experts", "router",    "norm",    "hyper-connections", "mtp",
      "vision",         "lm head",   "engram"};
  return names[static_cast<std::size_t>(component)];
}

ModelWeights weights_of(const Model& model) {
  ModelWeights weights;
  const WeightFormat plain{model.activation};
  const std::int64_t h = model.hidden;
  weights.embedding.push_back(Matrix{"embed_tokens", Component::embedding, model.vocab, h, 1,
                                     Shard::vocab, false, false, 0,
                                     model.quantization.format_of("model.embed_tokens", plain)});
  for (std::size_t kind = 0; kind < model.kinds.size(); ++kind) {
    // Any layer of the kind has its formats: that is what makes it one kind.
    const auto first =
        std::find(model.layer_kinds.begin(), model.layer_kinds.end(), static_cast<int>(kind));
    int index = static_cast<int>(first - model.layer_kinds.begin());
    if (first == model.layer_kinds.end())
      index = model.layers() +
              static_cast<int>(std::find(model.mtp_kinds.begin(), model.mtp_kinds.end(),
                                         static_cast<int>(kind)) -
                               model.mtp_kinds.begin());
    weights.kinds.push_back(LayerWeights(model, index).list(model.kinds[kind]));
  }
  for (std::size_t i = 0; i < model.mtp_kinds.size(); ++i)
    weights.mtp.push_back(LayerWeights(model, model.layers() + static_cast<int>(i))
                              .list_mtp(model.kinds[static_cast<std::size_t>(model.mtp_kinds[i])],
                                        i, model.mtp_kinds.size()));
  weights.head.push_back(Matrix{"final_norm", Component::norm, model.final_norms * h, 1, 1,
                                Shard::replicated, false, false, 0, plain});
  int streams = 0;
  for (const Layer& layer : model.kinds)
    streams = std::max(streams, layer.hyper_streams);
  if (streams > 0) {
    LayerWeights head(model, 0);
    head.hyper_head(streams, Component::hyper_connections);
    for (Matrix& m : head.take())
      weights.head.push_back(m);
  }
  if (!model.tied_embeddings)
    weights.head.push_back(Matrix{"lm_head", Component::lm_head, model.vocab, h, 1, Shard::vocab,
                                  false, true, 0, model.quantization.format_of("lm_head", plain)});
  if (model.head_bias)
    weights.head.push_back(Matrix{"lm_head_bias", Component::lm_head, model.vocab, 1, 1,
                                  Shard::vocab, false, false, 0, plain});
  weights.vision = vision_weights(model);
  if (model.engram) {
    const Engram& e = *model.engram;
    // V4.1 publishes them in fp8 with a power-of-two scale for each 32 elements.
    const WeightFormat stored =
        model.quantization.method == "none" ? plain : WeightFormat{Element::fp8, 1, 32, 8};
    weights.engram.push_back(Matrix{"engram_table", Component::engram, e.rows, e.head_dim, 1,
                                    Shard::vocab, false, false, 0, stored});
    weights.engram.push_back(Matrix{
        "engram_kv", Component::engram, h * (streams + 1), std::int64_t{e.columns} * e.head_dim,
        e.layers, Shard::replicated, false, true, 0, model.quantization.default_format});
  }
  return weights;
}

LocalShape local_shape(const Matrix& m, const Parallel& p) {
  switch (m.shard) {
  case Shard::replicated:
    break;
  case Shard::column:
    return {ceil_div(m.out, p.tp), m.in, m.copies};
  case Shard::row:
    return {m.out, ceil_div(m.in, p.tp), m.copies};
  case Shard::kv_heads:
    return {m.out / m.heads * ceil_div(m.heads, p.tp), m.in, m.copies};
  case Shard::expert: {
    const std::int64_t copies = ceil_div(m.copies, p.ep);
    const std::int64_t width = p.moe_tp();
    // A vector of `hidden` behind the split dimension (down bias) stays whole.
    if (m.row_within) return {m.out, m.in > 1 ? ceil_div(m.in, width) : 1, copies};
    return {ceil_div(m.out, width), m.in, copies};
  }
  case Shard::vocab:
    // Engines pad the vocabulary to a multiple of 64 before they split it.
    return {p.tp > 1 ? ceil_div(ceil_div(m.out, 64) * 64, p.tp) : m.out, m.in, m.copies};
  }
  return {m.out, m.in, m.copies};
}

std::int64_t local_bytes(const Matrix& m, const Parallel& p) {
  const LocalShape s = local_shape(m, p);
  return s.copies * stored_bytes(m.format, s.out, s.in);
}

std::vector<int> pipeline_layers(int layers, int stages) {
  std::vector<int> out(static_cast<std::size_t>(stages), layers / stages);
  const int rest = layers % stages;
  for (int i = 0; i < rest; ++i) {
    const int stage = stages - 2 - i;
    ++out[static_cast<std::size_t>(stage >= 0 ? stage : stages - 1)];
  }
  return out;
}

namespace {

std::int64_t count(const std::vector<Matrix>& list, std::int64_t top_k) {
  std::int64_t total = 0;
  for (const Matrix& m : list)
    total +=
        top_k > 0 && m.shard == Shard::expert ? m.parameters() / m.copies * top_k : m.parameters();
  return total;
}

std::int64_t count_model(const Model& model, const ModelWeights& weights, bool active) {
  std::int64_t total = count(weights.embedding, 0) + count(weights.head, 0);
  if (!active) total += count(weights.engram, 0);
  for (const int kind : model.layer_kinds) {
    const auto k = static_cast<std::size_t>(kind);
    const auto* moe = std::get_if<MoeMlp>(&model.kinds[k].ffn);
    total += count(weights.kinds[k], active && moe ? moe->top_k : 0);
  }
  return total;
}

} // namespace

std::int64_t parameter_count(const Model& model, const ModelWeights& weights) {
  return count_model(model, weights, false);
}

std::int64_t active_parameter_count(const Model& model, const ModelWeights& weights) {
  return count_model(model, weights, true);
}

std::int64_t whole_bytes(const Model& model, const ModelWeights& weights) {
  std::int64_t total = 0;
  const auto add = [&](const std::vector<Matrix>& list) {
    for (const Matrix& m : list)
      total += m.bytes();
  };
  add(weights.embedding);
  add(weights.head);
  add(weights.vision);
  add(weights.engram);
  for (const int kind : model.layer_kinds)
    add(weights.kinds[static_cast<std::size_t>(kind)]);
  for (const auto& list : weights.mtp)
    add(list);
  return total;
}

} // namespace dsk::perf
