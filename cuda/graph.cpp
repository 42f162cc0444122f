#include "graph.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "check.hpp"

dsk_backend_graph::~dsk_backend_graph() {
  (void)dsk::cuda::guarded(nullptr, [&] {
    const dsk::cuda::Current current(ordinal);
    if (executable) (void)cudaGraphExecDestroy(executable);
    if (graph) (void)cudaGraphDestroy(graph);
  });
}

namespace dsk::cuda {
namespace {

/// The devices of the streams of every capture that has begun: a stream does not tell its device
/// while it is being captured. By the first stream of each.
class Captures {
public:
  void begin(void* first, std::vector<int> devices) {
    const std::lock_guard lock(mutex_);
    devices_[first] = std::move(devices);
  }
  std::vector<int> end(void* first) {
    const std::lock_guard lock(mutex_);
    auto found = devices_.extract(first);
    return found ? std::move(found.mapped()) : std::vector<int>{};
  }

private:
  std::mutex mutex_;
  std::map<void*, std::vector<int>> devices_;
};
Captures& captures() {
  static Captures instance;
  return instance;
}

/// `to` waits for what `from` holds now. An event can be recorded only on the device that it was
/// made on, which is that of `from`.
void connect(int device, void* from, void* to) {
  const Current current(device);
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  const cudaError_t recorded = cudaEventRecord(event, stream_of(from));
  const cudaError_t waited =
      recorded == cudaSuccess ? cudaStreamWaitEvent(stream_of(to), event, 0) : recorded;
  (void)cudaEventDestroy(event);
  check(waited, "joining streams in a capture");
}

} // namespace

void begin_capture(const Device& device, void* const* streams, std::uint32_t count) {
  const Current current(device.ordinal);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream_of(streams[0]), &status), "cudaStreamIsCapturing");
  if (status != cudaStreamCaptureStatusNone)
    throw Failure(DSK_STATUS_INVALID_ARGUMENT, "the stream is being captured already");
  std::vector<int> devices(count, device.ordinal);
  for (std::uint32_t i = 1; i < count; ++i)
    check(cudaStreamGetDevice(stream_of(streams[i]), &devices[i]), "cudaStreamGetDevice");
  check(cudaStreamBeginCapture(stream_of(streams[0]), cudaStreamCaptureModeThreadLocal),
        "cudaStreamBeginCapture");
  captures().begin(streams[0], std::move(devices));
  for (std::uint32_t i = 1; i < count; ++i)
    connect(device.ordinal, streams[0], streams[i]);
}

void end_capture(const Device& device, void* const* streams, std::uint32_t count, bool discard,
                 dsk_backend_graph*& graph) {
  const Current current(device.ordinal);
  const std::vector<int> devices = captures().end(streams[0]);
  if (discard) {
    cudaGraph_t broken = nullptr;
    (void)cudaStreamEndCapture(stream_of(streams[0]), &broken);
    if (broken) (void)cudaGraphDestroy(broken);
    (void)cudaGetLastError();
    return;
  }
  for (std::uint32_t i = 1; i < count; ++i)
    connect(devices.at(i), streams[i], streams[0]);
  auto fresh = std::make_unique<dsk_backend_graph>();
  fresh->ordinal = device.ordinal;
  check(cudaStreamEndCapture(stream_of(streams[0]), &fresh->graph), "cudaStreamEndCapture");
  std::size_t nodes = 0;
  check(cudaGraphGetNodes(fresh->graph, nullptr, &nodes), "cudaGraphGetNodes");
  fresh->nodes = nodes;
  if (graph) {
    cudaGraphExecUpdateResultInfo info{};
    if (cudaGraphExecUpdate(graph->executable, fresh->graph, &info) == cudaSuccess) {
      std::swap(fresh->executable, graph->executable);
      delete std::exchange(graph, fresh.release());
      return;
    }
    (void)cudaGetLastError(); // another shape: instantiate anew
  }
  check(cudaGraphInstantiate(&fresh->executable, fresh->graph,
                             cudaGraphInstantiateFlagUseNodePriority),
        "cudaGraphInstantiate");
  check(cudaGraphUpload(fresh->executable, stream_of(streams[0])), "cudaGraphUpload");
  check(cudaStreamSynchronize(stream_of(streams[0])), "cudaGraphUpload");
  delete std::exchange(graph, fresh.release());
}

void launch_graph(const dsk_backend_graph& graph, void* stream) {
  const Current current(graph.ordinal);
  check(cudaGraphLaunch(graph.executable, stream_of(stream)), "cudaGraphLaunch");
}

std::uint64_t graph_memory_bound(std::uint64_t nodes) {
  // The driver takes whole pages of 2 MiB. Measured on one H200 (driver 580): 1.0 to 1.3 KiB a node
  // for kernels with 100 bytes of parameters; the rest is for more of them.
  constexpr std::uint64_t page = std::uint64_t{2} << 20, node = 1536;
  return nodes == 0 ? 0 : (nodes * node + page - 1) / page * page;
}

} // namespace dsk::cuda
