// How the cost of serving DeepSeek-R1 falls as the bound on TPOT is relaxed: typed requests and
// answers, no JSON by hand.
#include <cstdio>

#include "dsk/dsk.hpp"

int main() try {
  dsk::check_abi();
  dsk::PlanRequest request;
  request.model = dsk::ModelRef::named("deepseek-r1");
  request.devices = {"h200-sxm", "b200"};
  request.engines = {"sglang"};
  request.workload =
      dsk::Workload::open_loop(/*rate_per_s=*/5, /*input_tokens=*/2048, /*output_tokens=*/512);
  request.slo.ttft_ms = 3000;

  std::printf("%8s  %-10s %5s  %-16s %10s\n", "TPOT ms", "device", "GPUs", "split", "$/Mtok out");
  for (const double tpot_ms : {15.0, 20.0, 30.0, 50.0, 100.0}) {
    request.slo.tpot_ms = tpot_ms;
    const dsk::PlanAnswer answer = dsk::Plan(request).answer();
    if (!answer.best) {
      std::printf("%8.0f  %s\n", tpot_ms, answer.explanation.c_str());
      continue;
    }
    const dsk::PlanOption& best = *answer.best;
    char split[64];
    std::snprintf(split, sizeof split, "TP%d DP%d EP%d", static_cast<int>(best.tp),
                  static_cast<int>(best.dp), static_cast<int>(best.ep));
    std::printf("%8.0f  %-10s %5d  %-16s %10.2f\n", tpot_ms, best.device.c_str(),
                static_cast<int>(best.gpus), split, best.usd_per_mtok_output.value_or(0));
  }
  return 0;
} catch (const dsk::Error& e) {
  std::fprintf(stderr, "%s: %s\n", e.path().c_str(), e.what());
  return 2;
}
