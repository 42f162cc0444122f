// Time of one kernel on one device. A timer is prepared once for a kernel's fixed sizes and then
// asked for any number of rows. The law is
//     time = launch + sqrt((flops / (e_c peak))^2 + (bytes / (e_m bandwidth))^2),
// where the root mean square stands for imperfect overlap near the ridge.
#pragma once

#include <string>

#include "perf/attention.hpp"
#include "perf/ops.hpp"

namespace dsk::perf {

/// Where a kernel's time comes from, best first.
enum class Origin : std::uint8_t {
  measured,     // this very kernel and size
  interpolated, // between measured sizes of the same kernel on the same device
  transferred,  // measured on another device, carried over by the datasheets
  roofline      // datasheet and the law above
};
const char* origin_name(Origin origin);

struct KernelTime {
  double us = 0;
  double launch_us = 0; // the part that does not shrink with the work
  double error = 0;     // half width of the 90 % interval in natural-log units
  bool compute_bound = false;
  Origin origin = Origin::roofline;
};

/// Achievable shares of the datasheet and the fixed time of one kind of kernel.
struct KernelLaw {
  double launch_us = 0;
  double compute_share = 1;
  double memory_share = 1;
  double error = 0; // half width of the 90 % interval, natural log
};

/// The law at work: datasheet rates times the shares.
struct Roofline {
  double flops_per_us = 1;
  double bytes_per_us = 1;
  KernelLaw law;

  KernelTime at(const Work& work) const;
};

/// Laws by kernel class, precision and device family (source and date in the body).
Roofline gemm_roofline(const Device& device, Precision precision);
Roofline experts_roofline(const Device& device, Precision precision);
Roofline decode_attention_roofline(const Device& device, const AttentionShape& shape);
Roofline prefill_attention_roofline(const Device& device, const AttentionShape& shape);
Roofline index_roofline(const Device& device);
/// Streams memory only; its launches are in the engine's time per layer.
Roofline elementwise_roofline(const Device& device);

} // namespace dsk::perf
