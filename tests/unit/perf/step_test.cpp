// Laws of the time of a step: what must hold whatever the constants.
#include <doctest/doctest.h>

#include <cmath>
#include <thread>

#include "base/error.hpp"
#include "catalog/catalog.hpp"
#include "perf/collectives.hpp"
#include "perf/step.hpp"
#include "perf/step_curve.hpp"

using namespace dsk;
using namespace dsk::perf;
using doctest::Approx;

namespace {

struct Fixture {
  Catalog catalog;
  Model model;
  Device device;
  Engine engine;

  Deployment deployment(const char* name, Parallel parallel, const char* gpu = "h200-sxm",
                        const char* engine_name = "sglang") {
    model = catalog.model(name, "/model");
    device = catalog.device(gpu, "/device");
    engine = catalog.engine(engine_name, "", "/engine");
    Deployment d;
    d.model = &model;
    d.device = &device;
    d.engine = &engine;
    d.parallel = parallel;
    return d;
  }
};

Batch decode(std::int64_t sequences, std::int64_t length) {
  Batch b;
  b.decode_sequences = sequences;
  b.kv_sum = sequences * length;
  b.kv_max = length;
  return b;
}

double parts(const StepTime& t) {
  return t.compute_us + t.memory_us + t.scale_up_us + t.scale_out_us + t.launch_us + t.host_us;
}

} // namespace

TEST_CASE("curves are exact for what is linear, and find their cell from the bits") {
  Curve<1> curve(8 * knots_per_octave);
  for (std::size_t i = 0; i < curve.size(); ++i)
    curve[i] = {3 + 2 * knot(i)};
  for (const double x : {0.5, 1.0, 1.1, 3.0, 5.7, 64.0, 200.0, 255.9, 300.0, 5000.0}) {
    std::array<double, 1> sum{};
    curve.add(x, sum);
    CHECK(sum[0] == Approx(3 + 2 * x).epsilon(1e-12));
  }
  Surface<1> surface(6 * knots_per_octave, 9 * knots_per_octave);
  for (std::size_t x = 0; x < surface.knots_x(); ++x)
    for (std::size_t y = 0; y < surface.knots_y(); ++y)
      surface.at(x, y) = {1 + knot(x) * knot(y)};
  std::array<double, 1> sum{};
  surface.add(13.3, 777.7, sum);
  CHECK(sum[0] == Approx(1 + 13.3 * 777.7).epsilon(1e-12));
}

