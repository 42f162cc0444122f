#include "sim/replica.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "sim/world.hpp"

using namespace dsk;
using namespace dsk::sim;
using world::Arrival;
using world::Dice;

namespace {

struct Case {
  ReplicaSpec spec;
  const world::Setup* setup = nullptr;
  std::vector<Arrival> arrivals;
};

// A random policy under a random load; about a third of the cases run short of KV pages.
Case random_case(std::uint64_t seed) {
  Dice dice(seed);
  Case c;
  Policy& p = c.spec.policy;
  const double kind = dice.unit();
  p.batching = kind < 0.6    ? Batching::mixed
               : kind < 0.85 ? Batching::prefill_first
                             : Batching::fixed;
  p.preemption = dice.unit() < 0.8 ? Preemption::recompute : Preemption::swap;
  p.max_sequences = static_cast<int>(dice.from(1, 64));
  p.token_budget = static_cast<int>(dice.from(p.max_sequences + 16, 4096));
  p.chunked = dice.unit() < 0.8;
  p.max_prompts = static_cast<int>(dice.from(0, 2));
  p.reserve_output = p.batching == Batching::fixed ? 1 : dice.unit() < 0.5 ? 0 : dice.unit();
  p.watermark = dice.unit() < 0.5 ? 0 : 0.02;
  p.poll_steps = dice.unit() < 0.7 ? 1 : static_cast<int>(dice.from(2, 12));
  p.lag_steps = dice.unit() < 0.7 ? 0 : 1;
  p.first_token_steps = dice.unit() < 0.5 ? 0 : 1.5;
  p.prefill_step_us = 3000 * dice.unit();
  p.host_step_us = dice.unit() < 0.8 ? 0 : 8000;
  p.tokens_per_step = dice.unit() < 0.75 ? 1 : 1 + 1.7 * dice.unit();
  p.stream_tokens_per_s = dice.unit() < 0.8 ? 0 : 3000;
  if (dice.unit() < 0.3) {
    p.wait_tokens = static_cast<int>(dice.from(16, p.token_budget));
    p.wait_steps = static_cast<int>(dice.from(1, 30));
    if (dice.unit() < 0.5) {
      p.wait_prompts = static_cast<int>(dice.from(1, 6));
      p.batching_wait_steps = static_cast<int>(dice.from(0, 10));
    }
  }
  p.host_between_us = dice.unit() < 0.8 ? 0 : 2000;
  p.mixed_tile_rows = dice.unit() < 0.8 ? 0 : 64;
  if (dice.unit() < 0.2) {
    p.spill_token_us = 20;
    p.spill_tokens = 1000;
  }
  if (dice.unit() < 0.3) p.graph_sizes = {1, 2, 4, 8, 16, 32, 64};
  if (dice.unit() < 0.3) {
    p.batch_size = static_cast<int>(dice.from(2, 8));
    p.batch_wait_s = 0.2 * dice.unit();
  }
  p.prefix_cache = p.batching != Batching::fixed && dice.unit() < 0.4;
  c.setup = dice.unit() < 0.7 ? &world::llama8b() : &world::deepseek_dp();
  c.spec.dp = c.setup->deployment.parallel.dp;
  c.spec.swap_bytes_per_s = 20e9;
  c.spec.kv_bytes_per_token = 131072;
  const int n = static_cast<int>(dice.from(5, 60));
  const double gap = 0.002 + 0.2 * dice.unit() * dice.unit();
  double at = 0;
  std::int64_t largest = 0;
  for (int i = 0; i < n; ++i) {
    at += dice.unit() < 0.2 ? 0 : gap * 2 * dice.unit();
    Arrival a{at,
              static_cast<std::int32_t>(dice.from(1, 3000)),
              static_cast<std::int32_t>(dice.from(1, 400)),
              {}};
    if (p.prefix_cache) {
      a.blocks.session = static_cast<std::uint64_t>(dice.from(1, 10)) << 32;
      a.blocks.block_tokens = 16 * static_cast<std::int32_t>(dice.unit() < 0.5 ? 1 : 4);
      a.blocks.block_tokens = 64;
      a.blocks.size = a.input / 64;
    }
    largest = std::max<std::int64_t>(largest, a.input + a.output);
    c.arrivals.push_back(a);
  }
  c.spec.kv_pool_pages = (largest + 15) / 16 + dice.from(1, dice.unit() < 0.4 ? 300 : 20000);
  return c;
}

} // namespace

