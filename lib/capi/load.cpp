#include <string_view>

#include "capi/cancel.hpp"
#include "capi/guard.hpp"
#include "dsk/bench.h"
#include "load/generator.hpp"

namespace dsk::capi {
namespace {

load::Report report_of(const std::string& text, std::size_t place) {
  constexpr std::string_view journal = "journal:";
  if (text.rfind(journal, 0) == 0) return load::report_from_journal(text.substr(journal.size()));
  const std::string at = json::pointer("", place);
  try {
    return load::report_from_document(json::parse(text, "report " + std::to_string(place + 1)), at);
  } catch (const Error& e) {
    throw Error(e.status(), e.what(), e.path().empty() ? at : e.path());
  }
}

std::string written(const load::Report& report, dsk_bench_load_format format) {
  switch (format) {
  case DSK_BENCH_LOAD_JSON:
    return json::dump(load::document_of(report));
  case DSK_BENCH_LOAD_VLLM:
    return json::dump(load::vllm_document(report));
  case DSK_BENCH_LOAD_TABLE:
    return load::report_table(report);
  case DSK_BENCH_LOAD_FORCE_32BIT:
    break;
  }
  throw Error(DSK_STATUS_INVALID_ARGUMENT, "format is " + std::to_string(static_cast<int>(format)) +
                                               ", must be a value of dsk_bench_load_format");
}

} // namespace
} // namespace dsk::capi

using dsk::capi::give_text;
using dsk::capi::guard;
using dsk::capi::require;

extern "C" {

dsk_status dsk_bench_load_run(const char* json, size_t json_len, dsk_cancel* cancel, char** out,
                              size_t* out_len, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    require(json, "json");
    const dsk::load::LoadRequest request =
        dsk::load::read_load_request(dsk::json::parse(std::string_view(json, json_len), "request"));
    const dsk::load::Report report =
        dsk::load::run_load(request, dsk::capi::cancel_of(cancel), dsk::load::open_http);
    give_text(dsk::json::dump(dsk::load::document_of(report)), out, out_len);
  });
}

dsk_status dsk_bench_load_emit(const char* const* reports, size_t count,
                               dsk_bench_load_format format, char** out, size_t* out_len,
                               dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    require(reports, "reports");
    std::vector<dsk::load::Report> read;
    for (std::size_t i = 0; i < count; ++i) {
      require(reports[i], "reports[i]");
      read.push_back(dsk::capi::report_of(reports[i], i));
    }
    give_text(dsk::capi::written(dsk::load::merged(read), format), out, out_len);
  });
}

} // extern "C"
