#include "perf/step_overheads.hpp"

#include <algorithm>

#include "catalog/version.hpp"
#include "perf/ops_time.hpp"

namespace dsk::perf {

namespace {

bool before_1_0(const Engine& engine) {
  return compare_versions(engine.version, "0.20") < 0;
}

bool datacentre_blackwell(const Device& device) {
  return device.family == "blackwell" || device.family == "blackwell-ultra";
}

} // namespace

EngineOverheads engine_overheads(const Engine& engine, const Device& device) {
  EngineOverheads o{24, 0, 26, 15, 0.4};
  switch (engine.kind) {
  case EngineKind::vllm:
    o.layer_us = 36;
    o.sequence_us = 18;
    break;
  case EngineKind::tensorrt_llm:
    o.layer_us = 24;
    o.moe_layer_us = 45;
    o.sequence_us = 13;
    if (before_1_0(engine)) {
      o.layer_us = 20;
      o.moe_layer_us = 0;
      o.sequence_us = 5;
    }
    break;
  case EngineKind::sglang:
    o.layer_us = 23;
    o.sequence_us = 14;
    break;
  case EngineKind::lmdeploy:
    o.layer_us = 15;
    break;
  case EngineKind::generic:
    o.error = 0.7;
    break;
  }
  // Launched by the kernel before it, fused into collectives: half of what Hopper's layers take.
  // Seen on data centre devices, whose kernels those of the RTX cards (sm_120) are not.
  if (datacentre_blackwell(device)) {
    o.layer_us /= 2;
    o.moe_layer_us = 0;
  }
  if (device.calibration && device.calibration->launch.in_graph_us > 0) {
    constexpr double kernels = 5;
    const double known = kernels * device.calibration->launch.in_graph_us;
    o.layer_us += kernels * launch_delta_us(device, launches_programmatically(engine, device));
    o.layer_us = std::max(o.layer_us, known);
    o.error *= 1 - std::min(0.5, known / o.layer_us);
    o.calibrated = true;
  }
  if (engine.runs) {
    for (double* us : {&o.layer_us, &o.moe_layer_us, &o.linear_layer_us, &o.sequence_us})
      *us *= engine.runs->step_host_on(device.name);
    o.error = std::min(o.error, engine.runs->engine_error);
    o.calibrated = true;
  }
  return o;
}

bool launches_programmatically(const Engine& engine, const Device& device) {
  return datacentre_blackwell(device) ||
         (engine.kind == EngineKind::tensorrt_llm && !before_1_0(engine));
}

double old_experts_factor(const Engine& engine, std::string_view family, bool wide) {
  if (engine.kind != EngineKind::tensorrt_llm || !before_1_0(engine) || family != "hopper")
    return 1;
  return !wide && compare_versions(engine.version, "0.11") < 0 ? 2.2 : 1.2;
}

double grouped_attention_factor(const Engine& engine, double group, bool wide) {
  if (engine.kind != EngineKind::tensorrt_llm || !before_1_0(engine)) return 1;
  const auto from = [&](const char* version) {
    return compare_versions(engine.version, version) >= 0;
  };
  // The tables' kernel is that of 1.0, which spends more on 8-bit entries of one head.
  if (group == 1 && !wide) return 0.85;
  // Each query head reads the cache for itself, mostly out of L2.
  constexpr double reread = 0.5;
  if (!(from("0.11") || (from("0.7") && group == 8))) return 1 + reread * (group - 1);
  return group < 8 ? 1 : wide ? 2.4 : 1.55;
}

} // namespace dsk::perf
