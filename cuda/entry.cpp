// The table: every entry of dsk_backend_api, and the one symbol that the plugin exports.
#include "dsk/backend.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "blas.hpp"
#include "check.hpp"
#include "comm/comm.hpp"
#include "device.hpp"
#include "driver.hpp"
#include "graph.hpp"
#include "linear/elementwise.hpp"
#include "linear/gemm.hpp"
#include "probe/case.hpp"
#include "range.hpp"

namespace {

using dsk::cuda::Failure;
using dsk::cuda::guarded;
using dsk::cuda::stream_of;

template <std::size_t N> void copy_text(char (&to)[N], const std::string& from) {
  std::snprintf(to, N, "%s", from.c_str());
}

dsk_status probe(dsk_backend_probe* out, dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Driver& driver = dsk::cuda::driver();
    const std::uint32_t size = out->struct_size;
    *out = dsk_backend_probe{};
    out->struct_size = size;
    out->device_count = driver.device_count;
    out->driver_api_version = driver.api_version;
    out->required_api_version = dsk::cuda::required_api_version;
    copy_text(out->driver_version, driver.version);
    copy_text(out->blas_version, dsk::cuda::blas().version);
    copy_text(out->collective_version, dsk::cuda::nccl_version());
    std::string missing;
    for (const std::string& sentence :
         {driver.refusal, dsk::cuda::blas().missing, dsk::cuda::nccl_missing()})
      if (!sentence.empty()) missing += (missing.empty() ? "" : "; ") + sentence;
    copy_text(out->missing, missing);
  });
}

dsk_status device_info(int32_t ordinal, dsk_backend_device_info* out, dsk_backend_error* error) {
  return guarded(error, [&] {
    const std::uint32_t size = out->struct_size;
    *out = dsk_backend_device_info{};
    out->struct_size = size;
    std::string why;
    if (!dsk::cuda::describe(ordinal, *out, why))
      throw Failure(
          dsk::cuda::driver().refusal.empty() ? DSK_STATUS_NOT_FOUND : DSK_STATUS_UNAVAILABLE, why);
    copy_text(out->tuning_key, std::string(out->name) + ", driver " + dsk::cuda::driver().version +
                                   ", cuBLASLt " + dsk::cuda::blas().version);
  });
}

dsk_status device_open(int32_t ordinal, dsk_backend_device** out, dsk_backend_error* error) {
  return guarded(error, [&] { *out = new dsk_backend_device(ordinal); });
}

void device_close(dsk_backend_device* device) {
  delete device;
}

dsk_status memory_alloc(dsk_backend_device* device, uint64_t bytes, void** out,
                        dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    dsk::cuda::check(cudaMalloc(out, bytes), "cudaMalloc");
  });
}

void memory_free(dsk_backend_device* device, void* pointer) {
  (void)guarded(nullptr, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    dsk::cuda::check(cudaFree(pointer), "cudaFree");
  });
}

dsk_status memory_copy(dsk_backend_device* device, void* to, const void* from, uint64_t bytes,
                       dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    dsk::cuda::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, device->device.service),
                     "cudaMemcpy");
    dsk::cuda::check(cudaStreamSynchronize(device->device.service), "cudaMemcpy");
  });
}

dsk_status memory_info(dsk_backend_device* device, uint64_t* free_bytes, uint64_t* total_bytes,
                       dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    std::size_t free_now = 0, total = 0;
    dsk::cuda::check(cudaMemGetInfo(&free_now, &total), "cudaMemGetInfo");
    *free_bytes = free_now;
    *total_bytes = total;
  });
}

dsk_status stream_create(dsk_backend_device* device, void** out, dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    cudaStream_t stream = nullptr;
    dsk::cuda::check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    *out = stream;
  });
}

void stream_destroy(dsk_backend_device* device, void* stream) {
  (void)guarded(nullptr, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    dsk::cuda::check(cudaStreamDestroy(stream_of(stream)), "cudaStreamDestroy");
  });
}

dsk_status stream_synchronize(dsk_backend_device* device, void* stream, dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    dsk::cuda::check(cudaStreamSynchronize(stream_of(stream)), "cudaStreamSynchronize");
  });
}

