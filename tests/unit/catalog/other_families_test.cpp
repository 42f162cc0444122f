// Families beyond the catalogue's: config.json fields as published on the model pages, and the
// parameters by these fields against what the publishers state.
#include <doctest/doctest.h>

#include "base/error.hpp"
#include "catalog/model.hpp"
#include "perf/weights.hpp"

using namespace dsk;

namespace {

struct Published {
  const char* name;
  const char* config;
  double parameters;
  double slack; // part of it: learned positions are not counted, cards round
};

constexpr Published published[] = {
    {"bloom-176b",
     R"({"architectures":["BloomForCausalLM"],"n_embed":14336,"n_layer":70,"num_attention_heads":112,
         "vocab_size":250880,"seq_length":2048})",
     176247271424.0, 1e-4},
    {"gpt-neox-20b",
     R"({"architectures":["GPTNeoXForCausalLM"],"hidden_size":6144,"intermediate_size":24576,
         "num_hidden_layers":44,"num_attention_heads":64,"vocab_size":50432,
         "max_position_embeddings":2048})",
     20554567680.0, 1e-4},
    {"gpt2-xl",
     R"({"architectures":["GPT2LMHeadModel"],"n_embd":1600,"n_layer":48,"n_head":25,
         "n_positions":1024,"vocab_size":50257})",
     1557611200.0, 2e-3},
    {"opt-66b",
     R"({"architectures":["OPTForCausalLM"],"hidden_size":9216,"ffn_dim":36864,"num_hidden_layers":64,
         "num_attention_heads":72,"vocab_size":50272,"word_embed_proj_dim":9216})",
     66e9, 1e-2},
    {"mpt-30b",
     R"({"architectures":["MPTForCausalLM"],"d_model":7168,"n_heads":64,"n_layers":48,
         "expansion_ratio":4,"vocab_size":50432,"max_seq_len":8192})",
     29.96e9, 1e-3},
    {"starcoder2-15b",
     R"({"architectures":["Starcoder2ForCausalLM"],"hidden_size":6144,"intermediate_size":24576,
         "num_hidden_layers":40,"num_attention_heads":48,"num_key_value_heads":4,"vocab_size":49152,
         "sliding_window":4096,"tie_word_embeddings":false})",
     15957889024.0, 1e-4},
    {"nemotron-4-340b",
     R"({"architectures":["NemotronForCausalLM"],"hidden_size":18432,"intermediate_size":73728,
         "num_hidden_layers":96,"num_attention_heads":96,"num_key_value_heads":8,"head_dim":192,
         "vocab_size":256000,"hidden_act":"relu2"})",
     341e9, 1e-3},
    {"phi-2",
     R"({"architectures":["PhiForCausalLM"],"hidden_size":2560,"intermediate_size":10240,
         "num_hidden_layers":32,"num_attention_heads":32,"vocab_size":51200})",
     2779683840.0, 1e-4},
    {"chatglm3-6b",
     R"({"architectures":["ChatGLMModel"],"hidden_size":4096,"ffn_hidden_size":13696,"num_layers":28,
         "num_attention_heads":32,"multi_query_attention":true,"multi_query_group_num":2,
         "kv_channels":128,"add_qkv_bias":true,"padded_vocab_size":65024,"seq_length":8192})",
     6243584000.0, 1e-4},
    {"c4ai-command-r-v01",
     R"({"architectures":["CohereForCausalLM"],"hidden_size":8192,"intermediate_size":22528,
         "num_hidden_layers":40,"num_attention_heads":64,"num_key_value_heads":64,
         "vocab_size":256000})",
     34980831232.0, 1e-4},
    {"gemma-2-27b",
     R"({"architectures":["Gemma2ForCausalLM"],"hidden_size":4608,"intermediate_size":36864,
         "num_hidden_layers":46,"num_attention_heads":32,"num_key_value_heads":16,"head_dim":128,
         "vocab_size":256000,"sliding_window":4096})",
     27227128320.0, 1e-4},
    {"gemma-3-27b",
     R"({"architectures":["Gemma3ForConditionalGeneration"],"text_config":{"hidden_size":5376,
         "intermediate_size":21504,"num_hidden_layers":62,"num_attention_heads":32,
         "num_key_value_heads":16,"head_dim":128,"sliding_window":1024},
         "vision_config":{"hidden_size":1152,"image_size":896,"intermediate_size":4304,
         "num_hidden_layers":27,"patch_size":14}})",
     25.6e9 + 1.416e9, 1e-3}, // without its vision tower, Gemma 3 technical report, table 1
    {"dbrx",
     R"({"architectures":["DbrxForCausalLM"],"d_model":6144,"n_heads":48,"n_layers":40,
         "vocab_size":100352,"attn_config":{"kv_n_heads":8},"ffn_config":{"ffn_hidden_size":10752,
         "moe_num_experts":16,"moe_top_k":4}})",
     131596523520.0, 1e-4},
    {"qwen2-57b-a14b",
     R"({"architectures":["Qwen2MoeForCausalLM"],"hidden_size":3584,"intermediate_size":18944,
         "moe_intermediate_size":2560,"shared_expert_intermediate_size":20480,"num_experts":64,
         "num_experts_per_tok":8,"num_hidden_layers":28,"num_attention_heads":28,
         "num_key_value_heads":4,"vocab_size":151936})",
     57.4e9, 1e-3},
    {"qwen3-next-80b-a3b",
     R"({"architectures":["Qwen3NextForCausalLM"],"hidden_size":2048,"intermediate_size":5120,
         "moe_intermediate_size":512,"shared_expert_intermediate_size":512,"num_experts":512,
         "num_experts_per_tok":10,"num_hidden_layers":48,"num_attention_heads":16,
         "num_key_value_heads":2,"head_dim":256,"full_attention_interval":4,
         "linear_conv_kernel_dim":4,"linear_key_head_dim":128,"linear_num_key_heads":16,
         "linear_num_value_heads":32,"linear_value_head_dim":128,"vocab_size":151936})",
     80e9, 1e-2},
    {"ernie-4.5-300b-a47b",
     R"({"architectures":["Ernie4_5_MoeForCausalLM"],"hidden_size":8192,"intermediate_size":28672,
         "num_hidden_layers":54,"num_attention_heads":64,"num_key_value_heads":8,
         "moe_num_experts":64,"moe_k":8,"moe_intermediate_size":3584,"moe_layer_start_index":3,
         "vocab_size":103424})",
     300e9, 5e-3},
    {"hunyuan-a13b",
     R"({"architectures":["HunYuanMoEV1ForCausalLM"],"hidden_size":4096,"intermediate_size":3072,
         "num_hidden_layers":4,"num_attention_heads":32,"num_key_value_heads":8,"num_experts":64,
         "moe_topk":[8,8,8,8],"num_shared_expert":[1,1,1,1],
         "moe_intermediate_size":[3072,3072,3072,3072],"vocab_size":128167,
         "tie_word_embeddings":true})",
     (80.4e9 - 0.525e9) / 8 + 0.525e9, 5e-3}, // 4 of its 32 layers
};

