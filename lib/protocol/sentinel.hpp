// All-reduce over peer memory without flags: the data itself says that it has arrived.
//
// A slot word holds the sentinel (all ones: a NaN that no sum produces here) until a peer's data
// lands in it. A rank writes its vector into a slot of every peer, then reads its own slots until
// no sentinel is left. Its own part it takes from where it is.
//
// Slots rotate over three: call e writes slot e % 3 and clears slot (e + 2) % 3, which it read to
// the end in call e - 1 and which peers write next in call e + 2. A peer is in call e + 2 only
// after it has finished call e + 1, for which it needed this rank's data of call e + 1, which this
// rank sends after the clearing of call e. So a clear can never wipe out data, if the clears of one
// call have reached this rank's memory before the stores of the next leave: `Policy::begin` orders
// them. With two slots that argument fails, and the tests show that it does.
//
// Each form comes twice: as phases, for a thread that drives several ranks, and as an exchange that
// sends one packet, then waits for the one before it, so that the links do not stand still.
//
// The same source runs on the device (one lane per CUDA thread) and on the host (one lane per
// rank); the memory model is the Policy:
//   void   begin()                          clears of the call before precede every later store
//   void   sent()                           in an exchange: the lane's first packet has left
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

/// Where a rank's region keeps what: [slot][source][packet]. The sources are the other ranks.
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

/// Rank `rank` among the others as `holder` counts them, and back.
DSK_SHARED_FN std::uint32_t source_of(std::uint32_t rank, std::uint32_t holder) {
  return rank < holder ? rank : rank - 1;
}
DSK_SHARED_FN std::uint32_t rank_of(std::uint32_t source, std::uint32_t holder) {
  return source < holder ? source : source + 1;
}

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

/// Waits for one packet of each of `sources` and hands them on in order. The loads of up to
/// `together` of them are under way at once: one after the other, each would cost a round trip.
template <std::uint32_t together, class Policy, class At, class Take>
DSK_SHARED_FN bool wait_for_all(Policy& policy, std::uint32_t holder, std::uint32_t sources,
                                Phase phase, At at, Take take) {
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
      if (policy.give_up(spins, rank_of(missing, holder), phase)) return false;
    }
#ifdef __CUDA_ARCH__
#pragma unroll
#endif
    for (std::uint32_t j = 0; j < together; ++j)
      if (base + j < sources) take(base + j, packet[j]);
  }
  return true;
}

/// The same with the holder's own packet among them, all in the order of ranks.
template <std::uint32_t together, class Policy, class At, class Take>
DSK_SHARED_FN bool in_rank_order(Policy& policy, std::uint32_t rank, std::uint32_t sources,
                                 Phase phase, const Packet& own, At at, Take take) {
  const Packet mine = sendable(own); // as the others see it, so that all sums have the same bits
  if (rank == 0) take(rank, mine);
  if (!wait_for_all<together>(policy, rank, sources, phase, at,
                              [&](std::uint32_t source, const Packet& packet) {
                                take(rank_of(source, rank), packet);
                                if (source + 1 == rank) take(rank, mine);
                              }))
    return false;
  return true;
}

