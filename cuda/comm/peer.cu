// The own all-reduce and all-gather over peer memory: who has what memory, and launching.
#include <algorithm>
#include <cstring>
#include <string>

#include "check.hpp"
#include "comm/comm.hpp"
#include "comm/peer_kernel.cuh"

namespace dsk::cuda {
namespace {

constexpr std::uint32_t slots = 3;

/// Up to here one-shot: two ranks send the same bytes in either form, and one-shot in one step. For
/// more, where the whole vector to every rank costs more than a second step does: measured with
/// ranks that share one device; on several devices set from 1.5 * (n / 4) * S / 370 GB/s against
/// 2.2 (n = 4) and 3.5 us (n = 8), not measured.
std::uint64_t one_shot_bytes(std::uint32_t ranks, bool several_devices, std::uint64_t piece) {
  if (ranks == 2) return piece;
  const std::uint64_t limit = (std::uint64_t{several_devices ? 2048u : 512u} << 10) / ranks;
  return std::min(piece, std::max<std::uint64_t>(16 * 1024, limit));
}

/// The thread blocks of one rank, all of them resident with those of the ranks beside it: small
/// blocks, and few, bring a short message into fewer steps; a long one needs bytes under way.
struct Grid {
  std::uint64_t packets; // up to so many
  int threads;
  std::uint32_t blocks;
};
/// Measured on two H100s over NVLink, 16 bytes to 64 MiB (docs/design/kernels.md).
constexpr Grid measured_grids[] = {
    {(std::uint64_t{768} << 10) / 16, 64, 264},
    {(std::uint64_t{5} << 20) / 16, 256, 264},
    {~std::uint64_t{0}, 256, 528},
};
/// The kernels for a number of ranks.
struct Kernels {
  struct Reduce {
    const void *one_shot, *two_shot;
  };
  Reduce f32{}, bf16{}, f16{};
  const void* gather = nullptr;

  explicit Kernels(std::uint32_t ranks) {
    if (ranks == 2)
      fill<1>();
    else if (ranks <= 4)
      fill<3>();
    else
      fill<7>();
  }

private:
  template <class Sum, std::uint32_t together> static Reduce reduce() {
    return {reinterpret_cast<const void*>(&one_shot_kernel<Kind::reduce, Sum, together>),
            reinterpret_cast<const void*>(&two_shot_kernel<Sum, together>)};
  }
  template <std::uint32_t together> void fill() {
    f32 = reduce<protocol::SumF32, together>();
    bf16 = reduce<protocol::SumBf16, together>();
    f16 = reduce<protocol::SumF16, together>();
    gather =
        reinterpret_cast<const void*>(&one_shot_kernel<Kind::gather, protocol::SumF32, together>);
  }
};

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
  Kernels kernels;
  Shape shape{};
  std::uint64_t piece_bytes = 0; // of an all-reduce, in one kernel
  Tables tables{};
  std::vector<Grid> grids; // by growing size

  const Grid& grid_for(std::uint64_t packets) const {
    for (const Grid& grid : grids)
      if (packets <= grid.packets) return grid;
    return grids.back();
  }

  explicit Shared(std::uint32_t world) : kernels(world) {}
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
    const std::uint64_t most = shared_->piece_bytes;
    for (std::uint64_t from = 0; from < bytes; from += most)
      reduce_piece(calls, count, from, std::min(most, bytes - from));
  }

  void all_gather(const dsk_backend_collective* calls, std::uint32_t count) override {
    require_matching(calls, count);
    const std::uint64_t bytes = calls[0].count * bytes_of(calls[0].dtype);
    const std::uint64_t most = shared_->shape.one_shot.capacity * 16;
    for (std::uint64_t from = 0; from < bytes; from += most) {
      const std::uint64_t piece = std::min(most, bytes - from);
      launch(calls, count, from, piece, (piece + 15) / 16, shared_->kernels.gather, bytes);
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
    const Kernels::Reduce& reduce = calls[0].dtype == DSK_DTYPE_F32    ? shared_->kernels.f32
                                    : calls[0].dtype == DSK_DTYPE_BF16 ? shared_->kernels.bf16
                                                                       : shared_->kernels.f16;
    const std::uint64_t packets = (piece + 15) / 16;
    if (packets <= shared_->shape.one_shot.capacity)
      launch(calls, count, from, piece, packets, reduce.one_shot, 0);
    else
      launch(calls, count, from, piece, shared_->shape.two_shot.slice(packets), reduce.two_shot, 0);
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
              std::uint64_t piece, std::uint64_t lanes, const void* kernel, std::uint64_t stride) {
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
      const Grid& shape = shared_->grid_for(lanes);
      const auto threads = static_cast<unsigned>(shape.threads);
      const auto blocks = static_cast<std::uint32_t>(
          std::clamp<std::uint64_t>((lanes + threads - 1) / threads, 1, shape.blocks));
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
std::uint32_t resident_blocks(const Device& device, const Kernels& kernels, int threads,
                              std::uint32_t ranks_beside) {
  int least = 1 << 20;
  for (const void* kernel :
       {kernels.gather, kernels.f32.one_shot, kernels.f32.two_shot, kernels.bf16.one_shot,
        kernels.bf16.two_shot, kernels.f16.one_shot, kernels.f16.two_shot}) {
    int blocks = 0;
    check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, 0),
          "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
    least = std::min(least, blocks);
  }
  const auto all = static_cast<std::uint32_t>(least * device.multiprocessors) / ranks_beside;
  if (all == 0)
    throw Failure(DSK_STATUS_UNSUPPORTED,
                  std::to_string(ranks_beside) + " ranks do not fit on one device");
  return all;
}

} // namespace

std::vector<std::unique_ptr<dsk_backend_comm>>
make_peer_comms(const std::vector<Device*>& devices, const dsk_backend_comm_options& options) {
  const auto world = static_cast<std::uint32_t>(devices.size());
  auto shared = std::make_shared<Shared>(world);
  Shape& shape = shared->shape;
  const bool several_devices = std::any_of(devices.begin(), devices.end(), [&](const Device* d) {
    return d->ordinal != devices[0]->ordinal;
  });
  const std::uint64_t bytes =
      std::clamp<std::uint64_t>(options.max_bytes, 4096, std::uint64_t{1} << 30) / 16 * 16;
  // Two ranks need no regions for the two-shot form, so the same memory holds longer pieces.
  shared->piece_bytes = world == 2 ? 2 * bytes : bytes;
  const std::uint64_t packets = shared->piece_bytes / 16;
  shape.one_shot = {slots, world - 1,
                    one_shot_bytes(world, several_devices, shared->piece_bytes) / 16};
  if (world > 2)
    shape.two_shot = {{slots, world - 1, (packets + world - 1) / world}, {slots, 1, packets}};
  shape.timeout_ns = options.timeout_ms * 1000000;
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
      if (count == 0) return;
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
  for (Grid grid : measured_grids) {
    for (const Device* device : devices) {
      const Current current(device->ordinal);
      const auto beside = static_cast<std::uint32_t>(
          std::count_if(devices.begin(), devices.end(),
                        [&](const Device* d) { return d->ordinal == device->ordinal; }));
      grid.blocks =
          std::min(grid.blocks, resident_blocks(*device, shared->kernels, grid.threads, beside));
    }
    shared->grids.push_back(grid);
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
