// Time of one engine step of one replica. Prepared once for a deployment; then any number of
// threads may ask, with no allocation and no lock.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "perf/deployment.hpp"

namespace dsk::perf {

struct PrefillChunk {
  std::int64_t new_tokens = 0;
  std::int64_t context = 0; // tokens already in the cache before the chunk
};

/// Work of one step of the whole replica.
struct Batch {
  std::int64_t decode_sequences = 0;
  std::int64_t kv_sum = 0; // sum of their KV lengths in tokens
  std::int64_t kv_max = 0;
  int chunks = 0;
  std::array<PrefillChunk, 4> prefill{};
};

enum class Resource : std::uint8_t { compute, memory, scale_up, scale_out, launch, host };
const char* resource_name(Resource resource);

struct StepTime {
  double total_us = 0;
  double low_us = 0; // 90 % interval
  double high_us = 0;
  // Where the time goes; the terms add up to total_us.
  double compute_us = 0;
  double memory_us = 0;
  double scale_up_us = 0;
  double scale_out_us = 0;
  double launch_us = 0;
  double host_us = 0;
  Resource binding = Resource::memory;

  double communication_share() const {
    return total_us > 0 ? (scale_up_us + scale_out_us) / total_us : 0;
  }
};

class StepModel {
public:
  /// Throws UNSUPPORTED when the device lacks the formats. Copies what it needs.
  explicit StepModel(const Deployment& deployment);
  ~StepModel();
  StepModel(StepModel&&) noexcept;
  StepModel& operator=(StepModel&&) noexcept;

  StepTime step(const Batch& batch) const noexcept;

private:
  struct State;
  std::unique_ptr<const State> state_;
};

} // namespace dsk::perf
