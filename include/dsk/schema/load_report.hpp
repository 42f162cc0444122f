// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_LOAD_REPORT_HPP
#define DSK_SCHEMA_LOAD_REPORT_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// sent = completed + failed + interrupted + warmup.
struct LoadReportRequests {
  std::optional<std::int64_t> sent;
  std::optional<std::int64_t> completed;
  std::optional<std::int64_t> failed;
  /// In flight when the generator was killed or cancelled
  std::optional<std::int64_t> interrupted;
  std::optional<std::int64_t> warmup;
  std::optional<std::int64_t> within_slo;

  static LoadReportRequests from_value(const JsonValue& j) {
    LoadReportRequests out;
    detail::get(j, "sent", out.sent);
    detail::get(j, "completed", out.completed);
    detail::get(j, "failed", out.failed);
    detail::get(j, "interrupted", out.interrupted);
    detail::get(j, "warmup", out.warmup);
    detail::get(j, "within_slo", out.within_slo);
    return out;
  }
};

/// A part of load-report documents.
struct LoadReportTokens {
  std::optional<std::int64_t> input;
  std::optional<std::int64_t> output;
  std::optional<std::string> counted_by;
  std::optional<std::int64_t> requests_counted_by_server;

  static LoadReportTokens from_value(const JsonValue& j) {
    LoadReportTokens out;
    detail::get(j, "input", out.input);
    detail::get(j, "output", out.output);
    detail::get(j, "counted_by", out.counted_by);
    detail::get(j, "requests_counted_by_server", out.requests_counted_by_server);
    return out;
  }
};

/// The document of docs/schema/load-report.schema.json. Report of dsk_bench_load_run.
struct LoadReport {
  std::string kind = "load_report";
  std::int64_t schema = 1;
  /// As it was given; null when reports of different requests were merged
  JsonValue request;
  std::optional<std::string> generator;
  std::optional<std::int64_t> machines;
  std::optional<std::string> began_at;
  std::optional<double> began_at_unix_s;
  /// First schedule to last end, without the time in which the generator was dead
  double duration_s = 0;
  /// complete, duration, cancelled, journal
  std::optional<std::string> ended;
  std::optional<std::int64_t> resumed;
  std::optional<std::int64_t> max_in_flight;
  /// sent = completed + failed + interrupted + warmup
  LoadReportRequests requests;
  /// By kind
  std::map<std::string, std::int64_t> failures;
  LoadReportTokens tokens;
  std::map<std::string, double> rates;
  /// ttft_ms, tpot_ms, itl_ms, e2e_ms, send_delay_ms; see definitions
  JsonValue latency;
  std::map<std::string, std::string> definitions;
  std::optional<std::string> journal_failure;
  /// Log-linear, 512 bins an octave: what reports are merged by
  JsonValue histograms;

  static LoadReport from_value(const JsonValue& j) {
    LoadReport out;
    detail::get(j, "kind", out.kind);
    detail::get(j, "schema", out.schema);
    detail::get(j, "request", out.request);
    detail::get(j, "generator", out.generator);
    detail::get(j, "machines", out.machines);
    detail::get(j, "began_at", out.began_at);
    detail::get(j, "began_at_unix_s", out.began_at_unix_s);
    detail::get(j, "duration_s", out.duration_s);
    detail::get(j, "ended", out.ended);
    detail::get(j, "resumed", out.resumed);
    detail::get(j, "max_in_flight", out.max_in_flight);
    detail::get(j, "requests", out.requests);
    detail::get(j, "failures", out.failures);
    detail::get(j, "tokens", out.tokens);
    detail::get(j, "rates", out.rates);
    detail::get(j, "latency", out.latency);
    detail::get(j, "definitions", out.definitions);
    detail::get(j, "journal_failure", out.journal_failure);
    detail::get(j, "histograms", out.histograms);
    return out;
  }
  static LoadReport from_json(std::string_view text) { return from_value(JsonValue::parse(text)); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_LOAD_REPORT_HPP
