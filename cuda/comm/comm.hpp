// Communicators of the plugin behind one interface.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "device.hpp"
#include "dsk/backend.h"

/// One rank.
struct dsk_backend_comm {
  virtual ~dsk_backend_comm() = default;
  /// All parts that this thread drives; they belong to one communicator.
  virtual void all_reduce(const dsk_backend_collective* calls, std::uint32_t count) = 0;
  virtual void all_gather(const dsk_backend_collective* calls, std::uint32_t count) = 0;
  virtual void abort() noexcept = 0;
  /// Throws Failure(BACKEND) when a rank is lost or the library reports a fault.
  virtual void poll() = 0;
  virtual std::int32_t lost_rank() const noexcept = 0;
  virtual const char* transport() const noexcept = 0;
};

namespace dsk::cuda {

inline std::uint64_t bytes_of(dsk_dtype dtype) {
  return dtype == DSK_DTYPE_F32 ? 4 : 2;
}

/// Throws unless all calls have the same type and count.
void require_matching(const dsk_backend_collective* calls, std::uint32_t count);

/// Own protocol (protocol/sentinel.hpp) over peer memory in one process. Several ranks may share a
/// device; they then run in one cooperative kernel and must come in one call.
std::vector<std::unique_ptr<dsk_backend_comm>>
make_peer_comms(const std::vector<Device*>& devices, const dsk_backend_comm_options& options);

/// NCCL 2.27 or newer, opened at run time.
std::string nccl_version();
std::string nccl_missing(); // why it cannot be used, "" when it can
void nccl_unique_id(std::uint8_t id[DSK_BACKEND_UNIQUE_ID_BYTES]);
std::unique_ptr<dsk_backend_comm> make_nccl_comm(Device& device,
                                                 const std::uint8_t id[DSK_BACKEND_UNIQUE_ID_BYTES],
                                                 std::uint32_t world, std::uint32_t rank);
/// All ranks of one process; starts a thread for each while they meet.
std::vector<std::unique_ptr<dsk_backend_comm>> make_nccl_comms(const std::vector<Device*>& devices);

/// By size: both, on devices of which each carries one rank; else what there is.
std::vector<std::unique_ptr<dsk_backend_comm>>
make_auto_comms(const std::vector<Device*>& devices, const dsk_backend_comm_options& options);

} // namespace dsk::cuda
