// Time, allocations and thread scaling of dsk_plan_step, through the C ABI as a customer calls it.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "dsk/dsk.hpp"

namespace {

thread_local std::uint64_t allocations = 0; // of the thread that asks

const char* const deepseek_v3 =
    R"({"model": "deepseek-v3", "device": "h200-sxm", "engine": "sglang", "parallel": {"tp": 8}})";

const dsk::StepModel& model() {
  static const dsk::StepModel prepared(deepseek_v3);
  return prepared;
}

// Wall time of the quietest moment: threads start together, ask 2,000 times each (0.2 ms, well
// within a scheduler's slice), and the fastest of many such rounds counts. On a machine that others
// use, the mean tells who else was there; two threads that wait for each other would never reach
// twice the rate of one in any round.
void quiet_wall(benchmark::State& state) {
  constexpr int calls = 300;
  using Clock = std::chrono::steady_clock;
  const int threads = static_cast<int>(state.range(0));
  const dsk_plan_step_model* prepared = model().get();
  std::atomic<int> round{0}, ready{0}, done{0};
  std::atomic<bool> stop{false};
  std::array<Clock::time_point, 2> begun, ended;
  const auto work = [&](int own) {
    dsk_plan_batch batch = DSK_PLAN_BATCH_INIT;
    dsk_plan_step_time time = DSK_PLAN_STEP_TIME_INIT;
    for (int next = 1; !stop; ++next) {
      ready.fetch_add(1);
      while (round.load() < next && !stop) {
      }
      begun[static_cast<std::size_t>(own)] = Clock::now();
      for (int i = 0; i < calls; ++i) {
        batch.decode_sequences = 1 + ((i + own * 77) & 255);
        batch.kv_max_tokens = 512 + (i & 8191);
        batch.kv_sum_tokens = batch.decode_sequences * batch.kv_max_tokens;
        benchmark::DoNotOptimize(dsk_plan_step(prepared, &batch, &time, nullptr));
      }
      ended[static_cast<std::size_t>(own)] = Clock::now();
      done.fetch_add(1);
    }
  };
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; ++i)
    pool.emplace_back(work, i);
  double fastest = 1e9;
  for (auto _ : state) {
    while (ready.load() < threads * (round.load() + 1))
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    done = 0;
    round.fetch_add(1);
    while (done.load() < threads)
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    const auto first = *std::min_element(begun.begin(), begun.begin() + threads);
    const auto last = *std::max_element(ended.begin(), ended.begin() + threads);
    fastest = std::min(fastest, std::chrono::duration<double, std::nano>(last - first).count());
  }
  stop = true;
  for (std::thread& thread : pool)
    thread.join();
  state.counters["wall_ns_a_call"] = fastest / (threads * calls);
}

// Another batch each time, as a scheduler would ask.
void ask(benchmark::State& state, int chunks) {
  const dsk_plan_step_model* prepared = model().get();
  dsk_plan_batch batch = DSK_PLAN_BATCH_INIT;
  dsk_plan_step_time time = DSK_PLAN_STEP_TIME_INIT;
  batch.chunk_count = static_cast<std::uint32_t>(chunks);
  std::uint64_t turn = static_cast<std::uint64_t>(state.thread_index()) * 7919;
  const std::uint64_t before = allocations;
  double sum = 0;
  for (auto _ : state) {
    ++turn;
    batch.decode_sequences = static_cast<std::int64_t>(1 + (turn & 255));
    batch.kv_max_tokens = static_cast<std::int64_t>(512 + (turn & 8191));
    batch.kv_sum_tokens = batch.decode_sequences * batch.kv_max_tokens;
    for (int i = 0; i < chunks; ++i)
      batch.chunks[i] = {static_cast<std::int64_t>(64 + (turn & 1023)), 1024 * i};
    if (dsk_plan_step(prepared, &batch, &time, nullptr) != DSK_STATUS_OK)
      state.SkipWithError("the batch was refused");
    sum += time.total_us;
  }
  benchmark::DoNotOptimize(sum);
  state.counters["allocations"] = static_cast<double>(allocations - before); // all threads' sum
  state.SetItemsProcessed(state.iterations());
}

void decode(benchmark::State& state) {
  ask(state, 0);
}
void mixed_one_chunk(benchmark::State& state) {
  ask(state, 1);
}
void mixed_four_chunks(benchmark::State& state) {
  ask(state, 4);
}
void prepare(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(dsk::StepModel(deepseek_v3).get());
}

BENCHMARK(decode)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(mixed_one_chunk)->UseRealTime();
BENCHMARK(mixed_four_chunks)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(quiet_wall)->Arg(1)->Arg(2)->Iterations(10000);
BENCHMARK(prepare)->Unit(benchmark::kMicrosecond);

} // namespace

// Not inlined: the compiler must not see the pair as mismatched.
__attribute__((noinline)) void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void* memory) noexcept {
  std::free(memory);
}
__attribute__((noinline)) void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

BENCHMARK_MAIN();
