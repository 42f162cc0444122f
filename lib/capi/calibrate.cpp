#include "dsk/calibrate.h"

#include <string_view>

#include "calibrate/calibrate.hpp"
#include "capi/catalog.hpp"
#include "capi/guard.hpp"

extern "C" {

dsk_status dsk_plan_calibrate(const char* json, size_t json_len, char** out, size_t* out_len,
                              dsk_error** error) {
  return dsk::capi::guard(error, __func__, [&] {
    dsk::capi::require(out, "out");
    *out = nullptr;
    dsk::capi::require(json, "json");
    const dsk::Json request = dsk::json::parse(std::string_view(json, json_len), "request");
    dsk::capi::give_text(
        dsk::json::dump(dsk::calibrate::calibrate(request, dsk::capi::builtin_catalog())), out,
        out_len);
  });
}

} // extern "C"
