// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_LOAD_REQUEST_HPP
#define DSK_SCHEMA_LOAD_REQUEST_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// A part of load-request documents.
struct LoadEndpoint {
  std::string url;
  std::optional<std::string> api;
  /// Instead of /v1/completions or /v1/chat/completions
  std::optional<std::string> path;
  std::string model;
  std::optional<bool> stream;
  /// Environment variable that holds the key; the key is written nowhere
  std::optional<std::string> key_env;
  std::optional<std::map<std::string, std::string>> headers;
  std::optional<std::string> ca_file;
  std::optional<bool> verify_certificate;
  std::optional<double> connect_timeout_s;
  /// Of one request
  std::optional<double> timeout_s;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "url", url);
    detail::put(out, "api", api);
    detail::put(out, "path", path);
    detail::put(out, "model", model);
    detail::put(out, "stream", stream);
    detail::put(out, "key_env", key_env);
    detail::put(out, "headers", headers);
    detail::put(out, "ca_file", ca_file);
    detail::put(out, "verify_certificate", verify_certificate);
    detail::put(out, "connect_timeout_s", connect_timeout_s);
    detail::put(out, "timeout_s", timeout_s);
    return out;
  }
};

/// A part of load-request documents.
struct LoadWorkloadTrace {
  std::string path;
  std::string format;
  std::optional<double> speed;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "path", path);
    detail::put(out, "format", format);
    detail::put(out, "speed", speed);
    return out;
  }
};

/// A part of load-request documents.
struct Lengths {
  std::optional<double> mean;
  std::optional<double> deviation;
  std::optional<double> low;
  std::optional<double> high;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "mean", mean);
    detail::put(out, "deviation", deviation);
    detail::put(out, "low", low);
    detail::put(out, "high", high);
    if (out.members().size() == 1 && out.members()[0].first == "mean")
      return out.members()[0].second;
    return out;
  }
};

/// What prompts share.
struct LoadWorkloadPrefix {
  std::optional<std::int64_t> groups;
  std::optional<std::int64_t> tokens;
  std::optional<std::int64_t> turns;
  std::optional<std::int64_t> parallel;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "groups", groups);
    detail::put(out, "tokens", tokens);
    detail::put(out, "turns", turns);
    detail::put(out, "parallel", parallel);
    return out;
  }
};

/// Exactly one of rate_per_s (open loop), concurrency (closed loop) and trace.
struct LoadWorkload {
  std::optional<double> rate_per_s;
  std::optional<std::string> process;
  /// gamma: deviation over mean of the gaps
  std::optional<double> cv;
  std::optional<double> on_s;
  std::optional<double> off_s;
  std::optional<double> day_s;
  /// daily: highest rate over the mean
  std::optional<double> peak;
  std::optional<std::int64_t> concurrency;
  std::optional<double> think_s;
  std::optional<LoadWorkloadTrace> trace;
  Lengths input_tokens;
  Lengths output_tokens;
  /// What prompts share
  LoadWorkloadPrefix prefix;
  std::optional<std::int64_t> requests;
  std::optional<double> duration_s;
  std::optional<std::int64_t> warmup_requests;
  std::optional<std::int64_t> seed;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "rate_per_s", rate_per_s);
    detail::put(out, "process", process);
    detail::put(out, "cv", cv);
    detail::put(out, "on_s", on_s);
    detail::put(out, "off_s", off_s);
    detail::put(out, "day_s", day_s);
    detail::put(out, "peak", peak);
    detail::put(out, "concurrency", concurrency);
    detail::put(out, "think_s", think_s);
    detail::put(out, "trace", trace);
    detail::put_part(out, "input_tokens", input_tokens);
    detail::put_part(out, "output_tokens", output_tokens);
    detail::put_part(out, "prefix", prefix);
    detail::put(out, "requests", requests);
    detail::put(out, "duration_s", duration_s);
    detail::put(out, "warmup_requests", warmup_requests);
    detail::put(out, "seed", seed);
    return out;
  }
};

/// A part of load-request documents.
struct LoadSlo {
  std::optional<double> ttft_ms;
  std::optional<double> tpot_ms;
  std::optional<double> e2e_ms;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "ttft_ms", ttft_ms);
    detail::put(out, "tpot_ms", tpot_ms);
    detail::put(out, "e2e_ms", e2e_ms);
    return out;
  }

  static LoadSlo from_value(const JsonValue& j) {
    LoadSlo out;
    detail::get(j, "ttft_ms", out.ttft_ms);
    detail::get(j, "tpot_ms", out.tpot_ms);
    detail::get(j, "e2e_ms", out.e2e_ms);
    return out;
  }
};

/// The document of docs/schema/load-request.schema.json. Request of dsk_bench_load_run.
struct LoadRequest {
  std::int64_t schema = 1;
  LoadEndpoint endpoint;
  /// Exactly one of rate_per_s (open loop), concurrency (closed loop) and trace
  LoadWorkload workload;
  std::optional<std::string> prompt;
  /// Members added to each request body
  JsonValue extra_body;
  std::optional<std::int64_t> max_in_flight;
  LoadSlo slo;
  /// File that keeps the run; the run goes on from there when it exists
  std::optional<std::string> journal;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "schema", schema);
    detail::put(out, "endpoint", endpoint);
    detail::put(out, "workload", workload);
    detail::put(out, "prompt", prompt);
    detail::put_part(out, "extra_body", extra_body);
    detail::put(out, "max_in_flight", max_in_flight);
    detail::put_part(out, "slo", slo);
    detail::put(out, "journal", journal);
    return out;
  }
  std::string to_json() const { return to_value().dump(); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_LOAD_REQUEST_HPP
