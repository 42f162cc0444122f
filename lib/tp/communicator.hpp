// Communicators of the CPU backend behind one interface, and the in-process one: threads as ranks.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dsk/backend.h"

/// A rank of a CPU communicator.
struct dsk_backend_comm {
  virtual ~dsk_backend_comm() = default;
  /// One rank's part, waiting for the others (`alone`), or all parts of a communicator at once.
  virtual void all_reduce(const dsk_backend_collective* calls, std::uint32_t count) = 0;
  virtual void all_gather(const dsk_backend_collective* calls, std::uint32_t count) = 0;
  virtual void abort() noexcept = 0;
  /// Throws BACKEND when a rank is lost. Never waits.
  virtual void poll() = 0;
  virtual std::int32_t lost_rank() const = 0;
  virtual const char* transport() const = 0;
};

namespace dsk::tp {

/// All ranks of an in-process communicator. Messages travel through the sentinel protocol
/// (protocol/sentinel.hpp) over ordinary memory: one-shot up to a threshold, two-shot above, in
/// pieces when they are larger than the slots.
std::vector<std::unique_ptr<dsk_backend_comm>>
make_thread_comms(std::uint32_t world, std::uint64_t timeout_ms, std::uint64_t max_bytes);

/// Throws INVALID_ARGUMENT unless all calls have the same type and count.
void require_matching(const dsk_backend_collective* calls, std::uint32_t count);

} // namespace dsk::tp
