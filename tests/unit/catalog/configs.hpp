// Config documents of our own writing that hold the published field values (facts of the
// config.json of each repository on Hugging Face, read November 2026).
#pragma once

#include <string>

#include "base/json.hpp"
#include "catalog/model.hpp"

namespace configs {

inline const char* deepseek_v3 = R"({"architectures": ["DeepseekV3ForCausalLM"],
  "torch_dtype": "bfloat16", "hidden_size": 7168, "num_hidden_layers": 61, "vocab_size": 129280,
  "max_position_embeddings": 163840, "tie_word_embeddings": false, "num_attention_heads": 128,
  "num_key_value_heads": 128, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
  "qk_rope_head_dim": 64, "v_head_dim": 128, "intermediate_size": 18432,
  "moe_intermediate_size": 2048, "n_routed_experts": 256, "n_shared_experts": 1,
  "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4, "topk_method": "noaux_tc",
  "scoring_func": "sigmoid", "first_k_dense_replace": 3, "moe_layer_freq": 1,
  "num_nextn_predict_layers": 1,
  "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                          "weight_block_size": [128, 128]}})";

inline const char* llama31_8b = R"({"architectures": ["LlamaForCausalLM"],
  "torch_dtype": "bfloat16", "hidden_size": 4096, "num_hidden_layers": 32, "vocab_size": 128256,
  "max_position_embeddings": 131072, "num_attention_heads": 32, "num_key_value_heads": 8,
  "intermediate_size": 14336, "attention_bias": false, "mlp_bias": false,
  "tie_word_embeddings": false})";

inline const char* qwen3_32b = R"({"architectures": ["Qwen3ForCausalLM"], "torch_dtype": "bfloat16",
  "hidden_size": 5120, "num_hidden_layers": 64, "vocab_size": 151936, "head_dim": 128,
  "max_position_embeddings": 40960, "num_attention_heads": 64, "num_key_value_heads": 8,
  "intermediate_size": 25600, "attention_bias": false, "use_sliding_window": false,
  "sliding_window": null, "max_window_layers": 64, "tie_word_embeddings": false})";

inline dsk::Json parsed(const char* text) {
  return dsk::json::parse(text, "config.json");
}

inline dsk::Model model(const char* text) {
  const dsk::Json config = parsed(text);
  return dsk::model_from_config("test", config, nullptr, "/model");
}

/// The model of `text` with one member changed.
inline dsk::Model with(const char* text, const char* member, const dsk::Json& value) {
  dsk::Json config = parsed(text);
  config[member] = value;
  return dsk::model_from_config("test", config, nullptr, "/model");
}

} // namespace configs
