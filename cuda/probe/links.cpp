// What the links carry: host and device, device and device, and all devices together.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

#include "comm/comm.hpp"
#include "probe/case.hpp"
#include "probe/fill.hpp"
#include "probe/operands.hpp"

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

/// All-reduce of `count` ranks: over devices from the owner's on by the vendor's library, or by the
/// own protocol, which also runs ranks that share a device. Every device has a thread, a stream and
/// a graph of its own. The time is that of the owner's stream, which cannot end before the others
/// have sent.
class AllReduceCase : public dsk_backend_bench_case {
public:
  AllReduceCase(Device& owner, const dsk_backend_bench_desc& desc)
      : dsk_backend_bench_case(owner), count_(desc.bytes / 2) {
    const bool own = (desc.flags & DSK_BACKEND_BENCH_OWN) != 0;
    int present = 0;
    check(cudaGetDeviceCount(&present), "cudaGetDeviceCount");
    if (desc.count < 2 || desc.count > (own ? 16 : static_cast<unsigned>(present)))
      throw Failure(DSK_STATUS_UNSUPPORTED, "an all-reduce over " + std::to_string(desc.count) +
                                                " devices needs as many; this machine has " +
                                                std::to_string(present));
    if (count_ == 0) throw Failure(DSK_STATUS_INVALID_ARGUMENT, "bytes must be at least 2");
    if (!own && !nccl_missing().empty()) throw Failure(DSK_STATUS_UNAVAILABLE, nccl_missing());
    const int width = std::min(present, static_cast<int>(desc.count));
    for (int i = 0; i < width; ++i)
      parties_.push_back(std::make_unique<Party>((owner.ordinal + i) % present));
    parties_[0]->stream = stream_;
    make_comms(own, desc);
    for (unsigned r = 0; r < desc.count; ++r) {
      Party& party = *parties_[r % parties_.size()];
      const Current current(party.device.ordinal);
      in_.emplace_back(count_ * 2);
      out_.emplace_back(count_ * 2);
      fill(in_.back().get(), DSK_DTYPE_BF16, count_, r, false, party.stream);
      check(cudaStreamSynchronize(party.stream), "filling the buffers");
      party.calls.push_back({comms_[r].get(), DSK_DTYPE_BF16, count_, in_.back().get(),
                             out_.back().get(), party.stream});
    }
    info.bytes = static_cast<double>(count_) * 2;
    verify();
    describe((own ? "own protocol, " : "NCCL " + nccl_version() + ", ") +
             std::to_string(desc.count) + " ranks on " + std::to_string(parties_.size()) +
             (parties_.size() == 1 ? " device" : " devices"));
    if (desc.flags & DSK_BACKEND_BENCH_GRAPH) {
      beside([](Party& party) { party.capture(); }, [] {});
      capture(graph_turns);
    }
  }
  ~AllReduceCase() override { comms_.clear(); }

  void enqueue(cudaStream_t, std::uint64_t) override { parties_[0]->enqueue(); }

  dsk_backend_bench_times run(std::uint64_t iterations) override {
    dsk_backend_bench_times times{};
    beside([&](Party& party) { party.run(iterations); },
           [&] { times = dsk_backend_bench_case::run(iterations); });
    return times;
  }

private:
  static constexpr std::uint64_t graph_turns = 20;

  /// The ranks of one device.
  struct Party {
    Device device;
    cudaStream_t stream = nullptr; // of the case itself for the owner's device
    cudaStream_t owned = nullptr;
    cudaGraphExec_t graph = nullptr;
    std::vector<dsk_backend_collective> calls;

