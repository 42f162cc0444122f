// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_BENCH_PROBE_REQUEST_HPP
#define DSK_SCHEMA_BENCH_PROBE_REQUEST_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// A part of bench-probe-request documents.
struct BenchProbeLinear {
  std::string name;
  std::int64_t n = 0;
  std::int64_t k = 0;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "name", name);
    detail::put(out, "n", n);
    detail::put(out, "k", k);
    return out;
  }
};

/// The document of docs/schema/bench-probe-request.schema.json. Request of dsk_bench_probe.
struct BenchProbeRequest {
  std::optional<std::string> suite;
  /// Of the suite only these, by name
  std::optional<std::vector<std::string>> probes;
  /// Name the probes, measure nothing
  std::optional<bool> list;
  std::optional<std::string> backend;
  std::optional<std::int64_t> device;
  /// File of at least 64 MiB to read
  std::optional<std::string> disk_path;
  /// Catalogue name: its linear layers are measured too
  std::optional<std::string> model;
  std::optional<std::int64_t> tp;
  /// Layers of a model, y[m, n] = x[m, k] w[n, k]^T, measured at m = 1, 16, 64 and 4096
  std::optional<std::vector<BenchProbeLinear>> linears;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "suite", suite);
    detail::put(out, "probes", probes);
    detail::put(out, "list", list);
    detail::put(out, "backend", backend);
    detail::put(out, "device", device);
    detail::put(out, "disk_path", disk_path);
    detail::put(out, "model", model);
    detail::put(out, "tp", tp);
    detail::put(out, "linears", linears);
    return out;
  }
  std::string to_json() const { return to_value().dump(); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_BENCH_PROBE_REQUEST_HPP
