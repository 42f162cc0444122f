// Time of dsk_plan_fit for each node of an inventory, document in and document out, as a scheduler
// asks.
#include <benchmark/benchmark.h>

#include "dsk/dsk.hpp"

namespace {

const dsk::Plan& plan() {
  static const dsk::Plan made = dsk::Plan::from_json(
      R"({"schema": 1, "model": "deepseek-r1", "devices": ["h200-sxm"], "engines": ["sglang"], "search": {"tp": [8]},
          "workload": {"input_tokens": 1000, "output_tokens": 500, "rate_per_s": 4}})");
  return made;
}

// Racks of sixteen nodes; every third is partly taken, and each states islands, memory and CPUs.
std::string inventory(std::int64_t count) {
  dsk::FitRequest request;
  for (std::int64_t i = 0; i < count; ++i) {
    dsk::FitNode node;
    node.name = "gpu-node-" + std::to_string(i);
    node.device = i % 5 == 0 ? "NVIDIA-H100-80GB-HBM3" : "NVIDIA-H200";
    node.gpus = 8;
    if (i % 3 == 0) node.free_gpus = {0, 1, 2, 5};
    node.nvlink_islands = {{0, 1, 2, 3, 4, 5, 6, 7}};
    node.free_cpus = 180;
    node.free_host_memory_gib = 1900;
    node.rack = "rack-" + std::to_string(i / 16);
    request.nodes.push_back(std::move(node));
  }
  return request.to_json();
}

void fit(benchmark::State& state) {
  const std::string nodes = inventory(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(plan().fit_json(nodes));
  state.counters["s_per_node"] =
      benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(fit)->Arg(1)->Arg(100)->Arg(1000)->Arg(10000)->Unit(benchmark::kMicrosecond);

} // namespace
BENCHMARK_MAIN();
