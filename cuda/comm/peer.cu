// The own all-reduce and all-gather over peer memory. Slots, rotation and status live in device
// memory that is allocated once; a kernel takes its turn from there and its last thread block moves
// it on, so that a captured graph replays right.
#include <algorithm>
#include <cstring>
#include <string>

#include "check.hpp"
#include "comm/comm.hpp"
#include "protocol/sentinel.hpp"

namespace dsk::cuda {
namespace {

using protocol::Packet;

constexpr std::uint32_t slots = 3;
constexpr int threads = 64; // small blocks spread a short message over many multiprocessors
constexpr std::uint32_t most_blocks = 128; // of one rank
constexpr std::uint32_t kernel_ranks = 16; // of one cooperative launch
/// Up to here one-shot; above it the whole vector to every rank costs more than a second step does.
constexpr std::uint64_t one_shot_limit(std::uint32_t ranks) {
  return std::max<std::uint64_t>(16 * 1024, 512 * 1024 / ranks);
}

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
  protocol::TwoShot two_shot;
  std::uint64_t timeout_ns;
  bool several_devices;
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
  bool several_devices;
  std::uint64_t start_ns = 0;

  /// The clears of the call before are complete with its kernel, for all of this device; the fence
  /// passes them on to peers on other devices that will read this call.
  __device__ void begin() {
    if (several_devices) __threadfence_system();
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

template <Kind kind, class Sum>
__global__ void __launch_bounds__(threads)
    one_shot_kernel(Shape shape, const __grid_constant__ Tables tables, Views views,
                    std::uint64_t bytes, std::uint64_t stride) {
  wait_for_producer();
  const RankView& self = views.of[blockIdx.y];
  const Reader reader{static_cast<const std::byte*>(self.in), bytes};
  // The first packet is on its way while the turn is looked up.
  const std::uint64_t mine = blockIdx.x * std::uint64_t{threads} + threadIdx.x;
  const Packet early = mine < (bytes + 15) / 16 ? reader(mine) : Packet{};
  const protocol::Turn turn = self.one_shot->turn[blockIdx.x];
  PeerMemory memory{self.status, &self.one_shot->stopped, turn.epoch, shape.timeout_ns,
                    shape.several_devices};
  const std::uint64_t packets = (bytes + 15) / 16;
  const protocol::Lanes lanes{mine, std::uint64_t{gridDim.x} * threads};
  if (!self.one_shot->stopped) {
    protocol::one_shot_push(memory, shape.one_shot, self.rank, tables.gather, turn, packets, lanes,
                            [&](std::uint64_t i) { return i == mine ? early : reader(i); });
    Sum sum;
    protocol::one_shot_collect(memory, shape.one_shot, self.rank, tables.gather, turn, packets,
                               lanes,
                               [&](std::uint64_t i, std::uint32_t source, const Packet& packet) {
                                 auto* out = static_cast<std::byte*>(self.out);
                                 if constexpr (kind == Kind::gather) {
                                   write_packet(out + source * stride, bytes, i, packet);
                                 } else {
                                   if (source == 0) sum = Sum{};
                                   sum.add(packet);
                                   if (source + 1 == shape.one_shot.sources)
                                     write_packet(out, bytes, i, sum.packet());
                                 }
                               });
  }
  finish(self.one_shot, turn, packets);
}

template <class Sum>
__global__ void __launch_bounds__(threads)
    two_shot_kernel(Shape shape, const __grid_constant__ Tables tables, Views views,
                    std::uint64_t bytes) {
  wait_for_producer();
  const RankView& self = views.of[blockIdx.y];
  const protocol::Turn turn = self.two_shot->turn[blockIdx.x];
  PeerMemory memory{self.status, &self.two_shot->stopped, turn.epoch, shape.timeout_ns,
                    shape.several_devices};
  const std::uint64_t packets = (bytes + 15) / 16;
  const protocol::Lanes lanes{blockIdx.x * std::uint64_t{threads} + threadIdx.x,
                              std::uint64_t{gridDim.x} * threads};
  if (!self.two_shot->stopped) {
    protocol::two_shot_push(memory, shape.two_shot, self.rank, tables.partial, tables.result, turn,
                            packets, lanes, Reader{static_cast<const std::byte*>(self.in), bytes});
    if (protocol::two_shot_reduce<Sum>(memory, shape.two_shot, self.rank, tables.partial,
                                       tables.result, turn, packets, lanes))
      protocol::two_shot_collect(memory, shape.two_shot, self.rank, tables.result, turn, packets,
                                 lanes, [&](std::uint64_t i, const Packet& packet) {
                                   write_packet(static_cast<std::byte*>(self.out), bytes, i,
                                                packet);
                                 });
  }
  finish(self.two_shot, turn, packets);
}

__global__ void clear_kernel(Packet* at, std::uint64_t packets) {
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < packets;
       i += std::uint64_t{gridDim.x} * blockDim.x)
    at[i] = protocol::cleared();
}

/// What the ranks of one communicator share: memory on every device, freed with the last rank.
struct Shared {
  struct Rank {
    Device* device = nullptr;
    Packet *gather = nullptr, *partial = nullptr, *result = nullptr;
    Rotation* rotations = nullptr;
    Status* status = nullptr;
    cudaEvent_t event = nullptr;
  };
  std::vector<Rank> ranks;
  Shape shape{};
  Tables tables{};
  std::uint32_t block_limit = 1; // of one rank, so that all ranks of a device are resident at once

