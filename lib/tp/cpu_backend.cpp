#include "tp/cpu_backend.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "base/error.hpp"
#include "tp/communicator.hpp"
#include "tp/cpu_gemm.hpp"
#include "tp/cpu_ops.hpp"

struct dsk_backend_device {};

struct dsk_backend_gemm {
  dsk_backend_gemm_desc desc;
};

namespace dsk::tp {
namespace {

/// The table promises a status and a sentence; lib/tp throws.
template <class Body> dsk_status guarded(dsk_backend_error* error, Body&& body) {
  if (error) error->text[0] = '\0';
  try {
    body();
    return DSK_STATUS_OK;
  } catch (const Error& e) {
    if (error) std::snprintf(error->text, sizeof error->text, "%s", e.what());
    return e.status();
  }
}

[[noreturn]] void unsupported(const char* what) {
  throw Error(DSK_STATUS_UNSUPPORTED, std::string("the CPU backend has no ") + what);
}

template <std::size_t N> void copy_text(char (&to)[N], const char* from) {
  std::snprintf(to, N, "%s", from);
}

dsk_status probe(dsk_backend_probe* out, dsk_backend_error*) {
  const std::uint32_t size = out->struct_size;
  *out = dsk_backend_probe{};
  out->struct_size = size;
  out->device_count = 1;
  return DSK_STATUS_OK;
}

dsk_status device_info(int32_t ordinal, dsk_backend_device_info* out, dsk_backend_error* error) {
  return guarded(error, [&] {
    if (ordinal != 0)
      throw Error(DSK_STATUS_NOT_FOUND,
                  "there is no CPU device " + std::to_string(ordinal) + "; there is one, 0");
    const std::uint32_t size = out->struct_size;
    *out = dsk_backend_device_info{};
    out->struct_size = size;
    copy_text(out->name, "host processor");
    copy_text(out->tuning_key, "cpu");
  });
}

dsk_status device_open(int32_t ordinal, dsk_backend_device** out, dsk_backend_error* error) {
  return guarded(error, [&] {
    if (ordinal != 0)
      throw Error(DSK_STATUS_NOT_FOUND,
                  "there is no CPU device " + std::to_string(ordinal) + "; there is one, 0");
    *out = new dsk_backend_device;
  });
}
void device_close(dsk_backend_device* device) {
  delete device;
}

dsk_status memory_alloc(dsk_backend_device*, uint64_t bytes, void** out, dsk_backend_error* error) {
  return guarded(error, [&] {
    constexpr std::uint64_t alignment = 256;
    *out = bytes > UINT64_MAX / 2
               ? nullptr
               : std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
    if (!*out)
      throw Error(DSK_STATUS_OUT_OF_MEMORY,
                  std::to_string(bytes) + " bytes of memory are not to be had");
  });
}
void memory_free(dsk_backend_device*, void* pointer) {
  std::free(pointer);
}
dsk_status memory_copy(dsk_backend_device*, void* to, const void* from, uint64_t bytes,
                       dsk_backend_error*) {
  std::memcpy(to, from, bytes);
  return DSK_STATUS_OK;
}
dsk_status memory_info(dsk_backend_device*, uint64_t*, uint64_t*, dsk_backend_error* error) {
  return guarded(error, [] { unsupported("count of free memory"); });
}

dsk_status stream_create(dsk_backend_device*, void** out, dsk_backend_error*) {
  *out = nullptr;
  return DSK_STATUS_OK;
}
void stream_destroy(dsk_backend_device*, void*) {}
dsk_status stream_synchronize(dsk_backend_device*, void*, dsk_backend_error*) {
  return DSK_STATUS_OK;
}
dsk_status stream_query(dsk_backend_device*, void*, uint32_t* done, dsk_backend_error*) {
  *done = 1;
  return DSK_STATUS_OK;
}

dsk_status gemm_create(dsk_backend_device*, const dsk_backend_gemm_desc* desc,
                       dsk_backend_gemm** out, dsk_backend_error* error) {
  return guarded(error, [&] {
    *out = new dsk_backend_gemm{*desc};
    (*out)->desc.choices = nullptr;
  });
}
void gemm_destroy(dsk_backend_gemm* gemm) {
  delete gemm;
}
dsk_status gemm_info(const dsk_backend_gemm* gemm, dsk_backend_gemm_info* out, dsk_backend_error*) {
  const std::uint32_t size = out->struct_size;
  *out = dsk_backend_gemm_info{};
  out->struct_size = size;
  out->workspace_bytes = cpu_gemm_workspace(gemm->desc, gemm->desc.max_m);
  return DSK_STATUS_OK;
}
const char* gemm_choices(const dsk_backend_gemm*, size_t* len) {
  *len = 0;
  return "";
}
dsk_status gemm_enqueue(const dsk_backend_gemm* gemm, uint64_t m, const void* x, void* y,
                        void* workspace, void*, dsk_backend_error*) {
  cpu_gemm(gemm->desc, m, x, y, workspace);
  return DSK_STATUS_OK;
}

dsk_status activate(dsk_backend_device*, dsk_dtype dtype, dsk_backend_activation activation,
                    uint64_t m, uint64_t inner, const void* gate_up, void* h, void*,
                    dsk_backend_error*) {
  cpu_activate(dtype, activation, m, inner, gate_up, h);
  return DSK_STATUS_OK;
}
dsk_status epilogue(dsk_backend_device*, const dsk_backend_epilogue_desc* desc, uint64_t m,
                    const void* in, const void* residual, void* residual_out, void* out, void*,
                    dsk_backend_error*) {
  cpu_epilogue(*desc, m, in, residual, residual_out, out);
  return DSK_STATUS_OK;
}
dsk_status unpack_columns(dsk_backend_device*, dsk_dtype dtype, uint32_t ranks,
                          const uint64_t* offsets, uint64_t m, const void* in, void* out, void*,
                          dsk_backend_error*) {
  cpu_unpack_columns(dtype, ranks, offsets, m, in, out);
  return DSK_STATUS_OK;
}
dsk_status sum_ranks(dsk_backend_device*, dsk_dtype dtype, uint32_t ranks, uint64_t count,
                     const void* in, void* out, void*, dsk_backend_error*) {
  cpu_sum_ranks(dtype, ranks, count, in, out);
  return DSK_STATUS_OK;
}

dsk_status comm_unique_id(dsk_backend_device*, uint8_t*, dsk_backend_error* error) {
  return guarded(
      error, [] { unsupported("unique id: use dsk_tp_comm_create_local or _create_from_env"); });
}
dsk_status comm_create(dsk_backend_device*, const uint8_t*, uint32_t, uint32_t,
                       const dsk_backend_comm_options*, dsk_backend_comm**,
                       dsk_backend_error* error) {
  return guarded(error, [] {
    unsupported("communicator by id: use dsk_tp_comm_create_local or _create_from_env");
  });
}
dsk_status comm_create_local(dsk_backend_device* const*, uint32_t world,
                             const dsk_backend_comm_options* options, dsk_backend_comm** out,
                             dsk_backend_error* error) {
  return guarded(error, [&] {
    if (options->transport == DSK_BACKEND_TRANSPORT_VENDOR)
      unsupported("vendor's collective library");
    auto comms = make_thread_comms(world, options->timeout_ms, options->max_bytes);
    for (std::uint32_t r = 0; r < world; ++r)
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
  return guarded(error, [&] { calls[0].comm->all_reduce(calls, count); });
}
dsk_status all_gather(const dsk_backend_collective* calls, uint32_t count,
                      dsk_backend_error* error) {
  return guarded(error, [&] { calls[0].comm->all_gather(calls, count); });
}

const void* extension(const char*) {
  return nullptr;
}

} // namespace

const dsk_backend_api& cpu_backend() {
  // In the order of the declaration. No graph entries: a captured chain on the CPU is the list of
  // its steps, which lib/tp keeps (graph.cpp).
  // clang-format off
  static const dsk_backend_api table{
      DSK_BACKEND_API_VERSION, sizeof(dsk_backend_api), "cpu", probe, device_info,
      device_open, device_close, memory_alloc, memory_free, memory_copy, memory_info,
      stream_create, stream_destroy, stream_synchronize, stream_query, gemm_create,
      gemm_destroy, gemm_info, gemm_choices, gemm_enqueue, activate, epilogue, unpack_columns,
      sum_ranks, comm_unique_id, comm_create, comm_create_local, comm_destroy, comm_abort,
      comm_poll, comm_transport, all_reduce, all_gather, nullptr, nullptr, nullptr, nullptr,
      nullptr, nullptr, extension};
  // clang-format on
  return table;
}

} // namespace dsk::tp
