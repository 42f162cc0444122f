// All-reduce over peer memory without flags: the data itself says that it has arrived.
//
// A slot word holds the sentinel (all ones: a NaN that no sum produces here) until a peer's data
// lands in it. A rank writes its vector into the slot of every peer, then reads its own slots until
// no sentinel is left.
//
// Slots rotate over three: call e writes slot e % 3 and clears slot (e + 2) % 3, which it read to
// the end in call e - 1 and which peers write next in call e + 2. A peer is in call e + 2 only
// after it has finished call e + 1, for which it needed this rank's data of call e + 1, which this
// rank sends after the clearing of call e. So a clear can never wipe out data, if stores of one
// call are seen before stores of the next: `Policy::begin` orders them. With two slots that
// argument fails, and the tests show that it does.
//
// The same source runs on the device (one lane per CUDA thread) and on the host (one lane per
// rank); the memory model is the Policy:
//   void   begin()                          all earlier stores are seen before any later one
//   void   store(Packet*, Packet)           to any rank's memory
//   Packet load(const Packet*)              from own memory
//   bool   give_up(spins, peer, phase)      true ends the wait; the call then fails
//   void   end()                            later reads see what the loads saw
#pragma once

#include "protocol/number.hpp"

namespace dsk::protocol {

inline constexpr std::uint32_t sentinel = 0xffffffffu;
inline constexpr std::uint32_t max_ranks = 64;

struct alignas(16) Packet {
  std::uint32_t word[4];
};
inline constexpr std::uint64_t packet_bytes = sizeof(Packet);

DSK_SHARED_FN bool pending(const Packet& packet) {
  return packet.word[0] == sentinel || packet.word[1] == sentinel || packet.word[2] == sentinel ||
         packet.word[3] == sentinel;
}

DSK_SHARED_FN Packet cleared() {
  return Packet{{sentinel, sentinel, sentinel, sentinel}};
}

/// Data that looks like the sentinel becomes another NaN (of f32, or of both halves of a bf16 or
/// f16 pair).
DSK_SHARED_FN Packet sendable(Packet packet) {
  for (std::uint32_t& word : packet.word)
    if (word == sentinel) word = 0x7fffffffu;
  return packet;
}

/// Where a rank's region keeps what: [slot][source][packet].
struct Region {
  std::uint32_t slots;
  std::uint32_t sources;
  std::uint64_t capacity; // packets of one source

  DSK_SHARED_FN std::uint64_t at(std::uint32_t slot, std::uint32_t source,
                                 std::uint64_t packet) const {
    return (static_cast<std::uint64_t>(slot) * sources + source) * capacity + packet;
  }
  DSK_SHARED_FN std::uint64_t packets() const {
    return static_cast<std::uint64_t>(slots) * sources * capacity;
  }
};

/// What one rank knows of the rotation; it changes once per call, on the rank itself.
struct Turn {
  std::uint32_t epoch = 0;
  std::uint64_t last_packets = 0; // of the call before, which left its slot to be cleared

