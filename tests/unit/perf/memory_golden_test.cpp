// Published figures, each with its source, against the built-in catalogue.
#include <doctest/doctest.h>

#include <cmath>

#include "catalog/catalog.hpp"
#include "perf/memory.hpp"

using namespace dsk;
using namespace dsk::perf;

namespace {

struct Case {
  Model model;
  Device device;
  Engine engine;
  Deployment d;
  Case(const char* model_name, const char* device_name, const char* engine_name,
       const char* version, Parallel p)
      : model(catalog().model(model_name, "")), device(catalog().device(device_name, "")),
        engine(catalog().engine(engine_name, version, "")) {
    d.model = &model;
    d.device = &device;
    d.engine = &engine;
    d.parallel = p;
    d.kv_element = default_kv_element(model);
  }
  Case(const Case&) = delete;
  static const Catalog& catalog() {
    static const Catalog c;
    return c;
  }
  MemoryReport report(double fraction, std::int64_t length = 0) const {
    MemoryOptions o;
    o.memory_fraction = fraction;
    o.sequence_tokens = length;
    return memory(d, o);
  }
};

void no_pages(Case& c) {
  c.engine.kv_block_tokens = c.engine.mla_block_tokens = c.engine.compressed_block_tokens = 1;
}

constexpr double mib = 1048576;
constexpr double gib = 1024 * mib;

} // namespace

// SGLang reported about 509,000 KV tokens (ai-dynamo/aisimulate pull request 263).
TEST_CASE("DeepSeek-R1 FP8, 8 x H200, SGLang fraction 0.82, bf16 KV") {
  Case c("deepseek-r1", "h200-sxm", "sglang", "0.5", {8, 1, 1, 1});
  CHECK(c.d.kv_element == Element::bf16);
  const MemoryReport r = c.report(0.82);
  CHECK(r.fits);
  CHECK(static_cast<double>(r.kv_pool_tokens) == doctest::Approx(509000).epsilon(0.01));
  for (const MemoryTerm& t : r.terms) {
    CHECK_FALSE(t.source.empty());
    CHECK_FALSE(t.origin.empty());
  }
}

// vLLM 0.19 on an RTX 4090 with 25,250,627,584 bytes: 41,408 tokens (LLMServingSim, meta.json).
TEST_CASE("Llama-3.1-8B on one RTX 4090 under vLLM 0.19") {
  Case c("llama-3.1-8b", "rtx-4090", "vllm", "0.19", {});
  MemoryOptions o;
  o.memory_fraction = 0.9;
  o.max_batch = 256;
  o.token_budget = 2048;
  const MemoryReport r = memory(c.d, o);
  CHECK(static_cast<double>(r.kv_pool_tokens) == doctest::Approx(41408).epsilon(0.01));
  CHECK(r.kv_pool_tokens % 16 == 0);
}

// vLLM's "Loading model weights took ... GB" (2^30) of two quantised checkpoints.
TEST_CASE("weights as vLLM reported them") {
  Case big("llama-3.1-405b-fp8", "h100-sxm", "vllm", "0.11", {8, 1, 1, 1});
  CHECK(static_cast<double>(big.report(0.9).weights_bytes) / gib ==
        doctest::Approx(57.752).epsilon(0.005));
}

// Entries of 656, 132, 584 and 68 bytes: FlashMLA's and SGLang's layouts.
TEST_CASE("KV bytes of sparse and compressed attention") {
  Case v32("deepseek-v3.2", "h200-sxm", "generic", "", {});
  no_pages(v32);
  CHECK(kv_bytes(v32.d, 1000) == 48068 * 1000);
  v32.d.mtp_tokens = 1;
  CHECK(kv_bytes(v32.d, 1000) == 48856 * 1000);

  const auto exact = [](std::int64_t n, std::int64_t layers, std::int64_t fine,
                        std::int64_t coarse) {
    return n / 4 * fine * (584 + 68) + n / 128 * coarse * 584 +
           std::min<std::int64_t>(n, 128) * layers * 584;
  };
  Case flash("deepseek-v4-flash", "h200-sxm", "generic", "", {});
  Case pro("deepseek-v4-pro", "h200-sxm", "generic", "", {8, 1, 1, 1});
  no_pages(flash);
  no_pages(pro);
  const KvCost f = kv_cost(flash.d);
  const KvCost p = kv_cost(pro.d);
  CHECK(f.bytes_per_token == 3514.25);
  CHECK(p.bytes_per_token == 5031.4375);
  CHECK(static_cast<double>(f.window_bytes) / mib == doctest::Approx(3.07).epsilon(0.002));
  CHECK(static_cast<double>(p.window_bytes) / mib == doctest::Approx(4.35).epsilon(0.002));
  for (const std::int64_t n : {1, 3, 4, 127, 128, 129, 1000, 4096, 100001, 1048576}) {
    CHECK(kv_bytes(flash.d, n) - f.state_bytes == exact(n, 43, 21, 20));
    CHECK(kv_bytes(pro.d, n) - p.state_bytes == exact(n, 61, 30, 31));
  }
  flash.d.index_element = pro.d.index_element = Element::fp8;
  CHECK(std::round(kv_cost(flash.d).bytes_per_token) == 3850);
  CHECK(std::round(kv_cost(pro.d).bytes_per_token) == 5511);

  // V4.1: four layers store for all others; 1,630 B a token and 206.6 MiB at 131,072.
  Case v41("deepseek-v4.1-flash", "h200-sxm", "generic", "", {});
  no_pages(v41);
  const KvCost c41 = kv_cost(v41.d);
  CHECK(c41.bytes_per_token == 1630);
  CHECK(static_cast<double>(kv_bytes(v41.d, 131072) - c41.state_bytes) / mib ==
        doctest::Approx(206.6).epsilon(0.0005));
}