TEST_CASE("jumping over like steps gives the times of taking them one by one") {
  int preempted = 0;
  int cached = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Case c = random_case(seed);
    world::Keep jumped;
    world::Keep stepped;
    Replica fast(0, *c.setup->step, c.spec, jumped);
    world::drive(fast, c.arrivals);
    c.spec.jump = false;
    Replica slow(0, *c.setup->step, c.spec, stepped);
    world::drive(slow, c.arrivals);
    CAPTURE(seed);
    REQUIRE(jumped.all.size() == c.arrivals.size());
    REQUIRE(stepped.all.size() == c.arrivals.size());
    const auto by_id = [](const Done& a, const Done& b) { return a.id < b.id; };
    std::sort(jumped.all.begin(), jumped.all.end(), by_id);
    std::sort(stepped.all.begin(), stepped.all.end(), by_id);
    for (std::size_t i = 0; i < jumped.all.size(); ++i) {
      const Done& a = jumped.all[i];
      const Done& b = stepped.all[i];
      REQUIRE(a.id == b.id);
      REQUIRE(a.preemptions == b.preemptions);
      REQUIRE(std::abs(a.admitted_s - b.admitted_s) <= 1e-9 * b.admitted_s + 1e-12);
      REQUIRE(std::abs(a.first_s - b.first_s) <= 1e-9 * b.first_s);
      REQUIRE(std::abs(a.last_s - b.last_s) <= 1e-9 * b.last_s);
      cached += a.cached;
    }
    REQUIRE(fast.totals().steps == slow.totals().steps);
    REQUIRE(fast.totals().max_kv_blocks == slow.totals().max_kv_blocks);
    preempted += static_cast<int>(fast.totals().preemptions);
  }
  // The cases do reach what they are meant to reach.
  CHECK(preempted > 100);
  CHECK(cached > 1000);
}

TEST_CASE("laws of every queue: nothing lost, nothing twice, in order of time, Little's law, KV "
          "within the pool") {
  for (std::uint64_t seed = 2001; seed <= 2400; ++seed) {
    Case c = random_case(seed);
    c.spec.policy.first_token_steps = 0; // so that a job leaves when its last token does
    c.spec.policy.stream_tokens_per_s = 0;
    world::Keep keep;
    Replica replica(0, *c.setup->step, c.spec, keep);
    world::drive(replica, c.arrivals);
    CAPTURE(seed);
    REQUIRE(keep.all.size() == c.arrivals.size());
    std::vector<int> seen(c.arrivals.size(), 0);
    double sojourn = 0;
    std::int64_t tokens = 0;
    for (const Done& d : keep.all) {
      ++seen[static_cast<std::size_t>(d.id)];
      REQUIRE(d.sent_s <= d.admitted_s);
      REQUIRE(d.admitted_s < d.first_s);
      REQUIRE((d.output == 1 ? d.first_s == d.last_s : d.first_s < d.last_s));
      sojourn += d.last_s - d.sent_s;
      tokens += d.output;
    }
    REQUIRE(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }));
    const ReplicaTotals& t = replica.totals();
    REQUIRE(t.in_system_s == doctest::Approx(sojourn).epsilon(1e-9));
    REQUIRE(t.output_tokens == tokens);
    REQUIRE(t.max_kv_blocks <= c.spec.kv_pool_pages);
    REQUIRE(replica.kv_blocks() == 0);
    REQUIRE(replica.in_system() == 0);
    REQUIRE(t.busy_s <= replica.now_s() + 1e-9);
    // Every prompt token is computed once, or found, or computed again after a preemption.
    std::int64_t prompt = 0;
    for (const Arrival& a : c.arrivals)
      prompt += a.input;
    if (t.preemptions == 0) REQUIRE(t.prompt_tokens + t.cached_tokens == prompt);
  }
}

