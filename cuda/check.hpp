// Failures inside the plugin: thrown here, turned into a status and a sentence at the table
// (entry.cpp).
#pragma once

#include <cuda_runtime_api.h>

#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "dsk/backend.h"

namespace dsk::cuda {

class Failure : public std::exception {
public:
  Failure(dsk_status status, std::string sentence)
      : status_(status), sentence_(std::move(sentence)) {}
  dsk_status status() const noexcept { return status_; }
  const char* what() const noexcept override { return sentence_.c_str(); }

private:
  dsk_status status_;
  std::string sentence_;
};

/// Throws when a runtime call failed; clears the runtime's own record of it.
inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  (void)cudaGetLastError();
  const dsk_status code =
      status == cudaErrorMemoryAllocation ? DSK_STATUS_OUT_OF_MEMORY : DSK_STATUS_BACKEND;
  throw Failure(code, std::string(what) + ": " + cudaGetErrorString(status) + " (" +
                          cudaGetErrorName(status) + ")");
}

inline void write_error(dsk_backend_error* error, const char* sentence) noexcept {
  if (error) std::snprintf(error->text, sizeof error->text, "%s", sentence);
}

/// Runs one table call: no exception leaves it.
template <class Body> dsk_status guarded(dsk_backend_error* error, Body&& body) noexcept {
  if (error) error->text[0] = '\0';
  try {
    body();
    return DSK_STATUS_OK;
  } catch (const Failure& failure) {
    write_error(error, failure.what());
    return failure.status();
  } catch (const std::bad_alloc&) {
    write_error(error, "out of host memory");
    return DSK_STATUS_OUT_OF_MEMORY;
  } catch (const std::exception& other) {
    write_error(error, other.what());
    return DSK_STATUS_INTERNAL;
  }
}

} // namespace dsk::cuda
