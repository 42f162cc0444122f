#include "capi/guard.hpp"

namespace {

// Reported when there is no memory for an error object; its destroy does nothing.
dsk_error* out_of_memory_error() noexcept {
  static dsk_error error{DSK_STATUS_OUT_OF_MEMORY, "out of memory", "", "dsk"};
  return &error;
}

} // namespace

dsk_status dsk::capi::report(dsk_error** error, const char* where, dsk_status status,
                             const char* message, const char* path) noexcept {
  if (!error) return status;
  try {
    *error = new dsk_error{status, message, path, where};
    live_objects.fetch_add(1, std::memory_order_relaxed);
  } catch (...) {
    *error = out_of_memory_error();
    return DSK_STATUS_OUT_OF_MEMORY;
  }
  return status;
}

extern "C" {

dsk_status dsk_error_status(const dsk_error* error) {
  return error ? error->status : DSK_STATUS_OK;
}

const char* dsk_error_message(const dsk_error* error) {
  return error ? error->message.c_str() : "";
}

const char* dsk_error_path(const dsk_error* error) {
  return error ? error->path.c_str() : "";
}

const char* dsk_error_where(const dsk_error* error) {
  return error ? error->where : "";
}

void dsk_error_destroy(dsk_error* error) {
  if (!error || error == out_of_memory_error()) return;
  dsk::capi::live_objects.fetch_sub(1, std::memory_order_relaxed);
  delete error;
}

const char* dsk_status_name(dsk_status status) {
  switch (status) {
  case DSK_STATUS_OK:
    return "ok";
  case DSK_STATUS_INVALID_ARGUMENT:
    return "invalid_argument";
  case DSK_STATUS_INVALID_REQUEST:
    return "invalid_request";
  case DSK_STATUS_NOT_FOUND:
    return "not_found";
  case DSK_STATUS_UNSUPPORTED:
    return "unsupported";
  case DSK_STATUS_UNAVAILABLE:
    return "unavailable";
  case DSK_STATUS_CANCELLED:
    return "cancelled";
  case DSK_STATUS_DEADLINE:
    return "deadline";
  case DSK_STATUS_OUT_OF_MEMORY:
    return "out_of_memory";
  case DSK_STATUS_BACKEND:
    return "backend";
  case DSK_STATUS_IO:
    return "io";
  case DSK_STATUS_INTERNAL:
    return "internal";
  case DSK_STATUS_FORCE_32BIT:
    break;
  }
  return "unknown";
}

} // extern "C"