TEST_CASE("a prompt waits for company beside sequences that decode, but not for ever") {
  const auto& setup = world::llama8b();
  ReplicaSpec spec;
  spec.policy = default_policy(setup.engine, setup.device, setup.model);
  spec.kv_pool_pages = 20000;
  // One sequence decodes; a prompt comes; then, later, four that fill the step together.
  const std::vector<world::Arrival> arrivals = {{0, 128, 400, {}},  {0.5, 1024, 4, {}},
                                                {2.0, 1024, 4, {}}, {2.0, 1024, 4, {}},
                                                {2.0, 1024, 4, {}}, {2.0, 1024, 4, {}}};
  const auto waits = [&](int tokens, int steps) {
    spec.policy.wait_tokens = tokens;
    spec.policy.wait_steps = steps;
    world::Keep keep;
    Replica replica(0, *setup.step, spec, keep);
    world::drive(replica, arrivals);
    std::vector<double> wait(arrivals.size());
    for (const Done& d : keep.all)
      wait[static_cast<std::size_t>(d.id)] = d.admitted_s - d.sent_s;
    return wait;
  };
  const auto none = waits(0, 0);
  const auto batched = waits(4000, 20);
  const double step_s = 0.009; // more than one step of this deployment takes
  CHECK(none[1] < step_s);
  CHECK(batched[1] > 10 * none[1]);
  CHECK(batched[1] < 21 * step_s);
  CHECK(batched[2] < step_s);
}

TEST_CASE("a prompt waits until each attention rank has one, then so many steps more") {
  const auto& setup = world::deepseek_dp();
  ReplicaSpec spec;
  spec.policy = default_policy(setup.engine, setup.device, setup.model);
  spec.policy.batching = Batching::mixed;
  spec.policy.wait_prompts = 8;
  spec.policy.wait_steps = 50;
  spec.dp = 8;
  spec.kv_pool_pages = 1 << 20;
  // One sequence decodes; a prompt is alone; then eight come at once.
  std::vector<world::Arrival> arrivals = {{0, 128, 1000, {}}, {0.5, 512, 4, {}}};
  arrivals.insert(arrivals.end(), 8, {5.0, 512, 4, {}});
  const auto waits = [&](int more) {
    spec.policy.batching_wait_steps = more;
    world::Keep keep;
    Replica replica(0, *setup.step, spec, keep);
    world::drive(replica, arrivals);
    double first = 0;
    for (const Done& d : keep.all)
      if (d.id == 0) first = d.first_s;
    std::vector<double> wait(arrivals.size());
    const double step_s = (StepTimer(*setup.step, spec.policy, 8).decode_us(1, 400, 0)) * 1e-6;
    CHECK(first < 0.5);
    for (const Done& d : keep.all)
      wait[static_cast<std::size_t>(d.id)] = (d.admitted_s - d.sent_s) / step_s;
    return wait;
  };
  const auto plain = waits(0);
  CHECK(plain[1] == doctest::Approx(50).epsilon(0.05)); // wait_steps: company did not come
  CHECK(plain[2] < 1.5);                                // all ranks have one at once
  const auto longer = waits(10);
  CHECK(longer[1] == doctest::Approx(50).epsilon(0.05));
  CHECK(longer[2] == doctest::Approx(10).epsilon(0.15));
}