Model model_of(const Json& config) {
  return model_from_config("published", config, nullptr, "/model");
}

} // namespace

TEST_CASE("parameters by config.json of further families agree with the publishers' totals") {
  for (const Published& row : published) {
    const std::string name = row.name;
    CAPTURE(name);
    const Model m = model_of(Json::parse(row.config));
    CHECK(m.warnings.empty());
    CHECK(static_cast<double>(perf::parameter_count(m, perf::weights_of(m))) ==
          doctest::Approx(row.parameters).epsilon(row.slack));
  }
}

TEST_CASE("Gemma 3's whole checkpoint has its vision tower") {
  const Model m = model_of(Json::parse(published[11].config));
  CHECK(static_cast<double>(perf::whole_bytes(m, perf::weights_of(m))) ==
        doctest::Approx(2 * 27432406640.0).epsilon(1e-3)); // safetensors total, BF16
}

TEST_CASE("windows of Gemma alternate by its pattern, and layer_types goes before it") {
  Json config = Json::parse(published[11].config);
  const auto windows = [](const Model& m) {
    int count = 0;
    for (const int kind : m.layer_kinds)
      count += std::get<GqaAttention>(m.kinds[static_cast<std::size_t>(kind)].attention).window > 0;
    return count;
  };
  CHECK(windows(model_of(config)) == 52); // five of six, 62 layers
  CHECK(windows(model_of(Json::parse(published[10].config))) == 23);
  config["text_config"]["layer_types"] = Json::array();
  for (int i = 0; i < 62; ++i)
    config["text_config"]["layer_types"].push_back("full_attention");
  CHECK(windows(model_of(config)) == 0);
}

TEST_CASE("what these families cannot be is refused with the field") {
  const auto path_of = [](const char* config, const char* member, const Json& value) {
    Json changed = Json::parse(config);
    changed[member] = value;
    try {
      model_of(changed);
    } catch (const Error& e) {
      return std::string(e.path());
    }
    return std::string("accepted");
  };
  const char* hunyuan = std::end(published)[-1].config;
  CHECK(path_of(hunyuan, "moe_topk", Json::array({8, 4, 8, 8})) == "/model/moe_topk");
  CHECK(path_of(hunyuan, "moe_topk", Json::array()) == "/model/moe_topk");
  CHECK(path_of(hunyuan, "use_cla", true) == "/model/use_cla");
  CHECK(path_of(published[15].config, "moe_k", 65) == "/model/moe_k"); // of 64 experts
  CHECK(path_of(published[3].config, "word_embed_proj_dim", 512) == "/model/word_embed_proj_dim");
  CHECK(path_of(published[12].config, "attn_config", Json{{"kv_n_heads", 7}}) ==
        "/model/attn_config/kv_n_heads");
  CHECK(path_of(published[4].config, "attn_config", Json{{"kv_n_heads", 7}}) ==
        "/model/attn_config/kv_n_heads");
  CHECK(path_of(published[8].config, "multi_query_group_num", 3) == "/model/multi_query_group_num");
}

TEST_CASE("a squared ReLU means no gate in a family that is not known") {
  Json config = Json::parse(published[6].config);
  config["architectures"] = Json::array({"SomethingForCausalLM"});
  const Model m = model_of(config);
  CHECK_FALSE(std::get<DenseMlp>(m.kinds[0].ffn).gated);
  CHECK(m.warnings.size() == 1);
}
