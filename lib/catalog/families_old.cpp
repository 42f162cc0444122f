// Earlier decoders that published benchmarks still name.
#include "base/error.hpp"
#include "catalog/families.hpp"

namespace dsk::families {
void falcon(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  if (text.boolean("new_decoder_architecture", false)) {
    attention.kv_heads =
        static_cast<int>(text.integer("num_kv_heads", 1, attention.heads, attention.heads));
    if (attention.heads % attention.kv_heads != 0)
      text.fail("num_kv_heads",
                "must divide num_attention_heads (" + std::to_string(attention.heads) + ")");
  } else if (text.boolean("multi_query", true)) {
    attention.kv_heads = 1;
  }
  const bool bias = text.boolean("bias", false);
  attention.qkv_bias = attention.out_bias = bias;
  DenseMlp mlp;
  mlp.gated = false;
  mlp.bias = bias;
  mlp.intermediate =
      static_cast<int>(text.integer("ffn_hidden_size", 1, max_width, 4 * draft.model.hidden));
  Layer layer{attention, mlp};
  layer.parallel = text.boolean("parallel_attn", true);
  // LayerNorm has a weight and a bias; the new decoder has one for each branch.
  layer.norms = text.boolean("new_decoder_architecture", false) ? 4 : 2;
  repeat(draft, layer);
  draft.model.final_norms = 2;
  draft.model.tied_embeddings = text.boolean("tie_word_embeddings", true);
}

void gpt_j(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  DenseMlp mlp;
  mlp.gated = false;
  mlp.bias = true;
  mlp.intermediate =
      static_cast<int>(text.integer("n_inner", 1, max_width, 4 * draft.model.hidden));
  Layer layer{attention, mlp};
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

} // namespace dsk::families
