#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "catalog/catalog.hpp"
#include "perf/weights.hpp"

using namespace dsk;

// Totals as publishers state them (safetensors metadata or model card, in each record). Announced
// round figures are only as good as their last digit.
TEST_CASE("parameters by shapes agree with every published total") {
  const std::map<std::string, double> announced{
      {"deepseek-v4-pro", 50},    {"deepseek-v4-flash", 0.5},
      {"deepseek-v4.1-flash", 1}, {"minimax-m2.5", 0.5},
      {"qwen3.5-9b", 0.5},        {"qwen3.5-35b-a3b", 0.5},
      {"qwen3.5-397b-a17b", 1},   {"glm-5", 0.5}};
  const Catalog catalog;
  int known = 0;
  for (const std::string& name : catalog.model_names()) {
    const Model m = catalog.model(name, "");
    const auto count = static_cast<double>(perf::parameter_count(m, perf::weights_of(m)));
    CAPTURE(name);
    CHECK(count > 1e8);
    if (m.published_parameters == 0) continue;
    ++known;
    const auto published = static_cast<double>(m.published_parameters);
    const auto rounded = announced.find(name);
    const double slack = rounded == announced.end() ? 0.0005 * published : rounded->second * 1e9;
    CHECK(std::abs(count - published) < slack);
  }
  CHECK(known > 50);
}

// Checkpoint sizes on disk as the publishers or engines state them.
TEST_CASE("bytes of whole checkpoints") {
  const Catalog catalog;
  const auto gb = [&](const char* name) {
    const Model m = catalog.model(name, "");
    return static_cast<double>(perf::whole_bytes(m, perf::weights_of(m))) / 1e9;
  };
  CHECK(gb("deepseek-v4-pro") == doctest::Approx(805 * 1.073741824).epsilon(0.002)); // 805 GiB
  CHECK(gb("deepseek-v4.1-flash") == doctest::Approx(510).epsilon(0.005));
  CHECK(gb("deepseek-r1") == doctest::Approx(640 * 1.073741824).epsilon(0.005)); // "about 640GB"
  CHECK(gb("deepseek-r1-nvfp4") == doctest::Approx(400).epsilon(0.03));          // "about 400 GB"
  CHECK(gb("gpt-oss-120b") == doctest::Approx(65.25).epsilon(0.002)); // model page: 60.8 GiB
  CHECK(gb("gpt-oss-20b") == doctest::Approx(13.76).epsilon(0.002));  // 12.8 GiB
}

TEST_CASE("every model that the published measurements name is known by that name") {
  const Catalog catalog;
  for (const char* name :
       {"deepseek-r1",     "deepseek-v3",     "falcon-180b",       "glm-4.5-air",   "glm-4.6",
        "gpt-j-6b",        "gpt-oss-120b",    "gpt-oss-20b",       "internlm-20b",  "llama2-13b",
        "llama2-70b",      "llama2-7b",       "llama3-70b",        "llama3-8b",     "llama3.1-70b",
        "llama3.1-8b",     "llama3.3-70b",    "llama4-maverick",   "llama4-scout",  "minimax-m2.5",
        "mistral-7b",      "mixtral-8x7b",    "qwen3-14b",         "qwen3-30b-a3b", "qwen3-32b",
        "qwen3-8b",        "qwen3.5-35b-a3b", "qwen3.5-397b-a17b", "qwen3.5-9b",    "llama3.1-405b",
        "deepseek-v4-pro", "bloom-176b"})
    CHECK_NOTHROW(catalog.model(name, ""));
  CHECK_THROWS(catalog.model("llama-9", ""));
}

TEST_CASE("DeepSeek's families have their published layers") {
  const Catalog catalog;
  const Model flash = catalog.model("deepseek-v4-flash", "");
  int fine = 0;
  int coarse = 0;
  int windows = 0;
  int hashed = 0;
  for (const int kind : flash.layer_kinds) {
    const Layer& layer = flash.kinds[static_cast<std::size_t>(kind)];
    const auto& a = std::get<CompressedAttention>(layer.attention);
    fine += a.compress_ratio == 4;
    coarse += a.compress_ratio == 128;
    windows += a.compress_ratio == 0;
    hashed += std::get<MoeMlp>(layer.ffn).hash_routed;
    CHECK(a.indexer.has_value() == (a.compress_ratio == 4));
  }
  CHECK(fine == 21);
  CHECK(coarse == 20);
  CHECK(windows == 2);
  CHECK(hashed == 3);
  const Model v41 = catalog.model("deepseek-v4.1-flash", "");
  CHECK(v41.mtp_kinds.size() == 3);
  REQUIRE(v41.dspark.has_value());
  CHECK(std::get<MoeMlp>(v41.kinds[static_cast<std::size_t>(v41.mtp_kinds[0])].ffn).experts == 128);
  CHECK(v41.engram->columns == 24);
}
