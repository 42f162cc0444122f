#include <doctest/doctest.h>

#include "base/error.hpp"
#include "catalog/configs.hpp"

using dsk::Json;

namespace {

dsk::Error refusal(const char* text, const char* member, const Json& value) {
  try {
    configs::with(text, member, value);
  } catch (const dsk::Error& e) {
    return e;
  }
  return dsk::Error(DSK_STATUS_OK, "accepted", "");
}

} // namespace

TEST_CASE("DeepSeek-V3: three dense layers, 58 sparse ones, one MTP layer") {
  const dsk::Model m = configs::model(configs::deepseek_v3);
  REQUIRE(m.kinds.size() == 2);
  CHECK(m.layers() == 61);
  CHECK(std::count(m.layer_kinds.begin(), m.layer_kinds.end(), m.layer_kinds[0]) == 3);
  CHECK(m.mtp_kinds.size() == 1);
  const auto& moe = std::get<dsk::MoeMlp>(m.kinds[1].ffn);
  CHECK(moe.experts == 256);
  CHECK(moe.shared_intermediate == 2048);
  CHECK(moe.top_groups == 4);
  CHECK(std::get<dsk::MlaAttention>(m.kinds[0].attention).kv_lora_rank == 512);
  CHECK(m.quantization.format_of("model.layers.5.self_attn.o_proj", dsk::formats::bf16) ==
        dsk::formats::fp8_block);
  CHECK(m.quantization.format_of("lm_head", dsk::formats::bf16) == dsk::formats::bf16);
  CHECK(m.quantization.format_of("model.layers.5.mlp.gate", dsk::formats::bf16) ==
        dsk::formats::bf16);
}

TEST_CASE("head_dim is read where it is given and derived where it is not") {
  CHECK(std::get<dsk::GqaAttention>(configs::model(configs::qwen3_32b).kinds[0].attention)
            .qk_head_dim == 128);
  CHECK(std::get<dsk::GqaAttention>(configs::model(configs::llama31_8b).kinds[0].attention)
            .qk_head_dim == 128);
}

TEST_CASE("a config that contradicts itself is refused with the field") {
  CHECK(refusal(configs::llama31_8b, "num_key_value_heads", 7).path() ==
        "/model/num_key_value_heads");
  CHECK(std::string(refusal(configs::llama31_8b, "num_key_value_heads", 7).what()) ==
        "num_key_value_heads is 7, must divide num_attention_heads (32)");
  CHECK(refusal(configs::llama31_8b, "num_attention_heads", 24).path() ==
        "/model/num_attention_heads");
  CHECK(refusal(configs::deepseek_v3, "num_experts_per_tok", 512).path() ==
        "/model/num_experts_per_tok");
  CHECK(refusal(configs::deepseek_v3, "n_group", 7).path() == "/model/n_group");
  CHECK(refusal(configs::deepseek_v3, "first_k_dense_replace", 62).path() ==
        "/model/first_k_dense_replace");
  for (const Json& bad : {Json(0), Json(-1), Json(1e30), Json("big"), Json(1.5), Json(nullptr)})
    CHECK(refusal(configs::llama31_8b, "hidden_size", bad).path() == "/model/hidden_size");
  CHECK(refusal(configs::llama31_8b, "torch_dtype", "int3").path() == "/model/torch_dtype");
  CHECK(refusal(configs::deepseek_v3, "quantization_config", Json{{"quant_method", "magic"}})
            .path() == "/model/quantization_config/quant_method");
}

TEST_CASE("an unknown architecture is refused with the known ones, or planned with a warning") {
  const auto unknown = refusal(configs::llama31_8b, "architectures", Json{"NemotronHForCausalLM"});
  CHECK(unknown.status() == DSK_STATUS_OK); // its fields say a plain decoder
  const dsk::Model m = configs::with(configs::llama31_8b, "architectures", Json{"NewForCausalLM"});
  REQUIRE(m.warnings.size() == 1);
  CHECK(m.warnings[0].find("NewForCausalLM") != std::string::npos);
  CHECK(m.kinds == configs::model(configs::llama31_8b).kinds);

  Json hybrid = configs::parsed(configs::llama31_8b);
  hybrid["architectures"] = Json{"NemotronHForCausalLM"};
  hybrid["hybrid_override_pattern"] = "M-M*";
  try {
    dsk::model_from_config("x", hybrid, nullptr, "/model");
    FAIL("planned");
  } catch (const dsk::Error& e) {
    CHECK(e.status() == DSK_STATUS_NOT_FOUND);
    CHECK(e.path() == "/model/architectures");
    CHECK(std::string(e.what()).find("DeepseekV3ForCausalLM") != std::string::npos);
  }
  CHECK(refusal(configs::llama31_8b, "architectures", Json::array()).path() ==
        "/model/architectures");
}

TEST_CASE("a model by its size has Llama's shape and says what it assumed") {
  dsk::ModelSize size;
  size.params_b = 13;
  const dsk::Model m = dsk::model_from_size(size, "/model");
  CHECK(m.hidden == 5120); // Llama-13B: 40 layers of 5120 with 40 heads (Touvron et al. 2023)
  CHECK(m.layers() == 40);
  CHECK(std::get<dsk::GqaAttention>(m.kinds[0].attention).kv_heads == 40);
  CHECK(m.assumptions.size() >= 4);
  size.layers = 10;
  CHECK(dsk::model_from_size(size, "/model").layers() == 10);
  size.params_b = -1;
  CHECK_THROWS_AS(dsk::model_from_size(size, "/model"), dsk::Error);
}