    explicit Party(int ordinal) : device(ordinal) {
      const Current current(ordinal);
      check(cudaStreamCreateWithFlags(&owned, cudaStreamNonBlocking), "cudaStreamCreate");
      stream = owned;
    }
    ~Party() {
      (void)guarded(nullptr, [&] {
        const Current current(device.ordinal);
        if (graph) (void)cudaGraphExecDestroy(graph);
        (void)cudaStreamDestroy(owned);
      });
    }
    void enqueue() const {
      calls[0].comm->all_reduce(calls.data(), static_cast<std::uint32_t>(calls.size()));
    }
    void capture() {
      cudaGraph_t made = nullptr;
      check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
            "beginning a capture");
      for (std::uint64_t i = 0; i < graph_turns; ++i)
        enqueue();
      check(cudaStreamEndCapture(stream, &made), "ending a capture");
      const cudaError_t status = cudaGraphInstantiate(&graph, made, 0);
      (void)cudaGraphDestroy(made);
      check(status, "instantiating a graph");
      check(cudaGraphUpload(graph, stream), "uploading a graph");
      check(cudaStreamSynchronize(stream), "uploading a graph");
    }
    /// As often as the case itself goes.
    void run(std::uint64_t iterations) const {
      for (std::uint64_t executed = 0; executed < iterations; executed += graph ? graph_turns : 1)
        if (graph)
          check(cudaGraphLaunch(graph, stream), "launching a graph");
        else
          enqueue();
      check(cudaStreamSynchronize(stream), "the measured work");
    }
  };

  void make_comms(bool own, const dsk_backend_bench_desc& desc) {
    std::vector<Device*> devices;
    for (unsigned r = 0; r < desc.count; ++r)
      devices.push_back(&parties_[r % parties_.size()]->device);
    if (!own) {
      comms_ = make_nccl_comms(devices);
      return;
    }
    dsk_backend_comm_options options{};
    options.struct_size = sizeof options;
    options.timeout_ms = 5000;
    options.max_bytes = std::min<std::uint64_t>(desc.bytes, std::uint64_t{8} << 20);
    comms_ = make_peer_comms(devices, options);
  }

  /// `others` for each device beside the owner's, in threads, while this one does `mine`. Devices
  /// wait for each other: one that fails, or all of them after a time, are called off.
  template <class Others, class Mine> void beside(Others others, Mine mine) {
    if (parties_.size() == 1) return mine();
    constexpr std::chrono::seconds patience{60};
    const auto call_off = [&] {
      for (const auto& comm : comms_)
        comm->abort();
    };
    std::mutex mutex;
    std::condition_variable ended;
    bool over = false, stuck = false;
    std::thread watch([&] {
      std::unique_lock lock(mutex);
      stuck = !ended.wait_for(lock, patience, [&] { return over; });
      if (stuck) call_off();
    });
    std::vector<std::exception_ptr> failures(parties_.size());
    std::vector<std::thread> threads;
    for (std::size_t p = 1; p < parties_.size(); ++p)
      threads.emplace_back([&, p] {
        try {
          const Current current(parties_[p]->device.ordinal);
          others(*parties_[p]);
        } catch (...) {
          failures[p] = std::current_exception();
          call_off();
        }
      });
    try {
      mine();
    } catch (...) {
      failures[0] = std::current_exception();
      call_off();
    }
    for (std::thread& thread : threads)
      thread.join();
    {
      const std::lock_guard lock(mutex);
      over = true;
    }
    ended.notify_one();
    watch.join();
    if (stuck)
      throw Failure(DSK_STATUS_BACKEND, "an all-reduce over " + std::to_string(parties_.size()) +
                                            " devices did not end within " +
                                            std::to_string(patience.count()) + " s");
    for (const std::exception_ptr& failure : failures)
      if (failure) std::rethrow_exception(failure);
  }

  // Sums of a few small whole numbers are exact in BF16.
  void verify() {
    check(cudaMemset(out_[0].get(), 0xff, count_ * 2), "cudaMemset");
    check(cudaDeviceSynchronize(), "cudaMemset");
    beside([](Party& party) { party.run(1); },
           [&] {
             enqueue(stream_, 0);
             check(cudaStreamSynchronize(stream_), "the first all-reduce");
           });
    std::vector<char> got(2);
    info.checked = 1;
    for (const std::uint64_t at : {std::uint64_t{0}, count_ / 2, count_ - 1}) {
      check(cudaMemcpy(got.data(), out_[0].get<char>() + 2 * at, 2, cudaMemcpyDeviceToHost),
            "reading the sum");
      int wanted = 0;
      for (std::size_t r = 0; r < in_.size(); ++r)
        wanted += small_integer(at, static_cast<std::uint32_t>(r));
      if (element(got.data(), CUDA_R_16BF) != wanted) info.relative_error = 1;
    }
  }

  std::uint64_t count_;
  std::vector<std::unique_ptr<Party>> parties_; // the owner's device first
  std::vector<std::unique_ptr<dsk_backend_comm>> comms_;
  std::vector<Memory> in_, out_;
};

} // namespace

Case make_link(Device& device, const dsk_backend_bench_desc& desc) {
  if (desc.kind == DSK_BACKEND_BENCH_ALL_REDUCE)
    return std::make_unique<AllReduceCase>(device, desc);
  return std::make_unique<CopyCase>(device, desc);
}

} // namespace dsk::cuda::probe
