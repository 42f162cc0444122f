#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "base/error.hpp"
#include "catalog/configs.hpp"
#include "perf/memory.hpp"

using namespace dsk;
using namespace dsk::perf;

namespace {

std::int64_t count(const std::vector<Matrix>& list, std::initializer_list<Component> parts) {
  std::int64_t total = 0;
  for (const Matrix& m : list)
    if (std::find(parts.begin(), parts.end(), m.component) != parts.end()) total += m.parameters();
  return total;
}

Device device_of(std::int64_t bytes) {
  Device d;
  d.name = "test";
  d.memory_bytes = bytes;
  return d;
}

// An engine without pages and without overhead: bytes are what the layouts say.
Engine plain_engine() {
  Engine e;
  e.memory_fraction = 1;
  e.kv_block_tokens = e.mla_block_tokens = e.compressed_block_tokens = 1;
  return e;
}

struct Subject {
  Model model;
  Device device = device_of(std::int64_t{141} << 30);
  Engine engine = plain_engine();
  Deployment deployment;
  explicit Subject(Model m, Parallel p = {}) : model(std::move(m)) {
    deployment.model = &model;
    deployment.device = &device;
    deployment.engine = &engine;
    deployment.parallel = p;
    deployment.kv_element = default_kv_element(model);
  }
  Subject(const Subject&) = delete;
};

} // namespace

// Shapes of DeepSeek-V3's published model code; totals stated in the paper (arXiv 2412.19437: 671
// B, 37 B active).
TEST_CASE("DeepSeek-V3 parameters from shapes") {
  const Model m = configs::model(configs::deepseek_v3);
  const ModelWeights w = weights_of(m);
  CHECK(std::round(static_cast<double>(parameter_count(m, w)) / 1e5) == 6710264);
  const auto sparse = static_cast<std::size_t>(m.layer_kinds.back());
  CHECK(count(w.kinds[sparse], {Component::attention}) == 187107328);
  CHECK(count(w.kinds[sparse], {Component::routed_experts, Component::shared_experts,
                                Component::router}) == 11320164608);
  CHECK(static_cast<double>(active_parameter_count(m, w)) == doctest::Approx(37e9).epsilon(0.02));
  REQUIRE(w.mtp.size() == 1); // 11.6 B of its own beside the shared embedding and head
  std::int64_t mtp = 0;
  for (const Matrix& matrix : w.mtp[0])
    mtp += matrix.parameters();
  CHECK(static_cast<double>(mtp) == doctest::Approx(11.6e9).epsilon(0.002));
}

TEST_CASE("KV cache per token of the whole model") {
  Subject v3(configs::model(configs::deepseek_v3));
  CHECK(kv_bytes(v3.deployment, 1) == 70272);
  CHECK(kv_cost(v3.deployment).bytes_per_token == 70272);
  v3.deployment.mtp_tokens = 1;
  CHECK(kv_bytes(v3.deployment, 1) == 71424);
  v3.deployment.mtp_tokens = 0;
  v3.deployment.kv_element = Element::fp8;
  CHECK(kv_bytes(v3.deployment, 1) == 35136);
  v3.deployment.fp8_ds_mla = true;
  CHECK(kv_bytes(v3.deployment, 1) == 40016);
  // A latent has one head: tensor parallelism saves nothing, pipeline parallelism halves it.
  v3.deployment.parallel.tp = 8;
  CHECK(kv_bytes(v3.deployment, 1) == 40016);
  v3.deployment.parallel = {1, 2, 1, 1};
  CHECK(kv_bytes(v3.deployment, 1) == 31 * 656);

  Subject llama(configs::model(configs::llama31_8b));
  CHECK(kv_bytes(llama.deployment, 1) == 131072);
  llama.deployment.parallel.tp = 4;
  CHECK(kv_bytes(llama.deployment, 1) == 131072 / 4);
  llama.deployment.parallel.tp = 16; // 8 heads on 16 devices: each head twice
  CHECK(kv_bytes(llama.deployment, 1) == 131072 / 8);
}

TEST_CASE("pages round a sequence up") {
  Subject llama(configs::model(configs::llama31_8b));
  llama.engine.kv_block_tokens = 16;
  CHECK(kv_bytes(llama.deployment, 1) == 16 * 131072);
  CHECK(kv_bytes(llama.deployment, 17) == 32 * 131072);
  std::int64_t before = 0;
  for (std::int64_t n = 1; n < 200; ++n) {
    const std::int64_t bytes = kv_bytes(llama.deployment, n);
    CHECK(bytes >= before);
    CHECK(bytes >= n * 131072);
    CHECK(bytes < (n + 16) * 131072);
    before = bytes;
  }
}

