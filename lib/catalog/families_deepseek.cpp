// DeepSeek's own architectures and those that took them over (Kimi-K2, GLM-5). Shapes follow the
// model code published with the checkpoints.
#include <algorithm>

#include "base/error.hpp"
#include "catalog/families.hpp"

namespace dsk::families {
namespace {

std::optional<Indexer> indexer(Reader& text) {
  if (!text.has("index_topk")) return std::nullopt;
  Indexer x;
  x.top_k = static_cast<int>(text.integer("index_topk", 1, 1 << 24));
  x.heads = static_cast<int>(text.integer("index_n_heads", 1, 1 << 16));
  x.head_dim = static_cast<int>(text.integer("index_head_dim", 1, 1 << 14));
  return x;
}

MoeMlp deepseek_moe(Reader& text) {
  MoeMlp moe = moe_mlp(text, "moe_intermediate_size");
  moe.shared_intermediate =
      moe.intermediate * static_cast<int>(text.integer("n_shared_experts", 0, 64, 0));
  moe.correction_bias = text.text("topk_method", "greedy") == "noaux_tc";
  return moe;
}

} // namespace

void deepseek(Reader& text, Reader&, Draft& draft) {
  MlaAttention attention;
  attention.heads = static_cast<int>(text.integer("num_attention_heads", 1, 1 << 16));
  attention.q_lora_rank = static_cast<int>(text.integer("q_lora_rank", 0, max_width, 0));
  attention.kv_lora_rank = static_cast<int>(text.integer("kv_lora_rank", 1, max_width));
  attention.qk_nope_dim = static_cast<int>(text.integer("qk_nope_head_dim", 1, 1 << 14));
  attention.qk_rope_dim = static_cast<int>(text.integer("qk_rope_head_dim", 1, 1 << 14));
  attention.v_head_dim = static_cast<int>(text.integer("v_head_dim", 1, 1 << 14));
  attention.indexer = indexer(text);

  const auto dense = text.integer("first_k_dense_replace", 0, draft.layer_count, 0);
  const auto frequency = text.integer("moe_layer_freq", 1, 4096, 1);
  const bool sparse_model = text.has("n_routed_experts");
  Layer sparse{attention, DenseMlp{}};
  if (sparse_model) {
    MoeMlp moe = deepseek_moe(text);
    read_groups(text, moe);
    sparse.ffn = moe;
  }
  for (int i = 0; i < draft.layer_count; ++i) {
    if (sparse_model && i >= dense && i % frequency == 0)
      draft.layers.push_back(sparse);
    else
      draft.layers.push_back(Layer{attention, dense_mlp(text)});
  }
  const auto mtp = text.integer("num_nextn_predict_layers", 0, 16, 0);
  draft.mtp.assign(static_cast<std::size_t>(mtp), sparse_model ? sparse : draft.layers.back());
}

namespace {

struct Sources { // V4.1: layers that store entries, and layers that select among them, for others
  bool shared = false;
  std::vector<std::int64_t> kv;
  std::vector<std::int64_t> index;

