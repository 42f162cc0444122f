#include "graph.hpp"

#include <memory>
#include <utility>

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

/// `to` waits for what `from` holds now. The streams may be of different devices; an event can be
/// recorded only on the device that it was made on.
void connect(void* from, void* to) {
  int ordinal = 0;
  check(cudaStreamGetDevice(stream_of(from), &ordinal), "cudaStreamGetDevice");
  const Current current(ordinal);
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
  check(cudaStreamBeginCapture(stream_of(streams[0]), cudaStreamCaptureModeThreadLocal),
        "cudaStreamBeginCapture");
  for (std::uint32_t i = 1; i < count; ++i)
    connect(streams[0], streams[i]);
}

void end_capture(const Device& device, void* const* streams, std::uint32_t count, bool discard,
                 dsk_backend_graph*& graph) {
  const Current current(device.ordinal);
  if (discard) {
    cudaGraph_t broken = nullptr;
    (void)cudaStreamEndCapture(stream_of(streams[0]), &broken);
    if (broken) (void)cudaGraphDestroy(broken);
    (void)cudaGetLastError();
    return;
  }
  for (std::uint32_t i = 1; i < count; ++i)
    connect(streams[i], streams[0]);
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