TEST_CASE("tensor-parallel shards add up to the whole, replicas beside") {
  const Model m = configs::model(configs::deepseek_v3);
  const ModelWeights w = weights_of(m);
  for (const int tp : {1, 2, 4, 8, 16}) {
    for (const auto& kind : w.kinds)
      for (const Matrix& matrix : kind) {
        const std::int64_t local = local_bytes(matrix, {tp, 1, 1, 1});
        if (matrix.shard == Shard::replicated)
          CHECK(local == matrix.bytes());
        else
          CHECK(local * tp == matrix.bytes());
      }
  }
  // Experts over EP 8 of TP 8 take what TP 8 takes.
  for (const Matrix& matrix : w.kinds.back())
    if (matrix.shard == Shard::expert)
      CHECK(local_bytes(matrix, {8, 1, 1, 8}) == local_bytes(matrix, {8, 1, 1, 1}));
}

// The user's brief: 13 B in 16 bits, batch 32, 4 GB of KV cache; which length does that imply?
TEST_CASE("13B at batch 32: 4 GB of KV cache are about 152 tokens a sequence") {
  ModelSize size;
  size.params_b = 13;
  Subject c(model_from_size(size, "/model"));
  CHECK(static_cast<double>(weights_of(c.model).kinds.size()) == 1);
  const double weights = static_cast<double>(memory(c.deployment, {}).weights_bytes);
  CHECK(weights == doctest::Approx(26e9).epsilon(0.005));
  CHECK(std::floor(4e9 / 32 / kv_cost(c.deployment).bytes_per_token) == 152);
}

TEST_CASE("each engine's budget rule") {
  Subject c(configs::model(configs::llama31_8b));
  c.device = device_of(100'000'000'000);
  Overhead before;
  before.name = "context";
  before.place = Overhead::Place::resident;
  before.bytes = 1e9;
  Overhead activation;
  activation.name = "activations";
  activation.place = Overhead::Place::inside;
  activation.bytes = 2e9;
  c.engine.overheads = {before, activation};
  const std::int64_t weights = memory(c.deployment, {}).weights_bytes;
  MemoryOptions options;
  options.memory_fraction = 0.5;
  c.engine.memory_rule = MemoryRule::fraction_of_total;
  CHECK(memory(c.deployment, options).kv_pool_bytes == 50'000'000'000 - weights - 3'000'000'000);
  c.engine.memory_rule = MemoryRule::fraction_of_free;
  CHECK(memory(c.deployment, options).kv_pool_bytes == (97'000'000'000 - weights) / 2);
  c.engine.memory_rule = MemoryRule::fraction_static_pool;
  c.engine.overheads[1].place = Overhead::Place::outside;
  const MemoryReport r = memory(c.deployment, options);
  CHECK(r.kv_pool_bytes == 99'000'000'000 / 2 - weights);
  CHECK(r.fits);
  CHECK(r.smallest_fraction == doctest::Approx(static_cast<double>(weights) / 99e9).epsilon(1e-12));
  options.memory_fraction = r.smallest_fraction * 0.999;
  CHECK_FALSE(memory(c.deployment, options).fits);
  CHECK(memory(c.deployment, options).binding.find("smallest fraction") != std::string::npos);
}

TEST_CASE("buffers over the vocabulary are whole on each rank, or of its part") {
  Overhead o;
  o.name = "sampler";
  o.place = Overhead::Place::inside;
  const auto bytes = [&](int tp) {
    Subject c(configs::model(configs::qwen3_32b), {tp, 1, 1, 1});
    c.engine.overheads = {o};
    MemoryOptions options;
    options.max_batch = 1000;
    for (const MemoryTerm& t : memory(c.deployment, options).terms)
      if (t.name == "sampler") return t.bytes;
    return std::int64_t{-1};
  };
  o.per_slot_vocab = 4;
  CHECK(bytes(1) == 4 * 1000 * 151936LL);
  CHECK(bytes(4) == bytes(1));
  o.per_slot_vocab = 0;
  o.per_slot_vocab_shard = 4;
  CHECK(bytes(1) == 4 * 1000 * 151936LL);
  CHECK(bytes(4) == 1000 * 151936LL);
}

TEST_CASE("terms, pool and headroom are the whole device") {
  for (const MemoryRule rule : {MemoryRule::fraction_of_total, MemoryRule::fraction_of_free,
                                MemoryRule::fraction_static_pool}) {
    Subject c(configs::model(configs::qwen3_32b), {4, 1, 1, 1});
    c.engine.memory_rule = rule;
    c.engine.memory_fraction = 0.8;
    const MemoryReport r = memory(c.deployment, {});
    const auto terms =
        std::accumulate(r.terms.begin(), r.terms.end(), std::int64_t{0},
                        [](std::int64_t total, const MemoryTerm& t) { return total + t.bytes; });
    CHECK(terms + r.kv_pool_bytes + r.headroom_bytes == r.capacity_bytes);
  }
}
