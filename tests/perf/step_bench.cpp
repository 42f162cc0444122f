// Time, allocations and thread scaling of dsk_plan_step, through the C ABI as a customer calls it.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include <benchmark/benchmark.h>

#include "dsk/dsk.hpp"

namespace {

std::atomic<std::uint64_t> allocations{0};

const char* const deepseek_v3 =
    R"({"model": "deepseek-v3", "device": "h200-sxm", "engine": "sglang", "parallel": {"tp": 8}})";

const dsk::StepModel& model() {
  static const dsk::StepModel prepared(deepseek_v3);
  return prepared;
}

// Another batch each time, as a scheduler would ask.
void ask(benchmark::State& state, int chunks) {
  const dsk_plan_step_model* prepared = model().get();
  dsk_plan_batch batch = DSK_PLAN_BATCH_INIT;
  dsk_plan_step_time time = DSK_PLAN_STEP_TIME_INIT;
  batch.chunk_count = static_cast<std::uint32_t>(chunks);
  std::uint64_t turn = static_cast<std::uint64_t>(state.thread_index()) * 7919;
  const std::uint64_t before = allocations.load();
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
  if (state.thread_index() == 0)
    state.counters["allocations"] = static_cast<double>(allocations.load() - before);
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
BENCHMARK(prepare)->Unit(benchmark::kMicrosecond);

} // namespace

// Not inlined: the compiler must not see the pair as mismatched.
__attribute__((noinline)) void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
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