TEST_CASE_FIXTURE(Fixture, "the parts add up, the interval holds the total") {
  for (const char* name : {"deepseek-v3", "llama-3.1-70b", "deepseek-v3.2", "qwen3-32b"}) {
    CAPTURE(name);
    const StepModel step(deployment(name, {8, 1, 1, 1}));
    for (const std::int64_t n : {1, 3, 64, 500}) {
      const StepTime t = step.step(decode(n, 2000));
      CHECK(parts(t) == Approx(t.total_us).epsilon(1e-9));
      CHECK(t.low_us < t.total_us);
      CHECK(t.high_us > t.total_us);
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "explained operators add up to the step") {
  for (const Parallel p : {Parallel{8, 1, 1, 1}, Parallel{8, 1, 1, 8}, Parallel{1, 1, 8, 8}}) {
    const StepModel step(deployment("deepseek-v3", p));
    for (Batch batch : {decode(1, 1000), decode(100, 5000)}) {
      for (const int chunks : {0, 2}) {
        batch.chunks = chunks;
        batch.prefill[0] = {700, 0};
        batch.prefill[1] = {300, 4000};
        double sum = 0;
        for (const StepPart& part : step.explain(batch))
          sum += part.us;
        CHECK(sum == Approx(step.step(batch).total_us).epsilon(0.02));
      }
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "more work never takes less time") {
  for (const char* name : {"deepseek-v3", "llama-3.1-70b"}) {
    const StepModel step(deployment(name, {8, 1, 1, 1}));
    double before = 0;
    for (std::int64_t n = 1; n <= 1024; n *= 2) {
      const double now = step.step(decode(n, 4096)).total_us;
      CHECK(now > before * 0.97); // measured kernels: a larger one may be a little faster
      before = now;
    }
    before = 0;
    for (std::int64_t length = 16; length <= 131072; length *= 2) {
      const double now = step.step(decode(16, length)).total_us;
      CHECK(now > before * 0.97);
      before = now;
    }
    before = 0;
    for (std::int64_t fresh = 16; fresh <= 32768; fresh *= 2) {
      Batch b;
      b.chunks = 1;
      b.prefill[0] = {fresh, 0};
      const double now = step.step(b).total_us;
      CHECK(now > before * 0.97);
      before = now;
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "a faster link shortens communication and nothing else") {
  Deployment d = deployment("llama-3.1-70b", {4, 1, 1, 1}, "a100-pcie-80gb", "vllm");
  const StepTime slow = StepModel(d).step(decode(64, 2048));
  device.scale_up.bandwidth_gbs *= 10;
  const StepTime fast = StepModel(d).step(decode(64, 2048));
  CHECK(fast.scale_up_us < slow.scale_up_us);
  CHECK(fast.memory_us == Approx(slow.memory_us));
  CHECK(fast.communication_share() < slow.communication_share());
}

TEST_CASE_FIXTURE(Fixture, "chunks on other attention ranks run at the same time") {
  const StepModel step(deployment("deepseek-v3", {1, 1, 8, 8}));
  Batch one;
  one.chunks = 1;
  one.prefill[0] = {2048, 0};
  Batch two = one;
  two.chunks = 2;
  two.prefill[1] = {2048, 0};
  const double first = step.step(one).total_us;
  const double both = step.step(two).total_us;
  CHECK(both > first);       // the experts see twice the tokens
  CHECK(both < 1.9 * first); // attention does not
}

TEST_CASE_FIXTURE(Fixture, "pipeline stages add sends, not time of the layers") {
  const StepModel flat(deployment("llama-3.1-70b", {4, 1, 1, 1}, "h100-sxm", "vllm"));
  const double whole = flat.step(decode(8, 1000)).total_us;
  const StepModel staged(deployment("llama-3.1-70b", {4, 2, 1, 1}, "h100-sxm", "vllm"));
  const StepTime t = staged.step(decode(8, 1000));
  CHECK(t.total_us > whole);
  CHECK(t.total_us < whole * 1.05);
}

TEST_CASE_FIXTURE(Fixture, "nothing to do takes no time") {
  const StepModel step(deployment("llama-3.1-70b", {4, 1, 1, 1}, "h100-sxm", "vllm"));
  CHECK(step.step(Batch{}).total_us == 0);
}

TEST_CASE_FIXTURE(Fixture, "decode steps of DeepSeek-R1 explain the published time per token") {
  // SGLang 0.5.9 on 8 x H200, FP8, 1 K in and out, closed loop (InferenceX db-dump 2026-04-27
  // through aiconfigurator's silicon sample): 10.3 ms a token at 4 requests, 33.0 at 64. Other
  // requests' prefill is part of that: under a tenth.
  const StepModel step(deployment("deepseek-r1", {8, 1, 1, 1}));
  const double calm = step.step(decode(4, 1400)).total_us / 1e3;
  CHECK(calm > 10.3 * 0.85);
  CHECK(calm < 10.3 * 1.1);
  const double busy = step.step(decode(64, 1400)).total_us / 1e3;
  CHECK(busy > 33.0 * 0.8);
  CHECK(busy < 33.0);
}

TEST_CASE_FIXTURE(Fixture, "impossible batches are refused by the member's name") {
  const StepModel step(deployment("llama-3.1-70b", {4, 1, 1, 1}, "h100-sxm", "vllm"));
  const auto path_of = [&](Batch b) -> std::string {
    try {
      step.check(b, "/batch");
    } catch (const Error& e) {
      CHECK(e.status() == DSK_STATUS_INVALID_REQUEST);
      return e.path();
    }
    return "accepted";
  };
  CHECK(path_of(decode(8, 1000)) == "accepted");
  CHECK(path_of(Batch{}) == "/batch");
  Batch b = decode(8, 1000);
  b.decode_sequences = -1;
  CHECK(path_of(b) == "/batch/decode_sequences");
  b = decode(8, 1000);
  b.kv_max = 1 << 20; // beyond 131,072 positions
  CHECK(path_of(b) == "/batch/kv_max");
  b = decode(8, 1000);
  b.kv_sum = 8001; // more than eight caches of 1,000
  CHECK(path_of(b) == "/batch/kv_sum");
  b = decode(8, 1000);
  b.kv_sum = INT64_MAX;
  CHECK(path_of(b) == "/batch/kv_sum");
  b = decode(8, 1000);
  b.chunks = 5;
  CHECK(path_of(b) == "/batch/chunks");
  b.chunks = 1;
  b.prefill[0] = {0, 0};
  CHECK(path_of(b) == "/batch/prefill/0/new_tokens");
  b.prefill[0] = {1000, 131000};
  CHECK(path_of(b) == "/batch/prefill/0/context");
}

TEST_CASE_FIXTURE(Fixture, "many threads get the answer that one gets") {
  const StepModel step(deployment("deepseek-v3", {8, 1, 1, 1}));
  const double expected = step.step(decode(37, 1234)).total_us;
  std::array<bool, 4> same{};
  std::vector<std::thread> threads;
  for (bool& ok : same)
    threads.emplace_back([&ok, &step, expected] {
      ok = true;
      for (int i = 0; i < 1000; ++i)
        ok = ok && step.step(decode(37, 1234)).total_us == expected;
    });
  for (std::thread& thread : threads)
    thread.join();
  for (const bool ok : same)
    CHECK(ok);
}

TEST_CASE("all-reduce moves 2 S (n - 1) / n over the domain, a shard between domains") {
  CollectiveOp op;
  op.bytes_per_row = 100;
  op.ranks = 8;
  const Traffic inside = collective_traffic(op, {8, 8}, 10);
  CHECK(inside.scale_up == Approx(2 * 1000 * 7.0 / 8));
  CHECK(inside.scale_out == 0);
  op.ranks = 16;
  const Traffic across = collective_traffic(op, {16, 8}, 10);
  CHECK(across.scale_up == Approx(2 * 1000 * 7.0 / 8));
  CHECK(across.scale_out == Approx(2 * 1000.0 / 8 / 2));
}

TEST_CASE("old TensorRT-LLM pays for grouped heads until its kernels know them") {
  // H200, Llama-2-70B in fp8, 128 and 2048 tokens: 1227 tokens/s without the grouped kernel, 2941
  // with it (v0.7 and v0.8 documentation).
  const Catalog catalog;
  const auto decode_us = [&](const char* version, const char* name, const char* gpu = "h200-sxm") {
    Model model = catalog.model(name, "");
    const Device device = catalog.device(gpu, "");
    const Engine engine = catalog.engine("tensorrt-llm", version, "");
    perf::Deployment d;
    d.model = &model;
    d.device = &device;
    d.engine = &engine;
    d.kv_element = Element::fp8;
    d.parallel.tp = 2;
    const StepModel step(d);
    return step.decode_attention_us(64, 2000);
  };
  const double old_time = decode_us("0.6.1", "llama-2-70b");
  const double xqa_time = decode_us("0.8.0", "llama-2-70b");
  CHECK(old_time > 1.8 * xqa_time);
  CHECK(decode_us("0.10.0", "llama-3-8b") > 1.8 * decode_us("0.12.0", "llama-3-8b"));
  // One KV head a query head: nothing to group.
  CHECK(decode_us("0.6.1", "llama-2-7b") == decode_us("0.12.0", "llama-2-7b"));
  // What such kernels lose is arithmetic: H200's 1.43 times the bandwidth gives a group of 8 less
  // than that.
  const double gain =
      decode_us("0.12.0", "llama-2-70b", "h100-sxm") / decode_us("0.12.0", "llama-2-70b");
  CHECK(gain > 1.05);
  CHECK(gain < 1.35);
  // 8-bit caches of one head a group cost today's kernel more than those before 1.0.
  CHECK(decode_us("0.12.0", "llama-2-7b") < decode_us("1.0", "llama-2-7b"));
}

TEST_CASE("experts of a shape that was not measured lose time by the token, on every split alike") {
  const Catalog catalog;
  const auto layer_us = [&](int tp, std::int64_t tokens) {
    const Model model = catalog.model("gpt-oss-120b", "");
    const Device device = catalog.device("h200-sxm", "");
    const Engine engine = catalog.engine("vllm", "", "");
    perf::Deployment d;
    d.model = &model;
    d.device = &device;
    d.engine = &engine;
    d.parallel.tp = tp;
    const StepModel step(d);
    perf::Batch batch;
    batch.chunks = 1;
    batch.prefill[0] = {tokens, 0};
    return step.step(batch).total_us / 36;
  };
  // 0.12 to 0.23 us a token and layer remain when eight devices share the rest (InferenceX).
  CHECK((layer_us(8, 8192) - layer_us(8, 4096)) / 4096 > 0.12);
}

TEST_CASE("what a token loses to untuned experts goes with the units, not with the memory") {
  const Catalog catalog;
  const auto token_us = [&](const char* gpu) {
    const Model model = catalog.model("gpt-oss-120b", "");
    const Device device = catalog.device(gpu, "");
    const Engine engine = catalog.engine("vllm", "", "");
    perf::Deployment d;
    d.model = &model;
    d.device = &device;
    d.engine = &engine;
    return StepModel(d).untuned_token_us();
  };
  // Prompts of 8,192 tokens take as long on either (InferenceX, vLLM 0.18: 176 and 180 ms at TP 4).
  CHECK(token_us("h100-sxm") == Approx(token_us("h200-sxm")).epsilon(0.02));
  CHECK(token_us("b200-sxm") < token_us("h200-sxm"));
}
