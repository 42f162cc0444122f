// A backend with eight devices that are all the CPU: several ordinals, streams, graphs that are
// captured and launched, a vendor's library beside the own protocol and across processes. What the
// multi-GPU run does with devices is tested on it. Nothing runs later than it is called, so order
// between streams is not tested.
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "base/error.hpp"
#include "tp/cpu_backend.hpp"
#include "tp/port.hpp"
#include "tp/process_comm.hpp"

struct dsk_backend_graph {
  std::vector<std::function<dsk_status(dsk_backend_error*)>> calls;
};

namespace {

struct Stream {
  dsk_backend_graph* capture = nullptr;
};

const dsk_backend_api& cpu() {
  return dsk::tp::cpu_backend();
}

std::mutex mutex;
std::map<const dsk_backend_comm*, const char*> transports; // of those that are not "peer"

void add_transport(const dsk_backend_comm* comm, const char* transport) {
  const std::lock_guard lock(mutex);
  transports[comm] = transport;
}

dsk_status refuse(dsk_backend_error* error, dsk_status status, const std::string& sentence) {
  if (error) std::snprintf(error->text, sizeof error->text, "%s", sentence.c_str());
  return status;
}

/// Makes the call, or keeps it for the graph that the stream is captured into.
dsk_status on(void* stream, dsk_backend_error* error,
              std::function<dsk_status(dsk_backend_error*)> call) {
  auto* captured = stream ? static_cast<Stream*>(stream)->capture : nullptr;
  if (!captured) return call(error);
  captured->calls.push_back(std::move(call));
  return DSK_STATUS_OK;
}

dsk_status collective(decltype(dsk_backend_api::all_reduce) run,
                      const dsk_backend_collective* calls, std::uint32_t count,
                      dsk_backend_error* error) {
  const std::vector<dsk_backend_collective> kept(calls, calls + count);
  return on(calls[0].stream, error, [run, kept](dsk_backend_error* failure) {
    return run(kept.data(), static_cast<std::uint32_t>(kept.size()), failure);
  });
}

dsk_backend_api make_table() {
  dsk_backend_api api = cpu();
  api.name = "pretended";
  api.probe = [](dsk_backend_probe* out, dsk_backend_error* error) {
    const dsk_status status = cpu().probe(out, error);
    out->device_count = 8;
    return status;
  };
  api.device_info = [](int32_t ordinal, dsk_backend_device_info* out, dsk_backend_error* error) {
    if (ordinal < 0 || ordinal > 7)
      return refuse(error, DSK_STATUS_NOT_FOUND, "no device " + std::to_string(ordinal));
    const dsk_status status = cpu().device_info(0, out, error);
    out->ordinal = ordinal;
    return status;
  };
  api.device_open = [](int32_t ordinal, dsk_backend_device** out, dsk_backend_error* error) {
    if (ordinal < 0 || ordinal > 7)
      return refuse(error, DSK_STATUS_NOT_FOUND, "no device " + std::to_string(ordinal));
    return cpu().device_open(0, out, error);
  };
  api.stream_create = [](dsk_backend_device*, void** out, dsk_backend_error*) {
    *out = new Stream;
    return DSK_STATUS_OK;
  };
  api.stream_destroy = [](dsk_backend_device*, void* stream) {
    delete static_cast<Stream*>(stream);
  };
  api.gemm_enqueue = [](const dsk_backend_gemm* gemm, uint64_t m, const void* x, void* y,
                        void* workspace, void* stream, dsk_backend_error* error) {
    return on(stream, error, [=](dsk_backend_error* failure) {
      return cpu().gemm_enqueue(gemm, m, x, y, workspace, nullptr, failure);
    });
  };
  api.activate = [](dsk_backend_device* device, dsk_dtype dtype, dsk_backend_activation activation,
                    uint64_t m, uint64_t inner, const void* gate_up, void* h, void* stream,
                    dsk_backend_error* error) {
    return on(stream, error, [=](dsk_backend_error* failure) {
      return cpu().activate(device, dtype, activation, m, inner, gate_up, h, nullptr, failure);
    });
  };
  api.epilogue = [](dsk_backend_device* device, const dsk_backend_epilogue_desc* desc, uint64_t m,
                    const void* in, const void* residual, void* residual_out, void* out,
                    void* stream, dsk_backend_error* error) {
    return on(stream, error, [=, kept = *desc](dsk_backend_error* failure) {
      return cpu().epilogue(device, &kept, m, in, residual, residual_out, out, nullptr, failure);
    });
  };
  api.unpack_columns = [](dsk_backend_device* device, dsk_dtype dtype, uint32_t ranks,
                          const uint64_t* offsets, uint64_t m, const void* in, void* out,
                          void* stream, dsk_backend_error* error) {
    const std::vector<uint64_t> kept(offsets, offsets + ranks + 1);
    return on(stream, error, [=](dsk_backend_error* failure) {
      return cpu().unpack_columns(device, dtype, ranks, kept.data(), m, in, out, nullptr, failure);
    });
  };
  api.all_reduce = [](const dsk_backend_collective* calls, uint32_t count,
                      dsk_backend_error* error) {
    return collective(cpu().all_reduce, calls, count, error);
  };
  api.all_gather = [](const dsk_backend_collective* calls, uint32_t count,
                      dsk_backend_error* error) {
    return collective(cpu().all_gather, calls, count, error);
  };
  api.comm_create_local = [](dsk_backend_device* const* devices, uint32_t world,
                             const dsk_backend_comm_options* options, dsk_backend_comm** out,
                             dsk_backend_error* error) {
    dsk_backend_comm_options own = *options;
    own.transport = DSK_BACKEND_TRANSPORT_AUTO;
    const dsk_status status = cpu().comm_create_local(devices, world, &own, out, error);
    for (uint32_t r = 0; status == DSK_STATUS_OK && r < world; ++r)
      if (options->transport != DSK_BACKEND_TRANSPORT_PEER)
        add_transport(out[r],
                      options->transport == DSK_BACKEND_TRANSPORT_VENDOR ? "nccl" : "peer+nccl");
    return status;
  };
  api.comm_unique_id = [](dsk_backend_device*, uint8_t* id, dsk_backend_error*) {
    const std::lock_guard lock(mutex);
    static std::vector<ReservedPort> held; // as long as this process lives
    held.emplace_back();
    std::snprintf(reinterpret_cast<char*>(id), DSK_BACKEND_UNIQUE_ID_BYTES, "%u",
                  static_cast<unsigned>(held.back().number()));
    return DSK_STATUS_OK;
  };
  api.comm_create = [](dsk_backend_device*, const uint8_t* id, uint32_t world, uint32_t rank,
                       const dsk_backend_comm_options* options, dsk_backend_comm** out,
                       dsk_backend_error* error) {
    if (options->transport == DSK_BACKEND_TRANSPORT_PEER)
      return refuse(error, DSK_STATUS_UNSUPPORTED, "the own protocol runs inside one process");
    try {
      const auto port =
          static_cast<std::uint16_t>(std::strtoul(reinterpret_cast<const char*>(id), nullptr, 10));
      *out = dsk::tp::make_process_comm(std::make_shared<dsk::tp::Rendezvous>(
                                            "127.0.0.1", port, rank, world, options->timeout_ms),
                                        options->max_bytes)
                 .release();
      add_transport(*out, "nccl");
      return DSK_STATUS_OK;
    } catch (const dsk::Error& e) {
      return refuse(error, e.status(), e.what());
    }
  };
  api.comm_destroy = [](dsk_backend_comm* comm) {
    {
      const std::lock_guard lock(mutex);
      transports.erase(comm);
    }
    cpu().comm_destroy(comm);
  };
  api.comm_transport = [](const dsk_backend_comm* comm) {
    const std::lock_guard lock(mutex);
    const auto found = transports.find(comm);
    return found == transports.end() ? "peer" : found->second;
  };
  api.graph_capture_begin = [](dsk_backend_device*, void* const* streams, uint32_t count,
                               dsk_backend_error* error) {
    auto* graph = new dsk_backend_graph;
    for (uint32_t i = 0; i < count; ++i) {
      auto*& capture = static_cast<Stream*>(streams[i])->capture;
      if (capture)
        return refuse(error, DSK_STATUS_INVALID_ARGUMENT, "the stream is being captured already");
      capture = graph;
    }
    return DSK_STATUS_OK;
  };
  api.graph_capture_end = [](dsk_backend_device*, void* const* streams, uint32_t count,
                             uint32_t discard, dsk_backend_graph** graph, dsk_backend_error*) {
    dsk_backend_graph* fresh = static_cast<Stream*>(streams[0])->capture;
    for (uint32_t i = 0; i < count; ++i)
      static_cast<Stream*>(streams[i])->capture = nullptr;
    delete (discard ? fresh : *graph);
    if (!discard) *graph = fresh;
    return DSK_STATUS_OK;
  };
  api.graph_launch = [](dsk_backend_graph* graph, void* stream, dsk_backend_error* error) {
    if (!stream) return refuse(error, DSK_STATUS_INVALID_ARGUMENT, "a graph needs a stream");
    for (const auto& call : graph->calls)
      if (const dsk_status status = call(error); status != DSK_STATUS_OK) return status;
    return DSK_STATUS_OK;
  };
  api.graph_nodes = [](const dsk_backend_graph* graph) -> uint64_t { return graph->calls.size(); };
  api.graph_destroy = [](dsk_backend_graph* graph) { delete graph; };
  return api;
}

} // namespace

extern "C" __attribute__((visibility("default"))) const dsk_backend_api*
dsk_backend_entry(uint32_t api_version) {
  static const dsk_backend_api table = make_table();
  return api_version == DSK_BACKEND_API_VERSION ? &table : nullptr;
}
