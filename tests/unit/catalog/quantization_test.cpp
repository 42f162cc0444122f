// Checkpoint formats as config.json and hf_quant_config.json describe them, in bytes.
#include <doctest/doctest.h>

#include "base/error.hpp"
#include "catalog/configs.hpp"
#include "catalog/expression.hpp"
#include "catalog/quantization.hpp"
#include "perf/weights.hpp"

using dsk::Json;
using dsk::WeightFormat;
namespace formats = dsk::formats;

namespace {

dsk::Model quantized(const char* quantization) {
  return configs::with(configs::llama31_8b, "quantization_config",
                       dsk::json::parse(quantization, "quantization_config"));
}

WeightFormat format(const dsk::Model& model, const char* module) {
  return model.quantization.format_of(module, formats::bf16);
}

constexpr const char* down = "model.layers.3.mlp.down_proj";
constexpr const char* query = "model.layers.3.self_attn.q_proj";

std::int64_t bytes(const dsk::Model& model) {
  return dsk::perf::whole_bytes(model, dsk::perf::weights_of(model));
}

// Llama-3.1-8B: 6,979,321,856 elements in quantised projections, 32 x 7 matrices of 1,376,256
// outputs.
constexpr std::int64_t projected = 6979321856;
constexpr std::int64_t outputs = 32 * (4096 + 1024 + 1024 + 4096 + 14336 + 14336 + 4096);
constexpr std::int64_t kept = 8030261248 - projected; // embedding, LM head, norms: two bytes each

} // namespace

TEST_CASE("fp8 per tensor, with one static activation scale each") {
  const dsk::Model m = quantized(R"({"quant_method":"fp8","activation_scheme":"static"})");
  CHECK(format(m, down).element == dsk::Element::fp8);
  CHECK(bytes(m) == projected + 32 * 7 * 8 + 2 * kept);
  CHECK(bytes(quantized(R"({"quant_method":"fp8","activation_scheme":"dynamic"})")) ==
        projected + 32 * 7 * 4 + 2 * kept);
}

TEST_CASE("fp8 per channel (compressed-tensors), 16-bit scales, LM head ignored") {
  const dsk::Model m = quantized(R"({"quant_method":"compressed-tensors","ignore":["lm_head"],
    "config_groups":{"group_0":{"targets":["Linear"],"weights":{"num_bits":8,"type":"float",
      "strategy":"channel","symmetric":true,"dynamic":false},
      "input_activations":{"num_bits":8,"type":"float","strategy":"token","dynamic":true}}}})");
  CHECK(format(m, "lm_head") == formats::bf16);
  CHECK(bytes(m) == projected + 2 * outputs + 2 * kept);
}

TEST_CASE("fp8 blocks of 128 x 128 have one fp32 scale each") {
  const dsk::Model m = quantized(R"({"quant_method":"fp8","weight_block_size":[128,128]})");
  CHECK(format(m, down) == formats::fp8_block);
  CHECK(bytes(m) == projected + projected / 16384 * 4 + 2 * kept);
  CHECK_THROWS_AS(quantized(R"({"quant_method":"fp8","weight_block_size":[128]})"), dsk::Error);
}

TEST_CASE("AWQ and GPTQ: 4 bits, a 16-bit scale and a zero point for each group of 128") {
  const dsk::Model awq =
      quantized(R"({"quant_method":"awq","bits":4,"group_size":128,"zero_point":true})");
  CHECK(format(awq, down).zero_bits == 4);
  CHECK(bytes(awq) == projected / 2 + projected / 128 * 20 / 8 + 2 * kept);
  const dsk::Model gptq =
      quantized(R"({"quant_method":"gptq","bits":8,"group_size":128,"desc_act":false})");
  CHECK(bytes(gptq) == projected + projected / 128 * 3 + 2 * kept);
  CHECK_THROWS_AS(quantized(R"({"quant_method":"gptq","bits":3,"group_size":128})"), dsk::Error);
}

TEST_CASE("int4 groups of compressed-tensors (w4a16) and int8 channels (w8a8)") {
  const dsk::Model w4 = quantized(R"({"quant_method":"compressed-tensors","ignore":["lm_head"],
    "config_groups":{"group_0":{"targets":["Linear"],"weights":{"num_bits":4,"type":"int",
      "strategy":"group","group_size":128,"symmetric":true}}}})");
  CHECK(bytes(w4) == projected / 2 + projected / 128 * 2 + 2 * kept);
  const dsk::Model w8 = quantized(R"({"quant_method":"compressed-tensors","ignore":["lm_head"],
    "config_groups":{"group_0":{"targets":["Linear"],"weights":{"num_bits":8,"type":"int",
      "strategy":"channel","symmetric":true}}}})");
  CHECK(format(w8, query).element == dsk::Element::int8);
}

