#include "perf/attention.hpp"

namespace dsk::perf {
namespace {

double share(int heads, int tp) {
  return std::max(1.0, static_cast<double>(heads) / tp);
}

// Bytes of a cached vector of `width` elements.
double cached(double width, Element kv) {
  return width * element_bits(kv) / 8.0;
}

void set_indexer(AttentionShape& shape, const Indexer& indexer, Element kv) {
  shape.top_k = indexer.top_k;
  shape.index_heads = indexer.heads;
  shape.index_dim = indexer.head_dim;
  // fp8 keys with one fp32 scale; 4-bit keys (V4) with four e8m0 scales: both 4 bytes a key.
  shape.index_entry_bytes = indexer.head_dim * (element_bits(kv) <= 4 ? 0.5 : 1.0) + 4;
}

} // namespace

double AttentionShape::entries(double length) const {
  if (kind == Kind::linear) return 0;
  if (compress_ratio == 0)
    return window > 0 ? std::min(length, window) : (top_k > 0 ? std::min(length, top_k) : length);
  const double beyond = std::floor(length / compress_ratio);
  return std::min(length, window) + (top_k > 0 ? std::min(beyond, top_k) : beyond);
}

double AttentionShape::index_entries(double length) const {
  if (index_heads == 0) return 0;
  const double candidates = compress_ratio > 0 ? std::floor(length / compress_ratio) : length;
  return candidates > top_k ? candidates : 0; // below top_k there is nothing to pick
}

AttentionShape attention_shape(const Attention& attention, int tp, Element kv) {
  AttentionShape shape;
  if (const auto* gqa = std::get_if<GqaAttention>(&attention)) {
    shape.heads = share(gqa->heads, tp);
    shape.kv_heads = share(gqa->kv_heads, tp);
    shape.qk_dim = shape.prefill_qk_dim = gqa->qk_head_dim;
    shape.v_dim = shape.prefill_v_dim = gqa->v_head_dim;
    shape.entry_bytes = cached(gqa->qk_head_dim + gqa->v_head_dim, kv);
    shape.window = gqa->window;
  } else if (const auto* mla = std::get_if<MlaAttention>(&attention)) {
    shape.kind = AttentionShape::Kind::latent;
    shape.heads = share(mla->heads, tp);
    shape.kv_heads = 1;
    shape.qk_dim = mla->kv_lora_rank + mla->qk_rope_dim;
    shape.v_dim = mla->kv_lora_rank;
    shape.prefill_qk_dim = mla->qk_nope_dim + mla->qk_rope_dim;
    shape.prefill_v_dim = mla->v_head_dim;
    shape.entry_bytes = cached(shape.qk_dim, kv);
    if (mla->indexer) {
      set_indexer(shape, *mla->indexer, Element::fp8);
      // Sparse prefill gathers latents, so it runs absorbed too (FlashMLA sparse prefill).
      shape.prefill_qk_dim = shape.qk_dim;
      shape.prefill_v_dim = shape.v_dim;
      if (element_bits(kv) == 8) // 512 fp8, four fp32 scales, 64 bf16 rotary values
        shape.entry_bytes =
            mla->kv_lora_rank + mla->kv_lora_rank / 128.0 * 4 + mla->qk_rope_dim * 2;
    }
  } else if (const auto* packed = std::get_if<CompressedAttention>(&attention)) {
    shape.kind = AttentionShape::Kind::latent;
    shape.heads = share(packed->heads, tp);
    shape.kv_heads = 1;
    shape.qk_dim = shape.v_dim = packed->head_dim;
    shape.prefill_qk_dim = shape.prefill_v_dim = packed->head_dim;
    // fp8 values, bf16 rotary part, one e8m0 scale for each 64 values and padding to 8 bytes.
    const double plain = packed->head_dim - packed->rope_dim;
    shape.entry_bytes = element_bits(kv) == 8
                            ? plain + packed->rope_dim * 2 + std::ceil(plain / 64.0 / 8.0) * 8
                            : cached(packed->head_dim, kv);
    shape.window = packed->window;
    shape.compress_ratio = packed->compress_ratio;
    if (packed->indexer) set_indexer(shape, *packed->indexer, Element::fp4);
  } else {
    const auto& linear = std::get<LinearAttention>(attention);
    shape.kind = AttentionShape::Kind::linear;
    shape.heads = share(linear.value_heads, tp);
    shape.kv_heads = share(linear.key_heads, tp);
    shape.qk_dim = shape.prefill_qk_dim = linear.key_head_dim;
    shape.v_dim = shape.prefill_v_dim = linear.value_head_dim;
    shape.state_bytes = shape.heads * linear.key_head_dim * linear.value_head_dim *
                        element_bits(linear.state_element) / 8.0;
  }
  return shape;
}

Work decode_attention_work(const AttentionShape& s, double sequences, double length,
                           double queries) {
  const double in_and_out = sequences * queries * s.heads * (s.qk_dim + s.v_dim) * 2;
  if (s.kind == AttentionShape::Kind::linear) // state read and written; S += k v^T, o = S q, gate
    return {sequences * queries * s.heads * s.qk_dim * s.v_dim * 6,
            in_and_out + sequences * 2 * s.state_bytes};
  const double entries = s.entries(length);
  return {2 * sequences * queries * s.heads * (s.qk_dim + s.v_dim) * entries,
          in_and_out + sequences * entries * s.kv_heads * s.entry_bytes};
}

Work decode_index_work(const AttentionShape& s, double sequences, double length, double queries) {
  const double scored = s.index_entries(length);
  return {2 * sequences * queries * s.index_heads * s.index_dim * scored,
          sequences * scored * s.index_entry_bytes};
}

Work prefill_attention_work(const AttentionShape& s, double fresh, double context) {
  const double width = s.prefill_qk_dim + s.prefill_v_dim;
  const double in_and_out = fresh * s.heads * width * 2;
  if (s.kind == AttentionShape::Kind::linear) // chunked delta rule, chunks of 64 (GDN kernels)
    return {fresh * s.heads * (6 * s.qk_dim * s.v_dim + 2 * 64 * (s.qk_dim + s.v_dim)),
            in_and_out + 2 * s.state_bytes};
  const double length = context + fresh;
  double pairs = 0;
  double read = 0;
  if (s.compress_ratio > 0) {
    // Each query sees its window and the compressed entries before it: the mean over the chunk.
    const double beyond = (context + (fresh + 1) / 2) / s.compress_ratio;
    pairs = causal_pairs(fresh, context, s.window) +
            fresh * (s.top_k > 0 ? std::min(beyond, s.top_k) : beyond);
    read = std::min(length, s.window + fresh) + length / s.compress_ratio;
  } else if (s.top_k > 0) {
    pairs = causal_pairs(fresh, context, s.top_k);
    read = length;
  } else {
    pairs = causal_pairs(fresh, context, s.window);
    read = s.window > 0 ? std::min(length, s.window + fresh) : length;
  }
  // MLA without an indexer reads per-head keys and values that kv_b_proj has just written.
  const bool expanded = s.kind == AttentionShape::Kind::latent && s.prefill_qk_dim != s.qk_dim;
  const double entry = expanded ? s.heads * width * 2 : s.kv_heads * s.entry_bytes;
  return {2 * s.heads * width * pairs, in_and_out + read * entry};
}

Work prefill_index_work(const AttentionShape& s, double fresh, double context) {
  if (s.index_entries(context + fresh) == 0) return {};
  const double ratio = s.compress_ratio > 0 ? s.compress_ratio : 1;
  const double pairs = causal_pairs(fresh, context, 0) / ratio;
  return {2 * s.index_heads * s.index_dim * pairs, (context + fresh) / ratio * s.index_entry_bytes};
}

} // namespace dsk::perf