TEST_CASE("eager engines: a step is as long as its launches, and nothing runs beside the host "
          "between two") {
  const auto& setup = world::llama8b();
  Policy p;
  p.max_sequences = 64;
  const StepTimer bare(*setup.step, p, 1);
  p.host_step_us = 20000;
  p.host_prefill_us = 30000;
  p.host_between_us = 6000;
  p.spill_token_us = 2;
  p.spill_tokens = 2000;
  const StepTimer eager(*setup.step, p, 1);
  REQUIRE(bare.decode_us(8, 1000, 0) < 20000);
  CHECK(eager.decode_us(8, 1000, 0) == doctest::Approx(26000));
  CHECK(eager.run_us(8, 1000, 0, 1, 10) == doctest::Approx(260000));
  PrefillWork work;
  work.tokens = work.busiest_tokens = 128;
  work.prompts = 1;
  CHECK(eager.prefill_us(0, 0, 0, work) == doctest::Approx(36000));
  work.tokens = work.busiest_tokens = 32000; // the device is the slower one
  CHECK(eager.prefill_us(0, 0, 0, work) ==
        doctest::Approx(bare.prefill_us(0, 0, 0, work) + 2 * 30000 + 6000));
}

TEST_CASE("prompts wait for the launches of experts, but where one kernel holds them") {
  const Catalog catalog;
  const auto floor_us = [&](const char* engine, const char* device, const char* model) {
    return default_policy(catalog.engine(engine, "", ""), catalog.device(device, ""),
                          catalog.model(model, ""))
        .host_prefill_us;
  };
  CHECK(floor_us("tensorrt-llm", "h200-sxm", "gpt-oss-120b") == doctest::Approx(36 * 1800));
  CHECK(floor_us("tensorrt-llm", "b200-sxm", "gpt-oss-120b") == 0);
  CHECK(floor_us("tensorrt-llm", "h200-sxm", "llama-3.3-70b") == 0);
  CHECK(floor_us("sglang", "b200-sxm", "deepseek-r1") > 58 * 1000);
}

TEST_CASE("beside prompts, FlashAttention-2 runs a decoding sequence as a tile of one query") {
  const auto& setup = world::llama8b();
  Policy p;
  p.max_sequences = 64;
  const StepTimer own(*setup.step, p, 1);
  p.mixed_tile_rows = 64;
  const StepTimer tiles(*setup.step, p, 1);
  CHECK(tiles.decode_us(32, 4000, 0) == own.decode_us(32, 4000, 0)); // no prompt: its own kernel
  PrefillWork work;
  work.tokens = work.busiest_tokens = 1024;
  work.prompts = 1;
  const auto extra = [&](double length) {
    return tiles.prefill_us(32, length, 0, work) - own.prefill_us(32, length, 0, work);
  };
  // 64 rows for each of 32 heads and layers, 4 operations a row, dimension and token of context, at
  // no more than the device's 989 TF: it grows with the context.
  const double least_us = 32 * 4.0 * 64 * 32 * 32 * 128 * 4000 / 989e6;
  const double decode_us = own.decode_us(32, 4000, 0) - own.decode_us(32, 1, 0);
  CHECK(extra(4000) + decode_us > least_us);
  CHECK(extra(4000) < 4 * least_us);
  CHECK(extra(8000) > 1.5 * extra(4000));
  // Only where FlashAttention-2 runs, and only engines that call it once for both.
  const Catalog catalog;
  const Engine vllm = catalog.engine("vllm", "0.11", "");
  const auto rows = [&](const Engine& engine, const char* device, const char* model) {
    return default_policy(engine, catalog.device(device, ""), catalog.model(model, ""))
        .mixed_tile_rows;
  };
  CHECK(rows(vllm, "a100-sxm-80gb", "qwen3-14b") == 64);
  CHECK(rows(vllm, "h100-sxm", "qwen3-14b") == 0);
  CHECK(rows(vllm, "a100-sxm-80gb", "gpt-oss-120b") == 0); // sinks
  CHECK(rows(vllm, "a100-sxm-80gb", "deepseek-v3") == 0);  // latent
  CHECK(rows(catalog.engine("sglang", "", ""), "a100-sxm-80gb", "qwen3-14b") == 0);
}