TEST_CASE("NVFP4: 4 bits, an fp8 scale for each 16, one fp32 scale and one input scale a tensor") {
  Json hf = dsk::json::parse(R"({"quantization":{"quant_algo":"NVFP4","kv_cache_quant_algo":"FP8",
    "group_size":16,"exclude_modules":["lm_head","model.layers.0.self_attn*"]}})",
                             "x");
  const Json config = configs::parsed(configs::llama31_8b);
  const dsk::Model m = dsk::model_from_config("x", config, &hf, "/model/config");
  CHECK(m.quantization.kv_cache == dsk::Element::fp8);
  CHECK(format(m, down).element == dsk::Element::fp4);
  CHECK(format(m, "model.layers.0.self_attn.q_proj") == formats::bf16);
  CHECK(m.kinds.size() == 2); // layer 0 stores its attention in another format
  const std::int64_t attention = 4096 * (4096 + 1024 + 1024 + 4096); // of layer 0
  const std::int64_t packed = projected - attention;
  CHECK(bytes(m) == packed / 2 + packed / 16 + (32 * 7 - 4) * 8 + 2 * (kept + attention));
  hf["quantization"]["quant_algo"] = "FP3";
  try {
    dsk::model_from_config("x", config, &hf, "/model/config");
    FAIL("read FP3");
  } catch (const dsk::Error& e) {
    CHECK(e.path() == "/model/hf_quant_config/quantization/quant_algo");
  }
}

TEST_CASE("mixed precision names a format for each projection") {
  const Json hf = dsk::json::parse(R"({"quantization":{"quant_algo":"MIXED_PRECISION",
    "quantized_layers":{"model.layers.*.self_attn.q_proj":{"quant_algo":"FP8"},
                        "model.layers.*.mlp.down_proj":{"quant_algo":"NVFP4","group_size":16},
                        "model.layers.*.mlp.up_proj":{"quant_algo":"W4A16_AWQ"}}}})",
                                   "x");
  const Json config = configs::parsed(configs::llama31_8b);
  const dsk::Model m = dsk::model_from_config("x", config, &hf, "");
  CHECK(format(m, query).element == dsk::Element::fp8);
  CHECK(format(m, down) == formats::nvfp4);
  CHECK(format(m, "model.layers.3.mlp.up_proj").element == dsk::Element::int4);
  CHECK(format(m, "model.layers.3.mlp.gate_proj") == formats::bf16);
}

TEST_CASE("MXFP4 converts experts only") {
  const dsk::Model m =
      quantized(R"({"quant_method":"mxfp4","modules_to_not_convert":["lm_head"]})");
  CHECK(format(m, query) == formats::bf16);
  CHECK(format(m, "model.layers.3.mlp.experts.7.down_proj") == formats::mxfp4);
}

TEST_CASE("patterns name modules by whole components, with wildcards or as expressions") {
  CHECK(dsk::module_matches("gate", "model.layers.1.mlp.gate"));
  CHECK_FALSE(dsk::module_matches("gate", "model.layers.1.mlp.gate_proj"));
  CHECK(dsk::module_matches("model.layers.*.self_attn", query));
  CHECK(dsk::module_matches("model.layers.61*", "model.layers.61.mlp.down_proj"));
  CHECK_FALSE(dsk::module_matches("model.layers.6", "model.layers.61.mlp.down_proj"));
  CHECK(dsk::module_matches("re:.*lm_head", "lm_head"));
  CHECK(dsk::module_matches("re:.*self_attn.*", query));
  CHECK(dsk::module_matches("re:.*mlp\\.gate$", "model.layers.1.mlp.gate"));
  CHECK_FALSE(dsk::module_matches("re:.*mlp\\.gate$", "model.layers.1.mlp.gate_proj"));
  CHECK(dsk::module_matches("re:model\\.layers\\.(0|31)\\..*", "model.layers.31.mlp.up_proj"));
  CHECK_FALSE(dsk::module_matches("re:model\\.layers\\.(0|31)\\..*", "model.layers.3.mlp.up_proj"));
  CHECK(dsk::module_matches("re:.*layers\\.\\d+\\.mlp\\.(up|down)_proj", down));
  CHECK_FALSE(dsk::module_matches("re:(((", down));
  // Backtracks without end in a naive matcher.
  CHECK_FALSE(dsk::expression_matches("(a*)*(a*)*(a*)*b$", std::string(200, 'a')));
}
