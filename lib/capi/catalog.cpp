#include "capi/catalog.hpp"

#include "capi/guard.hpp"
#include "dsk/plan.h"

namespace dsk::capi {

const Catalog& builtin_catalog() {
  static const Catalog catalog;
  return catalog;
}

namespace {

const char* kind_name(dsk_catalog_kind kind) {
  switch (kind) {
  case DSK_CATALOG_MODEL:
    return "model";
  case DSK_CATALOG_DEVICE:
    return "device";
  case DSK_CATALOG_ENGINE:
    return "engine";
  case DSK_CATALOG_PRICE:
    return "price";
  case DSK_CATALOG_LINK:
    return "link";
  case DSK_CATALOG_DATASET:
    return "dataset";
  case DSK_CATALOG_FORCE_32BIT:
    break;
  }
  throw Error(DSK_STATUS_INVALID_ARGUMENT, "kind is " + std::to_string(static_cast<int>(kind)) +
                                               ", must be a value of dsk_catalog_kind");
}

} // namespace
} // namespace dsk::capi

extern "C" {

dsk_status dsk_catalog_to_json(dsk_catalog_kind kind, char** out, size_t* out_len,
                               dsk_error** error) {
  return dsk::capi::guard(error, __func__, [&] {
    dsk::capi::require(out, "out");
    *out = nullptr;
    const dsk::Json names = dsk::capi::builtin_catalog().names(dsk::capi::kind_name(kind));
    dsk::capi::give_text(dsk::json::dump(names), out, out_len);
  });
}

dsk_status dsk_catalog_get(dsk_catalog_kind kind, const char* name, size_t name_len, char** out,
                           size_t* out_len, dsk_error** error) {
  return dsk::capi::guard(error, __func__, [&] {
    dsk::capi::require(name, "name");
    dsk::capi::require(out, "out");
    *out = nullptr;
    const dsk::Json record = dsk::capi::builtin_catalog().record(dsk::capi::kind_name(kind),
                                                                 std::string(name, name_len), "");
    dsk::capi::give_text(dsk::json::dump(record), out, out_len);
  });
}

} // extern "C"
