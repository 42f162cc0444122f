// What the links carry: host and device, device and device, and all devices together.
#include <cstring>

#include "comm/comm.hpp"
#include "probe/case.hpp"
#include "probe/fill.hpp"

namespace dsk::cuda::probe {
namespace {

class HostMemory {
public:
  HostMemory(std::uint64_t bytes, bool pinned) : pinned_(pinned) {
    if (pinned)
      check(cudaHostAlloc(&pointer_, bytes, cudaHostAllocDefault), "cudaHostAlloc");
    else
      pointer_ = ::operator new (bytes, std::align_val_t{4096});
    auto* words = static_cast<std::uint32_t*>(pointer_);
    for (std::uint64_t i = 0; i < bytes / 4; ++i)
      words[i] = random_bits(i, 9);
  }
  ~HostMemory() {
    if (pinned_)
      (void)cudaFreeHost(pointer_);
    else
      ::operator delete (pointer_, std::align_val_t{4096});
  }
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;
  void* get() const { return pointer_; }

private:
  void* pointer_ = nullptr;
  bool pinned_;
};

/// Copies; with both directions the second goes over a stream of its own that begins and ends with
/// the first.
class CopyCase : public dsk_backend_bench_case {
public:
  CopyCase(Device& owner, const dsk_backend_bench_desc& desc)
      : dsk_backend_bench_case(owner), bytes_(desc.bytes),
        both_((desc.flags & DSK_BACKEND_BENCH_BOTH_WAYS) != 0) {
    if (bytes_ < 4 || bytes_ % 4)
      throw Failure(DSK_STATUS_INVALID_ARGUMENT,
                    "bytes is " + std::to_string(bytes_) + ", must be a multiple of 4");
    info.bytes = static_cast<double>(bytes_) * (both_ ? 2 : 1);
    if (desc.kind == DSK_BACKEND_BENCH_PEER_COPY)
      prepare_peer(desc.peer);
    else
      prepare_host(desc.kind == DSK_BACKEND_BENCH_FROM_HOST,
                   (desc.flags & DSK_BACKEND_BENCH_PINNED) != 0);
    check(cudaStreamCreateWithFlags(&back_, cudaStreamNonBlocking), "cudaStreamCreate");
    check(cudaEventCreateWithFlags(&fork_, cudaEventDisableTiming), "cudaEventCreate");
    check(cudaEventCreateWithFlags(&join_, cudaEventDisableTiming), "cudaEventCreate");
    verify();
  }
  ~CopyCase() override {
    if (join_) (void)cudaEventDestroy(join_);
    if (fork_) (void)cudaEventDestroy(fork_);
    if (back_) (void)cudaStreamDestroy(back_);
  }

  void enqueue(cudaStream_t stream, std::uint64_t) override {
    if (both_) {
      check(cudaEventRecord(fork_, stream), "cudaEventRecord");
      check(cudaStreamWaitEvent(back_, fork_), "cudaStreamWaitEvent");
      check(cudaMemcpyAsync(back_to_, back_from_, bytes_, cudaMemcpyDefault, back_),
            "copying back");
      check(cudaEventRecord(join_, back_), "cudaEventRecord");
    }
    check(cudaMemcpyAsync(to_, from_, bytes_, cudaMemcpyDefault, stream), "copying");
    if (both_) check(cudaStreamWaitEvent(stream, join_), "cudaStreamWaitEvent");
  }

private:
  void prepare_host(bool from_host, bool pinned) {
    host_ = std::make_unique<HostMemory>(bytes_, pinned);
    here_ = Memory(bytes_);
    fill_words(here_.get(), bytes_ / 4, 3, false, stream_);
    check(cudaStreamSynchronize(stream_), "filling the buffers");
    from_ = from_host ? host_->get() : here_.get();
    to_ = from_host ? here_.get() : host_->get();
    if (both_) {
      host_back_ = std::make_unique<HostMemory>(bytes_, pinned);
      there_ = Memory(bytes_);
      back_from_ = from_host ? there_.get() : host_back_->get();
      back_to_ = from_host ? host_back_->get() : there_.get();
    }
    describe(std::string("cudaMemcpyAsync, ") + (pinned ? "pinned" : "pageable") + " host memory");
  }

  void prepare_peer(int peer) {
    int count = 0;
    check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    if (peer < 0 || peer >= count)
      throw Failure(DSK_STATUS_NOT_FOUND, "there is no device " + std::to_string(peer));
    int reach = 0;
    if (peer != device.ordinal) {
      check(cudaDeviceCanAccessPeer(&reach, device.ordinal, peer), "cudaDeviceCanAccessPeer");
      for (const auto& [from, to] :
           {std::pair{device.ordinal, peer}, std::pair{peer, device.ordinal}}) {
        const Current current(from);
        const cudaError_t status = reach ? cudaDeviceEnablePeerAccess(to, 0) : cudaSuccess;
        if (status == cudaErrorPeerAccessAlreadyEnabled)
          (void)cudaGetLastError();
        else
          check(status, "cudaDeviceEnablePeerAccess");
      }
    }
    here_ = Memory(bytes_);
    here_back_ = Memory(bytes_);
    {
      const Current current(peer);
      there_ = Memory(bytes_);
      there_back_ = Memory(bytes_);
    }
    fill_words(here_.get(), bytes_ / 4, 3, false, stream_);
    check(cudaStreamSynchronize(stream_), "filling the buffers");
    from_ = here_.get();
    to_ = there_.get();
    back_from_ = there_back_.get();
    back_to_ = here_back_.get();
    describe(peer == device.ordinal ? "copy engine, within the device"
             : reach                ? "copy engine, peer access"
                                    : "copy engine, through the host: no peer access");
  }

