#include "catalog/families.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace dsk::families {
namespace {

constexpr Family known[] = {
    {"BloomForCausalLM", gpt_2},
    {"ChatGLMForConditionalGeneration", chatglm},
    {"ChatGLMModel", chatglm},
    {"Cohere2ForCausalLM", cohere},
    {"CohereForCausalLM", cohere},
    {"DbrxForCausalLM", dbrx},
    {"DeepseekV2ForCausalLM", deepseek},
    {"DeepseekV32ForCausalLM", deepseek},
    {"DeepseekV3ForCausalLM", deepseek},
    {"DeepseekV41ForCausalLM", deepseek_v4},
    {"DeepseekV4ForCausalLM", deepseek_v4},
    {"Ernie4_5_MoeForCausalLM", ernie4_5_moe},
    {"FalconForCausalLM", falcon},
    {"GPT2LMHeadModel", gpt_2},
    {"GPTJForCausalLM", gpt_j},
    {"GPTNeoXForCausalLM", gpt_neox},
    {"Gemma2ForCausalLM", gemma},
    {"Gemma3ForCausalLM", gemma, 262208},
    {"Gemma3ForConditionalGeneration", gemma, 262208},
    {"GemmaForCausalLM", gemma},
    {"Glm4MoeForCausalLM", glm4_moe},
    {"GlmMoeDsaForCausalLM", deepseek},
    {"GptOssForCausalLM", gpt_oss},
    {"HunYuanMoEV1ForCausalLM", hunyuan_moe},
    {"InternLMForCausalLM", internlm},
    {"KimiK2ForCausalLM", deepseek},
    {"Llama4ForConditionalGeneration", llama4},
    {"LlamaForCausalLM", llama},
    {"MPTForCausalLM", mpt},
    {"MiniMaxM2ForCausalLM", minimax},
    {"MistralForCausalLM", llama},
    {"MixtralForCausalLM", mixtral},
    {"MptForCausalLM", mpt},
    {"NemotronForCausalLM", nemotron},
    {"OPTForCausalLM", opt},
    {"Phi3ForCausalLM", llama},
    {"PhiForCausalLM", phi},
    {"Qwen2ForCausalLM", qwen2},
    {"Qwen2MoeForCausalLM", qwen2_moe},
    {"Qwen3ForCausalLM", qwen3},
    {"Qwen3MoeForCausalLM", qwen3},
    {"Qwen3NextForCausalLM", qwen3_5},
    {"Qwen3_5ForConditionalGeneration", qwen3_5},
    {"Qwen3_5MoeForConditionalGeneration", qwen3_5},
    {"Starcoder2ForCausalLM", starcoder2},
};

} // namespace

const Family* find(std::string_view architecture) {
  const auto it = std::find_if(std::begin(known), std::end(known), [&](const Family& family) {
    return family.architecture == architecture;
  });
  return it == std::end(known) ? nullptr : it;
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const Family& family : known)
    out.emplace_back(family.architecture);
  return out;
}

std::int64_t integer_any(Reader& reader, std::initializer_list<std::string_view> members,
                         std::int64_t min, std::int64_t max) {
  for (const std::string_view member : members)
    if (reader.has(member)) return reader.integer(member, min, max);
  return reader.integer(*members.begin(), min, max);
}

int kv_heads_of(Reader& reader, std::string_view member, int heads, int fallback) {
  const auto kv = static_cast<int>(reader.integer(member, 1, 1 << 16, fallback));
  if (heads % kv != 0)
    reader.fail(member, "must divide num_attention_heads (" + std::to_string(heads) + ")");
  return kv;
}

GqaAttention gqa_attention(Reader& text, int hidden) {
  GqaAttention a;
  a.heads =
      static_cast<int>(integer_any(text, {"num_attention_heads", "n_head", "n_heads"}, 1, 1 << 16));
  a.kv_heads = kv_heads_of(text, "num_key_value_heads", a.heads, a.heads);
  if (const auto width = text.optional_integer("head_dim", 1, 1 << 14)) {
    a.qk_head_dim = static_cast<int>(*width);
  } else {
    if (hidden % a.heads != 0)
      text.fail("num_attention_heads",
                "must divide hidden_size (" + std::to_string(hidden) + ") when head_dim is absent");
    a.qk_head_dim = hidden / a.heads;
  }
  a.v_head_dim = a.qk_head_dim;
  return a;
}

MoeMlp moe_mlp(Reader& text, std::string_view width) {
  MoeMlp moe;
  moe.experts = static_cast<int>(
      integer_any(text, {"n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts"},
                  1, max_experts));
  std::string_view top_k = "num_experts_per_tok";
  for (const std::string_view member : {"experts_per_token", "moe_k", "moe_top_k"})
    if (!text.has(top_k) && text.has(member)) top_k = member;
  moe.top_k = static_cast<int>(text.integer(top_k, 1, max_experts));
  if (moe.top_k > moe.experts)
    text.fail(top_k, "must not exceed the " + std::to_string(moe.experts) + " experts");
  moe.intermediate = static_cast<int>(text.integer(width, 1, max_width));
  return moe;
}

DenseMlp dense_mlp(Reader& text) {
  DenseMlp mlp;
  mlp.intermediate = static_cast<int>(text.integer("intermediate_size", 1, max_width));
  mlp.bias = text.boolean("mlp_bias", false);
  return mlp;
}

void read_groups(Reader& text, MoeMlp& moe) {
  moe.groups = static_cast<int>(text.integer("n_group", 1, max_experts, 1));
  moe.top_groups = static_cast<int>(text.integer("topk_group", 1, max_experts, moe.groups));
  if (moe.experts % moe.groups != 0)
    text.fail("n_group", "must divide the " + std::to_string(moe.experts) + " experts");
  if (moe.top_groups > moe.groups)
    text.fail("topk_group", "must not exceed n_group (" + std::to_string(moe.groups) + ")");
  if (moe.top_k > moe.experts / moe.groups * moe.top_groups)
    text.fail("num_experts_per_tok", "must not exceed the experts of topk_group groups (" +
                                         std::to_string(moe.experts / moe.groups * moe.top_groups) +
                                         ")");
}

std::vector<bool> layer_flags(Reader& text, int layers, const std::string& wanted,
                              const std::vector<std::string>& allowed) {
  std::vector<bool> flags;
  if (!text.has("layer_types")) return flags;
  const auto types = text.texts("layer_types", 4096);
  if (static_cast<int>(types.size()) != layers)
    invalid_request(text.path_of("layer_types"), "layer_types has " + std::to_string(types.size()) +
                                                     " entries, must have num_hidden_layers (" +
                                                     std::to_string(layers) + ")");
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (std::find(allowed.begin(), allowed.end(), types[i]) == allowed.end())
      invalid_request(json::pointer(text.path_of("layer_types"), i),
                      "layer type " + preview_text(types[i]) + " must be " +
                          list_text(allowed, "or"));
    flags.push_back(types[i] == wanted);
  }
  return flags;
}

} // namespace dsk::families
