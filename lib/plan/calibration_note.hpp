// What an answer says about the calibration behind it.
#pragma once

#include <string>

#include "base/json.hpp"
#include "perf/step.hpp"

namespace dsk::plan {

/// Whether a calibration of the device, or runs of the engine, stand behind it.
bool is_calibrated(const perf::Deployment& deployment);

/// "NAME (SOURCE, AS_OF)" of it.
std::string calibration_reference(const perf::Deployment& deployment);

/// Where the calibration comes from, which operators of this step rest on it and how much of the
/// step they are, and the step's interval with and without it. null when there is none. `model` was
/// prepared for `deployment`.
Json calibration_json(const perf::Deployment& deployment, const perf::StepModel& model,
                      const perf::Batch& batch);

/// `sequences` that decode at `mean_tokens` of context each; at least one of each.
perf::Batch decode_batch(double sequences, double mean_tokens);

} // namespace dsk::plan
