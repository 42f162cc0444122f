// The all-reduce protocol under seeded interleavings with delayed, reordered stores; and two broken
// variants (two slots, no ordering between calls) that the same search must catch.
#include <doctest/doctest.h>

#include <cmath>

#include "protocol/machine.hpp"

using namespace dsk::protocol;

namespace {

struct Outcome {
  std::uint64_t wrong = 0, stuck = 0;
};

struct Setup {
  std::uint32_t ranks, slots;
  bool two_shot, ordered;
  bool phases = false; // all packets of a phase before the next phase, else all at once
};

float term(std::uint32_t rank, std::uint32_t call, std::uint64_t packet, int word) {
  return static_cast<float>((rank + 1) * 64 + call * 8 + packet * 4 + static_cast<unsigned>(word));
}

/// Several calls of changing size on all ranks; every word of every result is checked. Ends at the
/// first seed that goes wrong.
Outcome search(const Setup& setup, std::uint64_t seeds) {
  constexpr std::uint64_t capacity = 3;
  constexpr std::uint64_t sizes[] = {2, 3, 1, 3, 2, 1};
  Outcome outcome;
  for (std::uint64_t seed = 1; seed <= seeds && outcome.wrong + outcome.stuck == 0; ++seed) {
    machine::Machine machine(seed, setup.ranks, setup.ordered);
    const Region gather{setup.slots, setup.ranks - 1, capacity};
    const TwoShotShape shape{
        {setup.slots, setup.ranks - 1, (capacity + setup.ranks - 1) / setup.ranks},
        {setup.slots, 1, capacity}};
    std::vector<std::vector<Packet>> first, second;
    std::vector<Packet*> first_at, second_at;
    for (std::uint32_t r = 0; r < setup.ranks; ++r) {
      first.emplace_back(setup.two_shot ? shape.partial.packets() : gather.packets(), cleared());
      second.emplace_back(shape.result.packets(), cleared());
    }
    for (std::uint32_t r = 0; r < setup.ranks; ++r) {
      first_at.push_back(first[r].data());
      second_at.push_back(second[r].data());
    }
    bool wrong = false;
    const bool finished = machine.run([&](std::size_t self) {
      machine::Machine::Policy policy{machine, self};
      const auto rank = static_cast<std::uint32_t>(self);
      Turn turn;
      for (std::uint32_t call = 0; call < std::size(sizes); ++call) {
        const std::uint64_t packets = sizes[call];
        const auto read = [&](std::uint64_t i) {
          Packet packet;
          for (int w = 0; w < 4; ++w)
            packet.word[w] = dsk::number::bits_of(term(rank, call, i, w));
          return packet;
        };
        const auto check = [&](std::uint64_t i, const Packet& packet) {
          for (int w = 0; w < 4; ++w) {
            float expected = 0;
            for (std::uint32_t r = 0; r < setup.ranks; ++r)
              expected += term(r, call, i, w);
            if (dsk::number::float_of(packet.word[w]) != expected) wrong = true;
          }
        };
        bool done = true;
        const Lanes lane{0, 1};
        if (setup.two_shot) {
          const TwoShot<SumF32, machine::Machine::Policy> side(policy, shape, rank, first_at.data(),
                                                               second_at.data(), turn, packets);
          if (setup.phases) {
            side.push(lane, read);
            done = side.reduce_all(lane, read, check) && side.collect(lane, check);
          } else {
            done = side.exchange(lane, read, check);
          }
        } else {
          const OneShot<machine::Machine::Policy> side{policy, gather, rank, first_at.data(), turn};
          SumF32 sum;
          const auto add = [&](std::uint64_t i, std::uint32_t source, const Packet& packet) {
            if (source == 0) sum = SumF32{};
            sum.add(packet);
            if (source + 1 == setup.ranks) check(i, sum.packet());
          };
          if (setup.phases) {
            side.push(packets, lane, read);
            done = side.collect(packets, lane, read, add);
          } else {
            done = side.exchange(packets, lane, read, add);
          }
        }
        if (!done) return;
        turn = turn.next(packets);
      }
    });
    outcome.stuck += !finished;
    outcome.wrong += wrong;
  }
  return outcome;
}

} // namespace

TEST_CASE("three slots with ordered calls: every interleaving that was tried is right") {
  for (const bool two_shot : {false, true})
    for (const bool phases : {false, true})
      for (const std::uint32_t ranks : {2u, 3u}) {
        CAPTURE(two_shot);
        CAPTURE(phases);
        CAPTURE(ranks);
        const Outcome outcome = search({ranks, 3, two_shot, true, phases}, ranks == 2 ? 300 : 120);
        CHECK(outcome.wrong == 0);
        CHECK(outcome.stuck == 0);
      }
}

TEST_CASE("two slots lose data, and the search finds it") {
  for (const bool two_shot : {false, true})
    for (const bool phases : {false, true}) {
      CAPTURE(two_shot);
      CAPTURE(phases);
      const Outcome outcome = search({2, 2, two_shot, true, phases}, 200);
      CHECK(outcome.wrong + outcome.stuck > 0);
    }
}

TEST_CASE("without order between calls a clear can wipe out data, and the search finds it") {
  for (const bool two_shot : {false, true})
    for (const bool phases : {false, true}) {
      CAPTURE(two_shot);
      CAPTURE(phases);
      const Outcome outcome = search({2, 3, two_shot, false, phases}, 800);
      CHECK(outcome.wrong + outcome.stuck > 0);
    }
}

TEST_CASE("data that looks like the sentinel arrives as a NaN, everything else unchanged") {
  for (const std::uint32_t word :
       {0u, 0x80000000u, 0x7f800000u, 0xff800000u, 0x7fc00000u, 0xfffffffeu, 0x3f803f80u}) {
    const Packet packet{{word, word, word, word}};
    for (int i = 0; i < 4; ++i)
      CHECK(sendable(packet).word[i] == word);
  }
  const Packet nan = sendable(cleared());
  CHECK(!pending(nan));
  CHECK(dsk::number::float_of(nan.word[0]) != dsk::number::float_of(nan.word[0]));
  CHECK(std::isnan(dsk::number::from_bf16(static_cast<std::uint16_t>(nan.word[0]))));
  CHECK(std::isnan(dsk::number::from_bf16(static_cast<std::uint16_t>(nan.word[0] >> 16))));
  CHECK(std::isnan(dsk::number::from_f16(static_cast<std::uint16_t>(nan.word[0]))));
  CHECK(std::isnan(dsk::number::from_f16(static_cast<std::uint16_t>(nan.word[0] >> 16))));
}

TEST_CASE("sums of packets round once, in rank order") {
  SumBf16 sum;
  Packet packet{};
  packet.word[0] = 0x3b803f80u; // bf16 pair: 1.0 (low) and 2^-8 (high)
  for (int i = 0; i < 3; ++i)
    sum.add(packet);
  CHECK(dsk::number::from_bf16(static_cast<std::uint16_t>(sum.packet().word[0])) == 3.0f);
  CHECK(dsk::number::from_bf16(static_cast<std::uint16_t>(sum.packet().word[0] >> 16)) ==
        0.01171875f);
}
