#include <doctest/doctest.h>

#include "base/error.hpp"
#include "catalog/catalog.hpp"
#include "catalog/documents.hpp"

using dsk::Json;

namespace {

Json valid() {
  return dsk::json::parse(R"({"kind":"engine","name":"my-engine","version":"2.1",
    "source":"our own deployment notes","as_of":"2026-11","family":"vllm",
    "memory":{"rule":"fraction_of_total","fraction":0.85,"kv_block_tokens":32,
      "overheads":[{"name":"context","place":"inside","mib":400,"origin":"measured",
                    "source":"nvidia-smi"}]},
    "limits":{"max_sequences":128,"token_budget":4096}})",
                          "engine");
}

std::string fault(const Json& document) {
  try {
    dsk::engine_from_document(document, "/catalog/0");
  } catch (const dsk::Error& e) {
    return e.path();
  }
  return "read";
}

Json changed(const char* pointer, const Json& value) {
  Json document = valid();
  document[Json::json_pointer(pointer)] = value;
  return document;
}

} // namespace

TEST_CASE("a user's engine has the form of the built-in ones") {
  const dsk::Engine e = dsk::engine_from_document(valid(), "");
  CHECK(e.kind == dsk::EngineKind::vllm);
  CHECK(e.memory_fraction == 0.85);
  CHECK(e.kv_block_tokens == 32);
  REQUIRE(e.overheads.size() == 1);
  CHECK(e.overheads[0].bytes == 400.0 * 1048576);
}

TEST_CASE("each fault of an engine document names its field") {
  CHECK(fault(changed("/version", 3)) == "/catalog/0/version");
  CHECK(fault(changed("/family", "llama.cpp")) == "/catalog/0/family");
  CHECK(fault(changed("/memory/rule", "half")) == "/catalog/0/memory/rule");
  CHECK(fault(changed("/memory/fraction", 90)) == "/catalog/0/memory/fraction");
  CHECK(fault(changed("/memory/fraction", nullptr)) == "/catalog/0/memory/fraction");
  CHECK(fault(changed("/memory/kv_block_tokens", 0)) == "/catalog/0/memory/kv_block_tokens");
  CHECK(fault(changed("/memory/overheads/0/source", "")) == "/catalog/0/memory/overheads/0/source");
  CHECK(fault(changed("/memory/overheads/0/origin", "guess")) ==
        "/catalog/0/memory/overheads/0/origin");
  CHECK(fault(changed("/limits/token_budget", -1)) == "/catalog/0/limits/token_budget");
  CHECK(fault(changed("/colour", 1)) == "/catalog/0/colour");
  Json undated = valid();
  undated.erase("as_of");
  CHECK(fault(undated) == "/catalog/0/as_of");
}

TEST_CASE("each fault of a model document names its field") {
  const auto model_fault = [](const char* text) {
    try {
      dsk::model_from_document(dsk::json::parse(text, "model"), "/catalog/0");
    } catch (const dsk::Error& e) {
      return e.path();
    }
    return std::string("read");
  };
  CHECK(model_fault(R"({"kind":"model","name":"m","source":"s","as_of":"2026-11"})") ==
        "/catalog/0/config");
  CHECK(model_fault(R"({"kind":"model","name":"m","source":"s","as_of":"2026-11",
    "config":{"architectures":["LlamaForCausalLM"],"hidden_size":-4}})") ==
        "/catalog/0/config/hidden_size");
  CHECK(model_fault(R"({"kind":"model","name":"m","as_of":"2026-11","config":{}})") ==
        "/catalog/0/source");
}

TEST_CASE("an engine starts smaller on small devices") {
  // vLLM's server: 1024 slots and 8192 tokens from 70 GiB on, but not on an A100 of any size.
  const dsk::Catalog catalog;
  const dsk::Engine vllm = catalog.engine("vllm", "", "");
  const auto limits = [&](const char* device) {
    const dsk::StartLimits l = dsk::start_limits(vllm, catalog.device(device, ""));
    return std::pair(l.max_sequences, l.token_budget);
  };
  CHECK(limits("h100-sxm") == std::pair(1024, 8192));
  CHECK(limits("h200-sxm") == std::pair(1024, 8192));
  CHECK(limits("a100-sxm-80gb") == std::pair(256, 2048));
  CHECK(limits("l40s") == std::pair(256, 2048));
  CHECK(limits("rtx-4090") == std::pair(256, 2048));
}

TEST_CASE("an engine's document serves from the version that it names on") {
  const dsk::Catalog catalog;
  const auto slots = [&](const char* version) {
    return catalog.engine("tensorrt-llm", version, "").limits.max_sequences;
  };
  CHECK(slots("0.10.0") == 256); // its default; 2048 from the next on
  CHECK(slots("0.11.0") == 2048);
  CHECK(slots("0.12.0") == 2048);
  CHECK(slots("0.13.0") == 2048);
}