  ~Shared() {
    for (Rank& rank : ranks) {
      try {
        const Current current(rank.device->ordinal);
        for (void* memory : {static_cast<void*>(rank.gather), static_cast<void*>(rank.partial),
                             static_cast<void*>(rank.result), static_cast<void*>(rank.rotations)})
          (void)cudaFree(memory);
        (void)cudaFreeHost(rank.status);
        if (rank.event) (void)cudaEventDestroy(rank.event);
      } catch (const Failure&) { // the device is gone; so is its memory
      }
    }
  }
};

class PeerComm final : public dsk_backend_comm {
public:
  PeerComm(std::shared_ptr<Shared> shared, std::uint32_t rank)
      : shared_(std::move(shared)), rank_(rank) {}

  void all_reduce(const dsk_backend_collective* calls, std::uint32_t count) override {
    require_matching(calls, count);
    const std::uint64_t bytes = calls[0].count * bytes_of(calls[0].dtype);
    const std::uint64_t most = shared_->shape.two_shot.result.capacity * 16;
    for (std::uint64_t from = 0; from < bytes; from += most)
      reduce_piece(calls, count, from, std::min(most, bytes - from));
  }

  void all_gather(const dsk_backend_collective* calls, std::uint32_t count) override {
    require_matching(calls, count);
    const std::uint64_t bytes = calls[0].count * bytes_of(calls[0].dtype);
    const std::uint64_t most = shared_->shape.one_shot.capacity * 16;
    for (std::uint64_t from = 0; from < bytes; from += most) {
      const std::uint64_t piece = std::min(most, bytes - from);
      launch(calls, count, from, piece,
             reinterpret_cast<const void*>(&one_shot_kernel<Kind::gather, protocol::SumF32>),
             bytes);
    }
  }

  void abort() noexcept override {
    for (const Shared::Rank& rank : shared_->ranks)
      rank.status->abort = 1;
  }
  void poll() override {
    const std::int32_t lost = lost_rank();
    if (lost != DSK_BACKEND_NO_RANK)
      throw Failure(DSK_STATUS_BACKEND, "rank " + std::to_string(lost) + " is lost: rank " +
                                            std::to_string(rank_) + " waited " +
                                            std::to_string(shared_->shape.timeout_ns / 1000000) +
                                            " ms for it in call " +
                                            std::to_string(shared_->ranks[rank_].status->epoch));
  }
  std::int32_t lost_rank() const noexcept override { return shared_->ranks[rank_].status->lost; }
  const char* transport() const noexcept override { return "peer"; }

private:
  static PeerComm& rank_of(const dsk_backend_collective& call) {
    return *static_cast<PeerComm*>(call.comm);
  }

  void reduce_piece(const dsk_backend_collective* calls, std::uint32_t count, std::uint64_t from,
                    std::uint64_t piece) {
    const bool one = piece <= shared_->shape.one_shot.capacity * 16;
    const auto pick = [&](auto sum) -> const void* {
      using Sum = decltype(sum);
      return one ? reinterpret_cast<const void*>(&one_shot_kernel<Kind::reduce, Sum>)
                 : reinterpret_cast<const void*>(&two_shot_kernel<Sum>);
    };
    const void* kernel = calls[0].dtype == DSK_DTYPE_F32    ? pick(protocol::SumF32{})
                         : calls[0].dtype == DSK_DTYPE_BF16 ? pick(protocol::SumBf16{})
                                                            : pick(protocol::SumF16{});
    launch(calls, count, from, piece, kernel, 0);
  }

