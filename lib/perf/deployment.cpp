#include "perf/deployment.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace dsk::perf {
namespace {

using Fault = std::optional<SplitFault>;

Fault divides(int part, std::int64_t whole, const char* part_name, const std::string& whole_name) {
  if (whole % part == 0) return std::nullopt;
  return SplitFault{part_name, std::string(part_name) + " is " + std::to_string(part) +
                                   ", which must divide " + whole_name + " (" +
                                   std::to_string(whole) + ")"};
}

int attention_heads(const Attention& attention) {
  return std::visit(
      [](const auto& a) {
        if constexpr (requires { a.heads; })
          return a.heads;
        else
          return a.value_heads;
      },
      attention);
}

} // namespace

Element default_kv_element(const Model& model) {
  if (model.quantization.kv_cache) return *model.quantization.kv_cache;
  for (const Layer& layer : model.kinds) {
    const auto* mla = std::get_if<MlaAttention>(&layer.attention);
    if ((mla && mla->indexer) || std::holds_alternative<CompressedAttention>(layer.attention))
      return Element::fp8;
  }
  return model.activation;
}

Fault split_fault(const Model& model, const Parallel& parallel) {
  for (const auto& [value, name] : {std::pair{parallel.tp, "tp"}, std::pair{parallel.pp, "pp"},
                                    std::pair{parallel.dp, "dp"}, std::pair{parallel.ep, "ep"}})
    if (value < 1)
      return SplitFault{name,
                        std::string(name) + " is " + std::to_string(value) + ", must be 1 or more"};
  if (parallel.pp > model.layers())
    return SplitFault{"pp", "pp is " + std::to_string(parallel.pp) + ", must not exceed the " +
                                std::to_string(model.layers()) + " layers of " + model.name};
  bool has_experts = false;
  for (const Layer& layer : model.kinds) {
    if (Fault fault = divides(parallel.tp, attention_heads(layer.attention), "tp",
                              "the attention heads of " + model.name))
      return fault;
    if (const auto* moe = std::get_if<MoeMlp>(&layer.ffn)) {
      has_experts = true;
      if (Fault fault = divides(parallel.ep, moe->experts, "ep", "the experts of " + model.name))
        return fault;
    }
  }
  if (parallel.ep > 1 && !has_experts)
    return SplitFault{"ep", "ep is " + std::to_string(parallel.ep) + ", but " + model.name +
                                " has no experts: it must be 1"};
  return divides(parallel.ep, std::int64_t{parallel.tp} * parallel.dp, "ep", "tp * dp");
}

Fault engine_fault(const Engine& engine, const Device& device, const Parallel& parallel) {
  const int per_node = std::max(device.per_node, 1);
  const int nodes = (parallel.devices() + per_node - 1) / per_node;
  if (parallel.devices() % nodes != 0)
    return SplitFault{"tp", "the " + std::to_string(parallel.devices()) +
                                " devices of a replica do not divide over " +
                                std::to_string(nodes) + " nodes"};
  const int on_node = parallel.devices() / nodes;
  if (engine.kind == EngineKind::vllm) {
    if (parallel.ep != 1 && parallel.ep != parallel.tp * parallel.dp)
      return SplitFault{"ep", "vLLM spreads experts over all of TP x DP or none"};
    if (nodes > 1 && parallel.dp > 1 && on_node % (parallel.tp * parallel.pp) != 0)
      return SplitFault{"dp", "a data-parallel rank of vLLM must not span nodes"};
  }
  if (engine.kind == EngineKind::tensorrt_llm) {
    if (parallel.tp > 1 && parallel.dp > 1)
      return SplitFault{"dp",
                        "TensorRT-LLM runs attention tensor-parallel or data-parallel, not both"};
    if (nodes > 1)
      return SplitFault{"tp", "TensorRT-LLM over several nodes needs MPI, which a pod has not"};
  }
  return std::nullopt;
}

void check_parallel(const Model& model, const Parallel& parallel, const std::string& path) {
  if (const Fault fault = split_fault(model, parallel))
    invalid_request(path + "/" + fault->member, fault->message);
}

} // namespace dsk::perf