TEST_CASE("a sequence shorter than a sliding window holds its share of it") {
  const auto& setup = world::llama8b();
  ReplicaSpec spec;
  spec.policy = default_policy(setup.engine, setup.device, setup.model);
  spec.window_pages = 1000;
  spec.window_tokens = 4096;
  world::Keep keep;
  // 512 tokens: 32 pages of 16, and an eighth of the window's thousand.
  const Job job = [] {
    Job j;
    j.input = 400;
    j.output = 112;
    return j;
  }();
  spec.kv_pool_pages = 32 + 125;
  CHECK(Replica(0, *setup.step, spec, keep).fits(job));
  spec.kv_pool_pages -= 1;
  CHECK_FALSE(Replica(0, *setup.step, spec, keep).fits(job));
  Job longer = job;
  longer.input = 8000; // the whole window, whatever comes after
  spec.kv_pool_pages = (8000 + 112 + 15) / 16 + 1000;
  CHECK(Replica(0, *setup.step, spec, keep).fits(longer));
  // Pages that admission took come back: the pool serves any number of them.
  spec.kv_pool_pages = 4 * (32 + 125);
  Replica replica(0, *setup.step, spec, keep);
  world::drive(replica, std::vector<world::Arrival>(50, {0.0, 400, 112, {}}));
  CHECK(keep.all.size() == 50);
}

TEST_CASE("a preempted sequence finds the pages again that nobody has taken since") {
  const auto& setup = world::llama8b();
  ReplicaSpec spec;
  spec.policy = default_policy(setup.engine, setup.device, setup.model);
  spec.policy.watermark = 0;
  spec.kv_pool_pages = 700;
  // Eight of 1,000 tokens and up to 400 more fill 700 pages of 16 when they have 400 left.
  std::vector<world::Arrival> arrivals;
  for (std::int32_t i = 0; i < 16; ++i)
    arrivals.push_back({0.0, 1000, 200 + 25 * i, {}});
  const auto totals = [&](bool cache) {
    spec.policy.prefix_cache = cache;
    world::Keep keep;
    Replica replica(0, *setup.step, spec, keep);
    world::drive(replica, arrivals);
    CHECK(keep.all.size() == arrivals.size());
    return replica.totals();
  };
  const ReplicaTotals with = totals(true), without = totals(false);
  REQUIRE(without.preemptions > 0);
  REQUIRE(with.preemptions > 0);
  CHECK(without.cached_tokens == 0);
  CHECK(without.prompt_tokens > 16 * 1000);
  // Not all of them: others took pages while it waited, and never a prompt for the first time.
  CHECK(with.cached_tokens > 0);
  CHECK(with.prompt_tokens >= 16 * 1000);
  CHECK(with.prompt_tokens < without.prompt_tokens);
  CHECK(with.output_tokens == without.output_tokens);
  CHECK(with.max_kv_blocks <= spec.kv_pool_pages);
}

TEST_CASE("LMDeploy's prompts of one step get their first tokens together") {
  const world::Setup setup("llama2-13b", "a100-sxm-80gb", "lmdeploy", {});
  ReplicaSpec spec;
  spec.policy = default_policy(setup.engine, setup.device, setup.model);
  spec.kv_pool_pages = 1 << 20;
  world::Keep keep;
  Replica replica(0, *setup.step, spec, keep);
  world::drive(replica, std::vector<world::Arrival>(16, {0.0, 2048, 4, {}}));
  REQUIRE(keep.all.size() == 16);
  for (const Done& d : keep.all)
    CHECK(d.first_s == doctest::Approx(keep.all[0].first_s).epsilon(0.005)); // but for sampling
}

TEST_CASE("work conservation: a server without gates is busy whenever somebody is there") {
  Policy policy =
      default_policy(world::llama8b().engine, world::llama8b().device, world::llama8b().model);
  ReplicaSpec spec;
  spec.policy = policy;
  spec.kv_pool_pages = 20000;
  world::Keep keep;
  Replica replica(0, *world::llama8b().step, spec, keep);
  std::vector<Arrival> arrivals;
  for (int i = 0; i < 300; ++i)
    arrivals.push_back({0.0, 512, 64, {}});
  world::drive(replica, arrivals);
  CHECK(replica.totals().busy_s == doctest::Approx(replica.now_s()).epsilon(1e-12));
}

