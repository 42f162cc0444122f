// What an engine spends besides the kernels that the graph names: a time a layer (norms, rotary,
// quantisation, gaps between kernels), a time a running sequence (host: sampling, scheduling,
// detokenisation). Constant over model sizes and versions within the spread given.
#pragma once

#include <string_view>

#include "catalog/device.hpp"
#include "catalog/engine.hpp"

namespace dsk::perf {

struct EngineOverheads {
  double layer_us = 0;        // each layer
  double moe_layer_us = 0;    // more for a layer with experts, when no table of the device has them
  double linear_layer_us = 0; // more for a linear-attention layer
  double sequence_us = 0;     // each running sequence
  double error = 0;           // half width of the 90 % interval, natural log
  bool calibrated = false;    // holds the cost of a launch, or factors, of a calibration
};

/// Fitted to 1,074 published closed-loop rows (InferenceX and aiconfigurator's gap analysis, to
/// 2026-08), beside the measured times of products, attention and collectives with their launches:
/// vLLM 36, TensorRT-LLM 24, SGLang 23, LMDeploy 15 us a layer; 8 to 24 us a sequence; gated-delta
/// layers +26; experts without a table +45 with TensorRT-LLM on Hopper (their kernel's own launch
/// is in the carried-over time). On data centre Blackwell half a layer's time: 154 rows of gpt-oss
/// and Qwen3.5 with three engines, to 2026-08. TensorRT-LLM before 1.0 has a C++ runtime: 20 us a
/// layer, 5 us a sequence. Where a calibration holds the cost of a launch, the five kernels between
/// the products of a layer (two norms, rotary, cache write, activation) cost as much more as
/// launches do there (launch_delta_us()), and that share of a layer's time is known. Runs of the
/// engine scale all of it.
EngineOverheads engine_overheads(const Engine& engine, const Device& device);

/// Whether a kernel's start overlaps the end of the one before it: engines on Blackwell, and
/// TensorRT-LLM from 1.0.
bool launches_programmatically(const Engine& engine, const Device& device);

/// How much longer the products of experts take than the tables' kernels, which are of today:
/// TensorRT-LLM before 1.0 ran them on Hopper with kernels of the generation before (1.2 times),
/// and its first in 8 bits (up to 0.10) at less than half their rate (Mixtral, throughput rows of
/// versions 0.9 to 0.13).
double old_experts_factor(const Engine& engine, std::string_view family, bool wide);

/// How many times as long as its bytes decode attention with so many query heads a KV head takes:
/// 1, but more in TensorRT-LLM before 1.0, by throughput rows of versions 0.5 to 0.13. Its kernels
/// for grouped heads came with 0.7 for groups of 8 and with 0.11 for all: without them each query
/// head costs half a read of the cache more (measured 2 to 2.5 times for groups of 4, 4 to 5 for 8,
/// 10 and more for 29). With them groups of 8 and more reach 0.30 to 0.40 of the memory's rate for
/// 16-bit caches and 0.50 to 0.60 for 8-bit ones, where groups of four reach 0.85. 0.85 for 8-bit
/// caches without groups, whose kernel of 1.0, which the tables hold, reaches 0.74 of the memory's
/// rate on H100 where throughput rows of 0.5 to 0.13 need 0.85.
double grouped_attention_factor(const Engine& engine, double group, bool wide);

} // namespace dsk::perf
