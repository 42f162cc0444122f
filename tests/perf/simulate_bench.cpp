// Speed of dsk_plan_simulate through the C ABI, as docs/results/simulator.md quotes it: requests a
// second of processor time, and how soon a cancelled run returns.
//
//     simulate_bench [MOONCAKE_TRACE.jsonl]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "dsk/dsk.hpp"

namespace {

double cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Median, smallest and largest of the runs' requests a second. `reading`, when given, is the same
// request that stops before its first arrival: its time, that of reading a trace, is taken off.
void speed(const char* name, const std::string& request, int runs,
           const std::string& reading = "") {
  std::vector<double> rates;
  std::int64_t completed = 0;
  for (int i = 0; i < runs; ++i) {
    double before = cpu_s();
    if (!reading.empty()) (void)dsk::simulate_json(reading);
    const double read_s = reading.empty() ? 0 : cpu_s() - before;
    before = cpu_s();
    const std::string answer = dsk::simulate_json(request);
    const double taken = cpu_s() - before - read_s;
    completed = dsk::SimulateAnswer::from_json(answer).requests.completed;
    rates.push_back(static_cast<double>(completed) / taken);
  }
  std::sort(rates.begin(), rates.end());
  std::printf("%-28s %10lld requests  %12.0f requests/s (%.0f to %.0f, %d runs)\n", name,
              static_cast<long long>(completed), rates[rates.size() / 2], rates.front(),
              rates.back(), runs);
}

void cancelled(int runs) {
  std::vector<double> waits_ms;
  for (int i = 0; i < runs; ++i) {
    const dsk::Cancel cancel;
    std::chrono::steady_clock::time_point set;
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100 + 7 * i));
      set = std::chrono::steady_clock::now();
      cancel.set();
    });
    const std::string answer = dsk::simulate_json(
        R"({"model": "llama-3.1-8b", "device": "h100-sxm", "replicas": 100, "routing": "least_loaded",
            "workload": {"dataset": "sharegpt", "arrivals": {"process": "poisson", "rate_per_s": 115},
                         "requests": 1000000000}})",
        &cancel);
    const auto end = std::chrono::steady_clock::now();
    stopper.join();
    if (dsk::SimulateAnswer::from_json(answer).stopped != "cancelled") {
      std::printf("the partial result is not marked\n");
      std::exit(1);
    }
    waits_ms.push_back(std::chrono::duration<double, std::milli>(end - set).count());
  }
  std::sort(waits_ms.begin(), waits_ms.end());
  std::printf("%-28s %.2f ms (%.2f to %.2f, %d runs)\n", "cancelled until returned",
              waits_ms[waits_ms.size() / 2], waits_ms.front(), waits_ms.back(), runs);
}

} // namespace

int main(int argc, char** argv) try {
  std::printf("libdsk %s\n", dsk_version_string());
  speed("V3, 1K/1K, Poisson 0.9",
        R"({"model": "deepseek-v3", "device": "h200-sxm", "parallel": {"tp": 8},
            "policy": {"max_sequences": 256, "prefix_cache": false},
            "workload": {"input": 1024, "output": 1024, "requests": 1000000,
                         "arrivals": {"process": "poisson", "rate_per_s": 4.51}}})",
        5);
  if (argc > 1) {
    std::ifstream file(argv[1]);
    std::stringstream text;
    text << file.rdbuf();
    dsk::SimulateRequest request;
    request.model.name = "llama-3.1-8b";
    request.device = "h100-sxm";
    request.replicas = 8;
    request.routing = "prefix_affinity";
    request.workload.trace.format = "mooncake";
    request.workload.trace.text = text.str();
    speed("Mooncake's trace and reading", request.to_json(), 9);
    dsk::SimulateRequest reading = request;
    reading.until_s = 1e-9;
    speed("Mooncake's trace alone", request.to_json(), 9, reading.to_json());
  }
  cancelled(9);
  return 0;
} catch (const dsk::Error& e) {
  std::fprintf(stderr, "%s: %s\n", e.path().c_str(), e.what());
  return 2;
}
