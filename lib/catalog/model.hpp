// A model as a graph of layers: what its config.json says, in the field's terms, with every default
// resolved. Nothing here depends on an engine or a device.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.hpp"
#include "catalog/format.hpp"

namespace dsk {

/// Lightning indexer of DeepSeek sparse attention: picks `top_k` earlier tokens for each query.
struct Indexer {
  int heads = 0;
  int head_dim = 0;
  int top_k = 0;
  bool operator==(const Indexer&) const = default;
};

/// Grouped-query attention (multi-head when kv_heads == heads, multi-query when 1).
struct GqaAttention {
  int heads = 0;
  int kv_heads = 0;
  int qk_head_dim = 0;
  int v_head_dim = 0;
  int window = 0; // tokens a query sees; 0 = all. Llama-4's chunked layers count as windows
  bool qkv_bias = false;
  bool out_bias = false;
  bool qk_norm = false;
  bool qk_norm_full = false; // one norm over all heads together (MiniMax), not one of head_dim
  bool sinks = false;        // one learned logit a head (gpt-oss)
  bool output_gate = false;  // q_proj is twice as wide (Qwen3.5)
  bool operator==(const GqaAttention&) const = default;
};

/// Multi-head latent attention (DeepSeek V2, V3, R1, V3.2): one latent of kv_lora_rank +
/// qk_rope_dim a token and layer, shared by all heads.
struct MlaAttention {
  int heads = 0;
  int q_lora_rank = 0; // 0: one q_proj from hidden
  int kv_lora_rank = 0;
  int qk_nope_dim = 0;
  int qk_rope_dim = 0;
  int v_head_dim = 0;
  std::optional<Indexer> indexer; // V3.2
  bool operator==(const MlaAttention&) const = default;
};

/// DeepSeek V4: one shared key-value head over a sliding window plus entries that each stand for
/// `compress_ratio` tokens (0 = window only). Ratio-4 layers pick entries with the indexer.
struct CompressedAttention {
  int heads = 0;
  int head_dim = 0; // of which rope_dim are rotary
  int rope_dim = 0;
  int q_lora_rank = 0;
  int o_lora_rank = 0;
  int o_groups = 0;
  int window = 0;
  int compress_ratio = 0;
  std::optional<Indexer> indexer;
  bool stores_entries = true; // V4.1: other layers read the entries of the last storing layer
  bool operator==(const CompressedAttention&) const = default;
};

/// Gated delta-rule linear attention (Qwen3.5): a fixed state a sequence instead of a KV cache.
struct LinearAttention {
  int key_heads = 0;
  int value_heads = 0;
  int key_head_dim = 0;
  int value_head_dim = 0;
  int conv_kernel = 0;
  Element state_element = Element::fp32;
  bool operator==(const LinearAttention&) const = default;
};

using Attention = std::variant<GqaAttention, MlaAttention, CompressedAttention, LinearAttention>;

struct DenseMlp {
  int intermediate = 0;
  bool gated = true; // gate, up and down; otherwise up and down
  bool bias = false;
  bool operator==(const DenseMlp&) const = default;
};

/// Mixture of experts. Every expert is a gated MLP of `intermediate`.
struct MoeMlp {
  int experts = 0;
  int top_k = 0;
  int intermediate = 0;
  int shared_intermediate = 0; // total width of the shared experts; 0 = none
  int groups = 1;              // group-limited routing: top_groups of groups
  int top_groups = 1;
  bool correction_bias = false; // one learned bias an expert in the router (V3)
  bool expert_bias = false;     // biases in the expert projections (gpt-oss)
  bool router_bias = false;
  bool shared_gate = false; // Qwen: a sigmoid gate on the shared expert
  bool hash_routed = false; // V4's first layers: routing by token id, no router matrix product
  bool operator==(const MoeMlp&) const = default;
};

using Ffn = std::variant<DenseMlp, MoeMlp>;

struct Layer {
  Attention attention;
  Ffn ffn;
  int norms = 2;         // RMSNorm vectors of `hidden` (attention's own latent norms not counted)
  bool parallel = false; // attention and MLP side by side: one all-reduce (GPT-J, Falcon)
  int hyper_streams = 0; // V4's hyper-connections (hc_mult); 0 = plain residual
  bool operator==(const Layer&) const = default;
};

/// How a checkpoint stores each projection: a rule list, first match wins. Modules carry the names
/// of Hugging Face's Llama and DeepSeek classes ("model.layers.3.mlp.experts.0.down_proj"); rules
/// of other classes are translated when they are read.
struct Quantization {
  struct Rule {
    std::string pattern; // a run of dotted components with * wildcards, or "re:" + expression
    WeightFormat format;
  };
  std::string method =
      "none"; // "fp8", "mxfp4", "modelopt", "compressed-tensors", "awq", "gptq", ...
  WeightFormat default_format = formats::bf16;
  std::vector<Rule> rules;
  std::optional<Element> kv_cache; // when the checkpoint asks for a KV cache type

