// A deployment made ready to be simulated: step model, KV pool in pages, scheduling policy.
#pragma once

#include <memory>
#include <optional>

#include "perf/memory.hpp"
#include "perf/step.hpp"
#include "sim/fleet.hpp"

namespace dsk::plan {

struct ServedOptions {
  perf::Parallel parallel;
  std::optional<Element> kv; // absent: the model's own default
  int mtp_tokens = 0;
  double tokens_per_step = 0; // accepted a step; 0 = from the default acceptance curve
  double memory_fraction = 0; // 0 = the engine's default
  std::optional<std::int64_t> kv_pool_tokens; // as the engine logged it; absent: the memory model's
};

/// Owns what its step model points to; does not move.
class Served {
public:
  /// Throws as perf::StepModel and perf::check_parallel do, at `path`. `policy` is absent for the
  /// engine's defaults.
  Served(const Model& model, const Device& device, const Engine& engine,
         const std::optional<sim::Policy>& policy, const ServedOptions& options,
         const std::string& path);
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  bool fits() const noexcept { return memory_.fits && spec_.kv_pool_pages > 0; }
  const Model& model() const noexcept { return model_; }
  const Device& device() const noexcept { return device_; }
  const Engine& engine() const noexcept { return engine_; }
  const perf::Deployment& deployment() const noexcept { return deployment_; }
  const perf::MemoryReport& memory() const noexcept { return memory_; }
  const perf::StepModel& step() const noexcept { return *step_; }
  const sim::ReplicaSpec& spec() const noexcept { return spec_; }
  /// Bytes of one token of context on all devices of the replica (one copy where ranks replicate
  /// it), for transfers and tiers.
  double kv_token_bytes() const noexcept { return spec_.kv_bytes_per_token; }

private:
  Model model_;
  Device device_;
  Engine engine_;
  perf::Deployment deployment_;
  perf::MemoryReport memory_;
  std::unique_ptr<perf::StepModel> step_;
  sim::ReplicaSpec spec_;
};

/// Tokens that a decode step yields with `drafts` MTP drafts: DeepSeek-V4-Pro's measured curve
/// (InferenceX golden_al_distribution, SPEED-Bench coding, thinking on, 2026): 1.79, 2.27, 2.49,
/// 2.54, 2.55, ... The default for models without a curve of their own.
double default_acceptance(int drafts);

} // namespace dsk::plan
