// Earlier decoders that published benchmarks still name.
#include "base/error.hpp"
#include "catalog/families.hpp"

namespace dsk::families {
namespace {

DenseMlp ungated(std::int64_t intermediate, bool bias) {
  DenseMlp mlp;
  mlp.gated = false;
  mlp.bias = bias;
  mlp.intermediate = static_cast<int>(intermediate);
  return mlp;
}

} // namespace

void falcon(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  if (text.boolean("new_decoder_architecture", false)) {
    attention.kv_heads = kv_heads_of(text, "num_kv_heads", attention.heads, attention.heads);
  } else if (text.boolean("multi_query", true)) {
    attention.kv_heads = 1;
  }
  const bool bias = text.boolean("bias", false);
  attention.qkv_bias = attention.out_bias = bias;
  Layer layer{attention,
              ungated(text.integer("ffn_hidden_size", 1, max_width, 4 * draft.model.hidden), bias)};
  layer.parallel = text.boolean("parallel_attn", true);
  // LayerNorm has a weight and a bias; the new decoder has one for each branch.
  layer.norms = text.boolean("new_decoder_architecture", false) ? 4 : 2;
  repeat(draft, layer);
  draft.model.final_norms = 2;
  draft.model.tied_embeddings = text.boolean("tie_word_embeddings", true);
}

void gpt_j(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  Layer layer{attention,
              ungated(text.integer("n_inner", 1, max_width, 4 * draft.model.hidden), true)};
  layer.parallel = true;
  layer.norms = 2; // one LayerNorm: weight and bias
  draft.model.final_norms = 2;
  draft.model.head_bias = true;
  repeat(draft, layer);
}

void internlm(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = attention.out_bias = text.boolean("bias", true);
  repeat(draft, Layer{attention, dense_mlp(text)});
}

void gpt_2(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = attention.out_bias = true;
  Layer layer{attention,
              ungated(text.integer("n_inner", 1, max_width, 4 * draft.model.hidden), true)};
  layer.norms = 4; // two LayerNorms: weight and bias
  draft.model.final_norms = 2;
  draft.model.tied_embeddings = text.boolean("tie_word_embeddings", true);
  repeat(draft, layer);
}

void gpt_neox(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = attention.out_bias = text.boolean("attention_bias", true);
  Layer layer{attention, ungated(text.integer("intermediate_size", 1, max_width), true)};
  layer.parallel = text.boolean("use_parallel_residual", true);
  layer.norms = 4;
  draft.model.final_norms = 2;
  repeat(draft, layer);
}

void opt(Reader& text, Reader&, Draft& draft) {
  if (text.integer("word_embed_proj_dim", 1, max_width, draft.model.hidden) != draft.model.hidden)
    text.fail("word_embed_proj_dim",
              "must be hidden_size (" + std::to_string(draft.model.hidden) + ")");
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  const bool bias = text.boolean("enable_bias", true);
  attention.qkv_bias = attention.out_bias = bias;
  Layer layer{attention, ungated(text.integer("ffn_dim", 1, max_width), bias)};
  layer.norms = 4;
  draft.model.final_norms = 2;
  draft.model.tied_embeddings = text.boolean("tie_word_embeddings", true);
  repeat(draft, layer);
}

void mpt(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  if (auto config = text.optional_object("attn_config")) {
    config->ignore_rest();
    attention.kv_heads = kv_heads_of(*config, "kv_n_heads", attention.heads, attention.heads);
  }
  const bool bias = !text.boolean("no_bias", true);
  attention.qkv_bias = attention.out_bias = bias;
  const auto ratio = text.integer("expansion_ratio", 1, 64, 4);
  Layer layer{attention, ungated(ratio * draft.model.hidden, bias)};
  draft.model.tied_embeddings = text.boolean("tie_word_embeddings", true);
  repeat(draft, layer);
}

void phi(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = attention.out_bias = true;
  Layer layer{attention, ungated(text.integer("intermediate_size", 1, max_width), true)};
  layer.parallel = true;
  layer.norms = 2; // one LayerNorm: weight and bias
  draft.model.final_norms = 2;
  draft.model.head_bias = true;
  repeat(draft, layer);
}

void chatglm(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  if (text.boolean("multi_query_attention", false))
    attention.kv_heads = kv_heads_of(text, "multi_query_group_num", attention.heads, 1);
  attention.qk_head_dim = attention.v_head_dim =
      static_cast<int>(text.integer("kv_channels", 1, 1 << 14, attention.qk_head_dim));
  const bool bias = text.boolean("add_bias_linear", false);
  attention.qkv_bias = bias || text.boolean("add_qkv_bias", false);
  attention.out_bias = bias;
  DenseMlp mlp;
  mlp.bias = bias;
  mlp.intermediate = static_cast<int>(text.integer("ffn_hidden_size", 1, max_width));
  repeat(draft, Layer{attention, mlp});
}

} // namespace dsk::families
