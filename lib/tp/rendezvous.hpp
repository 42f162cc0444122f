// Where the ranks of several processes meet: rank 0 listens, the others connect, and the sockets
// stay open as a heartbeat. A process that dies closes its socket; a host that dies is found by TCP
// keepalive.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dsk::tp {

/// Frames between rank 0 and one other rank: { kind, 32-bit value, 64-bit length } and `length`
/// bytes.
enum class Frame : std::uint32_t { data = 1, lost = 2, leaving = 3, refused = 4 };

class Rendezvous {
public:
  using Clock = std::chrono::steady_clock;

  /// Returns when all ranks are there. Throws DEADLINE that names the ranks that are missing, IO
  /// when the address cannot be used, INVALID_ARGUMENT when ranks disagree (world size, a rank
  /// twice).
  Rendezvous(const std::string& address, std::uint16_t port, std::uint32_t rank,
             std::uint32_t world, std::uint64_t timeout_ms);
  ~Rendezvous();
  Rendezvous(const Rendezvous&) = delete;
  Rendezvous& operator=(const Rendezvous&) = delete;

  std::uint32_t rank() const { return rank_; }
  std::uint32_t world() const { return world_; }
  std::uint64_t timeout_ms() const { return timeout_ms_; }

  /// Rank 0's bytes reach every rank.
  void broadcast(void* bytes, std::size_t size);
  /// One message between rank 0 and `peer`. `tag` must be the same on both sides. Throws BACKEND
  /// that names the rank that is lost, INVALID_ARGUMENT when tags or sizes differ (the ranks' calls
  /// do not match).
  void send(std::uint32_t peer, std::uint32_t tag, const void* bytes, std::size_t size);
  void receive(std::uint32_t peer, std::uint32_t tag, void* bytes, std::size_t size);

  /// Looks at the sockets without waiting; throws BACKEND when a rank is lost, and rank 0 tells the
  /// others.
  void poll();
  std::int32_t lost_rank() const { return lost_; }
  void abort() noexcept;

private:
  struct Header {
    Frame kind;
    std::uint32_t value;
    std::uint64_t length;
  };

  int socket_of(std::uint32_t peer) const { return sockets_[rank_ == 0 ? peer : 0]; }
  void listen_for_all(std::uint16_t port);
  void connect_to(const std::string& address, std::uint16_t port);
  void write_all(std::uint32_t peer, const void* bytes, std::size_t size,
                 Clock::time_point deadline);
  void read_all(std::uint32_t peer, void* bytes, std::size_t size, Clock::time_point deadline);
  bool peek(std::uint32_t peer, Header& header, bool& closed) const;
  [[noreturn]] void told(std::uint32_t lost);
  [[noreturn]] void lose(std::uint32_t peer, const std::string& how);
  Clock::time_point deadline() const {
    return Clock::now() + std::chrono::milliseconds(timeout_ms_);
  }

  std::uint32_t rank_, world_;
  std::uint64_t timeout_ms_;
  std::vector<int> sockets_; // rank 0: one for each rank (its own is -1); others: [0] only
  std::vector<bool> left_;   // ranks that said goodbye
  std::int32_t lost_ = -1;
};

} // namespace dsk::tp