  void verify() {
    enqueue(stream_, 0);
    check(cudaStreamSynchronize(stream_), "the first copy");
    check(cudaStreamSynchronize(back_), "the first copy");
    std::vector<char> sent(4), got(4);
    info.checked = 1;
    for (const std::uint64_t at : {std::uint64_t{0}, bytes_ / 8 * 4, bytes_ - 4}) {
      check(cudaMemcpy(sent.data(), static_cast<const char*>(from_) + at, 4, cudaMemcpyDefault),
            "reading the source");
      check(cudaMemcpy(got.data(), static_cast<char*>(to_) + at, 4, cudaMemcpyDefault),
            "reading the copy");
      if (sent != got) info.relative_error = 1;
    }
  }

  std::uint64_t bytes_;
  bool both_;
  std::unique_ptr<HostMemory> host_, host_back_;
  Memory here_, here_back_, there_, there_back_;
  const void* from_ = nullptr;
  void* to_ = nullptr;
  const void* back_from_ = nullptr;
  void* back_to_ = nullptr;
  cudaStream_t back_ = nullptr;
  cudaEvent_t fork_ = nullptr, join_ = nullptr;
};

/// All-reduce over the first `count` devices by the vendor's library; the time is that of the first
/// one's stream, which cannot end before the others have sent.
class AllReduceCase : public dsk_backend_bench_case {
public:
  AllReduceCase(Device& owner, const dsk_backend_bench_desc& desc)
      : dsk_backend_bench_case(owner), count_(desc.bytes / 2) {
    int present = 0;
    check(cudaGetDeviceCount(&present), "cudaGetDeviceCount");
    if (desc.count < 2 || desc.count > static_cast<unsigned>(present))
      throw Failure(DSK_STATUS_UNSUPPORTED, "an all-reduce over " + std::to_string(desc.count) +
                                                " devices needs as many; this machine has " +
                                                std::to_string(present));
    if (count_ == 0) throw Failure(DSK_STATUS_INVALID_ARGUMENT, "bytes must be at least 2");
    if (!nccl_missing().empty()) throw Failure(DSK_STATUS_UNAVAILABLE, nccl_missing());
    std::vector<Device*> devices;
    for (int i = 0; i < static_cast<int>(desc.count); ++i) {
      owned_.push_back(std::make_unique<Device>(i));
      devices.push_back(owned_.back().get());
    }
    comms_ = make_nccl_comms(devices);
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const Current current(devices[i]->ordinal);
      data_.emplace_back(count_ * 2);
      cudaStream_t stream = nullptr;
      if (devices[i]->ordinal == owner.ordinal)
        stream = stream_;
      else
        check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
      streams_.push_back(stream);
      fill(data_.back().get(), DSK_DTYPE_BF16, count_, static_cast<std::uint32_t>(i), false,
           stream);
      check(cudaStreamSynchronize(stream), "filling the buffers");
    }
    info.bytes = static_cast<double>(count_) * 2;
    describe("NCCL " + nccl_version());
  }
  ~AllReduceCase() override {
    comms_.clear();
    for (std::size_t i = 0; i < streams_.size(); ++i)
      if (streams_[i] != stream_) (void)cudaStreamDestroy(streams_[i]);
  }

  void enqueue(cudaStream_t, std::uint64_t) override {
    std::vector<dsk_backend_collective> calls(comms_.size());
    for (std::size_t i = 0; i < comms_.size(); ++i) {
      calls[i].comm = comms_[i].get();
      calls[i].dtype = DSK_DTYPE_BF16;
      calls[i].count = count_;
      calls[i].in = data_[i].get();
      calls[i].out = data_[i].get();
      calls[i].stream = streams_[i];
    }
    comms_[0]->all_reduce(calls.data(), static_cast<std::uint32_t>(calls.size()));
  }

private:
  std::uint64_t count_;
  std::vector<std::unique_ptr<Device>> owned_;
  std::vector<std::unique_ptr<dsk_backend_comm>> comms_;
  std::vector<Memory> data_;
  std::vector<cudaStream_t> streams_;
};

} // namespace

Case make_link(Device& device, const dsk_backend_bench_desc& desc) {
  if (desc.kind == DSK_BACKEND_BENCH_ALL_REDUCE)
    return std::make_unique<AllReduceCase>(device, desc);
  return std::make_unique<CopyCase>(device, desc);
}

} // namespace dsk::cuda::probe