TEST_CASE("no step is faster than reading what it must read") {
  const auto& setup = world::deepseek();
  ReplicaSpec spec;
  spec.policy = default_policy(setup.engine, setup.device, setup.model);
  spec.kv_pool_pages = 1 << 20;
  world::Keep keep;
  Replica replica(0, *setup.step, spec, keep);
  world::drive(replica, {{0, 1000, 1000, {}}});
  // 37 G parameters of 8 bits a token, over 8 devices, from device memory at its peak.
  const double floor_s = 35e9 / 8 / (setup.device.bandwidth_gbs * 1e9);
  CHECK((keep.all[0].last_s - keep.all[0].first_s) / 999 > floor_s);
}

TEST_CASE("more load never shortens, a faster device never lengthens the mean time in system") {
  const world::Setup slow("llama-3.1-8b", "h100-sxm", "vllm", {});
  dsk::Device faster = slow.device;
  faster.bandwidth_gbs *= 1.3;
  for (double& peak : faster.dense_tflops)
    peak *= 1.3;
  perf::Deployment d = slow.deployment;
  d.device = &faster;
  const perf::StepModel fast(d);
  ReplicaSpec spec;
  spec.policy = default_policy(slow.engine, slow.device, slow.model);
  spec.kv_pool_pages = 25000;
  const auto mean_e2e = [&](const perf::StepModel& step, double rate) {
    workload::ArrivalSpec a;
    a.rate_per_s = rate;
    workload::Arrivals arrivals(a, 5);
    std::vector<Arrival> list;
    for (int i = 0; i < 2000; ++i)
      list.push_back({arrivals.next(), 512, 128, {}});
    world::Keep keep;
    Replica replica(0, step, spec, keep);
    world::drive(replica, list);
    double sum = 0;
    for (const Done& done : keep.all)
      sum += done.last_s - done.sent_s;
    return sum / static_cast<double>(keep.all.size());
  };
  double before = 0;
  for (const double rate : {1.0, 5.0, 15.0, 25.0, 35.0, 60.0}) {
    const double now = mean_e2e(*slow.step, rate);
    CHECK(now > before);
    CHECK(mean_e2e(fast, rate) <= now);
    before = now;
  }
}

TEST_CASE("the tables give the step model's own times") {
  for (const world::Setup* setup : {&world::llama8b(), &world::deepseek(), &world::deepseek_dp()}) {
    Policy policy;
    policy.max_sequences = 300;
    const int dp = setup->deployment.parallel.dp;
    const StepTimer timer(*setup->step, policy, dp);
    Dice dice(77);
    for (int i = 0; i < 300; ++i) {
      perf::Batch batch;
      batch.decode_sequences = dice.from(1, 300);
      const std::int64_t mean = dice.from(1, 20000);
      batch.kv_sum = mean * batch.decode_sequences;
      batch.kv_max = mean;
      CHECK(timer.decode_us(batch.decode_sequences, static_cast<double>(mean), 0) ==
            doctest::Approx(setup->step->step(batch).total_us).epsilon(1e-11));
      batch.chunks = 1;
      batch.prefill[0] = {dice.from(1, 8000), dice.from(0, 30000)};
      PrefillWork work;
      work.tokens = work.busiest_tokens = batch.prefill[0].new_tokens;
      work.prompts = 1;
      work.attention_us = timer.chunk_attention_us(work.tokens, batch.prefill[0].context);
      CHECK(timer.prefill_us(batch.decode_sequences, static_cast<double>(mean), 0, work) ==
            doctest::Approx(setup->step->step(batch).total_us).epsilon(1e-11));
    }
  }
}