  DSK_SHARED_FN std::uint32_t slot(std::uint32_t slots) const { return epoch % slots; }
  DSK_SHARED_FN std::uint32_t stale_slot(std::uint32_t slots) const {
    return (epoch + slots - 1) % slots;
  }
  DSK_SHARED_FN Turn next(std::uint64_t packets) const { return Turn{epoch + 1, packets}; }
};

/// This lane's share of a loop.
struct Lanes {
  std::uint64_t first, step;
};

enum class Phase : std::uint32_t { gather = 1, reduce = 2, collect = 3 };

template <class Policy>
DSK_SHARED_FN bool wait_for(Policy& policy, const Packet* at, std::uint32_t peer, Phase phase,
                            Packet& out) {
  for (std::uint64_t spins = 0;; ++spins) {
    out = policy.load(at);
    if (!pending(out)) return true;
    if (policy.give_up(spins, peer, phase)) return false;
  }
}

/// Waits for one packet of every source and hands them on in rank order. The loads of up to eight
/// sources are under way together: one after the other, each would cost a round trip.
template <class Policy, class At, class Take>
DSK_SHARED_FN bool wait_for_all(Policy& policy, std::uint32_t sources, Phase phase, At at,
                                Take take) {
  constexpr std::uint32_t together = 8;
  for (std::uint32_t base = 0; base < sources; base += together) {
    Packet packet[together];
#ifdef __CUDA_ARCH__
#pragma unroll
#endif
    for (std::uint32_t j = 0; j < together; ++j)
      packet[j] = cleared();
    for (std::uint64_t spins = 0;; ++spins) {
#ifdef __CUDA_ARCH__
#pragma unroll
#endif
      for (std::uint32_t j = 0; j < together; ++j)
        if (base + j < sources && pending(packet[j])) packet[j] = policy.load(at(base + j));
      std::uint32_t missing = sources;
#ifdef __CUDA_ARCH__
#pragma unroll
#endif
      for (std::uint32_t j = 0; j < together; ++j)
        if (base + j < sources && missing == sources && pending(packet[j])) missing = base + j;
      if (missing == sources) break;
      if (policy.give_up(spins, missing, phase)) return false;
    }
#ifdef __CUDA_ARCH__
#pragma unroll
#endif
    for (std::uint32_t j = 0; j < together; ++j)
      if (base + j < sources) take(base + j, packet[j]);
  }
  return true;
}

/// One-shot, first half: send the whole vector to every rank.
template <class Policy, class Read>
DSK_SHARED_FN void one_shot_push(Policy& policy, const Region& region, std::uint32_t rank,
                                 Packet* const* memory, const Turn& turn, std::uint64_t packets,
                                 Lanes lanes, Read read) {
  policy.begin();
  const std::uint32_t slot = turn.slot(region.slots);
  for (std::uint64_t i = lanes.first; i < packets; i += lanes.step) {
    const Packet packet = sendable(read(i));
    for (std::uint32_t d = 0; d < region.sources; ++d) {
      const std::uint32_t peer = (rank + d) % region.sources; // spread over the links
      policy.store(memory[peer] + region.at(slot, rank, i), packet);
    }
  }
}

/// One-shot, second half: `take(i, source, packet)` sees every packet, sources in rank order. Then
/// what call e - 1 left is cleared: behind the waiting, where it delays nobody.
template <class Policy, class Take>
DSK_SHARED_FN bool one_shot_collect(Policy& policy, const Region& region, std::uint32_t rank,
                                    Packet* const* memory, const Turn& turn, std::uint64_t packets,
                                    Lanes lanes, Take take) {
  const std::uint32_t slot = turn.slot(region.slots);
  for (std::uint64_t i = lanes.first; i < packets; i += lanes.step)
    if (!wait_for_all(
            policy, region.sources, Phase::gather,
            [&](std::uint32_t source) { return memory[rank] + region.at(slot, source, i); },
            [&](std::uint32_t source, const Packet& packet) { take(i, source, packet); }))
      return false;
  const std::uint32_t stale = turn.stale_slot(region.slots);
  for (std::uint64_t i = lanes.first; i < turn.last_packets; i += lanes.step)
    for (std::uint32_t source = 0; source < region.sources; ++source)
      policy.store(memory[rank] + region.at(stale, source, i), cleared());
  policy.end();
  return true;
}

/// Two-shot: rank s owns slice s of the vector, adds it up and sends the sum to all.
struct TwoShot {
  Region partial; // [slot][source][packet of the slice]
  Region result;  // [slot][1][packet]