dsk_status stream_query(dsk_backend_device* device, void* stream, uint32_t* done,
                        dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    const cudaError_t status = cudaStreamQuery(stream_of(stream));
    *done = status == cudaSuccess ? 1u : 0u;
    if (status != cudaErrorNotReady) dsk::cuda::check(status, "work on the stream");
  });
}

dsk_status gemm_create(dsk_backend_device* device, const dsk_backend_gemm_desc* desc,
                       dsk_backend_gemm** out, dsk_backend_error* error) {
  return guarded(error, [&] { *out = new dsk_backend_gemm(device->device, *desc); });
}
void gemm_destroy(dsk_backend_gemm* gemm) {
  delete gemm;
}
dsk_status gemm_info(const dsk_backend_gemm* gemm, dsk_backend_gemm_info* out,
                     dsk_backend_error* error) {
  return guarded(error, [&] {
    const std::uint32_t size = out->struct_size;
    *out = dsk_backend_gemm_info{};
    out->struct_size = size;
    out->measured = gemm->gemm.measured() ? 1 : 0;
    out->workspace_bytes = gemm->gemm.workspace_bytes();
    out->measure_ms = gemm->gemm.measure_ms();
  });
}
const char* gemm_choices(const dsk_backend_gemm* gemm, size_t* len) {
  *len = gemm->gemm.choices_text().size();
  return gemm->gemm.choices_text().c_str();
}
dsk_status gemm_enqueue(const dsk_backend_gemm* gemm, uint64_t m, const void* x, void* y,
                        void* workspace, void* stream, dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Range range("dsk product");
    gemm->gemm.enqueue(m, x, y, workspace, stream_of(stream));
  });
}

dsk::cuda::Launch launch_on(const dsk_backend_device* device, void* stream) {
  return {stream_of(stream), device->device.programmatic_launch};
}

dsk_status activate(dsk_backend_device* device, dsk_dtype dtype, dsk_backend_activation activation,
                    uint64_t m, uint64_t inner, const void* gate_up, void* h, void* stream,
                    dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Range range("dsk activation");
    const dsk::cuda::Current current(device->device.ordinal);
    dsk::cuda::activate(dtype, activation, m, inner, gate_up, h, launch_on(device, stream));
    dsk::cuda::check(cudaPeekAtLastError(), "launching the activation");
  });
}
dsk_status epilogue(dsk_backend_device* device, const dsk_backend_epilogue_desc* desc, uint64_t m,
                    const void* in, const void* residual, void* residual_out, void* out,
                    void* stream, dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Range range("dsk epilogue");
    const dsk::cuda::Current current(device->device.ordinal);
    dsk::cuda::epilogue(*desc, m, in, residual, residual_out, out, launch_on(device, stream));
    dsk::cuda::check(cudaPeekAtLastError(), "launching the epilogue");
  });
}
dsk_status unpack_columns(dsk_backend_device* device, dsk_dtype dtype, uint32_t ranks,
                          const uint64_t* offsets, uint64_t m, const void* in, void* out,
                          void* stream, dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    dsk::cuda::unpack_columns(dtype, ranks, offsets, m, in, out, launch_on(device, stream));
    dsk::cuda::check(cudaPeekAtLastError(), "launching the unpacking");
  });
}
dsk_status sum_ranks(dsk_backend_device* device, dsk_dtype dtype, uint32_t ranks, uint64_t count,
                     const void* in, void* out, void* stream, dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    dsk::cuda::sum_ranks(dtype, ranks, count, in, out, launch_on(device, stream));
    dsk::cuda::check(cudaPeekAtLastError(), "launching the sum");
  });
}