  RankView view(const dsk_backend_collective& call, std::uint64_t from) const {
    const Shared::Rank& mine = shared_->ranks[rank_];
    RankView out{};
    out.rank = rank_;
    out.one_shot = mine.rotations;
    out.two_shot = mine.rotations + 1;
    out.status = mine.status;
    out.in = static_cast<const std::byte*>(call.in) + from;
    out.out = static_cast<std::byte*>(call.out) + from;
    return out;
  }

  /// Ranks of one device run in one cooperative kernel on the first one's stream, which the others'
  /// streams meet.
  void launch(const dsk_backend_collective* calls, std::uint32_t count, std::uint64_t from,
              std::uint64_t piece, const void* kernel, std::uint64_t stride) {
    bool done[DSK_BACKEND_MAX_RANKS] = {};
    for (std::uint32_t first = 0; first < count; ++first) {
      if (done[first]) continue;
      Device& device = *rank_of(calls[first]).shared_->ranks[rank_of(calls[first]).rank_].device;
      const Current current(device.ordinal);
      const cudaStream_t stream = stream_of(calls[first].stream);
      Views views{};
      std::uint32_t together = 0;
      for (std::uint32_t c = first; c < count; ++c) {
        PeerComm& other = rank_of(calls[c]);
        if (shared_->ranks[other.rank_].device->ordinal != device.ordinal) continue;
        done[c] = true;
        if (together == kernel_ranks)
          throw Failure(DSK_STATUS_UNSUPPORTED,
                        "more than " + std::to_string(kernel_ranks) + " ranks on one device");
        views.of[together++] = other.view(calls[c], from);
        if (calls[c].stream != calls[first].stream) {
          check(cudaEventRecord(shared_->ranks[other.rank_].event, stream_of(calls[c].stream)),
                "cudaEventRecord");
          check(cudaStreamWaitEvent(stream, shared_->ranks[other.rank_].event, 0),
                "cudaStreamWaitEvent");
        }
      }
      const std::uint64_t packets = (piece + 15) / 16;
      const auto blocks = static_cast<std::uint32_t>(
          std::clamp<std::uint64_t>((packets + threads - 1) / threads, 1, shared_->block_limit));
      void* parameters[] = {&shared_->shape, &shared_->tables, &views, &piece,
                            &stride}; // the two-shot kernel does without the last
      const dim3 grid(blocks, together);
      if (together > 1) {
        check(cudaLaunchCooperativeKernel(kernel, grid, dim3(threads), parameters, 0, stream),
              "launching the all-reduce");
      } else {
        cudaLaunchConfig_t config{};
        config.gridDim = grid;
        config.blockDim = dim3(threads);
        config.stream = stream;
        cudaLaunchAttribute attribute{};
        attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
        attribute.val.programmaticStreamSerializationAllowed = 1;
        config.attrs = &attribute;
        config.numAttrs = device.programmatic_launch ? 1 : 0;
        check(cudaLaunchKernelExC(&config, kernel, parameters), "launching the all-reduce");
      }
      const cudaEvent_t finished = shared_->ranks[rank_of(calls[first]).rank_].event;
      bool recorded = false;
      for (std::uint32_t c = first + 1; c < count; ++c) {
        if (calls[c].stream == calls[first].stream ||
            shared_->ranks[rank_of(calls[c]).rank_].device->ordinal != device.ordinal)
          continue;
        if (!recorded) check(cudaEventRecord(finished, stream), "cudaEventRecord");
        recorded = true;
        check(cudaStreamWaitEvent(stream_of(calls[c].stream), finished, 0), "cudaStreamWaitEvent");
      }
    }
  }

  std::shared_ptr<Shared> shared_;
  std::uint32_t rank_;
};

} // namespace

namespace {

/// Blocks of one rank that fit on the device together with those of the ranks beside it.
std::uint32_t resident_blocks(const Device& device, std::uint32_t ranks_beside) {
  int least = 1 << 20;
  const auto fits = [&](auto* kernel) {
    int blocks = 0;
    check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, 0),
          "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
    least = std::min(least, blocks);
  };
  fits(one_shot_kernel<Kind::gather, protocol::SumF32>);
  fits(one_shot_kernel<Kind::reduce, protocol::SumF32>);
  fits(one_shot_kernel<Kind::reduce, protocol::SumBf16>);
  fits(one_shot_kernel<Kind::reduce, protocol::SumF16>);
  fits(two_shot_kernel<protocol::SumF32>);
  fits(two_shot_kernel<protocol::SumBf16>);
  fits(two_shot_kernel<protocol::SumF16>);
  const auto all = static_cast<std::uint32_t>(least * device.multiprocessors) / ranks_beside;
  if (all == 0)
    throw Failure(DSK_STATUS_UNSUPPORTED,
                  std::to_string(ranks_beside) + " ranks do not fit on one device");
  return std::min(all, most_blocks);
}

} // namespace

