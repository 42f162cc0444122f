// KV cache bytes of one sequence, by layer kind, as the engines lay them out.
#include <algorithm>

#include "perf/memory.hpp"

namespace dsk::perf {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

std::int64_t bytes_of(Element element, std::int64_t elements) {
  return (elements * element_bits(element) + 7) / 8;
}

// Indexer keys: 128 elements of fp8 with one fp32 scale (132 B), or fp4 with four e8m0 (68 B).
std::int64_t index_entry(int head_dim, Element element) {
  return bytes_of(element, head_dim) + (element == Element::fp4   ? ceil_div(head_dim, 32)
                                        : element == Element::fp8 ? 4
                                                                  : 0);
}

// FlashMLA's V4 entry: fp8 for the part without rotation with an e8m0 scale for each 64, the rotary
// part in bf16, padded to 8 bytes: 448 + 128 + 7 + 1 = 584.
std::int64_t compressed_entry(const CompressedAttention& a) {
  const std::int64_t nope = a.head_dim - a.rope_dim;
  return ceil_div(nope + 2 * std::int64_t{a.rope_dim} + ceil_div(nope, 64), 8) * 8;
}

// Partial sums of the entry being built, fp32: values and gates of the open group, twice as wide
// and long where groups overlap (ratio 4).
std::int64_t compressor_state(int ratio, std::int64_t head_dim) {
  const std::int64_t overlap = ratio == 4 ? 2 : 1;
  return 2 * overlap * ratio * overlap * head_dim * 4;
}

struct LayerCost {
  const Deployment& d;

  KvLayer operator()(const GqaAttention& a) const {
    KvLayer kv;
    // A head is never split: beyond one head a device, tensor parallelism replicates it.
    const std::int64_t heads = ceil_div(a.kv_heads, d.parallel.tp);
    std::int64_t bytes = bytes_of(d.kv_element, heads * (a.qk_head_dim + a.v_head_dim));
    if (d.kv_element == Element::fp4) bytes += heads * ceil_div(a.qk_head_dim + a.v_head_dim, 16);
    if (a.window > 0) {
      kv.ratio = 0;
      kv.window = a.window;
      kv.window_entry_bytes = bytes;
    } else {
      kv.entry_bytes = bytes;
    }
    return kv;
  }
  KvLayer operator()(const MlaAttention& a) const {
    KvLayer kv; // one latent for all heads: replicated over tensor parallelism
    const std::int64_t latent = a.kv_lora_rank;
    if (d.kv_element == Element::fp8 && (d.fp8_ds_mla || a.indexer))
      kv.entry_bytes = latent + ceil_div(latent, 128) * 4 + 2 * std::int64_t{a.qk_rope_dim};
    else
      kv.entry_bytes = bytes_of(d.kv_element, latent + a.qk_rope_dim);
    if (a.indexer)
      kv.index_bytes = index_entry(a.indexer->head_dim, d.index_element.value_or(Element::fp8));
    return kv;
  }
  KvLayer operator()(const CompressedAttention& a) const {
    KvLayer kv;
    kv.window = a.window;
    kv.window_entry_bytes = compressed_entry(a);
    kv.ratio = 0;
    if (a.compress_ratio > 0 && a.stores_entries) {
      kv.ratio = a.compress_ratio;
      kv.entry_bytes = compressed_entry(a);
      kv.state_bytes = a.compress_ratio > 1 ? compressor_state(a.compress_ratio, a.head_dim) : 0;
      if (a.indexer) {
        kv.index_bytes = index_entry(a.indexer->head_dim, d.index_element.value_or(Element::fp4));
        if (a.compress_ratio > 1)
          kv.state_bytes += compressor_state(a.compress_ratio, a.indexer->head_dim);
      }
    }
    return kv;
  }
  KvLayer operator()(const LinearAttention& a) const {
    KvLayer kv;
    kv.ratio = 0;
    const std::int64_t key_heads = ceil_div(a.key_heads, d.parallel.tp);
    const std::int64_t value_heads = ceil_div(a.value_heads, d.parallel.tp);
    const std::int64_t recurrent =
        bytes_of(a.state_element, value_heads * a.key_head_dim * a.value_head_dim);
    const std::int64_t convolution =
        bytes_of(d.model->activation, (a.conv_kernel - 1) * (2 * key_heads * a.key_head_dim +
                                                             value_heads * a.value_head_dim));
    // Each draft token needs a state to fall back to.
    kv.state_bytes = (recurrent + convolution) * (1 + d.mtp_tokens);
    return kv;
  }
};

struct Page {
  std::int64_t tokens = 1;
  std::int64_t alignment = 1; // bytes
};

Page page_of(const Engine& engine, const Attention& attention) {
  if (std::holds_alternative<CompressedAttention>(attention))
    return {std::max(1, engine.compressed_block_tokens),
            std::max(1, engine.compressed_page_alignment)};
  const bool latent = std::holds_alternative<MlaAttention>(attention);
  return {std::max(1, latent ? engine.mla_block_tokens : engine.kv_block_tokens), 1};
}

std::int64_t aligned(std::int64_t bytes, std::int64_t alignment) {
  return ceil_div(bytes, alignment) * alignment;
}

std::int64_t layer_bytes(const KvLayer& kv, const Page& page, std::int64_t tokens) {
  std::int64_t bytes = kv.state_bytes;
  if (kv.ratio > 0) {
    const std::int64_t pages = ceil_div(tokens, page.tokens);
    if (page.tokens % kv.ratio == 0) { // whole entries a page: each page is padded
      const std::int64_t entries = page.tokens / kv.ratio;
      bytes +=
          pages * (aligned(entries * kv.entry_bytes, page.alignment) + entries * kv.index_bytes);
    } else {
      bytes += pages * page.tokens / kv.ratio * (kv.entry_bytes + kv.index_bytes);
    }
  }
  if (kv.window > 0) {
    const std::int64_t slots = std::min<std::int64_t>(page.tokens, kv.window);
    const std::int64_t kept = std::min<std::int64_t>(tokens, kv.window);
    bytes += ceil_div(kept, slots) * aligned(slots * kv.window_entry_bytes, page.alignment);
  }
  return bytes;
}

// Calls `visit(kind, layers)` for each pipeline stage's layers and, on the last stage, MTP layers.
template <typename Stage> void each_stage(const Deployment& d, Stage&& stage) {
  const auto split = pipeline_layers(d.model->layers(), d.parallel.pp);
  std::size_t at = 0;
  for (std::size_t s = 0; s < split.size(); ++s) {
    std::vector<std::int64_t> layers(d.model->kinds.size(), 0);
    for (int i = 0; i < split[s]; ++i)
      ++layers[static_cast<std::size_t>(d.model->layer_kinds[at++])];
    if (s + 1 == split.size() && d.mtp_tokens > 0)
      for (const int kind : d.model->mtp_kinds)
        ++layers[static_cast<std::size_t>(kind)];
    stage(static_cast<int>(s), layers);
  }
}

} // namespace

