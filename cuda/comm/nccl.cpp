#include <nccl.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <thread>

#include "check.hpp"
#include "comm/comm.hpp"
#include "library.hpp"

namespace dsk::cuda {
namespace {

struct Nccl {
  Library library{{"libnccl.so.2", "libnccl.so"}};
  std::string version, missing;
  decltype(&ncclGetVersion) get_version = nullptr;
  decltype(&ncclGetUniqueId) get_unique_id = nullptr;
  decltype(&ncclCommInitRank) init_rank = nullptr;
  decltype(&ncclCommDestroy) destroy = nullptr;
  decltype(&ncclCommAbort) abort = nullptr;
  decltype(&ncclCommGetAsyncError) async_error = nullptr;
  decltype(&ncclAllReduce) all_reduce = nullptr;
  decltype(&ncclAllGather) all_gather = nullptr;
  decltype(&ncclGroupStart) group_start = nullptr;
  decltype(&ncclGroupEnd) group_end = nullptr;
  decltype(&ncclGetErrorString) error_string = nullptr;
  decltype(&ncclGetLastError) last_error = nullptr;

  Nccl() {
    if (!library.is_open()) {
      missing = "NCCL was not found: " + library.missing();
      return;
    }
    const bool complete =
        library.bind(get_version, "ncclGetVersion") &&
        library.bind(get_unique_id, "ncclGetUniqueId") &&
        library.bind(init_rank, "ncclCommInitRank") && library.bind(destroy, "ncclCommDestroy") &&
        library.bind(abort, "ncclCommAbort") &&
        library.bind(async_error, "ncclCommGetAsyncError") &&
        library.bind(all_reduce, "ncclAllReduce") && library.bind(all_gather, "ncclAllGather") &&
        library.bind(group_start, "ncclGroupStart") && library.bind(group_end, "ncclGroupEnd") &&
        library.bind(error_string, "ncclGetErrorString") &&
        library.bind(last_error, "ncclGetLastError");
    int number = 0;
    if (get_version && get_version(&number) == ncclSuccess)
      version = std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
                std::to_string(number % 100);
    if (!complete || number < 22700)
      missing = "NCCL is too old: needs 2.27, found " +
                (version.empty() ? "one without a version" : version);
  }
};

const Nccl& nccl() {
  static const Nccl instance;
  return instance;
}

/// The library's own sentence says more than its code, where it has one.
void check(ncclResult_t status, const char* what) {
  if (status == ncclSuccess || status == ncclInProgress) return;
  std::string sentence = std::string(what) + ": " + nccl().error_string(status);
  if (const char* detail = nccl().last_error(nullptr); detail && *detail) {
    sentence += ": ";
    sentence += detail;
    while (sentence.back() == '\n')
      sentence.pop_back();
  }
  throw Failure(DSK_STATUS_BACKEND, sentence);
}

void require_nccl() {
  if (!nccl().missing.empty()) throw Failure(DSK_STATUS_UNAVAILABLE, nccl().missing);
}

ncclDataType_t type_of(dsk_dtype dtype) {
  return dtype == DSK_DTYPE_F32    ? ncclFloat32
         : dtype == DSK_DTYPE_BF16 ? ncclBfloat16
                                   : ncclFloat16;
}

class NcclComm final : public dsk_backend_comm {
public:
  NcclComm(int device, ncclComm_t comm) : device_(device), comm_(comm) {}
  ~NcclComm() override {
    if (aborted_.exchange(true)) return;
    (void)nccl().destroy(comm_);
  }

  void all_reduce(const dsk_backend_collective* calls, std::uint32_t count) override {
    together(calls, count, [](const dsk_backend_collective& call, ncclComm_t comm) {
      return nccl().all_reduce(call.in, call.out, call.count, type_of(call.dtype), ncclSum, comm,
                               stream_of(call.stream));
    });
  }
  void all_gather(const dsk_backend_collective* calls, std::uint32_t count) override {
    together(calls, count, [](const dsk_backend_collective& call, ncclComm_t comm) {
      return nccl().all_gather(call.in, call.out, call.count, type_of(call.dtype), comm,
                               stream_of(call.stream));
    });
  }
  void abort() noexcept override {
    if (!aborted_.exchange(true)) (void)nccl().abort(comm_);
  }
  void poll() override {
    if (aborted_.load()) return;
    ncclResult_t state = ncclSuccess;
    check(nccl().async_error(comm_, &state), "NCCL");
    check(state, "NCCL");
  }
  std::int32_t lost_rank() const noexcept override { return DSK_BACKEND_NO_RANK; }
  const char* transport() const noexcept override { return "nccl"; }

private:
  template <class Body>
  static void together(const dsk_backend_collective* calls, std::uint32_t count, Body body) {
    require_matching(calls, count);
    if (count > 1) check(nccl().group_start(), "ncclGroupStart");
    ncclResult_t first = ncclSuccess;
    for (std::uint32_t i = 0; i < count && first == ncclSuccess; ++i) {
      auto& self = *static_cast<NcclComm*>(calls[i].comm);
      const Current current(self.device_);
      first = body(calls[i], self.comm_);
    }
    if (count > 1) {
      const ncclResult_t end = nccl().group_end();
      if (first == ncclSuccess) first = end;
    }
    check(first, "NCCL collective");
  }

