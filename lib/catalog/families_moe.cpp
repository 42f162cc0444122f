// Mixtures of experts whose config.json has field names of its own.
#include <algorithm>

#include "base/error.hpp"
#include "catalog/families.hpp"

namespace dsk::families {
namespace {

/// A field that is a number, or a list with the same number for every layer.
std::int64_t uniform_integer(Reader& text, std::string_view member, std::int64_t min,
                             std::int64_t max) {
  const Json* found = text.find(member);
  if (!found || !found->is_array()) return text.integer(member, min, max);
  const auto values = text.integers(member, min, max, 4096);
  if (values.empty() || std::any_of(values.begin(), values.end(),
                                    [&](std::int64_t value) { return value != values.front(); }))
    text.fail(member, "must have the same number for every layer");
  return values.front();
}

void make_dense(Draft& draft, const DenseMlp& mlp, std::int64_t layer) {
  draft.layers[static_cast<std::size_t>(layer)].ffn = mlp;
}

} // namespace

void qwen2_moe(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = text.boolean("qkv_bias", true);
  MoeMlp moe = moe_mlp(text, "moe_intermediate_size");
  moe.shared_intermediate =
      static_cast<int>(text.integer("shared_expert_intermediate_size", 0, max_width, 0));
  moe.shared_gate = moe.shared_intermediate > 0;
  repeat(draft, Layer{attention, moe});
  const auto step = text.integer("decoder_sparse_step", 1, 4096, 1);
  for (int i = 0; i < draft.layer_count; ++i)
    if ((i + 1) % step != 0) make_dense(draft, dense_mlp(text), i);
  for (const auto i : text.integers("mlp_only_layers", 0, draft.layer_count - 1, 4096))
    make_dense(draft, dense_mlp(text), i);
}

void ernie4_5_moe(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  const bool bias = text.boolean("use_bias", false);
  attention.qkv_bias = attention.out_bias = bias;
  MoeMlp moe = moe_mlp(text, "moe_intermediate_size");
  moe.shared_intermediate =
      moe.intermediate * static_cast<int>(text.integer("moe_num_shared_experts", 0, 64, 0));
  moe.correction_bias = text.boolean("moe_use_aux_free", true);
  repeat(draft, Layer{attention, moe});
  const auto begin = text.integer("moe_layer_start_index", 0, draft.layer_count, 1);
  const auto end = text.integer("moe_layer_end_index", -1, draft.layer_count - 1, -1);
  const auto interval = text.integer("moe_layer_interval", 1, 4096, 1);
  for (int i = 0; i < draft.layer_count; ++i)
    if (i < begin || (end >= 0 && i > end) || (i + 1) % interval != 0)
      make_dense(draft, dense_mlp(text), i);
}

void hunyuan_moe(Reader& text, Reader&, Draft& draft) {
  if (text.boolean("use_cla", false))
    text.fail("use_cla", "must be false: keys and values shared between layers are not modelled");
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = attention.out_bias = text.boolean("attention_bias", false);
  attention.qk_norm = text.boolean("use_qk_norm", true);
  MoeMlp moe;
  moe.experts = static_cast<int>(uniform_integer(text, "num_experts", 1, max_experts));
  moe.top_k = static_cast<int>(uniform_integer(text, "moe_topk", 1, moe.experts));
  moe.intermediate =
      static_cast<int>(text.has("moe_intermediate_size")
                           ? uniform_integer(text, "moe_intermediate_size", 1, max_width)
                           : text.integer("intermediate_size", 1, max_width));
  if (text.has("num_shared_expert"))
    moe.shared_intermediate =
        moe.intermediate * static_cast<int>(uniform_integer(text, "num_shared_expert", 0, 64));
  repeat(draft, Layer{attention, moe});
}

void dbrx(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  Reader attention_config = text.object("attn_config");
  attention_config.ignore_rest();
  attention.kv_heads = kv_heads_of(attention_config, "kv_n_heads", attention.heads, 1);
  Reader config = text.object("ffn_config");
  config.ignore_rest();
  MoeMlp moe;
  moe.experts = static_cast<int>(config.integer("moe_num_experts", 1, max_experts, 4));
  moe.top_k = static_cast<int>(config.integer("moe_top_k", 1, moe.experts, 1));
  moe.intermediate = static_cast<int>(config.integer("ffn_hidden_size", 1, max_width, 3584));
  repeat(draft, Layer{attention, moe});
}

} // namespace dsk::families
