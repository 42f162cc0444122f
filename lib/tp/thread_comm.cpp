#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <string>

#include "base/error.hpp"
#include "protocol/host_memory.hpp"
#include "tp/communicator.hpp"
#include "tp/shard.hpp"

namespace dsk::tp {
namespace {

using protocol::Packet;
using Memory = protocol::HostMemory<>;

// In ordinary memory a larger piece gains nothing, and every rank keeps 3 slots of all others.
constexpr std::uint64_t piece_bytes = 256 * 1024;
std::uint64_t one_shot_bytes(std::uint32_t world) {
  return std::max<std::uint64_t>(1024, 512 * 1024 / world);
}
constexpr std::uint32_t slots = 3;

std::vector<Packet> cleared_region(std::uint64_t packets) {
  return std::vector<Packet>(packets, protocol::cleared());
}

/// What all ranks share. Each rank writes into the others' regions with atomic words only.
struct Shared {
  std::uint32_t world;
  std::uint64_t timeout_ms;
  protocol::Region one_shot;
  protocol::TwoShotShape two_shot;
  std::vector<std::vector<Packet>> gather, partial, result; // [rank]
  std::vector<Packet*> gather_at, partial_at, result_at;
  std::atomic<bool> abort{false};
  std::atomic<std::int32_t> lost{DSK_BACKEND_NO_RANK};

  Shared(std::uint32_t world_, std::uint64_t timeout_ms_, std::uint64_t max_bytes)
      : world(world_),
        timeout_ms(timeout_ms_), one_shot{slots, world_ - 1,
                                          std::min({one_shot_bytes(world_), max_bytes,
                                                    std::uint64_t{64 * 1024}}) /
                                              protocol::packet_bytes} {
    const std::uint64_t packets = max_bytes / protocol::packet_bytes;
    two_shot = {{slots, world - 1, (packets + world - 1) / world}, {slots, 1, packets}};
    for (std::uint32_t r = 0; r < world; ++r) {
      gather.push_back(cleared_region(one_shot.packets()));
      partial.push_back(cleared_region(two_shot.partial.packets()));
      result.push_back(cleared_region(two_shot.result.packets()));
    }
    for (std::uint32_t r = 0; r < world; ++r) {
      gather_at.push_back(gather[r].data());
      partial_at.push_back(partial[r].data());
      result_at.push_back(result[r].data());
    }
  }
};

/// A message in packets; the last one may be cut.
struct Message {
  const std::byte* in;
  std::byte* out;
  std::uint64_t bytes;

  std::uint64_t packets() const {
    return (bytes + protocol::packet_bytes - 1) / protocol::packet_bytes;
  }
  Packet read(std::uint64_t i) const {
    Packet packet{};
    std::memcpy(&packet, in + i * protocol::packet_bytes, length(i));
    return packet;
  }
  void write(std::uint64_t i, const Packet& packet) const {
    std::memcpy(out + i * protocol::packet_bytes, &packet, length(i));
  }

private:
  std::uint64_t length(std::uint64_t i) const {
    return std::min<std::uint64_t>(protocol::packet_bytes, bytes - i * protocol::packet_bytes);
  }
};

class ThreadComm final : public dsk_backend_comm {
public:
  ThreadComm(std::shared_ptr<Shared> shared, std::uint32_t rank)
      : shared_(std::move(shared)), rank_(rank) {}

  void all_reduce(const dsk_backend_collective* calls, std::uint32_t count) override {
    require_matching(calls, count);
    const std::uint64_t bytes = calls[0].count * bits_of(calls[0].dtype) / 8;
    const std::uint64_t largest = shared_->two_shot.result.capacity * protocol::packet_bytes;
    for (std::uint64_t from = 0; from < bytes; from += largest) {
      const std::uint64_t piece = std::min(largest, bytes - from);
      switch (calls[0].dtype) {
      case DSK_DTYPE_F32:
        reduce_piece<protocol::SumF32>(calls, count, from, piece);
        break;
      case DSK_DTYPE_BF16:
        reduce_piece<protocol::SumBf16>(calls, count, from, piece);
        break;
      default:
        reduce_piece<protocol::SumF16>(calls, count, from, piece);
      }
    }
  }

