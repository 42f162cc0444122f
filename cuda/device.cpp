#include "device.hpp"

#include <array>
#include <atomic>

#include "blas.hpp"
#include "check.hpp"
#include "driver.hpp"
#include "linear/product.hpp"

namespace dsk::cuda {

namespace {

/// The devices' contexts, as far as this plugin has used them; they live as long as the process.
std::array<std::atomic<void*>, 256> contexts;

} // namespace

Current::Current(int ordinal) : before_(current_context()) {
  std::atomic<void*>& known = contexts.at(static_cast<std::size_t>(ordinal));
  void* const wanted = known.load(std::memory_order_acquire);
  if (wanted && wanted == before_) return;
  if (!wanted) {
    check(cudaSetDevice(ordinal), "cudaSetDevice"); // makes the context
    known.store(current_context(), std::memory_order_release);
  } else if (!make_current(wanted)) {
    throw Failure(DSK_STATUS_BACKEND,
                  "the context of device " + std::to_string(ordinal) + " cannot be made current");
  }
  changed_ = true;
}

Current::~Current() {
  if (changed_) (void)make_current(before_);
}

Device::Device(int ordinal_) : ordinal(ordinal_) {
  dsk_backend_device_info info{};
  std::string why;
  if (!describe(ordinal, info, why))
    throw Failure(driver().refusal.empty() ? DSK_STATUS_NOT_FOUND : DSK_STATUS_UNAVAILABLE, why);
  if (info.compute_major < 8)
    throw Failure(DSK_STATUS_UNSUPPORTED, std::string(info.name) + " has compute capability " +
                                              std::to_string(info.compute_major) + "." +
                                              std::to_string(info.compute_minor) +
                                              "; the plugin needs 8.0 or newer");
  compute = static_cast<int>(10 * info.compute_major + info.compute_minor);
  multiprocessors = static_cast<int>(info.multiprocessors);
  programmatic_launch = compute >= 90;
  const Current current(ordinal);
  check(cudaFree(nullptr), "making the device's context");
  int limit = 0;
  check(cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, ordinal),
        "cudaDeviceGetAttribute");
  shared_limit = static_cast<std::size_t>(limit);
  gemv_prepare(shared_limit);
  if (compute == 90) skinny_prepare(shared_limit);
  if (compute == 90) wide_prepare(shared_limit);
  check(cudaStreamCreateWithFlags(&service, cudaStreamNonBlocking), "cudaStreamCreate");
  if (dsk::cuda::blas().missing.empty() &&
      dsk::cuda::blas().create(&this->blas) != CUBLAS_STATUS_SUCCESS) {
    (void)cudaStreamDestroy(service);
    throw Failure(DSK_STATUS_BACKEND, "cublasLtCreate failed");
  }
}

Device::~Device() {
  (void)guarded(nullptr, [&] {
    const Current current(ordinal);
    if (blas) (void)dsk::cuda::blas().destroy(blas);
    if (service) (void)cudaStreamDestroy(service);
  });
}

} // namespace dsk::cuda
