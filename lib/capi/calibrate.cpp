#include "dsk/calibrate.h"

#include <optional>
#include <string_view>

#include "calibrate/calibrate.hpp"
#include "capi/catalog.hpp"
#include "capi/guard.hpp"
#include "plan/calibrate_runs.hpp"
#include "plan/request.hpp"

namespace {

// A member that another module reads.
dsk::Json taken(dsk::Json& request, const char* member) {
  dsk::Json out;
  if (!request.is_object() || !request.contains(member)) return out;
  out = std::move(request[member]);
  request.erase(member);
  return out;
}

} // namespace

extern "C" {

dsk_status dsk_plan_calibrate(const char* json, size_t json_len, char** out, size_t* out_len,
                              dsk_error** error) {
  return dsk::capi::guard(error, __func__, [&] {
    dsk::capi::require(out, "out");
    *out = nullptr;
    dsk::capi::require(json, "json");
    dsk::Json request = dsk::json::parse(std::string_view(json, json_len), "request");
    std::optional<dsk::Catalog> own;
    const dsk::Catalog& catalog =
        dsk::plan::request_catalog(request, dsk::capi::builtin_catalog(), own);
    dsk::Json documents = taken(request, "catalog");
    if (documents.is_null()) documents = dsk::Json::array();
    const dsk::Json runs = taken(request, "runs"), check = taken(request, "check_runs");
    dsk::Json document = dsk::calibrate::calibrate(request, catalog, !runs.is_null());
    if (!runs.is_null()) dsk::plan::add_engine_runs(document, runs, check, documents, catalog, {});
    dsk::capi::give_text(dsk::json::dump(document), out, out_len);
  });
}

} // extern "C"
