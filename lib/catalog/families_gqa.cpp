// Decoders with grouped-query attention. Shapes follow the model classes of Hugging Face
// transformers; what a config.json leaves out has the default of its configuration class.
#include "base/error.hpp"
#include "catalog/families.hpp"

namespace dsk::families {
namespace {

// Mistral's and Qwen's sliding window, when it is on, bounds what every layer keeps.
void read_window(Reader& text, GqaAttention& attention) {
  if (!text.has("sliding_window") || !text.boolean("use_sliding_window", true)) return;
  attention.window = static_cast<int>(text.integer("sliding_window", 1, 1 << 30));
}

} // namespace

void repeat(Draft& draft, const Layer& layer) {
  draft.layers.assign(static_cast<std::size_t>(draft.layer_count), layer);
}

void llama(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = attention.out_bias = text.boolean("attention_bias", false);
  read_window(text, attention);
  repeat(draft, Layer{attention, dense_mlp(text)});
}

void qwen2(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = true;
  if (text.boolean("use_sliding_window", false)) read_window(text, attention);
  repeat(draft, Layer{attention, dense_mlp(text)});
}

void qwen3(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = attention.out_bias = text.boolean("attention_bias", false);
  attention.qk_norm = true;
  if (text.boolean("use_sliding_window", false)) read_window(text, attention);
  if (!text.has("num_experts")) return repeat(draft, Layer{attention, dense_mlp(text)});
  const Layer sparse{attention, moe_mlp(text, "moe_intermediate_size")};
  const auto step = text.integer("decoder_sparse_step", 1, 4096, 1);
  const auto dense_only = text.integers("mlp_only_layers", 0, draft.layer_count - 1, 4096);
  repeat(draft, sparse);
  for (int i = 0; i < draft.layer_count; ++i)
    if ((i + 1) % step != 0) draft.layers[static_cast<std::size_t>(i)].ffn = dense_mlp(text);
  for (const auto i : dense_only)
    draft.layers[static_cast<std::size_t>(i)].ffn = dense_mlp(text);
}

void mixtral(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  read_window(text, attention);
  repeat(draft, Layer{attention, moe_mlp(text, "intermediate_size")});
}

void gpt_oss(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = attention.out_bias = text.boolean("attention_bias", true);
  attention.sinks = true;
  MoeMlp moe = moe_mlp(text, "intermediate_size");
  moe.expert_bias = moe.router_bias = true;
  repeat(draft, Layer{attention, moe});
  const int window = static_cast<int>(text.integer("sliding_window", 1, 1 << 30, 128));
  auto sliding = layer_flags(text, draft.layer_count, "sliding_attention",
                             {"sliding_attention", "full_attention"});
  for (int i = 0; i < draft.layer_count; ++i)
    if (sliding.empty() ? i % 2 == 0 : sliding[static_cast<std::size_t>(i)])
      std::get<GqaAttention>(draft.layers[static_cast<std::size_t>(i)].attention).window = window;
}

void minimax(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qk_norm = text.boolean("use_qk_norm", false);
  attention.qk_norm_full = text.text("qk_norm_type", "per_layer") == "per_layer";
  MoeMlp moe = moe_mlp(text, "intermediate_size");
  moe.correction_bias = text.boolean("use_routing_bias", false);
  moe.shared_intermediate =
      static_cast<int>(text.integer("shared_intermediate_size", 0, max_width, 0));
  repeat(draft, Layer{attention, moe});
  if (text.boolean("use_mtp", false))
    draft.model.warnings.emplace_back(
        "config.json names MTP modules (use_mtp), but no MTP weights are published with this "
        "family: they are not counted");
}

void glm4_moe(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = text.boolean("attention_bias", false); // o_proj never has one
  attention.qk_norm = text.boolean("use_qk_norm", false);
  MoeMlp moe = moe_mlp(text, "moe_intermediate_size");
  moe.correction_bias = true;
  moe.shared_intermediate =
      moe.intermediate * static_cast<int>(text.integer("n_shared_experts", 0, 64, 0));
  read_groups(text, moe);
  repeat(draft, Layer{attention, moe});
  const auto dense = text.integer("first_k_dense_replace", 0, draft.layer_count, 0);
  for (std::int64_t i = 0; i < dense; ++i)
    draft.layers[static_cast<std::size_t>(i)].ffn = dense_mlp(text);
  draft.mtp.assign(static_cast<std::size_t>(text.integer("num_nextn_predict_layers", 0, 16, 0)),
                   Layer{attention, moe});
}

void llama4(Reader& text, Reader& top, Draft& draft) {
  GqaAttention global = gqa_attention(text, draft.model.hidden);
  global.qkv_bias = global.out_bias = text.boolean("attention_bias", false);
  // use_qk_norm normalises without weights: nothing to store.
  GqaAttention local = global;
  local.window = static_cast<int>(text.integer("attention_chunk_size", 1, 1 << 30, 8192));
  MoeMlp moe = moe_mlp(text, "intermediate_size");
  moe.shared_intermediate = moe.intermediate; // one shared expert of the routed width
  DenseMlp dense;
  dense.intermediate = static_cast<int>(text.integer("intermediate_size_mlp", 1, max_width));
  const auto moe_step = text.integer("interleave_moe_layer_step", 1, 4096, 1);
  const auto moe_layers = text.integers("moe_layers", 0, draft.layer_count - 1, 4096);
  // 1 = rotary and chunked, 0 = global without positions; every fourth layer by default.
  auto rotary = text.integers("no_rope_layers", 0, 1, 4096);
  if (rotary.empty())
    for (int i = 0; i < draft.layer_count; ++i)
      rotary.push_back((i + 1) % 4 != 0);
  if (static_cast<int>(rotary.size()) != draft.layer_count)
    text.fail("no_rope_layers", "must have one entry for each layer");
  for (int i = 0; i < draft.layer_count; ++i) {
    Layer layer{rotary[static_cast<std::size_t>(i)] ? local : global, moe};
    const bool sparse =
        moe_layers.empty() ? (i + 1) % moe_step == 0
                           : std::find(moe_layers.begin(), moe_layers.end(), i) != moe_layers.end();
    if (!sparse) layer.ffn = dense;
    draft.layers.push_back(layer);
  }
  if (auto vision = top.optional_object("vision_config")) {
    vision->ignore_rest();
    VisionTower tower;
    tower.layers = static_cast<int>(vision->integer("num_hidden_layers", 1, 1024));
    tower.hidden = static_cast<int>(vision->integer("hidden_size", 1, max_width));
    tower.intermediate = static_cast<int>(vision->integer("intermediate_size", 1, max_width));
    const auto patch = vision->integer("patch_size", 1, 1024);
    const auto image = vision->integer("image_size", 1, 1 << 16);
    tower.patch_elements = static_cast<int>(3 * patch * patch);
    tower.positions = static_cast<int>(image / patch * (image / patch)) + 1;
    tower.merged = static_cast<int>(vision->integer("vision_output_dim", 1, max_width, 4096));
    tower.out_hidden = draft.model.hidden;
    draft.model.vision = tower;
  } else {
    draft.model.warnings.emplace_back(
        "config.json has no vision_config: the vision tower is not counted");
  }
}

void qwen3_5(Reader& text, Reader& top, Draft& draft) {
  GqaAttention full = gqa_attention(text, draft.model.hidden);
  full.qkv_bias = full.out_bias = text.boolean("attention_bias", false);
  full.qk_norm = true;
  full.output_gate = text.boolean("attn_output_gate", true);
  LinearAttention linear;
  linear.key_heads = static_cast<int>(text.integer("linear_num_key_heads", 1, 1 << 16));
  linear.value_heads = static_cast<int>(text.integer("linear_num_value_heads", 1, 1 << 16));
  linear.key_head_dim = static_cast<int>(text.integer("linear_key_head_dim", 1, 1 << 14));
  linear.value_head_dim = static_cast<int>(text.integer("linear_value_head_dim", 1, 1 << 14));
  linear.conv_kernel = static_cast<int>(text.integer("linear_conv_kernel_dim", 1, 1024));
  if (linear.value_heads % linear.key_heads != 0)
    text.fail("linear_num_value_heads", "must be a multiple of linear_num_key_heads (" +
                                            std::to_string(linear.key_heads) + ")");
  if (text.text("mamba_ssm_dtype", "float32") != "float32") linear.state_element = Element::bf16;
  Ffn ffn;
  if (text.has("num_experts")) {
    MoeMlp moe = moe_mlp(text, "moe_intermediate_size");
    moe.shared_intermediate =
        static_cast<int>(text.integer("shared_expert_intermediate_size", 0, max_width, 0));
    moe.shared_gate = moe.shared_intermediate > 0;
    ffn = moe;
  } else {
    ffn = dense_mlp(text);
  }
  auto is_full = layer_flags(text, draft.layer_count, "full_attention",
                             {"linear_attention", "full_attention"});
  const auto interval = text.integer("full_attention_interval", 1, 4096, 4);
  for (int i = 0; i < draft.layer_count; ++i) {
    const bool f = is_full.empty() ? (i + 1) % interval == 0 : is_full[static_cast<std::size_t>(i)];
    draft.layers.push_back(f ? Layer{full, ffn} : Layer{linear, ffn});
  }
  draft.mtp.assign(static_cast<std::size_t>(text.integer("mtp_num_hidden_layers", 0, 16, 0)),
                   Layer{full, ffn});
  if (auto vision = top.optional_object("vision_config")) {
    vision->ignore_rest();
    VisionTower tower;
    tower.layers = static_cast<int>(vision->integer("depth", 1, 1024));
    tower.hidden = static_cast<int>(vision->integer("hidden_size", 1, max_width));
    tower.intermediate = static_cast<int>(vision->integer("intermediate_size", 1, max_width));
    const auto patch = vision->integer("patch_size", 1, 1024);
    const auto merge = vision->integer("spatial_merge_size", 1, 64, 2);
    tower.patch_elements =
        static_cast<int>(vision->integer("in_channels", 1, 64, 3) * patch * patch *
                         vision->integer("temporal_patch_size", 1, 64, 2));
    tower.positions = static_cast<int>(vision->integer("num_position_embeddings", 0, 1 << 20, 0));
    tower.merged = static_cast<int>(tower.hidden * merge * merge);
    tower.out_hidden = static_cast<int>(vision->integer("out_hidden_size", 1, max_width));
    draft.model.vision = tower;
  }
}

void cohere(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = attention.out_bias = text.boolean("attention_bias", false);
  attention.qk_norm = text.boolean("use_qk_norm", false);
  Layer layer{attention, dense_mlp(text)};
  layer.parallel = true;
  layer.norms = 1; // for both branches
  draft.model.tied_embeddings = text.boolean("tie_word_embeddings", true);
  repeat(draft, layer);
  if (!text.has("sliding_window")) return;
  // Command R7B and later: every fourth layer (sliding_window_pattern) sees everything.
  const int window = static_cast<int>(text.integer("sliding_window", 1, 1 << 30));
  const auto pattern = text.integer("sliding_window_pattern", 1, 4096, 4);
  for (int i = 0; i < draft.layer_count; ++i)
    if ((i + 1) % pattern != 0)
      std::get<GqaAttention>(draft.layers[static_cast<std::size_t>(i)].attention).window = window;
}

void nemotron(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  attention.qkv_bias = attention.out_bias = text.boolean("attention_bias", false);
  DenseMlp mlp = dense_mlp(text);
  mlp.gated = false; // squared ReLU
  Layer layer{attention, mlp};
  layer.norms = 4; // two LayerNorms: weight and bias
  draft.model.final_norms = 2;
  repeat(draft, layer);
}

void starcoder2(Reader& text, Reader&, Draft& draft) {
  GqaAttention attention = gqa_attention(text, draft.model.hidden);
  const bool bias = text.boolean("use_bias", true);
  attention.qkv_bias = attention.out_bias = bias;
  read_window(text, attention);
  DenseMlp mlp = dense_mlp(text);
  mlp.gated = false;
  mlp.bias = bias;
  Layer layer{attention, mlp};
  layer.norms = 4;
  draft.model.final_norms = 2;
  draft.model.tied_embeddings = text.boolean("tie_word_embeddings", true);
  repeat(draft, layer);
}

bool generic(Reader& text, Reader& top, Draft& draft) {
  // Fields of layers that the generic graph does not have: planning without them would be a guess.
  for (const char* member :
       {"linear_num_key_heads", "compress_ratios", "hybrid_override_pattern", "ssm_state_size",
        "mamba_num_heads", "mamba_d_state", "attn_type_list", "linear_attn_config", "rwkv_version",
        "index_topk", "num_hash_layers", "encoder_layers", "layers_block_type"})
    if (text.has(member) || top.has(member)) return false;
  if (!text.has("intermediate_size") && !text.has("moe_intermediate_size")) return false;
  if (text.has("kv_lora_rank")) {
    deepseek(text, top, draft);
  } else {
    GqaAttention attention = gqa_attention(text, draft.model.hidden);
    attention.qkv_bias = attention.out_bias = text.boolean("attention_bias", false);
    attention.qk_norm = text.boolean("use_qk_norm", text.boolean("qk_norm", false));
    read_window(text, attention);
    const bool sparse = text.has("num_experts_per_tok") || text.has("num_experts") ||
                        text.has("num_local_experts") || text.has("n_routed_experts") ||
                        text.has("moe_num_experts");
    if (sparse) {
      MoeMlp moe = moe_mlp(text, text.has("moe_intermediate_size") ? "moe_intermediate_size"
                                                                   : "intermediate_size");
      moe.shared_intermediate = static_cast<int>(
          text.integer("shared_expert_intermediate_size", 0, max_width,
                       moe.intermediate * text.integer("n_shared_experts", 0, 64, 0)));
      repeat(draft, Layer{attention, moe});
      const auto dense = text.integer("first_k_dense_replace", 0, draft.layer_count, 0);
      for (std::int64_t i = 0; i < dense; ++i)
        draft.layers[static_cast<std::size_t>(i)].ffn = dense_mlp(text);
    } else {
      DenseMlp mlp = dense_mlp(text);
      mlp.gated = text.text("hidden_act", "silu") != "relu2"; // squared ReLU comes without a gate
      repeat(draft, Layer{attention, mlp});
    }
  }
  draft.model.warnings.push_back("architecture " + draft.model.architecture +
                                 " is not known: planned as a plain decoder from the fields of its "
                                 "config.json; check the parameter count against the publisher's");
  return true;
}

} // namespace dsk::families
