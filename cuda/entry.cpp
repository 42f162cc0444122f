// The table: every entry of dsk_backend_api, and the one symbol that the plugin exports.
#include "dsk/backend.h"

#include <cstring>
#include <memory>

#include "check.hpp"
#include "device.hpp"
#include "driver.hpp"

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
    copy_text(out->missing, driver.refusal);
  });
}

dsk_status device_info(int32_t ordinal, dsk_backend_device_info* out, dsk_backend_error* error) {
  return guarded(error, [&] {
    const std::uint32_t size = out->struct_size;
    *out = dsk_backend_device_info{};
    out->struct_size = size;
    std::string why;
    if (!dsk::cuda::describe(ordinal, *out, why))
      throw Failure(dsk::cuda::driver().refusal.empty() ? DSK_STATUS_NOT_FOUND : DSK_STATUS_UNAVAILABLE, why);
    copy_text(out->tuning_key, std::string(out->name) + ", driver " + dsk::cuda::driver().version);
  });
}

dsk_status device_open(int32_t ordinal, dsk_backend_device** out, dsk_backend_error* error) {
  return guarded(error, [&] { *out = new dsk_backend_device(ordinal); });
}

void device_close(dsk_backend_device* device) { delete device; }

dsk_status memory_alloc(dsk_backend_device* device, uint64_t bytes, void** out, dsk_backend_error* error) {
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
    dsk::cuda::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, device->device.service), "cudaMemcpy");
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

void stream_destroy(dsk_backend_device*, void* stream) { (void)cudaStreamDestroy(stream_of(stream)); }

dsk_status stream_synchronize(dsk_backend_device* device, void* stream, dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    dsk::cuda::check(cudaStreamSynchronize(stream_of(stream)), "cudaStreamSynchronize");
  });
}

dsk_status stream_query(dsk_backend_device* device, void* stream, uint32_t* done, dsk_backend_error* error) {
  return guarded(error, [&] {
    const dsk::cuda::Current current(device->device.ordinal);
    const cudaError_t status = cudaStreamQuery(stream_of(stream));
    *done = status == cudaSuccess ? 1u : 0u;
    if (status != cudaErrorNotReady) dsk::cuda::check(status, "work on the stream");
  });
}

const void* extension(const char*) { return nullptr; }

} // namespace

extern "C" __attribute__((visibility("default"))) const dsk_backend_api* dsk_backend_entry(uint32_t api_version) {
  static const dsk_backend_api table = [] {
    dsk_backend_api api{};
    api.api_version = DSK_BACKEND_API_VERSION;
    api.struct_size = sizeof(dsk_backend_api);
    api.name = "cuda";
    api.probe = probe;
    api.device_info = device_info;
    api.device_open = device_open;
    api.device_close = device_close;
    api.memory_alloc = memory_alloc;
    api.memory_free = memory_free;
    api.memory_copy = memory_copy;
    api.memory_info = memory_info;
    api.stream_create = stream_create;
    api.stream_destroy = stream_destroy;
    api.stream_synchronize = stream_synchronize;
    api.stream_query = stream_query;
    api.extension = extension;
    return api;
  }();
  return api_version == DSK_BACKEND_API_VERSION ? &table : nullptr;
}
