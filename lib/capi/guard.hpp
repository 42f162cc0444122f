// The border: exceptions become a status and an error object, and every handle is counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "base/error.hpp"
#include "dsk/base.h"

struct dsk_error {
  dsk_status status;
  std::string message;
  std::string path;
  const char* where;
};

namespace dsk::capi {

/// Handles and errors alive; see dsk_live_objects().
inline std::atomic<std::uint64_t> live_objects{0};

/// Base of every handle, so that a leak shows in the count.
struct Counted {
  Counted() noexcept { live_objects.fetch_add(1, std::memory_order_relaxed); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { live_objects.fetch_sub(1, std::memory_order_relaxed); }
};

/// Stores the error (when the caller wants it) and returns its status. Never throws.
dsk_status report(dsk_error** error, const char* where, dsk_status status, const char* message,
                  const char* path) noexcept;

template <class Body> dsk_status guard(dsk_error** error, const char* where, Body&& body) noexcept {
  if (error) *error = nullptr;
  try {
    body();
    return DSK_STATUS_OK;
  } catch (const Error& e) {
    return report(error, where, e.status(), e.what(), e.path().c_str());
  } catch (const std::bad_alloc&) {
    return report(error, where, DSK_STATUS_OUT_OF_MEMORY, "out of memory", "");
  } catch (const std::exception& e) {
    return report(error, where, DSK_STATUS_INTERNAL, e.what(), "");
  } catch (...) {
    return report(error, where, DSK_STATUS_INTERNAL, "unknown exception", "");
  }
}

/// Refuses a NULL that the contract does not allow.
inline void require(const void* pointer, const char* name) {
  if (!pointer) throw Error(DSK_STATUS_INVALID_ARGUMENT, std::string(name) + " is NULL");
}

/// Hands a text to the caller, who frees it with dsk_free.
inline void give_text(const std::string& text, char** out, std::size_t* out_len) {
  char* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (!copy) throw std::bad_alloc();
  std::memcpy(copy, text.c_str(), text.size() + 1);
  *out = copy;
  if (out_len) *out_len = text.size();
}

} // namespace dsk::capi