  int device_;
  ncclComm_t comm_;
  std::atomic<bool> aborted_{false};
};

/// The library connects the ranks when a collective first uses an algorithm. In one process that
/// turns peer access on, which no capture permits (seen with 2.28.9), so every algorithm that a
/// size may choose is used here once: a user's first call may then be captured. Not where ranks may
/// share a device, which the library permits by this variable alone: one rank's kernel would wait
/// for another whose allocation waits for the device; and they need no peer access.
void connect(Device& device, ncclComm_t comm) {
  const char* const shared = std::getenv("NCCL_MULTI_RANK_GPU_ENABLE");
  if (shared && std::strcmp(shared, "0") != 0) return;
  constexpr std::size_t most = std::size_t{64} << 20;
  void* scratch = nullptr;
  dsk::cuda::check(cudaMalloc(&scratch, most), "connecting the ranks: cudaMalloc");
  ncclResult_t status = ncclSuccess;
  for (std::size_t bytes = 16; bytes <= most && status == ncclSuccess; bytes *= 64)
    status =
        nccl().all_reduce(scratch, scratch, bytes / 2, ncclBfloat16, ncclSum, comm, device.service);
  if (status == ncclSuccess)
    status = nccl().all_gather(scratch, scratch, 4096, ncclBfloat16, comm, device.service);
  const cudaError_t done = cudaStreamSynchronize(device.service);
  (void)cudaFree(scratch);
  check(status, "connecting the ranks");
  dsk::cuda::check(done, "connecting the ranks");
}

} // namespace

void require_matching(const dsk_backend_collective* calls, std::uint32_t count) {
  for (std::uint32_t i = 1; i < count; ++i)
    if (calls[i].dtype != calls[0].dtype || calls[i].count != calls[0].count)
      throw Failure(DSK_STATUS_INVALID_ARGUMENT, "the ranks' collectives do not match: one has " +
                                                     std::to_string(calls[0].count) +
                                                     " elements, another " +
                                                     std::to_string(calls[i].count));
}

std::string nccl_version() {
  return nccl().version;
}
std::string nccl_missing() {
  return nccl().missing;
}

void nccl_unique_id(std::uint8_t id[DSK_BACKEND_UNIQUE_ID_BYTES]) {
  static_assert(sizeof(ncclUniqueId) == DSK_BACKEND_UNIQUE_ID_BYTES);
  require_nccl();
  ncclUniqueId made;
  check(nccl().get_unique_id(&made), "ncclGetUniqueId");
  std::memcpy(id, &made, sizeof made);
}

std::unique_ptr<dsk_backend_comm> make_nccl_comm(Device& device,
                                                 const std::uint8_t id[DSK_BACKEND_UNIQUE_ID_BYTES],
                                                 std::uint32_t world, std::uint32_t rank) {
  require_nccl();
  const Current current(device.ordinal);
  ncclUniqueId unique;
  std::memcpy(&unique, id, sizeof unique);
  ncclComm_t comm = nullptr;
  check(nccl().init_rank(&comm, static_cast<int>(world), unique, static_cast<int>(rank)),
        "ncclCommInitRank");
  auto made = std::make_unique<NcclComm>(device.ordinal, comm);
  connect(device, comm);
  return made;
}

std::vector<std::unique_ptr<dsk_backend_comm>>
make_nccl_comms(const std::vector<Device*>& devices) {
  std::uint8_t id[DSK_BACKEND_UNIQUE_ID_BYTES];
  nccl_unique_id(id);
  const auto world = static_cast<std::uint32_t>(devices.size());
  std::vector<std::unique_ptr<dsk_backend_comm>> comms(world);
  std::vector<std::exception_ptr> failures(world);
  std::vector<std::thread> threads;
  for (std::uint32_t r = 0; r < world; ++r)
    threads.emplace_back([&, r] {
      try {
        comms[r] = make_nccl_comm(*devices[r], id, world, r);
      } catch (...) {
        failures[r] = std::current_exception();
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
  return comms;
}

} // namespace dsk::cuda