dsk_status comm_unique_id(dsk_backend_device* device, uint8_t* id, dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    dsk::cuda::nccl_unique_id(id);
  });
}
dsk_status comm_create(dsk_backend_device* device, const uint8_t* id, uint32_t world, uint32_t rank,
                       const dsk_backend_comm_options* options, dsk_backend_comm** out,
                       dsk_backend_error* error) {
  return guarded(error, [&] {
    if (options->transport == DSK_BACKEND_TRANSPORT_PEER)
      throw Failure(DSK_STATUS_UNSUPPORTED,
                    "the own protocol runs inside one process; several processes need NCCL");
    *out = dsk::cuda::make_nccl_comm(device->device, id, world, rank).release();
  });
}
dsk_status comm_create_local(dsk_backend_device* const* devices, uint32_t world,
                             const dsk_backend_comm_options* options, dsk_backend_comm** out,
                             dsk_backend_error* error) {
  return guarded(error, [&] {
    std::vector<dsk::cuda::Device*> list;
    for (uint32_t r = 0; r < world; ++r)
      list.push_back(&devices[r]->device);
    auto comms = options->transport == DSK_BACKEND_TRANSPORT_VENDOR
                     ? dsk::cuda::make_nccl_comms(list)
                 : options->transport == DSK_BACKEND_TRANSPORT_PEER
                     ? dsk::cuda::make_peer_comms(list, *options)
                     : dsk::cuda::make_auto_comms(list, *options);
    for (uint32_t r = 0; r < world; ++r)
      out[r] = comms[r].release();
  });
}
void comm_destroy(dsk_backend_comm* comm) {
  delete comm;
}
void comm_abort(dsk_backend_comm* comm) {
  comm->abort();
}
dsk_status comm_poll(dsk_backend_comm* comm, int32_t* lost_rank, dsk_backend_error* error) {
  const dsk_status status = guarded(error, [&] { comm->poll(); });
  *lost_rank = comm->lost_rank();
  return status;
}
const char* comm_transport(const dsk_backend_comm* comm) {
  return comm->transport();
}
dsk_status all_reduce(const dsk_backend_collective* calls, uint32_t count,
                      dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Range range("dsk all-reduce");
    calls[0].comm->all_reduce(calls, count);
  });
}
dsk_status all_gather(const dsk_backend_collective* calls, uint32_t count,
                      dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Range range("dsk all-gather");
    calls[0].comm->all_gather(calls, count);
  });
}

dsk_status graph_capture_begin(dsk_backend_device* device, void* const* streams, uint32_t count,
                               dsk_backend_error* error) {
  return guarded(error, [&] { dsk::cuda::begin_capture(device->device, streams, count); });
}
dsk_status graph_capture_end(dsk_backend_device* device, void* const* streams, uint32_t count,
                             uint32_t discard, dsk_backend_graph** graph,
                             dsk_backend_error* error) {
  return guarded(
      error, [&] { dsk::cuda::end_capture(device->device, streams, count, discard != 0, *graph); });
}
dsk_status graph_launch(dsk_backend_graph* graph, void* stream, dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Range range("dsk graph");
    dsk::cuda::launch_graph(*graph, stream);
  });
}
uint64_t graph_nodes(const dsk_backend_graph* graph) {
  return graph->nodes;
}
uint64_t graph_memory(dsk_backend_device*, uint64_t nodes) {
  return dsk::cuda::graph_memory_bound(nodes);
}
void graph_destroy(dsk_backend_graph* graph) {
  delete graph;
}

const void* extension(const char* name) {
  return std::strcmp(name, DSK_BACKEND_BENCH) == 0 ? &dsk::cuda::probe::bench_api() : nullptr;
}

} // namespace

extern "C" __attribute__((visibility("default"))) const dsk_backend_api*
dsk_backend_entry(uint32_t api_version) {
  // In the order of the declaration.
  // clang-format off
  static const dsk_backend_api table{
      DSK_BACKEND_API_VERSION, sizeof(dsk_backend_api), "cuda", probe, device_info,
      device_open, device_close, memory_alloc, memory_free, memory_copy, memory_info,
      stream_create, stream_destroy, stream_synchronize, stream_query, gemm_create,
      gemm_destroy, gemm_info, gemm_choices, gemm_enqueue, activate, epilogue, unpack_columns,
      sum_ranks, comm_unique_id, comm_create, comm_create_local, comm_destroy, comm_abort,
      comm_poll, comm_transport, all_reduce, all_gather, graph_capture_begin,
      graph_capture_end, graph_launch, graph_nodes, graph_memory, graph_destroy, extension};
  // clang-format on
  return api_version == DSK_BACKEND_API_VERSION ? &table : nullptr;
}
