// The kernels of the own all-reduce and all-gather. Slots, rotation and status live in memory that
// is allocated once; a kernel takes its turn from there and its thread blocks move it on, so that a
// captured graph replays right.
#pragma once

#include <cstdint>

#include "dsk/backend.h"
#include "protocol/sentinel.hpp"

namespace dsk::cuda {
namespace {

using protocol::Packet;

constexpr int most_threads = 256;          // of a block
constexpr std::uint32_t most_blocks = 528; // of one rank
constexpr std::uint32_t kernel_ranks = 16; // of one cooperative launch

/// In host memory that the device sees: what the host must know or say while kernels run. Reading
/// it goes over PCIe, so kernels look at it only after a long wait.
struct Status {
  volatile std::int32_t lost = DSK_BACKEND_NO_RANK;
  volatile std::uint32_t phase = 0, epoch = 0;
  volatile std::uint32_t abort = 0;
};

/// The rotation of one region. Every thread block reads its own turn and moves its share of them
/// on, so that no block has to wait for another; all turns are the same between calls, whatever
/// their grids.
struct Rotation {
  protocol::Turn turn[most_blocks];
  unsigned int stopped = 0; // a wait has run out: later calls end at once
};

/// One rank's device memory as kernels see it.
struct RankView {
  std::uint32_t rank;
  Rotation* one_shot;
  Rotation* two_shot;
  Status* status;
  const void* in;
  void* out;
};
struct Views {
  RankView of[kernel_ranks];
};

/// Every rank's regions: kernel parameters, because a look-up in device memory would cost a round
/// trip before the first packet leaves.
struct Tables {
  Packet* gather[protocol::max_ranks]; // one-shot
  Packet* partial[protocol::max_ranks];
  Packet* result[protocol::max_ranks];
};

struct Shape {
  protocol::Region one_shot;
  protocol::TwoShotShape two_shot;
  std::uint64_t timeout_ns;
};

__device__ __forceinline__ std::uint64_t now_ns() {
  std::uint64_t value;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(value));
  return value;
}

/// Peer memory across links: 16-byte stores and loads that the caches do not hold back.
struct PeerMemory {
  Status* status;
  volatile unsigned int* stopped;
  std::uint32_t epoch;
  std::uint64_t timeout_ns;
  std::uint64_t start_ns = 0;

  /// The clears of the call before went to this device's own memory and are complete with its
  /// kernel: they are in this device's L2, through which peers' stores to it pass too. A fence here
  /// would order nothing more, and costs 1.5 us.
  __device__ void begin() {}
  /// The next kernel may come to its own wait for this one's end.
  __device__ void sent() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
  }
  /// Nothing but what the loads themselves brought is used after them.
  __device__ void end() {}
  __device__ void store(Packet* at, const Packet& packet) {
    asm volatile("st.volatile.global.v4.u32 [%0], {%1,%2,%3,%4};" ::"l"(at), "r"(packet.word[0]),
                 "r"(packet.word[1]), "r"(packet.word[2]), "r"(packet.word[3])
                 : "memory");
  }
  __device__ Packet load(const Packet* at) {
    Packet packet;
    asm volatile("ld.volatile.global.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(packet.word[0]), "=r"(packet.word[1]), "=r"(packet.word[2]),
                   "=r"(packet.word[3])
                 : "l"(at)
                 : "memory");
    return packet;
  }
  __device__ bool give_up(std::uint64_t spins, std::uint32_t peer, protocol::Phase phase) {
    if (spins % 256 != 255) return false;
    if (*stopped) return true;
    if (spins % 65536 == 65535 && status->abort) {
      *stopped = 1;
      return true;
    }
    const std::uint64_t now = now_ns();
    if (start_ns == 0) start_ns = now;
    if (now - start_ns <= timeout_ns) return false;
    status->phase = static_cast<std::uint32_t>(phase);
    status->epoch = epoch;
    status->lost = static_cast<std::int32_t>(peer);
    __threadfence_system();
    *stopped = 1;
    return true;
  }
};

struct Reader {
  const std::byte* in;
  std::uint64_t bytes;
  __device__ Packet operator()(std::uint64_t i) const {
    if ((i + 1) * 16 <= bytes) return *reinterpret_cast<const Packet*>(in + i * 16);
    Packet packet{};
    const auto* from = reinterpret_cast<const std::uint16_t*>(in + i * 16);
    for (std::uint64_t h = 0; h < (bytes - i * 16) / 2; ++h)
      packet.word[h / 2] |= static_cast<std::uint32_t>(from[h]) << (16 * (h % 2));
    return packet;
  }
};

