// usage: race ordered|relaxed. Threads as ranks all-reduce through the protocol, always under
// ThreadSanitizer. Every call must also order ordinary memory: what a rank wrote before it, all
// ranks may read after it. The relaxed variant leaves acquire and release out; ThreadSanitizer must
// report it.
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "protocol/host_memory.hpp"

namespace {

using namespace dsk::protocol;

template <Order order> bool run() {
  constexpr std::uint32_t ranks = 4;
  constexpr std::uint64_t capacity = 8;
  constexpr std::uint32_t calls = 300;
  const Region gather{3, ranks - 1, capacity};
  const TwoShotShape shape{{3, ranks - 1, capacity / ranks}, {3, 1, capacity}};
  std::vector<std::vector<Packet>> memory[3];
  std::vector<Packet*> at[3];
  const std::uint64_t sizes[] = {gather.packets(), shape.partial.packets(), shape.result.packets()};
  for (int kind = 0; kind < 3; ++kind)
    for (std::uint32_t r = 0; r < ranks; ++r)
      memory[kind].emplace_back(sizes[kind], cleared());
  for (int kind = 0; kind < 3; ++kind)
    for (std::uint32_t r = 0; r < ranks; ++r)
      at[kind].push_back(memory[kind][r].data());
  std::vector<std::vector<std::uint32_t>> ordinary(ranks, std::vector<std::uint32_t>(calls));
  std::atomic<bool> abort{false}, good{true};
  std::vector<std::thread> threads;
  for (std::uint32_t rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      Turn one, two;
      for (std::uint32_t call = 0; call < calls; ++call) {
        ordinary[rank][call] = call + rank;
        HostMemory<order> policy;
        policy.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        policy.abort = &abort;
        const std::uint64_t packets = 1 + (call * 5) % capacity;
        const auto read = [&](std::uint64_t i) {
          Packet packet;
          for (std::uint32_t w = 0; w < 4; ++w)
            packet.word[w] = dsk::number::bits_of(static_cast<float>(rank + call + i + w));
          return packet;
        };
        const auto check = [&](std::uint64_t i, const Packet& packet) {
          for (std::uint32_t w = 0; w < 4; ++w)
            if (dsk::number::float_of(packet.word[w]) !=
                static_cast<float>(ranks * (call + i + w) + ranks * (ranks - 1) / 2))
              good = false;
        };
        bool done = true;
        const bool phases = call % 4 < 2; // else all at once
        const Lanes lane{0, 1};
        if (call % 2) {
          const TwoShot<SumF32, HostMemory<order>> side(policy, shape, rank, at[1].data(),
                                                        at[2].data(), two, packets);
          if (phases) {
            side.push(lane, read);
            done = side.reduce_all(lane, read, check) && side.collect(lane, check);
          } else {
            done = side.exchange(lane, read, check);
          }
          two = two.next(packets);
        } else {
          const OneShot<HostMemory<order>> side{policy, gather, rank, at[0].data(), one};
          SumF32 sum;
          const auto add = [&](std::uint64_t i, std::uint32_t source, const Packet& packet) {
            if (source == 0) sum = SumF32{};
            sum.add(packet);
            if (source + 1 == ranks) check(i, sum.packet());
          };
          if (phases) {
            side.push(packets, lane, read);
            done = side.collect(packets, lane, read, add);
          } else {
            done = side.exchange(packets, lane, read, add);
          }
          one = one.next(packets);
          for (std::uint32_t peer = 0; peer < ranks; ++peer)
            if (ordinary[peer][call] != call + peer) good = false;
        }
        if (!done) {
          good = false;
          return;
        }
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  return good;
}

} // namespace

int main(int argc, char** argv) {
  const bool relaxed = argc > 1 && std::strcmp(argv[1], "relaxed") == 0;
  const bool good = relaxed ? run<Order::relaxed>() : run<Order::ordered>();
  std::printf("%s\n", good ? "all sums right" : "a sum is wrong");
  return good ? 0 : 1;
}
