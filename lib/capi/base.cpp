#include "base/log.hpp"
#include "capi/cancel.hpp"
#include "capi/guard.hpp"

namespace {

constexpr std::uint32_t product_version =
    DSK_VERSION_MAJOR * 1000000u + DSK_VERSION_MINOR * 1000u + DSK_VERSION_PATCH;

} // namespace

extern "C" {

const char* dsk_version_string(void) {
  return DSK_VERSION_TEXT;
}
uint32_t dsk_version(void) {
  return product_version;
}
uint32_t dsk_abi_version(void) {
  return DSK_ABI_VERSION;
}

dsk_status dsk_abi_check(uint32_t abi_version, dsk_error** error) {
  return dsk::capi::guard(error, __func__, [&] {
    if (abi_version != DSK_ABI_VERSION)
      throw dsk::Error(DSK_STATUS_UNSUPPORTED,
                       "this program was compiled against ABI " + std::to_string(abi_version) +
                           " of libdsk, but the library that is loaded (version " +
                           DSK_VERSION_TEXT + ") has ABI " + std::to_string(DSK_ABI_VERSION));
  });
}

void dsk_free(void* memory) {
  std::free(memory);
}

uint64_t dsk_live_objects(void) {
  return dsk::capi::live_objects.load(std::memory_order_relaxed);
}

void dsk_log_set(dsk_log_level level, dsk_log_fn fn, void* user) {
  dsk::log::set(level, fn, user);
}

dsk_status dsk_cancel_create(dsk_cancel** out, dsk_error** error) {
  return dsk::capi::guard(error, __func__, [&] {
    dsk::capi::require(out, "out");
    *out = nullptr;
    *out = new dsk_cancel;
  });
}

void dsk_cancel_set(dsk_cancel* cancel) {
  if (cancel) cancel->state->set.store(true, std::memory_order_relaxed);
}

bool dsk_cancel_is_set(const dsk_cancel* cancel) {
  return cancel && cancel->state->set.load(std::memory_order_relaxed);
}

void dsk_cancel_progress(const dsk_cancel* cancel, uint64_t* done, uint64_t* total) {
  if (done) *done = cancel ? cancel->state->done.load(std::memory_order_relaxed) : 0;
  if (total) *total = cancel ? cancel->state->total.load(std::memory_order_relaxed) : 0;
}

void dsk_cancel_destroy(dsk_cancel* cancel) {
  delete cancel;
}

} // extern "C"