KvLayer kv_layer(const Deployment& deployment, const Layer& layer) {
  return std::visit(LayerCost{deployment}, layer.attention);
}

std::int64_t stage_kv_bytes(const Deployment& d, int wanted, std::int64_t tokens) {
  std::int64_t result = 0;
  each_stage(d, [&](int stage, const std::vector<std::int64_t>& layers) {
    if (stage != wanted) return;
    for (std::size_t k = 0; k < layers.size(); ++k)
      if (layers[k] > 0)
        result += layers[k] * layer_bytes(kv_layer(d, d.model->kinds[k]),
                                          page_of(*d.engine, d.model->kinds[k].attention), tokens);
  });
  return result;
}

std::int64_t kv_bytes(const Deployment& d, std::int64_t tokens) {
  std::int64_t worst = 0;
  for (int stage = 0; stage < d.parallel.pp; ++stage)
    worst = std::max(worst, stage_kv_bytes(d, stage, tokens));
  return worst;
}

KvCost kv_cost(const Deployment& d) {
  KvCost worst;
  each_stage(d, [&](int, const std::vector<std::int64_t>& layers) {
    KvCost cost;
    for (std::size_t k = 0; k < layers.size(); ++k) {
      const KvLayer kv = kv_layer(d, d.model->kinds[k]);
      const auto n = layers[k];
      if (kv.ratio > 0)
        cost.bytes_per_token += static_cast<double>(n * (kv.entry_bytes + kv.index_bytes)) /
                                static_cast<double>(kv.ratio);
      cost.window_bytes += n * kv.window * kv.window_entry_bytes;
      if (n > 0) cost.window_tokens = std::max<std::int64_t>(cost.window_tokens, kv.window);
      cost.state_bytes += n * kv.state_bytes;
    }
    cost.fixed_bytes = cost.window_bytes + cost.state_bytes;
    const auto better = std::pair(cost.bytes_per_token, cost.fixed_bytes);
    if (better > std::pair(worst.bytes_per_token, worst.fixed_bytes)) worst = cost;
  });
  return worst;
}

} // namespace dsk::perf
