// One model on one kind of device under one engine: the subject of every memory and time question.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "catalog/device.hpp"
#include "catalog/engine.hpp"
#include "catalog/model.hpp"

namespace dsk::perf {

/// How one replica is split. It uses tp * dp * pp devices.
struct Parallel {
  int tp = 1; // tensor-parallel width of attention and of dense layers
  int pp = 1; // pipeline stages
  int dp = 1; // attention data-parallel ranks inside the replica (each holds other requests' KV)
  int ep = 1; // expert-parallel width; divides tp * dp. Experts are split tp * dp / ep ways within

  int devices() const { return tp * pp * dp; }
  int moe_tp() const { return tp * dp / ep; }
  bool operator==(const Parallel&) const = default;
};

/// What an expert kernel does with token-expert pairs whose expert lives on another rank. Measured
/// tables of the same layer differ by up to 20 times for this reason alone.
enum class ExpertDispatch : std::uint8_t {
  skipped, // only local pairs reach the kernel
  masked,  // all pairs are sorted and gathered, local ones are computed
  executed // all pairs are computed, remote ones with weight zero
};

struct Deployment {
  const Model* model = nullptr;   // not owned; must outlive what is built from it
  const Device* device = nullptr; // likewise
  const Engine* engine = nullptr; // likewise
  Parallel parallel;
  Element kv_element = Element::bf16; // how the KV cache is stored
  int mtp_tokens = 0;                 // draft tokens of multi-token prediction; 0 = off
  int redundant_experts = 0;          // copies of popular experts (EPLB), of all ranks; 0 = none
  std::optional<ExpertDispatch> expert_dispatch; // unset: the engine's own
  /// Layout of an 8-bit MLA cache: plain (576 B for V3), or FlashMLA's "fp8_ds_mla" of 656 B (512
  /// fp8, four fp32 scales, 64 rotary bf16), which sparse attention always has.
  bool fp8_ds_mla = false;
  /// How indexer keys are stored: fp8 (132 B) or fp4 (68 B). Absent: fp8 for V3.2, fp4 for V4.
  std::optional<Element> index_element;
};

/// What the KV cache is stored as when nobody says: what the checkpoint asks for; fp8 for models
/// with sparse attention, as their engines do; else the activation type.
Element default_kv_element(const Model& model);

/// Why a split does not divide a model.
struct SplitFault {
  const char* member;  // "tp", "pp", "dp" or "ep"
  std::string message; // names both numbers
};

/// The first reason why `parallel` does not divide the model (heads, experts, layers), or nothing.
std::optional<SplitFault> split_fault(const Model& model, const Parallel& parallel);

/// The first reason why the engine cannot start such a replica on hosts of `device.per_node`
/// devices, or nothing. What lib/emit writes as a start command obeys the same rules.
std::optional<SplitFault> engine_fault(const Engine& engine, const Device& device,
                                       const Parallel& parallel);

/// Throws INVALID_REQUEST at `path` + "/tp" and so on when there is a fault.
void check_parallel(const Model& model, const Parallel& parallel, const std::string& path);

} // namespace dsk::perf
