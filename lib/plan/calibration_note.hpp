// What an answer says about the calibration behind it.
#pragma once

#include "base/json.hpp"
#include "perf/step.hpp"

namespace dsk::plan {

/// Where the calibration of the deployment's device comes from, which operators of this step rest
/// on it and how much of the step they are, and the step's interval with and without it. null when
/// the device has none. `model` was prepared for `deployment`.
Json calibration_json(const perf::Deployment& deployment, const perf::StepModel& model,
                      const perf::Batch& batch);

/// `sequences` that decode at `mean_tokens` of context each; at least one of each.
perf::Batch decode_batch(double sequences, double mean_tokens);

} // namespace dsk::plan
