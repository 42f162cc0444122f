// Estimated electrical power of a device under decode load.
#pragma once

#include "catalog/device.hpp"

namespace dsk::plan {

/// Watts of one device with `sequences` decoding on it and `busy` (0..1) of its time in steps.
/// A logistic in log2(batch) between 0.43 and 0.86 of the board limit: the shape and the two ends
/// that vllm-project/semantic-router (fleet-sim gpu_profiles, 2026) publishes for H100 (300 W and
/// 600 W of 700 W, midpoint 4.2), carried to other devices by their board limit. An estimate, and
/// marked so.
double estimated_power_w(const Device& device, double sequences, double busy);

} // namespace dsk::plan