// SGLang's deepseek_v4_memory_pool: pages of 256 tokens, each padded to a multiple of 576 bytes.
TEST_CASE("pages of compressed entries are padded") {
  Case c("deepseek-v4-flash", "h200-sxm", "sglang", "0.5", {8, 1, 1, 1});
  c.d.index_element = Element::fp8;
  const std::int64_t state = kv_cost(c.d).state_bytes;
  const std::int64_t page = 21 * (37440 + 64 * 132) + 20 * 1728;
  CHECK(kv_bytes(c.d, 256) - state == page + 43 * 74880);
  CHECK(kv_bytes(c.d, 257) - state == 2 * page + 43 * 74880);
}

// R1 in NVFP4 keeps 3K tokens in "about 200MB" (TensorRT-LLM tech blog 3; bf16 cache).
TEST_CASE("KV of one R1 request") {
  Case c("deepseek-r1", "b200-sxm", "tensorrt-llm", "1.0", {8, 1, 1, 8});
  CHECK(static_cast<double>(kv_bytes(c.d, 3072)) / 1e6 == doctest::Approx(216).epsilon(0.02));
}

// SemiAnalysisAI/InferenceX#2128: 0.88 aborts; SGLang itself names 0.9113, and 0.9335 with MTP.
TEST_CASE("DeepSeek-V4-Pro on 8 x H200 under SGLang") {
  Case c("deepseek-v4-pro", "h200-sxm", "sglang", "0.5", {8, 1, 1, 1});
  const MemoryReport refused = c.report(0.88);
  CHECK_FALSE(refused.fits);
  CHECK(refused.kv_pool_bytes < 0);
  CHECK(refused.smallest_fraction == doctest::Approx(0.9113).epsilon(0.0005));
  CHECK(refused.binding.find("0.911") != std::string::npos);
  CHECK(refused.smallest_formula.find("resident") != std::string::npos);
  CHECK(static_cast<double>(refused.weights_bytes) / gib == doctest::Approx(125.65).epsilon(1e-6));
  // What shapes do not explain is a term of its own.
  std::int64_t unexplained = 0;
  for (const MemoryTerm& t : refused.terms)
    if (t.name == "weights/engine repacking") unexplained = t.bytes;
  // Everything sharded would be 106.1e9 bytes a device, everything but experts replicated 129.2e9.
  CHECK(static_cast<double>(unexplained) > 134.9e9 - 129.2e9);
  CHECK(static_cast<double>(unexplained) < 134.9e9 - 106.1e9);
  CHECK(c.report(0.93).kv_pool_bytes > 0);
  c.d.mtp_tokens = 1;
  CHECK(c.report(0.88).smallest_fraction == doctest::Approx(0.9335).epsilon(0.0005));
}

// NVIDIA/TensorRT-LLM docs/source/reference/memory.md: 0.9 of 70.48 GiB free is a pool of 63.44.
TEST_CASE("TensorRT-LLM takes 0.9 of what is free") {
  Case c("llama-2-7b", "a100-sxm-80gb", "tensorrt-llm", "1.0", {});
  const MemoryReport r = c.report(0);
  std::int64_t taken = 0;
  for (const MemoryTerm& t : r.terms)
    taken += t.bytes;
  CHECK(std::abs(static_cast<double>(r.kv_pool_bytes) -
                 0.9 * static_cast<double>(r.capacity_bytes - taken)) < 1);
}

TEST_CASE("linear attention keeps a state, sliding windows stop growing") {
  Case q("qwen3.5-35b-a3b", "h200-sxm", "generic", "", {});
  no_pages(q);
  const KvCost cost = kv_cost(q.d);
  CHECK(cost.bytes_per_token == 10 * 2 * 2 * 256 * 2); // 10 full layers, 2 heads of 256
  // 30 layers: 32 heads x 128 x 128 fp32, and 3 positions of 8,192 convolved channels.
  CHECK(cost.state_bytes == 30 * (32 * 128 * 128 * 4 + 3 * (2 * 16 * 128 + 32 * 128) * 2));
  Case o("gpt-oss-120b", "h200-sxm", "generic", "", {});
  no_pages(o);
  CHECK(kv_bytes(o.d, 128) == 36 * 128 * 2048);
  CHECK(kv_bytes(o.d, 4096) == 18 * 2048 * 128 + 18 * 2048 * 4096);
}

TEST_CASE("pipeline stages: the fullest one decides") {
  Case c("llama-3.1-8b", "h100-sxm", "generic", "", {1, 4, 1, 1});
  const MemoryReport r = c.report(0.9);
  CHECK(r.stage == 3); // the LM head is as large as the embedding, and the final norm is with it
  std::int64_t all = 0;
  const ModelWeights w = weights_of(c.model);
  for (int s = 0; s < 4; ++s)
    for (const std::int64_t bytes : stage_weights(c.d, w, s))
      all += bytes;
  CHECK(all == whole_bytes(c.model, w));
}

TEST_CASE("LoRA adapters are counted") {
  Case c("llama-3.1-8b", "h100-sxm", "generic", "", {});
  MemoryOptions o;
  const std::int64_t before = memory(c.d, o).weights_bytes;
  o.lora_adapters = 4;
  o.lora_rank = 16;
  // rank x (in + out) over the seven projections of 32 layers (peft counts 41,943,040 at rank 16).
  CHECK(memory(c.d, o).weights_bytes - before == 4 * 2 * std::int64_t{41943040});
}
