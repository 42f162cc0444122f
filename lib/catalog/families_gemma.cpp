// Gemma 1 to 3: gated MLPs, tied embeddings, wide heads; from 2 on norms before and after both
// branches and layers with windows, from 3 on norms of queries and keys.
#include "base/error.hpp"
#include "catalog/families.hpp"

namespace dsk::families {
namespace {

void read_vision(Reader& top, Draft& draft) {
  auto vision = top.optional_object("vision_config");
  if (!vision) {
    draft.model.warnings.emplace_back(
        "config.json has no vision_config: the vision tower is not counted");
    return;
  }
  vision->ignore_rest();
  // What is left out has the default of SigLIP So400m, which these models carry.
  VisionTower tower;
  tower.layers = static_cast<int>(vision->integer("num_hidden_layers", 1, 1024, 27));
  tower.hidden = static_cast<int>(vision->integer("hidden_size", 1, max_width, 1152));
  tower.intermediate = static_cast<int>(vision->integer("intermediate_size", 1, max_width, 4304));
  const auto patch = vision->integer("patch_size", 1, 1024, 14);
  const auto side = vision->integer("image_size", 1, 1 << 16, 896) / patch;
  tower.patch_elements = static_cast<int>(3 * patch * patch);
  tower.positions = static_cast<int>(side * side);
  tower.merged = tower.hidden;
  tower.out_hidden = draft.model.hidden;
  draft.model.vision = tower;
}

} // namespace

void gemma(Reader& text, Reader& top, Draft& draft) {
  const bool second = draft.model.architecture.rfind("Gemma2", 0) == 0;
  const bool third = draft.model.architecture.rfind("Gemma3", 0) == 0;
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  // The class's own width: it is not hidden_size / num_attention_heads.
  if (!text.has("head_dim")) attention.qk_head_dim = attention.v_head_dim = 256;
  attention.qkv_bias = attention.out_bias = text.boolean("attention_bias", false);
  attention.qk_norm = third;
  Layer layer{attention, dense_mlp(text)};
  if (second || third) layer.norms = 4;
  draft.model.tied_embeddings =
      text.boolean("tie_word_embeddings", top.boolean("tie_word_embeddings", true));
  repeat(draft, layer);
  if (!second && !third) return;
  const int window = static_cast<int>(text.integer("sliding_window", 1, 1 << 30, 4096));
  const auto pattern = text.integer("sliding_window_pattern", 1, 4096, second ? 2 : 6);
  const auto local = layer_flags(text, draft.layer_count, "sliding_attention",
                                 {"sliding_attention", "full_attention"});
  for (int i = 0; i < draft.layer_count; ++i)
    if (local.empty() ? (i + 1) % pattern != 0 : local[static_cast<std::size_t>(i)])
      std::get<GqaAttention>(draft.layers[static_cast<std::size_t>(i)].attention).window = window;
  if (draft.model.architecture == "Gemma3ForConditionalGeneration") read_vision(top, draft);
}

} // namespace dsk::families
