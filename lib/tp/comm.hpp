// One rank of a communicator, whatever carries it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "tp/device.hpp"
#include "tp/launcher.hpp"
#include "tp/rendezvous.hpp"

namespace dsk::tp {

class Group;

struct CommOptions {
  dsk_backend_transport transport = DSK_BACKEND_TRANSPORT_AUTO;
  std::uint64_t timeout_ms = 30000;
  std::uint64_t max_bytes = std::uint64_t{8} << 20;
};

/// What the ranks of one communicator in one process know together.
struct CommFamily {
  std::atomic<bool> aborted{false};
  std::atomic<std::int32_t> lost_rank{DSK_BACKEND_NO_RANK};
};

class Comm {
public:
  /// All ranks of a communicator in this process.
  static std::vector<std::shared_ptr<Comm>>
  create_local(const std::vector<std::shared_ptr<Device>>& devices, const CommOptions& options);
  static std::shared_ptr<Comm> create(std::shared_ptr<Device> device, const std::uint8_t* id,
                                      std::uint32_t world, std::uint32_t rank,
                                      const CommOptions& options);
  /// Meets the other ranks that the launcher started.
  static std::shared_ptr<Comm> create_from_launch(std::string_view backend, const Launch& launch,
                                                  const CommOptions& options);
  ~Comm();
  Comm(const Comm&) = delete;
  Comm& operator=(const Comm&) = delete;

  const std::shared_ptr<Device>& device() const { return device_; }
  dsk_backend_comm* handle() const { return handle_; } // NULL for one rank
  std::uint32_t world() const { return world_; }
  std::uint32_t rank() const { return rank_; }
  std::int32_t lost_rank() const { return family_->lost_rank.load(); }
  bool aborted() const { return family_->aborted.load(); }
  const char* transport() const;
  /// Ranks of one communicator in one process share this.
  const void* family() const { return family_.get(); }

  /// Throws CANCELLED after an abort of any rank in this process.
  void require_usable() const;
  /// See dsk_tp_comm_wait.
  void wait(void* stream);
  void abort() noexcept;
  /// Notes a lost rank that a failed call left behind. Never throws.
  void note_failure() noexcept;

  /// The group that keeps this rank's enqueues, or NULL.
  Group* group = nullptr;

private:
  Comm(std::shared_ptr<Device> device, std::uint32_t world, std::uint32_t rank,
       const CommOptions& options);
  void poll();

  std::shared_ptr<Device> device_;
  std::uint32_t world_, rank_;
  std::uint64_t timeout_ms_;
  std::shared_ptr<Rendezvous> rendezvous_;
  std::shared_ptr<CommFamily> family_;
  dsk_backend_comm* handle_ = nullptr;
  std::atomic<bool> handle_aborted_{false};
};

} // namespace dsk::tp
