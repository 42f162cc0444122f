// Time of one memory estimate: the typed call with prepared weights, the typed call from the model
// alone, and the C call from request text to answer text. Prints the median of 200 batches.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "catalog/catalog.hpp"
#include "dsk/plan.h"
#include "perf/memory.hpp"

namespace {

template <typename Call> double median_us(int batch, Call&& call) {
  std::vector<double> times;
  for (int i = 0; i < 200; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    for (int j = 0; j < batch; ++j)
      call();
    const std::chrono::duration<double, std::micro> taken =
        std::chrono::steady_clock::now() - begin;
    times.push_back(taken.count() / batch);
  }
  std::nth_element(times.begin(), times.begin() + 100, times.end());
  return times[100];
}

} // namespace

int main() {
  const dsk::Catalog catalog;
  for (const char* name : {"deepseek-r1", "deepseek-v4-pro", "llama-3.1-8b"}) {
    const dsk::Model model = catalog.model(name, "");
    const dsk::Device device = catalog.device("h200", "");
    const dsk::Engine engine = catalog.engine("sglang", "", "");
    dsk::perf::Deployment deployment;
    deployment.model = &model;
    deployment.device = &device;
    deployment.engine = &engine;
    deployment.parallel = {8, 1, 1, 1};
    deployment.kv_element = dsk::perf::default_kv_element(model);
    const auto weights = dsk::perf::weights_of(model);
    dsk::perf::MemoryOptions options;
    options.sequence_tokens = 8192;
    std::int64_t sink = 0;
    const double prepared = median_us(
        50, [&] { sink += dsk::perf::memory(deployment, weights, options).kv_pool_bytes; });
    const double whole =
        median_us(20, [&] { sink += dsk::perf::memory(deployment, options).kv_pool_bytes; });
    char request[256];
    std::snprintf(request, sizeof request,
                  R"({"model":"%s","device":"h200","engine":"sglang","parallel":{"tp":8},)"
                  R"("sequence_tokens":8192,"formats":false})",
                  name);
    const double text = median_us(5, [&] {
      char* out = nullptr;
      std::size_t length = 0;
      if (dsk_plan_memory(request, std::strlen(request), &out, &length, nullptr) == DSK_STATUS_OK)
        sink += static_cast<std::int64_t>(length);
      dsk_free(out);
    });
    std::printf(
        "%-16s estimate %7.2f us, from the model %7.2f us, C call with JSON %8.1f us  (%d)\n", name,
        prepared, whole, text, sink != 0);
  }
}
