#include "sim/policy.hpp"

#include <algorithm>
#include <variant>

namespace dsk::sim {

PrefillHost prefill_host(const Engine& engine, const Device& device, const Model& model) {
  int experts = 0;
  for (const int kind : model.layer_kinds)
    experts += std::holds_alternative<MoeMlp>(model.kinds[static_cast<std::size_t>(kind)].ffn);
  PrefillHost host;
  host.added_us = model.layers() * engine.prefill_layer_us + experts * engine.prefill_moe_layer_us;
  if (engine.runs) host.added_us *= engine.runs->prefill_host_on(device.name);
  // Experts are many kernels, which no graph holds in a step with prompts; TensorRT-LLM has them in
  // one on data centre Blackwell.
  const bool fused = engine.kind == EngineKind::tensorrt_llm &&
                     (device.family == "blackwell" || device.family == "blackwell-ultra");
  if (!fused) host.floor_us = experts * engine.prefill_moe_floor_us;
  return host;
}

Policy default_policy(const Engine& engine, const Device& device, const Model& model) {
  const bool latent = std::any_of(model.kinds.begin(), model.kinds.end(), [](const Layer& layer) {
    return std::holds_alternative<MlaAttention>(layer.attention) ||
           std::holds_alternative<CompressedAttention>(layer.attention);
  });
  Policy p;
  p.batching = engine.prefill_first ? Batching::prefill_first : Batching::mixed;
  const StartLimits limits = start_limits(engine, device);
  p.max_sequences = limits.max_sequences;
  p.token_budget = engine.step_tokens > 0 ? engine.step_tokens : limits.token_budget;
  p.max_prompts = engine.max_prompts;
  p.reserve_output = engine.reserve_output;
  p.watermark = engine.watermark;
  p.poll_steps = engine.poll_steps;
  p.lag_steps = engine.lag_steps;
  p.block_tokens = latent ? engine.mla_block_tokens : engine.kv_block_tokens;
  p.prefix_cache = engine.prefix_cache;
  p.graph_sizes = engine.graph_sizes;
  p.request_overhead_s = engine.request_overhead_ms / 1e3;
  p.request_serial_s = engine.request_serial_ms / 1e3;
  p.first_token_steps = engine.first_token_steps;
  const PrefillHost host = prefill_host(engine, device, model);
  p.prefill_step_us = host.added_us;
  p.host_prefill_us = host.floor_us;
  p.stream_tokens_per_s = engine.stream_tokens_per_s;
  // One call of FlashAttention-2 for prompts and decoding sequences together (vLLM). Hopper and
  // data centre Blackwell have kernels that pack a group's queries or split the two; models with
  // sinks or latent attention use others.
  const bool flash2 =
      device.family == "ampere" || device.family == "ada" || device.family == "blackwell-rtx";
  const bool plain = std::all_of(model.kinds.begin(), model.kinds.end(), [](const Layer& layer) {
    const auto* gqa = std::get_if<GqaAttention>(&layer.attention);
    return gqa != nullptr && !gqa->sinks;
  });
  if (flash2 && plain) p.mixed_tile_rows = engine.mixed_tile_rows;
  return p;
}

} // namespace dsk::sim