std::vector<std::unique_ptr<dsk_backend_comm>>
make_peer_comms(const std::vector<Device*>& devices, const dsk_backend_comm_options& options) {
  const auto world = static_cast<std::uint32_t>(devices.size());
  auto shared = std::make_shared<Shared>();
  Shape& shape = shared->shape;
  const std::uint64_t packets =
      std::clamp<std::uint64_t>(options.max_bytes, 4096, std::uint64_t{1} << 30) / 16;
  shape.one_shot = {slots, world, std::min(packets, one_shot_limit(world) / 16)};
  shape.two_shot = {{slots, world, (packets + world - 1) / world}, {slots, 1, packets}};
  shape.timeout_ns = options.timeout_ms * 1000000;
  shape.several_devices = std::any_of(devices.begin(), devices.end(), [&](const Device* d) {
    return d->ordinal != devices[0]->ordinal;
  });
  for (Device* device : devices) {
    shared->ranks.emplace_back();
    Shared::Rank& rank = shared->ranks.back();
    rank.device = device;
    const Current current(device->ordinal);
    for (const Device* other : devices) {
      if (other->ordinal == device->ordinal) continue;
      int can = 0;
      check(cudaDeviceCanAccessPeer(&can, device->ordinal, other->ordinal),
            "cudaDeviceCanAccessPeer");
      if (!can)
        throw Failure(DSK_STATUS_UNSUPPORTED, "device " + std::to_string(device->ordinal) +
                                                  " cannot reach the memory of device " +
                                                  std::to_string(other->ordinal));
      const cudaError_t enabled = cudaDeviceEnablePeerAccess(other->ordinal, 0);
      if (enabled == cudaErrorPeerAccessAlreadyEnabled)
        (void)cudaGetLastError();
      else
        check(enabled, "cudaDeviceEnablePeerAccess");
    }
    const auto region = [&](Packet*& at, std::uint64_t count) {
      check(cudaMalloc(reinterpret_cast<void**>(&at), count * 16),
            "allocating the slots of a rank");
      clear_kernel<<<512, 256>>>(at, count);
      check(cudaGetLastError(), "clearing the slots of a rank");
    };
    region(rank.gather, shape.one_shot.packets());
    region(rank.partial, shape.two_shot.partial.packets());
    region(rank.result, shape.two_shot.result.packets());
    check(cudaMalloc(reinterpret_cast<void**>(&rank.rotations), 2 * sizeof(Rotation)),
          "cudaMalloc");
    check(cudaMemset(rank.rotations, 0, 2 * sizeof(Rotation)), "cudaMemset");
    check(cudaHostAlloc(reinterpret_cast<void**>(&rank.status), sizeof(Status),
                        cudaHostAllocMapped | cudaHostAllocPortable),
          "cudaHostAlloc");
    new (rank.status) Status;
    check(cudaEventCreateWithFlags(&rank.event, cudaEventDisableTiming), "cudaEventCreate");
    check(cudaDeviceSynchronize(), "clearing the slots");
  }
  shared->block_limit = most_blocks;
  for (const Device* device : devices) {
    const Current current(device->ordinal);
    const auto beside = static_cast<std::uint32_t>(
        std::count_if(devices.begin(), devices.end(),
                      [&](const Device* d) { return d->ordinal == device->ordinal; }));
    shared->block_limit = std::min(shared->block_limit, resident_blocks(*device, beside));
  }
  for (std::uint32_t r = 0; r < world; ++r) {
    shared->tables.gather[r] = shared->ranks[r].gather;
    shared->tables.partial[r] = shared->ranks[r].partial;
    shared->tables.result[r] = shared->ranks[r].result;
  }
  std::vector<std::unique_ptr<dsk_backend_comm>> comms;
  for (std::uint32_t r = 0; r < world; ++r)
    comms.push_back(std::make_unique<PeerComm>(shared, r));
  return comms;
}

} // namespace dsk::cuda