/// One rank's side of one call in the one-shot form: every rank sends its whole vector to all.
/// `together`: loads of other ranks that are under way at once.
template <class Policy, std::uint32_t together = 8> struct OneShot {
  Policy& policy;
  const Region& region;
  std::uint32_t rank;
  Packet* const* memory;
  const Turn& turn;

  DSK_SHARED_FN void send(std::uint64_t i, const Packet& packet) const {
    const std::uint32_t slot = turn.slot(region.slots), ranks = region.sources + 1;
    const Packet sent = sendable(packet);
    for (std::uint32_t d = 1; d < ranks; ++d) { // spread over the links
      const std::uint32_t peer = rank + d < ranks ? rank + d : rank + d - ranks;
      policy.store(memory[peer] + region.at(slot, source_of(rank, peer), i), sent);
    }
  }
  /// `take(i, source, packet)` sees every rank's packet i, in rank order.
  template <class Take>
  DSK_SHARED_FN bool receive(std::uint64_t i, const Packet& own, Take& take) const {
    const Packet* const from = memory[rank] + region.at(turn.slot(region.slots), 0, i);
    return in_rank_order<together>(
        policy, rank, region.sources, Phase::gather, own,
        [&](std::uint32_t source) { return from + source * region.capacity; },
        [&](std::uint32_t source, const Packet& packet) { take(i, source, packet); });
  }
  /// What call e - 1 left.
  DSK_SHARED_FN void clear(std::uint64_t i) const {
    if (i >= turn.last_packets) return;
    Packet* const at = memory[rank] + region.at(turn.stale_slot(region.slots), 0, i);
    for (std::uint32_t source = 0; source < region.sources; ++source)
      policy.store(at + source * region.capacity, cleared());
  }

  template <class Read>
  DSK_SHARED_FN void push(std::uint64_t packets, Lanes lanes, Read read) const {
    policy.begin();
    for (std::uint64_t i = lanes.first; i < packets || i < turn.last_packets; i += lanes.step) {
      if (i < packets) send(i, read(i));
      clear(i);
    }
  }
  template <class Read, class Take>
  DSK_SHARED_FN bool collect(std::uint64_t packets, Lanes lanes, Read read, Take take) const {
    for (std::uint64_t i = lanes.first; i < packets; i += lanes.step)
      if (!receive(i, read(i), take)) return false;
    policy.end();
    return true;
  }
  /// Both at once.
  template <class Read, class Take>
  DSK_SHARED_FN bool exchange(std::uint64_t packets, Lanes lanes, Read read, Take take) const {
    policy.begin();
    std::uint64_t i = lanes.first;
    if (i < packets) {
      send(i, read(i));
      policy.sent();
      clear(i);
      for (i += lanes.step; i < packets; i += lanes.step) {
        send(i, read(i));
        clear(i);
        if (!receive(i - lanes.step, read(i - lanes.step), take)) return false;
      }
      if (!receive(i - lanes.step, read(i - lanes.step), take)) return false;
    } else {
      policy.sent();
    }
    for (; i < turn.last_packets; i += lanes.step)
      clear(i);
    policy.end();
    return true;
  }
};

/// Rank s owns slice s of the vector, adds it up and sends the sum to all.
struct TwoShotShape {
  Region partial; // [slot][source][packet of the slice]
  Region result;  // [slot][1][packet]

  DSK_SHARED_FN std::uint64_t slice(std::uint64_t packets) const {
    const std::uint32_t ranks = partial.sources + 1;
    return (packets + ranks - 1) / ranks;
  }
};

