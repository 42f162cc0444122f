#include <algorithm>
#include <string_view>

#include "capi/cancel.hpp"
#include "capi/catalog.hpp"
#include "capi/guard.hpp"
#include "dsk/plan.h"
#include "plan/simulate_request.hpp"
#include "plan/tune_batching.hpp"
#include "plan/validate_e2e.hpp"
#include "plan/validate_requests.hpp"

namespace {

dsk::Json parsed(const char* json, std::size_t json_len) {
  dsk::capi::require(json, "json");
  return dsk::json::parse(std::string_view(json, json_len), "request");
}

dsk_request_times times_of(const dsk::sim::Done& d) {
  return {d.id,    d.sent_s * 1e3, d.admitted_s * 1e3, d.first_s * 1e3, d.last_s * 1e3,
          d.input, d.output,       d.cached,           d.preemptions};
}

} // namespace

using dsk::capi::builtin_catalog;
using dsk::capi::cancel_of;
using dsk::capi::give_text;
using dsk::capi::guard;
using dsk::capi::require;

extern "C" {

dsk_status dsk_plan_simulate(const char* json, size_t json_len, dsk_cancel* cancel,
                             dsk_request_times* series, size_t capacity, size_t row_size,
                             size_t* count, char** out, size_t* out_len, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    if (count) *count = 0;
    if (capacity > 0) {
      require(series, "series");
      if (row_size != sizeof(dsk_request_times))
        throw dsk::Error(DSK_STATUS_INVALID_ARGUMENT,
                         "row_size is " + std::to_string(row_size) + ", must be " +
                             std::to_string(sizeof(dsk_request_times)));
    }
    std::vector<dsk::sim::Done> rows;
    const bool keep = capacity > 0;
    const dsk::Json answer = dsk::plan::simulate_document(
        parsed(json, json_len), builtin_catalog(), cancel_of(cancel), keep ? &rows : nullptr);
    give_text(dsk::json::dump(answer), out, out_len);
    for (std::size_t i = 0; i < std::min(capacity, rows.size()); ++i)
      series[i] = times_of(rows[i]);
    if (count) *count = rows.size();
  });
}

dsk_status dsk_plan_tune_batching(const char* json, size_t json_len, dsk_cancel* cancel, char** out,
                                  size_t* out_len, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    const dsk::Json answer =
        dsk::plan::tune_batching(parsed(json, json_len), builtin_catalog(), cancel_of(cancel));
    give_text(dsk::json::dump(answer), out, out_len);
  });
}

dsk_status dsk_plan_validate_requests(const char* json, size_t json_len, const char* log,
                                      size_t log_len, dsk_cancel* cancel, char** report,
                                      dsk_error** error) {
  return guard(error, __func__, [&] {
    require(log, "log");
    require(report, "report");
    *report = nullptr;
    const dsk::Json answer =
        dsk::plan::validate_requests(parsed(json, json_len), std::string_view(log, log_len),
                                     builtin_catalog(), cancel_of(cancel));
    give_text(dsk::json::dump(answer), report, nullptr);
  });
}

dsk_status dsk_plan_validate_e2e(const char* json, size_t json_len, const char* csv, size_t csv_len,
                                 dsk_cancel* cancel, char** report, char** predictions,
                                 dsk_error** error) {
  return guard(error, __func__, [&] {
    require(csv, "csv");
    require(report, "report");
    *report = nullptr;
    if (predictions) *predictions = nullptr;
    const dsk::plan::E2eAnswer answer =
        dsk::plan::validate_e2e(parsed(json, json_len), std::string_view(csv, csv_len),
                                builtin_catalog(), cancel_of(cancel));
    if (predictions) give_text(answer.predictions, predictions, nullptr);
    give_text(dsk::json::dump(answer.report), report, nullptr);
  });
}

} // extern "C"
