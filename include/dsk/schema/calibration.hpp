// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_CALIBRATION_HPP
#define DSK_SCHEMA_CALIBRATION_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// A part of calibration documents.
struct CalibrationProductPoint {
  double m = 0;
  double n = 0;
  double k = 0;
  double us = 0;

  static CalibrationProductPoint from_value(const JsonValue& j) {
    CalibrationProductPoint out;
    detail::get(j, "m", out.m);
    detail::get(j, "n", out.n);
    detail::get(j, "k", out.k);
    detail::get(j, "us", out.us);
    return out;
  }
};

/// A part of calibration documents.
struct CalibrationProduct {
  std::string type;
  double launch_us = 0;
  double flops_per_us = 0;
  double bytes_per_us = 0;
  /// 90 % half width of a product that was not measured, natural logarithm
  double error = 0;
  JsonValue before;
  JsonValue after;
  /// 1 - after / before, of the 90 % half widths
  std::optional<double> interval_narrowed_by;
  JsonValue valid_range;
  std::vector<JsonValue> outliers;
  std::vector<CalibrationProductPoint> points;

  static CalibrationProduct from_value(const JsonValue& j) {
    CalibrationProduct out;
    detail::get(j, "type", out.type);
    detail::get(j, "launch_us", out.launch_us);
    detail::get(j, "flops_per_us", out.flops_per_us);
    detail::get(j, "bytes_per_us", out.bytes_per_us);
    detail::get(j, "error", out.error);
    detail::get(j, "before", out.before);
    detail::get(j, "after", out.after);
    detail::get(j, "interval_narrowed_by", out.interval_narrowed_by);
    detail::get(j, "valid_range", out.valid_range);
    detail::get(j, "outliers", out.outliers);
    detail::get(j, "points", out.points);
    return out;
  }
};

/// The document of docs/schema/calibration.schema.json. Calibration: what was measured on a device,
/// for the planner.
struct Calibration {
  std::string kind = "calibration";
  std::int64_t schema = 1;
  std::string name;
  /// Name in the catalogue
  std::string device;
  std::string source;
  std::string as_of;
  std::optional<std::string> measurements_sha256;
  std::vector<CalibrationProduct> products;
  std::map<std::string, double> rates_gb_per_s;
  std::optional<double> kernel_in_graph_us;

  static Calibration from_value(const JsonValue& j) {
    Calibration out;
    detail::get(j, "kind", out.kind);
    detail::get(j, "schema", out.schema);
    detail::get(j, "name", out.name);
    detail::get(j, "device", out.device);
    detail::get(j, "source", out.source);
    detail::get(j, "as_of", out.as_of);
    detail::get(j, "measurements_sha256", out.measurements_sha256);
    detail::get(j, "products", out.products);
    detail::get(j, "rates_gb_per_s", out.rates_gb_per_s);
    detail::get(j, "kernel_in_graph_us", out.kernel_in_graph_us);
    return out;
  }
  static Calibration from_json(std::string_view text) { return from_value(JsonValue::parse(text)); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_CALIBRATION_HPP
