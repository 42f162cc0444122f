// The memory model of ordinary memory between threads, as a policy of sentinel.hpp.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "protocol/sentinel.hpp"

namespace dsk::protocol {

/// Words are atomic; a store releases what came before it and a load acquires it, so begin() has
/// nothing to add. With Order::relaxed the ordering is left out: a broken variant for the tests.
enum class Order { ordered, relaxed };

template <Order order = Order::ordered> struct HostMemory {
  std::chrono::steady_clock::time_point deadline;
  const std::atomic<bool>* abort = nullptr;
  std::int32_t lost = -1; // the peer that a wait gave up on
  bool aborted = false;

  static constexpr std::memory_order store_order =
      order == Order::ordered ? std::memory_order_release : std::memory_order_relaxed;
  static constexpr std::memory_order load_order =
      order == Order::ordered ? std::memory_order_acquire : std::memory_order_relaxed;

  void begin() {}
  void sent() {}
  void end() {}
  void store(Packet* at, const Packet& packet) {
    for (int i = 0; i < 4; ++i)
      std::atomic_ref(at->word[i]).store(packet.word[i], store_order);
  }
  Packet load(const Packet* at) {
    Packet packet;
    for (int i = 0; i < 4; ++i)
      packet.word[i] = std::atomic_ref(const_cast<std::uint32_t&>(at->word[i])).load(load_order);
    return packet;
  }
  bool give_up(std::uint64_t spins, std::uint32_t peer, Phase) {
    if (abort->load(std::memory_order_relaxed)) return aborted = true;
    if (spins < 64) return false;
    std::this_thread::yield();
    if (spins % 16 == 0 && std::chrono::steady_clock::now() > deadline) {
      lost = static_cast<std::int32_t>(peer);
      return true;
    }
    return false;
  }
};

} // namespace dsk::protocol