  static bool has(const std::vector<std::int64_t>& list, std::size_t layer) {
    return std::find(list.begin(), list.end(), static_cast<std::int64_t>(layer)) != list.end();
  }
};

Sources read_sources(Reader& text, int layers) {
  Sources s;
  s.shared = text.has("kv_source_layer_ids");
  s.kv = text.integers("kv_source_layer_ids", 0, layers - 1, 4096);
  s.index = text.integers("index_source_layer_ids", 0, layers - 1, 4096);
  return s;
}

void read_engram(Reader& text, Model& model) {
  const auto layers = text.integers("engram_layer_ids", 0, 4096, 64);
  if (layers.empty()) return;
  const auto rows = text.integers("engram_num_embeddings", 1, std::int64_t{1} << 40, 64);
  if (rows.size() != layers.size())
    text.fail("engram_num_embeddings", "must have one entry for each of engram_layer_ids");
  Engram engram;
  for (const std::int64_t r : rows)
    engram.rows += r;
  engram.layers = static_cast<int>(layers.size());
  engram.head_dim = static_cast<int>(text.integer("engram_head_dim", 1, max_width));
  engram.columns = static_cast<int>(text.integer("engram_n_heads", 1, 1024) *
                                    (text.integer("engram_max_ngram_size", 2, 64) - 1));
  model.engram = engram;
}

// Draft stages with experts of their own count.
std::int64_t read_dspark(Reader& text, Model& model, MoeMlp& draft_moe, std::int64_t mtp) {
  if (!text.has("dspark_block_size")) return mtp;
  DsparkDraft draft;
  draft.block = static_cast<int>(text.integer("dspark_block_size", 1, 1024));
  draft.taps =
      static_cast<int>(text.integers("dspark_target_layer_ids", 0, model.max_positions, 64).size());
  draft.markov_rank = static_cast<int>(text.integer("dspark_markov_rank", 0, max_width, 0));
  draft_moe.experts =
      static_cast<int>(text.integer("dspark_n_routed_experts", 1, max_experts, draft_moe.experts));
  draft_moe.top_k =
      static_cast<int>(text.integer("dspark_num_experts_per_tok", 1, draft_moe.experts,
                                    std::min(draft_moe.top_k, draft_moe.experts)));
  model.dspark = draft;
  return std::max<std::int64_t>(draft.taps, 1);
}

} // namespace

void deepseek_v4(Reader& text, Reader& top, Draft& draft) {
  CompressedAttention attention;
  attention.heads = static_cast<int>(text.integer("num_attention_heads", 1, 1 << 16));
  attention.head_dim = static_cast<int>(text.integer("head_dim", 1, 1 << 14));
  attention.rope_dim = static_cast<int>(text.integer("qk_rope_head_dim", 1, 1 << 14));
  if (attention.rope_dim > attention.head_dim)
    text.fail("qk_rope_head_dim",
              "must not exceed head_dim (" + std::to_string(attention.head_dim) + ")");
  attention.q_lora_rank = static_cast<int>(text.integer("q_lora_rank", 1, max_width));
  attention.o_lora_rank = static_cast<int>(text.integer("o_lora_rank", 1, max_width));
  attention.o_groups = static_cast<int>(text.integer("o_groups", 1, 1 << 16));
  if (attention.heads % attention.o_groups != 0)
    text.fail("o_groups",
              "must divide num_attention_heads (" + std::to_string(attention.heads) + ")");
  attention.window = static_cast<int>(text.integer("sliding_window", 1, 1 << 30));
  const auto index = indexer(text);
  const MoeMlp moe = deepseek_moe(text);
  MoeMlp draft_moe = moe;
  const Sources sources = read_sources(text, draft.layer_count);
  read_engram(text, draft.model);

  const auto nextn = text.integer("num_nextn_predict_layers", 0, 16, 0);
  const auto ratios = text.integers("compress_ratios", 0, 1 << 20, 8192);
  const auto wanted = static_cast<std::size_t>(draft.layer_count);
  if (ratios.size() != wanted && ratios.size() != wanted + static_cast<std::size_t>(nextn))
    text.fail("compress_ratios", "must have one entry for each of the " + std::to_string(wanted) +
                                     " layers, and may have one for each MTP layer behind them");
  const auto mtp = static_cast<std::size_t>(read_dspark(text, draft.model, draft_moe, nextn));
  const auto hash_layers = text.integer("num_hash_layers", 0, draft.layer_count, 0);
  Layer layer;
  layer.hyper_streams = static_cast<int>(text.integer("hc_mult", 0, 64, 0));
  for (std::size_t i = 0; i < wanted + mtp; ++i) {
    CompressedAttention here = attention;
    here.compress_ratio = i < ratios.size() ? static_cast<int>(ratios[i]) : 0;
    if (sources.shared) {
      here.stores_entries = Sources::has(sources.kv, i);
      if (here.compress_ratio > 0 && Sources::has(sources.index, i)) here.indexer = index;
    } else if (here.compress_ratio == 4) {
      here.indexer = index; // the coarse compression is read whole
    }
    MoeMlp ffn = i < wanted ? moe : draft_moe;
    ffn.hash_routed = static_cast<std::int64_t>(i) < hash_layers;
    if (ffn.hash_routed) ffn.correction_bias = false;
    layer.attention = here;
    layer.ffn = ffn;
    (i < wanted ? draft.layers : draft.mtp).push_back(layer);
  }
  if (top.has("vision_config"))
    draft.model.warnings.emplace_back("the vision tower of this family is not counted");
}

} // namespace dsk::families