  DSK_SHARED_FN std::uint64_t slice(std::uint64_t packets) const {
    return (packets + partial.sources - 1) / partial.sources;
  }
};

template <class Policy, class Read>
DSK_SHARED_FN void two_shot_push(Policy& policy, const TwoShot& shape, std::uint32_t rank,
                                 Packet* const* partial, Packet* const* result, const Turn& turn,
                                 std::uint64_t packets, Lanes lanes, Read read) {
  policy.begin();
  const std::uint32_t ranks = shape.partial.sources;
  const std::uint32_t slot = turn.slot(shape.partial.slots);
  const std::uint64_t slice = shape.slice(packets);
  for (std::uint32_t d = 0; d < ranks; ++d) {
    const std::uint32_t owner = (rank + d) % ranks;
    const std::uint64_t from = owner * slice;
    for (std::uint64_t i = lanes.first; i < slice && from + i < packets; i += lanes.step)
      policy.store(partial[owner] + shape.partial.at(slot, rank, i), sendable(read(from + i)));
  }
  const std::uint32_t stale = turn.stale_slot(shape.partial.slots);
  const std::uint64_t stale_slice = shape.slice(turn.last_packets);
  for (std::uint64_t i = lanes.first; i < stale_slice; i += lanes.step)
    for (std::uint32_t source = 0; source < ranks; ++source)
      policy.store(partial[rank] + shape.partial.at(stale, source, i), cleared());
  for (std::uint64_t i = lanes.first; i < turn.last_packets; i += lanes.step)
    policy.store(result[rank] + shape.result.at(stale, 0, i), cleared());
}

/// `Sum` has add(packet) and packet(); a fresh one is made for each packet.
template <class Sum, class Policy>
DSK_SHARED_FN bool two_shot_reduce(Policy& policy, const TwoShot& shape, std::uint32_t rank,
                                   Packet* const* partial, Packet* const* result, const Turn& turn,
                                   std::uint64_t packets, Lanes lanes) {
  const std::uint32_t ranks = shape.partial.sources;
  const std::uint32_t slot = turn.slot(shape.partial.slots);
  const std::uint64_t slice = shape.slice(packets);
  const std::uint64_t from = rank * slice;
  for (std::uint64_t i = lanes.first; i < slice && from + i < packets; i += lanes.step) {
    Sum sum;
    if (!wait_for_all(
            policy, ranks, Phase::reduce,
            [&](std::uint32_t source) { return partial[rank] + shape.partial.at(slot, source, i); },
            [&](std::uint32_t, const Packet& packet) { sum.add(packet); }))
      return false;
    const Packet total = sendable(sum.packet());
    for (std::uint32_t d = 0; d < ranks; ++d)
      policy.store(result[(rank + d) % ranks] + shape.result.at(slot, 0, from + i), total);
  }
  return true;
}

template <class Policy, class Take>
DSK_SHARED_FN bool two_shot_collect(Policy& policy, const TwoShot& shape, std::uint32_t rank,
                                    Packet* const* result, const Turn& turn, std::uint64_t packets,
                                    Lanes lanes, Take take) {
  const std::uint32_t slot = turn.slot(shape.result.slots);
  const std::uint64_t slice = shape.slice(packets);
  for (std::uint64_t i = lanes.first; i < packets; i += lanes.step) {
    Packet packet;
    const std::uint32_t owner = static_cast<std::uint32_t>(i / slice);
    if (!wait_for(policy, result[rank] + shape.result.at(slot, 0, i), owner, Phase::collect,
                  packet))
      return false;
    take(i, packet);
  }
  policy.end();
  return true;
}

/// Sums of packets in single precision, in the order of add().
struct SumF32 {
  float value[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  DSK_SHARED_FN void add(const Packet& packet) {
    for (int i = 0; i < 4; ++i)
      value[i] += number::float_of(packet.word[i]);
  }
  DSK_SHARED_FN Packet packet() const {
    Packet out;
    for (int i = 0; i < 4; ++i)
      out.word[i] = number::bits_of(value[i]);
    return out;
  }
};

template <float (*From)(std::uint16_t), std::uint16_t (*To)(float)> struct SumPairs {
  float value[8] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
  DSK_SHARED_FN void add(const Packet& packet) {
    for (int i = 0; i < 4; ++i) {
      value[2 * i] += From(static_cast<std::uint16_t>(packet.word[i] & 0xffffu));
      value[2 * i + 1] += From(static_cast<std::uint16_t>(packet.word[i] >> 16));
    }
  }
  DSK_SHARED_FN Packet packet() const {
    Packet out;
    for (int i = 0; i < 4; ++i)
      out.word[i] = static_cast<std::uint32_t>(To(value[2 * i])) |
                    (static_cast<std::uint32_t>(To(value[2 * i + 1])) << 16);
    return out;
  }
};
using SumBf16 = SumPairs<number::from_bf16, number::to_bf16>;
using SumF16 = SumPairs<number::from_f16, number::to_f16>;

} // namespace dsk::protocol