/// One rank's side of one call in the two-shot form. A lane has packet i of every slice. `Sum` has
/// add(packet) and packet(); a fresh one is made for each packet.
template <class Sum, class Policy, std::uint32_t together = 8> struct TwoShot {
  Policy& policy;
  const TwoShotShape& shape;
  std::uint32_t rank;
  Packet* const* partial;
  Packet* const* result;
  const Turn& turn;
  std::uint64_t packets, slice, stale_slice;

  DSK_SHARED_FN TwoShot(Policy& policy_, const TwoShotShape& shape_, std::uint32_t rank_,
                        Packet* const* partial_, Packet* const* result_, const Turn& turn_,
                        std::uint64_t packets_)
      : policy(policy_), shape(shape_), rank(rank_), partial(partial_), result(result_),
        turn(turn_), packets(packets_), slice(shape_.slice(packets_)),
        stale_slice(shape_.slice(turn_.last_packets)) {}

  DSK_SHARED_FN std::uint32_t slot() const { return turn.slot(shape.partial.slots); }
  DSK_SHARED_FN std::uint32_t ranks() const { return shape.partial.sources + 1; }
  DSK_SHARED_FN std::uint32_t peer(std::uint32_t distance) const {
    return rank + distance < ranks() ? rank + distance : rank + distance - ranks();
  }

  template <class Read> DSK_SHARED_FN void send(std::uint64_t i, Read& read) const {
    for (std::uint32_t d = 1; d < ranks(); ++d) {
      const std::uint32_t owner = peer(d);
      if (owner * slice + i < packets)
        policy.store(partial[owner] + shape.partial.at(slot(), source_of(rank, owner), i),
                     sendable(read(owner * slice + i)));
    }
  }
  template <class Read, class Take>
  DSK_SHARED_FN bool reduce(std::uint64_t i, Read& read, Take& take) const {
    const std::uint64_t at = rank * slice + i;
    if (at >= packets) return true;
    const Packet* const from = partial[rank] + shape.partial.at(slot(), 0, i);
    Sum sum;
    if (!in_rank_order<together>(
            policy, rank, shape.partial.sources, Phase::reduce, read(at),
            [&](std::uint32_t source) { return from + source * shape.partial.capacity; },
            [&](std::uint32_t, const Packet& packet) { sum.add(packet); }))
      return false;
    const Packet total = sendable(sum.packet());
    for (std::uint32_t d = 1; d < ranks(); ++d)
      policy.store(result[peer(d)] + shape.result.at(slot(), 0, at), total);
    take(at, total);
    return true;
  }
  template <class Take> DSK_SHARED_FN bool receive(std::uint64_t i, Take& take) const {
    std::uint32_t owners = ranks(); // whose slices have a packet i
    while (owners > 0 && (owners - 1) * slice + i >= packets)
      --owners;
    const Packet* const from = result[rank] + shape.result.at(slot(), 0, i);
    return wait_for_all<together>(
        policy, rank, rank < owners ? owners - 1 : owners, Phase::collect,
        [&](std::uint32_t source) { return from + rank_of(source, rank) * slice; },
        [&](std::uint32_t source, const Packet& packet) {
          take(rank_of(source, rank) * slice + i, packet);
        });
  }
  /// What call e - 1 left.
  DSK_SHARED_FN void clear(std::uint64_t i) const {
    if (i >= stale_slice) return;
    const std::uint32_t stale = turn.stale_slot(shape.partial.slots);
    Packet* const sums = partial[rank] + shape.partial.at(stale, 0, i);
    Packet* const whole = result[rank] + shape.result.at(stale, 0, i);
    for (std::uint32_t source = 0; source < shape.partial.sources; ++source) {
      policy.store(sums + source * shape.partial.capacity, cleared());
      const std::uint64_t at = rank_of(source, rank) * stale_slice;
      if (at + i < turn.last_packets) policy.store(whole + at, cleared());
    }
  }

  template <class Read> DSK_SHARED_FN void push(Lanes lanes, Read read) const {
    policy.begin();
    for (std::uint64_t i = lanes.first; i < slice || i < stale_slice; i += lanes.step) {
      if (i < slice) send(i, read);
      clear(i);
    }
  }
  template <class Read, class Take>
  DSK_SHARED_FN bool reduce_all(Lanes lanes, Read read, Take take) const {
    for (std::uint64_t i = lanes.first; i < slice; i += lanes.step)
      if (!reduce(i, read, take)) return false;
    return true;
  }
  template <class Take> DSK_SHARED_FN bool collect(Lanes lanes, Take take) const {
    for (std::uint64_t i = lanes.first; i < slice; i += lanes.step)
      if (!receive(i, take)) return false;
    policy.end();
    return true;
  }
  /// All three at once, each a step behind the one before.
  template <class Read, class Take>
  DSK_SHARED_FN bool exchange(Lanes lanes, Read read, Take take) const {
    policy.begin();
    const std::uint64_t step = lanes.step, second = lanes.first + step, third = second + step;
    std::uint64_t i = lanes.first;
    for (; i < slice + 2 * step; i += step) {
      if (i < slice) send(i, read);
      if (i == lanes.first) policy.sent();
      clear(i);
      if (i >= second && i - step < slice && !reduce(i - step, read, take)) return false;
      if (i >= third && !receive(i - 2 * step, take)) return false;
    }
    for (; i < stale_slice; i += step)
      clear(i);
    policy.end();
    return true;
  }
};

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