  /// The first rule that matches; else the default. Embedding, LM head, router and everything that
  /// is no matrix product keep `unquantized` unless a rule names them.
  WeightFormat format_of(const std::string& module, const WeightFormat& unquantized) const;
};

/// Vision transformer in front of a language model: plain pre-norm blocks with biases, a patch
/// embedding and a two-layer projection (merger) to the language model's width.
struct VisionTower {
  int layers = 0;
  int hidden = 0;
  int intermediate = 0;
  int patch_elements = 0; // channels x patch x patch x temporal patch
  int positions = 0;
  int merged = 0;     // width of the merger's input and middle: hidden x spatial_merge^2
  int out_hidden = 0; // the language model's width
};

/// V4.1's n-gram embedding tables, read by a few layers.
struct Engram {
  std::int64_t rows = 0; // of all tables of all layers
  int head_dim = 0;      // elements of a row
  int columns = 0;       // rows that a token reads in a layer: n-gram sizes x heads
  int layers = 0;
};

/// DSpark draft: the MTP layers are stages of one drafter that proposes a block of tokens.
struct DsparkDraft {
  int block = 0;       // tokens proposed a step
  int taps = 0;        // layers whose hidden states the first stage joins
  int markov_rank = 0; // of the token transition matrix on the last stage
};

struct Model {
  std::string name;
  std::string repository;   // what engines load, "deepseek-ai/DeepSeek-R1"; empty when not known
  std::string architecture; // "DeepseekV3ForCausalLM", ...
  std::string source;       // where the facts come from
  std::string as_of;

  int hidden = 0;
  int vocab = 0;
  int max_positions = 0;
  bool tied_embeddings = false;
  int final_norms = 1;    // vectors of `hidden` behind the last layer (2: LayerNorm with bias)
  bool head_bias = false; // GPT-J
  Element activation = Element::bf16;
  Quantization quantization;
  std::optional<VisionTower> vision;
  std::optional<Engram> engram;
  std::optional<DsparkDraft> dspark;
  std::int64_t published_parameters = 0; // as the publisher counts; 0 = not known
  std::int64_t checkpoint_bytes = 0;     // by safetensors headers or index; 0 = not given

  std::vector<Layer> kinds;     // the distinct layers: by shape and by stored format
  std::vector<int> layer_kinds; // index into kinds for each layer, in order
  std::vector<int> mtp_kinds;   // multi-token-prediction (next-n) layers behind the last one

  std::vector<std::string> assumptions; // what was not in the document and had to be assumed
  std::vector<std::string> warnings;

  int layers() const { return static_cast<int>(layer_kinds.size()); }
};

/// Reads an unmodified Hugging Face config.json (and hf_quant_config.json, or nullptr). Paths in
/// errors start at `path`. Throws NOT_FOUND for an architecture it does not know, INVALID_REQUEST
/// for a document that contradicts itself.
Model model_from_config(const std::string& name, const Json& config, const Json* hf_quant_config,
                        const std::string& path);

/// A dense or MoE transformer made up from its size alone; every assumed field is listed in
/// Model::assumptions.
struct ModelSize {
  double params_b = 0;
  double active_b = 0; // 0 = dense
  std::optional<int> layers;
  std::optional<int> hidden;
};
Model model_from_size(const ModelSize& size, const std::string& path);

} // namespace dsk