  void all_gather(const dsk_backend_collective* calls, std::uint32_t count) override {
    require_matching(calls, count);
    const std::uint64_t bytes = calls[0].count * bits_of(calls[0].dtype) / 8;
    const std::uint64_t largest = shared_->one_shot.capacity * protocol::packet_bytes;
    for (std::uint64_t from = 0; from < bytes; from += largest) {
      const std::uint64_t piece = std::min(largest, bytes - from);
      const auto message = [&](std::uint32_t c) {
        return Message{static_cast<const std::byte*>(calls[c].in) + from, nullptr, piece};
      };
      push_one_shot(calls, count, message);
      for (std::uint32_t c = 0; c < count; ++c) {
        auto& self = rank_of(calls[c]);
        Memory memory = self.memory();
        const Message mine = message(c);
        auto* out = static_cast<std::byte*>(calls[c].out) + from;
        const bool done = self.one_shot(memory).collect(
            mine.packets(), {0, 1}, [&](std::uint64_t i) { return mine.read(i); },
            [&](std::uint64_t i, std::uint32_t source, const Packet& packet) {
              Message{nullptr, out + source * bytes, piece}.write(i, packet);
            });
        self.finish(done, memory);
        self.one_shot_turn_ = self.one_shot_turn_.next(mine.packets());
      }
    }
  }

  void abort() noexcept override { shared_->abort.store(true, std::memory_order_relaxed); }
  void poll() override {
    if (const std::int32_t lost = lost_rank(); lost != DSK_BACKEND_NO_RANK) fail_lost(lost);
  }
  std::int32_t lost_rank() const override { return shared_->lost.load(std::memory_order_relaxed); }
  const char* transport() const override { return shared_->world == 1 ? "none" : "threads"; }

private:
  static ThreadComm& rank_of(const dsk_backend_collective& call) {
    return *static_cast<ThreadComm*>(call.comm);
  }

  Memory memory() const {
    Memory memory;
    memory.deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(shared_->timeout_ms);
    memory.abort = &shared_->abort;
    return memory;
  }

  protocol::OneShot<Memory> one_shot(Memory& memory) const {
    return {memory, shared_->one_shot, rank_, shared_->gather_at.data(), one_shot_turn_};
  }
  template <class Sum>
  protocol::TwoShot<Sum, Memory> two_shot(Memory& memory, std::uint64_t packets) const {
    return {memory,
            shared_->two_shot,
            rank_,
            shared_->partial_at.data(),
            shared_->result_at.data(),
            two_shot_turn_,
            packets};
  }

  [[noreturn]] void fail_lost(std::int32_t lost) const {
    throw Error(DSK_STATUS_BACKEND, "rank " + std::to_string(lost) + " is lost: rank " +
                                        std::to_string(rank_) + " waited " +
                                        std::to_string(shared_->timeout_ms) + " ms for it");
  }

  /// After a failed wait the slots hold half a call; the communicator is of no further use.
  void finish(bool done, const Memory& memory) const {
    if (done) return;
    if (memory.aborted) {
      std::atomic_thread_fence(std::memory_order_acquire); // of the abort that was seen
      const std::int32_t lost = lost_rank();
      if (lost != DSK_BACKEND_NO_RANK)
        throw Error(DSK_STATUS_BACKEND,
                    "rank " + std::to_string(lost) + " is lost: another rank waited for it");
      throw Error(DSK_STATUS_CANCELLED, "the communicator was aborted");
    }
    std::int32_t none = DSK_BACKEND_NO_RANK;
    shared_->lost.compare_exchange_strong(none, memory.lost, std::memory_order_relaxed);
    // After the name, so that whoever sees the abort can say whose absence ended it.
    shared_->abort.store(true, std::memory_order_release);
    fail_lost(memory.lost);
  }

  template <class MessageOf>
  void push_one_shot(const dsk_backend_collective* calls, std::uint32_t count, MessageOf message) {
    for (std::uint32_t c = 0; c < count; ++c) {
      const ThreadComm& self = rank_of(calls[c]);
      Memory memory = self.memory();
      const Message mine = message(c);
      self.one_shot(memory).push(mine.packets(), {0, 1},
                                 [&](std::uint64_t i) { return mine.read(i); });
    }
  }

