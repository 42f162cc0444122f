#include "perf/ops_time.hpp"

#include <cmath>

namespace dsk::perf {

const char* origin_name(Origin origin) {
  static constexpr const char* names[] = {"measured", "interpolated", "transferred", "roofline"};
  return names[static_cast<std::size_t>(origin)];
}

KernelTime Roofline::at(const Work& work) const {
  const double compute = work.flops / flops_per_us;
  const double memory = work.bytes / bytes_per_us;
  KernelTime time;
  time.launch_us = law.launch_us;
  time.us = law.launch_us + std::sqrt(compute * compute + memory * memory);
  time.error = law.error;
  time.compute_bound = compute > memory;
  return time;
}

namespace {

enum class Generation { ampere, hopper, blackwell, other };

Generation generation_of(const Device& device) {
  if (device.family == "ampere") return Generation::ampere;
  if (device.family == "hopper") return Generation::hopper;
  if (device.family == "blackwell") return Generation::blackwell;
  return Generation::other;
}

Roofline roofline(const Device& device, Element math, const KernelLaw& law) {
  double peak = device.dense_peak(math);
  if (peak <= 0) // a format that is only stored: computed in 16 bit
    peak = std::max(device.dense_peak(Element::bf16), device.dense_peak(Element::fp16));
  return {peak * 1e6 * law.compute_share, device.bandwidth_gbs * 1e3 * law.memory_share, law};
}

// Medians of the published silicon tables of ai-dynamo/aiconfigurator 095f58a5 (2026-08-21): memory
// share from rows <= 16 with >= 64 M weights, compute share from rows >= 4096, launch from tiny
// ones.
KernelLaw gemm_law(Generation generation, Precision precision) {
  const bool bf16 = precision == Precision::bf16;
  switch (generation) {
  case Generation::ampere:
    return bf16 ? KernelLaw{4.5, 0.86, 0.76, 0.3} : KernelLaw{6, 0.70, 0.65, 0.5};
  case Generation::hopper:
    if (bf16) return {3.1, 0.78, 0.86, 0.3};
    return precision == Precision::fp8_block ? KernelLaw{4.4, 0.60, 0.80, 0.35}
                                             : KernelLaw{5.3, 0.52, 0.72, 0.35};
  case Generation::blackwell:
    if (bf16) return {2.5, 0.70, 0.80, 0.3};
    return precision == Precision::nvfp4 ? KernelLaw{7.0, 0.40, 0.52, 0.5}
                                         : KernelLaw{5.9, 0.50, 0.58, 0.4};
  case Generation::other:
    break;
  }
  return bf16 ? KernelLaw{4, 0.70, 0.80, 0.5} : KernelLaw{5.5, 0.50, 0.70, 0.6};
}

} // namespace

Roofline gemm_roofline(const Device& device, Precision precision) {
  return roofline(device, math_element(precision), gemm_law(generation_of(device), precision));
}

// Expert streaming reaches 0.88 of the datasheet in fits to served DeepSeek-R1 on H200; products of
// many tokens 0.45 of the peak in 16 bit and 0.38 in fp8 (same tables, 1 K to 16 K tokens).
Roofline experts_roofline(const Device& device, Precision precision) {
  const Generation generation = generation_of(device);
  KernelLaw law{20, precision == Precision::bf16 ? 0.50 : 0.38, 0.80, 0.5};
  if (generation == Generation::blackwell) law.memory_share = 0.70;
  return roofline(device, math_element(precision), law);
}

// time = launch + bytes / (0.85 bandwidth) for grouped heads, 10 us and 0.75 for latents; latents
// of 128 heads bind on 16-bit compute instead (0.65 of the peak).
Roofline decode_attention_roofline(const Device& device, const AttentionShape& shape) {
  const bool latent = shape.kind == AttentionShape::Kind::latent;
  return roofline(device, Element::bf16,
                  latent ? KernelLaw{10, 0.65, 0.75, 0.4} : KernelLaw{6, 0.60, 0.85, 0.3});
}

Roofline prefill_attention_roofline(const Device& device, const AttentionShape& shape) {
  const bool linear = shape.kind == AttentionShape::Kind::linear;
  return roofline(device, Element::bf16,
                  linear ? KernelLaw{20, 0.15, 0.6, 0.7} : KernelLaw{8, 0.55, 0.75, 0.35});
}

// Indexer logits: 0.50-0.59 of the fp8 peak in prefill, 0.06-0.18 in paged decode (InferSim's H800
// measurements, alibaba/InferSim f2293dab, 2026-05-08).
Roofline index_roofline(const Device& device) {
  return roofline(device, Element::fp8, {8, 0.45, 0.5, 0.6});
}

Roofline elementwise_roofline(const Device& device) {
  return roofline(device, Element::bf16, {0, 1, 0.80, 0.3});
}

} // namespace dsk::perf
