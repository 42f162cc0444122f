// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_MONITOR_REQUEST_HPP
#define DSK_SCHEMA_MONITOR_REQUEST_HPP

#include <optional>
#include <string>
#include <vector>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// The document of docs/schema/monitor-request.schema.json. Request of dsk_bench_monitor_create.
struct MonitorRequest {
  std::optional<std::string> engine_metrics_url;
  /// Round trips to these
  std::optional<std::vector<std::string>> hosts;
  std::optional<double> timeout_s;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "engine_metrics_url", engine_metrics_url);
    detail::put(out, "hosts", hosts);
    detail::put(out, "timeout_s", timeout_s);
    return out;
  }
  std::string to_json() const { return to_value().dump(); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_MONITOR_REQUEST_HPP