__device__ __forceinline__ void write_packet(std::byte* out, std::uint64_t bytes, std::uint64_t i,
                                             const Packet& packet) {
  // Parts of a gather may begin at any element.
  if ((i + 1) * 16 <= bytes && reinterpret_cast<std::uintptr_t>(out) % 16 == 0) {
    *reinterpret_cast<Packet*>(out + i * 16) = packet;
    return;
  }
  auto* to = reinterpret_cast<std::uint16_t*>(out + i * 16);
  const std::uint64_t halves = (i + 1) * 16 <= bytes ? 8 : (bytes - i * 16) / 2;
  for (std::uint64_t h = 0; h < halves; ++h)
    to[h] = static_cast<std::uint16_t>(packet.word[h / 2] >> (16 * (h % 2)));
}

/// Called by every block at its end.
__device__ void finish(Rotation* rotation, const protocol::Turn& turn, std::uint64_t packets) {
  __syncthreads(); // all threads have read the turn
  for (std::uint32_t b = blockIdx.x + threadIdx.x * gridDim.x; b < most_blocks;
       b += gridDim.x * blockDim.x)
    rotation->turn[b] = turn.next(packets);
}

__device__ __forceinline__ void wait_for_producer() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

enum class Kind { reduce, gather };

/// `together`: see protocol::OneShot.
template <Kind kind, class Sum, std::uint32_t together>
__global__ void __launch_bounds__(most_threads)
    one_shot_kernel(Shape shape, const __grid_constant__ Tables tables, Views views,
                    std::uint64_t bytes, std::uint64_t stride) {
  wait_for_producer();
  const RankView& self = views.of[blockIdx.y];
  const Reader reader{static_cast<const std::byte*>(self.in), bytes};
  // The first packet is on its way while the turn is looked up.
  const std::uint64_t mine = blockIdx.x * std::uint64_t{blockDim.x} + threadIdx.x;
  const Packet early = mine < (bytes + 15) / 16 ? reader(mine) : Packet{};
  const protocol::Turn turn = self.one_shot->turn[blockIdx.x];
  PeerMemory memory{self.status, &self.one_shot->stopped, turn.epoch, shape.timeout_ns};
  const std::uint64_t packets = (bytes + 15) / 16;
  if (!self.one_shot->stopped) {
    const protocol::OneShot<PeerMemory, together> side{memory, shape.one_shot, self.rank,
                                                       tables.gather, turn};
    const std::uint32_t last = shape.one_shot.sources;
    Sum sum;
    side.exchange(
        packets, {mine, std::uint64_t{gridDim.x} * blockDim.x},
        [&](std::uint64_t i) { return i == mine ? early : reader(i); },
        [&](std::uint64_t i, std::uint32_t source, const Packet& packet) {
          auto* out = static_cast<std::byte*>(self.out);
          if constexpr (kind == Kind::gather) {
            write_packet(out + source * stride, bytes, i, packet);
          } else {
            if (source == 0) sum = Sum{};
            sum.add(packet);
            if (source == last) write_packet(out, bytes, i, sum.packet());
          }
        });
  }
  finish(self.one_shot, turn, packets);
}

template <class Sum, std::uint32_t together>
__global__ void __launch_bounds__(most_threads)
    two_shot_kernel(Shape shape, const __grid_constant__ Tables tables, Views views,
                    std::uint64_t bytes) {
  wait_for_producer();
  const RankView& self = views.of[blockIdx.y];
  const protocol::Turn turn = self.two_shot->turn[blockIdx.x];
  PeerMemory memory{self.status, &self.two_shot->stopped, turn.epoch, shape.timeout_ns};
  const std::uint64_t packets = (bytes + 15) / 16;
  if (!self.two_shot->stopped) {
    const protocol::TwoShot<Sum, PeerMemory, together> side(
        memory, shape.two_shot, self.rank, tables.partial, tables.result, turn, packets);
    side.exchange({blockIdx.x * std::uint64_t{blockDim.x} + threadIdx.x,
                   std::uint64_t{gridDim.x} * blockDim.x},
                  Reader{static_cast<const std::byte*>(self.in), bytes},
                  [&](std::uint64_t i, const Packet& packet) {
                    write_packet(static_cast<std::byte*>(self.out), bytes, i, packet);
                  });
  }
  finish(self.two_shot, turn, packets);
}

__global__ void clear_kernel(Packet* at, std::uint64_t packets) {
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < packets;
       i += std::uint64_t{gridDim.x} * blockDim.x)
    at[i] = protocol::cleared();
}

} // namespace
} // namespace dsk::cuda
