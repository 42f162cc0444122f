// The architectures that config.json may name, each as a function from its fields to layers.
// Private to lib/catalog.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/reader.hpp"
#include "catalog/model.hpp"

namespace dsk::families {

/// What a family fills in. `model` already holds what all families share (hidden, vocab, ...).
struct Draft {
  Model model;
  int layer_count = 0;
  std::vector<Layer> layers;
  std::vector<Layer> mtp;
};

/// `text` reads the language model's fields, `top` the document (the same object when the
/// document does not nest).
using Build = void (*)(Reader& text, Reader& top, Draft& draft);

struct Family {
  std::string_view architecture; // "LlamaForCausalLM"
  Build build;
  int vocab = 0; // where config.json may leave it out; 0 = it may not
};

/// The family, or nullptr.
const Family* find(std::string_view architecture);
std::vector<std::string> names();

// Builders, by file.
void llama(Reader&, Reader&, Draft&);        // families_gqa.cpp
void qwen2(Reader&, Reader&, Draft&);        //
void qwen3(Reader&, Reader&, Draft&);        // dense and MoE
void mixtral(Reader&, Reader&, Draft&);      //
void gpt_oss(Reader&, Reader&, Draft&);      //
void minimax(Reader&, Reader&, Draft&);      //
void glm4_moe(Reader&, Reader&, Draft&);     //
void llama4(Reader&, Reader&, Draft&);       //
void qwen3_5(Reader&, Reader&, Draft&);      // and Qwen3-Next
void cohere(Reader&, Reader&, Draft&);       // Command R
void nemotron(Reader&, Reader&, Draft&);     //
void starcoder2(Reader&, Reader&, Draft&);   //
void gemma(Reader&, Reader&, Draft&);        // families_gemma.cpp: 1, 2 and 3
void dbrx(Reader&, Reader&, Draft&);         // families_moe.cpp
void ernie4_5_moe(Reader&, Reader&, Draft&); //
void hunyuan_moe(Reader&, Reader&, Draft&);  //
void qwen2_moe(Reader&, Reader&, Draft&);    //
void falcon(Reader&, Reader&, Draft&);       // families_old.cpp
void gpt_j(Reader&, Reader&, Draft&);        //
void gpt_2(Reader&, Reader&, Draft&);        // and BLOOM
void gpt_neox(Reader&, Reader&, Draft&);     //
void opt(Reader&, Reader&, Draft&);          //
void mpt(Reader&, Reader&, Draft&);          //
void phi(Reader&, Reader&, Draft&);          // 1 and 2
void chatglm(Reader&, Reader&, Draft&);      // ChatGLM 2 and 3, GLM-4-9B
void internlm(Reader&, Reader&, Draft&);     //
void deepseek(Reader&, Reader&, Draft&);     // families_deepseek.cpp: V2, V3, V3.2, Kimi-K2, GLM-5
void deepseek_v4(Reader&, Reader&, Draft&);  // V4 and V4.1
/// Any decoder whose fields say all that a dense, MoE, GQA or MLA graph needs; leaves a warning.
/// Returns false when they do not.
bool generic(Reader&, Reader&, Draft&);

// Fields that several families read.

/// The first member present; when there is none, the first is reported as missing.
std::int64_t integer_any(Reader& reader, std::initializer_list<std::string_view> members,
                         std::int64_t min, std::int64_t max);
inline constexpr std::int64_t max_width = 1 << 20;
inline constexpr std::int64_t max_experts = 1 << 16;

/// Every layer is this one.
void repeat(Draft& draft, const Layer& layer);
/// Heads, key-value heads and head width, checked against each other.
GqaAttention gqa_attention(Reader& text, int hidden);
/// Key-value heads from `member`, which must divide `heads`; `fallback` when it is absent.
int kv_heads_of(Reader& reader, std::string_view member, int heads, int fallback);
/// Experts, top-k and expert width; `width` names the field of the expert's width.
MoeMlp moe_mlp(Reader& text, std::string_view width);
DenseMlp dense_mlp(Reader& text);
/// Group-limited routing fields (n_group, topk_group) into `moe`.
void read_groups(Reader& text, MoeMlp& moe);
/// One flag a layer from `layer_types`: true where the entry equals `wanted`. Empty when absent;
/// every entry must be one of `allowed`.
std::vector<bool> layer_flags(Reader& text, int layers, const std::string& wanted,
                              const std::vector<std::string>& allowed);

} // namespace dsk::families
