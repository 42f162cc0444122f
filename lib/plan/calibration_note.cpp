#include "plan/calibration_note.hpp"

#include <algorithm>
#include <cmath>

namespace dsk::plan {
namespace {

Json interval_json(const perf::StepTime& t) {
  return {{"total_us", json::significant(t.total_us, 6)},
          {"low_us", json::significant(t.low_us, 6)},
          {"high_us", json::significant(t.high_us, 6)}};
}

double width(const perf::StepTime& t) {
  return t.low_us > 0 ? std::log(t.high_us / t.low_us) / 2 : 0;
}

// Both are of one document where both are there.
template <class Use> void with_origin(const perf::Deployment& d, Use use) {
  if (d.device->calibration)
    use(*d.device->calibration);
  else
    use(*d.engine->runs);
}

} // namespace

bool is_calibrated(const perf::Deployment& d) {
  return d.device->calibration || d.engine->runs;
}

std::string calibration_reference(const perf::Deployment& d) {
  std::string text;
  with_origin(d, [&](const auto& origin) {
    text = origin.name + " (" + origin.source + ", " + origin.as_of + ")";
  });
  return text;
}

perf::Batch decode_batch(double sequences, double mean_tokens) {
  perf::Batch batch;
  batch.decode_sequences = std::max(1LL, std::llround(sequences));
  batch.kv_max = std::max(1LL, std::llround(mean_tokens));
  batch.kv_sum = batch.decode_sequences * batch.kv_max;
  return batch;
}

Json calibration_json(const perf::Deployment& deployment, const perf::StepModel& model,
                      const perf::Batch& batch) {
  if (!is_calibrated(deployment)) return nullptr;
  Json out;
  with_origin(deployment, [&](const auto& origin) {
    out["name"] = origin.name;
    out["source"] = origin.source;
    out["as_of"] = origin.as_of;
  });
  if (const RunFactors* runs = deployment.engine->runs.get()) {
    Json& factors = out["factors"];
    if (runs->device == deployment.device->name) {
      factors["compute"] = runs->compute;
      factors["memory"] = runs->memory;
    }
    const std::string& device = deployment.device->name;
    factors["step_host"] = json::significant(runs->step_host_on(device), 4);
    factors["prefill_host"] = json::significant(runs->prefill_host_on(device), 4);
  }
  out["operators"] = Json::array();
  double share = 0, all = 0;
  for (const perf::StepPart& part : model.explain(batch)) {
    all += part.us;
    if (!part.calibrated) continue;
    share += part.us;
    out["operators"].push_back(part.name);
  }
  out["share_of_step"] = json::significant(all > 0 ? share / all : 0, 3);
  out["batch"] = {{"decode_sequences", batch.decode_sequences},
                  {"kv_tokens", batch.kv_sum},
                  {"prefill_chunks", batch.chunks}};
  Device plain = *deployment.device;
  plain.calibration = nullptr;
  Engine plain_engine = *deployment.engine;
  plain_engine.runs = nullptr;
  perf::Deployment without = deployment;
  without.device = &plain;
  without.engine = &plain_engine;
  const perf::StepTime before = perf::StepModel(without).step(batch);
  const perf::StepTime after = model.step(batch);
  out["step_without"] = interval_json(before);
  out["step"] = interval_json(after);
  out["interval_narrowed_by"] =
      json::significant(width(before) > 0 ? 1 - width(after) / width(before) : 0, 3);
  return out;
}

} // namespace dsk::plan
