// One opened device: its context, its memory and its streams.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>

#include "dsk/backend.h"

namespace dsk::cuda {

/// Binds the thread to the context of `ordinal` for a scope; the caller's context comes back at its
/// end, also when that is none. In a thread's first call the runtime calls device 0 current while
/// the driver has no context there yet, so the context is what is looked at.
class Current {
public:
  explicit Current(int ordinal);
  ~Current();
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

private:
  void* before_;
  bool changed_ = false;
};

struct Device {
  int ordinal = 0;
  int compute = 0; // 10 * major + minor
  int multiprocessors = 0;
  bool programmatic_launch = false; // compute capability 9.0 and later
  std::size_t shared_limit = 0;     // bytes of shared memory that one thread block may have
  cudaStream_t service = nullptr;   // for copies that must be complete at return
  cublasLtHandle_t blas =
      nullptr; // NULL when cuBLASLt is not there: own kernels then do all products

  explicit Device(int ordinal);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
};

inline cudaStream_t stream_of(void* stream) {
  return static_cast<cudaStream_t>(stream);
}

} // namespace dsk::cuda

struct dsk_backend_device {
  dsk::cuda::Device device;
  explicit dsk_backend_device(int ordinal) : device(ordinal) {}
};
