// What an engine spends besides the kernels that the graph names: a time a layer (norms, rotary,
// quantisation, gaps between kernels), a time a running sequence (host: sampling, scheduling,
// detokenisation). Constant over model sizes and versions within the spread given.
#pragma once

#include "catalog/device.hpp"
#include "catalog/engine.hpp"

namespace dsk::perf {

struct EngineOverheads {
  double layer_us = 0;        // each layer
  double moe_layer_us = 0;    // more for a layer with experts, when no table of the device has them
  double linear_layer_us = 0; // more for a linear-attention layer
  double sequence_us = 0;     // each running sequence
  double error = 0;           // half width of the 90 % interval, natural log
};

/// Fitted to 1,074 published closed-loop rows (InferenceX and aiconfigurator's gap analysis, to
/// 2026-08): vLLM 43-46, TensorRT-LLM 33-39, SGLang 29-46, LMDeploy about 15 us a layer; 8 to 24 us
/// a sequence; gated-delta layers +26; experts without a table +45 with TensorRT-LLM on Hopper
/// (their kernel's own launch is in the carried-over time). On Blackwell half a layer's time: 154
/// rows of gpt-oss and Qwen3.5 with three engines, to 2026-08.
EngineOverheads engine_overheads(const Engine& engine, const Device& device);

} // namespace dsk::perf