  // Each phase runs for all ranks of the call before the next one begins, so that one thread can
  // drive them all.
  template <class Sum>
  void reduce_piece(const dsk_backend_collective* calls, std::uint32_t count, std::uint64_t from,
                    std::uint64_t piece) {
    const auto message = [&](std::uint32_t c) {
      return Message{static_cast<const std::byte*>(calls[c].in) + from,
                     static_cast<std::byte*>(calls[c].out) + from, piece};
    };
    Shared& shared = *shared_;
    if (message(0).packets() <= shared.one_shot.capacity) {
      push_one_shot(calls, count, message);
      for (std::uint32_t c = 0; c < count; ++c) {
        ThreadComm& self = rank_of(calls[c]);
        Memory memory = self.memory();
        const Message mine = message(c);
        Sum sum;
        const bool done = self.one_shot(memory).collect(
            mine.packets(), {0, 1}, [&](std::uint64_t i) { return mine.read(i); },
            [&](std::uint64_t i, std::uint32_t source, const Packet& packet) {
              if (source == 0) sum = Sum{};
              sum.add(packet);
              if (source + 1 == shared.world) mine.write(i, sum.packet());
            });
        self.finish(done, memory);
        self.one_shot_turn_ = self.one_shot_turn_.next(mine.packets());
      }
      return;
    }
    for (std::uint32_t c = 0; c < count; ++c) {
      const ThreadComm& self = rank_of(calls[c]);
      Memory memory = self.memory();
      const Message mine = message(c);
      self.two_shot<Sum>(memory, mine.packets()).push({0, 1}, [&](std::uint64_t i) {
        return mine.read(i);
      });
    }
    for (std::uint32_t c = 0; c < count; ++c) {
      const ThreadComm& self = rank_of(calls[c]);
      Memory memory = self.memory();
      const Message mine = message(c);
      self.finish(self.two_shot<Sum>(memory, mine.packets())
                      .reduce_all(
                          {0, 1}, [&](std::uint64_t i) { return mine.read(i); },
                          [&](std::uint64_t i, const Packet& packet) { mine.write(i, packet); }),
                  memory);
    }
    for (std::uint32_t c = 0; c < count; ++c) {
      ThreadComm& self = rank_of(calls[c]);
      Memory memory = self.memory();
      const Message mine = message(c);
      self.finish(self.two_shot<Sum>(memory, mine.packets())
                      .collect({0, 1}, [&](std::uint64_t i,
                                           const Packet& packet) { mine.write(i, packet); }),
                  memory);
      self.two_shot_turn_ = self.two_shot_turn_.next(mine.packets());
    }
  }

  std::shared_ptr<Shared> shared_;
  std::uint32_t rank_;
  protocol::Turn one_shot_turn_, two_shot_turn_;
};

} // namespace

void require_matching(const dsk_backend_collective* calls, std::uint32_t count) {
  for (std::uint32_t c = 1; c < count; ++c)
    if (calls[c].dtype != calls[0].dtype || calls[c].count != calls[0].count)
      throw Error(DSK_STATUS_INVALID_ARGUMENT,
                  "the ranks' collectives do not match: one has " + std::to_string(calls[0].count) +
                      " " + name_of(calls[0].dtype) + ", another " +
                      std::to_string(calls[c].count) + " " + name_of(calls[c].dtype));
}

std::vector<std::unique_ptr<dsk_backend_comm>>
make_thread_comms(std::uint32_t world, std::uint64_t timeout_ms, std::uint64_t max_bytes) {
  const auto shared = std::make_shared<Shared>(
      world, timeout_ms, std::clamp<std::uint64_t>(max_bytes, 1024, piece_bytes));
  std::vector<std::unique_ptr<dsk_backend_comm>> comms;
  for (std::uint32_t r = 0; r < world; ++r)
    comms.push_back(std::make_unique<ThreadComm>(shared, r));
  return comms;
}

} // namespace dsk::tp
