#include <doctest/doctest.h>

#include "base/error.hpp"
#include "plan/checkpoint.hpp"
#include "plan/memory_request.hpp"

using dsk::Json;

namespace {

const dsk::Catalog& catalog() {
  static const dsk::Catalog c;
  return c;
}

Json ask(const char* text) {
  return dsk::plan::memory_document(dsk::json::parse(text, "request"), catalog());
}

std::string fault(const char* text) {
  try {
    ask(text);
  } catch (const dsk::Error& e) {
    return e.path();
  }
  return "answered";
}

} // namespace

TEST_CASE("the name that a plan gives a model's weights can be asked for") {
  const Json own = ask(R"({"model":"deepseek-r1","device":"h200","parallel":{"tp":8}})");
  const Json named = ask(R"({"model":"deepseek-r1","device":"h200","parallel":{"tp":8},
    "weights":"fp8-block128x128"})"); // as plan answers say
  CHECK(named["weights_bytes"] == own["weights_bytes"]);
  CHECK(named["kv_pool"] == own["kv_pool"]);
  const Json brief = ask(R"({"model":"llama-3.1-70b","device":"h200","weights":"int4"})");
  const Json whole = ask(R"({"model":"llama-3.1-70b","device":"h200","weights":"int4-group128"})");
  CHECK(whole["weights_bytes"] == brief["weights_bytes"]);
  CHECK(fault(R"({"model":"deepseek-r1","device":"h200","parallel":{"tp":8},
    "weights":"fp8-block64x64"})") == "/weights");
}

TEST_CASE("a memory answer adds up and says where its terms come from") {
  const Json a = ask(R"({"model":"deepseek-r1","device":"h200","engine":"sglang",
    "parallel":{"tp":8},"kv":"bf16","memory_fraction":0.82,"sequence_tokens":8192})");
  CHECK(a["fits"] == true);
  std::int64_t total =
      a["headroom_bytes"].get<std::int64_t>() + a["kv_pool"]["bytes"].get<std::int64_t>();
  for (const Json& term : a["terms"]) {
    total += term["bytes"].get<std::int64_t>();
    CHECK_FALSE(term["source"].get<std::string>().empty());
  }
  CHECK(total == a["capacity_bytes"].get<std::int64_t>());
  CHECK(a["kv_cache"]["bytes_per_token"] == 70272);
  CHECK(a["kv_pool"]["sequences"].get<std::int64_t>() ==
        a["kv_pool"]["bytes"].get<std::int64_t>() /
            a["kv_pool"]["bytes_per_sequence"].get<std::int64_t>());
  bool ships = false;
  for (const Json& format : a["formats"])
    if (format["weights"] == "fp8-block") {
      ships =
          format["needs"] == "nothing" && format["note"] == "the checkpoint ships in this format";
      CHECK(format["weights_bytes"] == a["weights_bytes"]);
    }
  CHECK(ships); // DeepSeek-V3 and R1 ship in FP8: no retraining
}

// The user's brief: 13 B, batch 32, 26 GB of weights and 4 GB of KV cache.
TEST_CASE("the length that a KV budget implies") {
  const Json a = ask(R"({"model":{"params_b":13},"device":"a100-sxm-40gb","engine":"generic",
    "batch":32,"kv_gb":4})");
  CHECK(a["kv_pool"]["longest_sequence_tokens_unpaged"] == 152);
  CHECK(a["kv_pool"]["longest_sequence_tokens"] == 144); // whole pages of 16
  CHECK(a["assumptions"].size() >= 5);
}

TEST_CASE("a model that does not fit is an answer with the binding term") {
  const Json a = ask(R"({"model":"deepseek-r1","device":"h100","engine":"vllm"})");
  CHECK(a["fits"] == false);
  CHECK(a["binding"].get<std::string>().find("no fraction holds them") != std::string::npos);
  CHECK(a["kv_pool"]["sequences"] == 0);
}

TEST_CASE("each fault of a memory request names its field") {
  CHECK(fault(R"({})") == "/model");
  CHECK(fault(R"({"model":"deepseek-r1"})") == "/device");
  CHECK(fault(R"({"model":"no-such","device":"h200"})") == "/model");
  CHECK(fault(R"({"model":"deepseek-r1","device":"h999"})") == "/device");
  CHECK(fault(R"({"model":"deepseek-r1","device":"h200","engine":"none"})") == "/engine");
  CHECK(fault(R"({"model":"deepseek-r1","device":"h200","parallel":{"tp":3}})") == "/parallel/tp");
  CHECK(fault(R"({"model":"deepseek-r1","device":"h200","parallel":{"ep":7}})") == "/parallel/ep");
  CHECK(fault(R"({"model":"deepseek-r1","device":"h200","kv":"fp7"})") == "/kv");
  CHECK(fault(R"({"model":"llama-3.1-8b","device":"h200","kv":"fp8_ds_mla"})") == "/kv");
  CHECK(fault(R"({"model":"llama-3.1-8b","device":"h200","mtp_tokens":1})") == "/mtp_tokens");
  CHECK(fault(R"({"model":"deepseek-r1","device":"h200","memory_fraction":1.5})") ==
        "/memory_fraction");
  CHECK(fault(R"({"model":"deepseek-r1","device":"h200","weights":"fp3"})") == "/weights");
  CHECK(fault(R"({"model":"deepseek-r1","device":"h200","sequence_tokens":0})") ==
        "/sequence_tokens");
  CHECK(fault(R"({"model":"deepseek-r1","device":"h200","colour":1})") == "/colour");
  CHECK(fault(R"({"model":{"config":{"architectures":["LlamaForCausalLM"]}},"device":"h200"})") ==
        "/model/config/hidden_size");
}

TEST_CASE("an index or headers decide the weight bytes and are compared with the shapes") {
  const Json plain = ask(R"({"model":"llama-3.1-8b","device":"h100","formats":false})");
  const Json indexed = ask(R"({"model":"llama-3.1-8b","device":"h100","formats":false,
    "safetensors_index":{"metadata":{"total_size":16060522596},"weight_map":{}}})");
  CHECK(plain["weights_bytes"].get<std::int64_t>() + 100 ==
        indexed["weights_bytes"].get<std::int64_t>());
  CHECK(indexed["model"]["checkpoint_bytes"] == 16060522596);
  CHECK(indexed["model"]["bytes_by_shapes"] == 16060522496);

  const auto headers = [](const char* text) {
    return dsk::plan::header_bytes(dsk::json::parse(text, "h"), "/h");
  };
  CHECK(headers(R"([{"__metadata__":{"format":"pt"},
    "a":{"dtype":"BF16","shape":[3,5],"data_offsets":[0,30]},
    "b":{"dtype":"F8_E4M3","shape":[7],"data_offsets":[30,37]}},
    {"c":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}])") == 41);
  CHECK_THROWS_AS(headers(R"([{"a":{"dtype":"BF16","shape":[3],"data_offsets":[0,7]}}])"),
                  dsk::Error);
  CHECK_THROWS_AS(headers(R"([{"a":{"dtype":"Q7","shape":[3],"data_offsets":[0,6]}}])"),
                  dsk::Error);
  CHECK_THROWS_AS(
      headers(R"([{"a":{"dtype":"F64","shape":[1000000000,1000000000],"data_offsets":[0,6]}}])"),
      dsk::Error);
  CHECK_THROWS_AS(headers("[]"), dsk::Error);
}
