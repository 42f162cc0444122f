#include <string_view>

#include "capi/catalog.hpp"
#include "capi/guard.hpp"
#include "dsk/plan.h"
#include "plan/cost_request.hpp"

extern "C" {

dsk_status dsk_plan_cost(const char* json, size_t json_len, char** out, size_t* out_len,
                         dsk_error** error) {
  return dsk::capi::guard(error, __func__, [&] {
    dsk::capi::require(json, "json");
    dsk::capi::require(out, "out");
    *out = nullptr;
    const dsk::Json request = dsk::json::parse(std::string_view(json, json_len), "request");
    const dsk::Json answer = dsk::plan::cost_document(request, dsk::capi::builtin_catalog());
    dsk::capi::give_text(dsk::json::dump(answer), out, out_len);
  });
}

} // extern "C"
