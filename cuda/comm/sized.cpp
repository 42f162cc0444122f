// The own protocol up to a size, the vendor's library above: what a communicator on several devices
// chooses by itself. The size depends on nothing but the number of ranks, so that all ranks and all
// runs choose alike, inside a capture as outside.
#include "check.hpp"
#include "comm/comm.hpp"

namespace dsk::cuda {
namespace {

/// Largest message of the own protocol. Two ranks: never slower than NCCL 2.28.9 at 1 KiB to 256
/// MiB on two H100s, 1.02 times its time at 512 MiB (docs/results/2026-11-24-two-gpus.md). More
/// ranks: one piece of the default size; assumed, not measured.
std::uint64_t own_limit_bytes(std::size_t ranks) {
  return std::uint64_t{ranks == 2 ? 256u : 8u} << 20;
}

class SizedComm final : public dsk_backend_comm {
public:
  SizedComm(std::unique_ptr<dsk_backend_comm> own, std::unique_ptr<dsk_backend_comm> vendor,
            std::uint64_t limit_bytes, std::uint32_t world)
      : own_(std::move(own)), vendor_(std::move(vendor)), limit_bytes_(limit_bytes), world_(world) {
  }

  void all_reduce(const dsk_backend_collective* calls, std::uint32_t count) override {
    const Chosen list(calls, count, calls[0].count * bytes_of(calls[0].dtype));
    list.calls[0].comm->all_reduce(list.calls, count);
  }
  void all_gather(const dsk_backend_collective* calls, std::uint32_t count) override {
    const Chosen list(calls, count, calls[0].count * bytes_of(calls[0].dtype) * world_);
    list.calls[0].comm->all_gather(list.calls, count);
  }
  void abort() noexcept override {
    own_->abort();
    vendor_->abort();
  }
  void poll() override {
    own_->poll();
    vendor_->poll();
  }
  std::int32_t lost_rank() const noexcept override { return own_->lost_rank(); }
  const char* transport() const noexcept override { return "peer+nccl"; }

private:
  /// The same calls on the communicators that take messages of this size. On the stack: nothing is
  /// allocated.
  struct Chosen {
    dsk_backend_collective calls[DSK_BACKEND_MAX_RANKS];
    Chosen(const dsk_backend_collective* from, std::uint32_t count, std::uint64_t bytes) {
      for (std::uint32_t i = 0; i < count; ++i) {
        const auto& self = *static_cast<const SizedComm*>(from[i].comm);
        calls[i] = from[i];
        calls[i].comm = (bytes <= self.limit_bytes_ ? self.own_ : self.vendor_).get();
      }
    }
  };

  std::unique_ptr<dsk_backend_comm> own_, vendor_;
  std::uint64_t limit_bytes_;
  std::uint32_t world_;
};

bool reach_each_other(const std::vector<Device*>& devices) {
  for (const Device* from : devices)
    for (const Device* to : devices) {
      int can = 1;
      if (from->ordinal != to->ordinal)
        check(cudaDeviceCanAccessPeer(&can, from->ordinal, to->ordinal), "cudaDeviceCanAccessPeer");
      if (!can) return false;
    }
  return true;
}

} // namespace

std::vector<std::unique_ptr<dsk_backend_comm>>
make_auto_comms(const std::vector<Device*>& devices, const dsk_backend_comm_options& options) {
  bool repeated = false;
  for (std::size_t i = 0; i < devices.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      repeated = repeated || devices[i]->ordinal == devices[j]->ordinal;
  if (repeated || !nccl_missing().empty()) return make_peer_comms(devices, options);
  if (!reach_each_other(devices)) return make_nccl_comms(devices);
  auto own = make_peer_comms(devices, options);
  std::vector<std::unique_ptr<dsk_backend_comm>> vendor;
  try {
    vendor = make_nccl_comms(devices);
  } catch (const Failure&) {
    return own; // a library that does not come up here takes nothing away; transport() says "peer"
  }
  for (std::size_t r = 0; r < own.size(); ++r)
    own[r] = std::make_unique<SizedComm>(std::move(own[r]), std::move(vendor[r]),
                                         own_limit_bytes(devices.size()),
                                         static_cast<std::uint32_t>(devices.size()));
  return own;
}

} // namespace dsk::cuda
