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

/// A part of calibration documents.
struct CalibrationLinksPeerCopyPair {
  std::int64_t from_device = 0;
  std::int64_t to_device = 0;
  double gb_per_s = 0;
  std::optional<double> times_the_typical;

  static CalibrationLinksPeerCopyPair from_value(const JsonValue& j) {
    CalibrationLinksPeerCopyPair out;
    detail::get(j, "from_device", out.from_device);
    detail::get(j, "to_device", out.to_device);
    detail::get(j, "gb_per_s", out.gb_per_s);
    detail::get(j, "times_the_typical", out.times_the_typical);
    return out;
  }
};

/// Lone copies from device to device, one way.
struct CalibrationLinksPeerCopy {
  /// The typical pair, outliers left out
  double gb_per_s = 0;
  /// Spread over the pairs, natural logarithm
  double error = 0;
  std::vector<CalibrationLinksPeerCopyPair> pairs;
  /// Pairs a fifth and more from the typical one
  std::vector<JsonValue> outliers;
  JsonValue before;
  JsonValue after;
  std::optional<double> interval_narrowed_by;

  static CalibrationLinksPeerCopy from_value(const JsonValue& j) {
    CalibrationLinksPeerCopy out;
    detail::get(j, "gb_per_s", out.gb_per_s);
    detail::get(j, "error", out.error);
    detail::get(j, "pairs", out.pairs);
    detail::get(j, "outliers", out.outliers);
    detail::get(j, "before", out.before);
    detail::get(j, "after", out.after);
    detail::get(j, "interval_narrowed_by", out.interval_narrowed_by);
    return out;
  }
};

/// A part of calibration documents.
struct CalibrationLinksAllReducePoint {
  double bytes = 0;
  double us = 0;

  static CalibrationLinksAllReducePoint from_value(const JsonValue& j) {
    CalibrationLinksAllReducePoint out;
    detail::get(j, "bytes", out.bytes);
    detail::get(j, "us", out.us);
    return out;
  }
};

/// A part of calibration documents.
struct CalibrationLinksAllReduce {
  /// Whose kernels
  std::string by;
  std::int64_t ranks = 0;
  double latency_us = 0;
  double bytes_per_us = 0;
  /// 90 % half width of a message that was not measured, natural logarithm
  double error = 0;
  std::optional<double> link_share_of_datasheet;
  JsonValue before;
  JsonValue after;
  std::optional<double> interval_narrowed_by;
  JsonValue valid_range;
  std::vector<JsonValue> outliers;
  std::vector<CalibrationLinksAllReducePoint> points;

  static CalibrationLinksAllReduce from_value(const JsonValue& j) {
    CalibrationLinksAllReduce out;
    detail::get(j, "by", out.by);
    detail::get(j, "ranks", out.ranks);
    detail::get(j, "latency_us", out.latency_us);
    detail::get(j, "bytes_per_us", out.bytes_per_us);
    detail::get(j, "error", out.error);
    detail::get(j, "link_share_of_datasheet", out.link_share_of_datasheet);
    detail::get(j, "before", out.before);
    detail::get(j, "after", out.after);
    detail::get(j, "interval_narrowed_by", out.interval_narrowed_by);
    detail::get(j, "valid_range", out.valid_range);
    detail::get(j, "outliers", out.outliers);
    detail::get(j, "points", out.points);
    return out;
  }
};

/// Of the scale-up domain.
struct CalibrationLinks {
  /// Lone copies from device to device, one way
  std::optional<CalibrationLinksPeerCopy> peer_copy;
  /// time = latency + 2 bytes (ranks - 1) / ranks / rate, with the measured messages beside it
  std::vector<CalibrationLinksAllReduce> all_reduce;

  static CalibrationLinks from_value(const JsonValue& j) {
    CalibrationLinks out;
    detail::get(j, "peer_copy", out.peer_copy);
    detail::get(j, "all_reduce", out.all_reduce);
    return out;
  }
};

/// How many times as long as in the step model.
struct CalibrationFactor {
  double value = 0;
  /// 90 % interval
  std::optional<double> low;
  /// 90 % interval
  std::optional<double> high;
  /// Its half width, natural logarithm
  double error = 0;
  /// Share of what was not known before that the runs say; 0: the factor is 1 because nothing says
  /// otherwise
  std::optional<double> said_by_runs;
  std::optional<std::string> holds_on;

  static CalibrationFactor from_value(const JsonValue& j) {
    CalibrationFactor out;
    detail::get(j, "value", out.value);
    detail::get(j, "low", out.low);
    detail::get(j, "high", out.high);
    detail::get(j, "error", out.error);
    detail::get(j, "said_by_runs", out.said_by_runs);
    detail::get(j, "holds_on", out.holds_on);
    return out;
  }
};

/// A part of calibration documents.
struct CalibrationEngineRunsFactors {
  std::optional<CalibrationFactor> compute;
  std::optional<CalibrationFactor> memory;
  std::optional<CalibrationFactor> step_host;
  std::optional<CalibrationFactor> prefill_host;

  static CalibrationEngineRunsFactors from_value(const JsonValue& j) {
    CalibrationEngineRunsFactors out;
    detail::get(j, "compute", out.compute);
    detail::get(j, "memory", out.memory);
    detail::get(j, "step_host", out.step_host);
    detail::get(j, "prefill_host", out.prefill_host);
    return out;
  }
};

/// Factors on the step model's times from runs of a real engine.
struct CalibrationEngineRuns {
  /// Name; the factors hold for every version
  std::string engine;
  /// Of the runs
  std::vector<std::string> models;
  /// What is left of a step on this device: 90 % half width, natural logarithm
  double error = 0;
  CalibrationEngineRunsFactors factors;
  JsonValue before;
  JsonValue after;
  std::optional<double> interval_narrowed_by;
  JsonValue valid_range;
  /// Metrics a fifth and more off after the fit
  std::vector<JsonValue> outliers;
  /// Each run, metric by metric, before and after
  std::vector<JsonValue> runs;
  /// Runs that were predicted, not fitted
  std::vector<JsonValue> check;
  std::vector<std::string> assumptions;

  static CalibrationEngineRuns from_value(const JsonValue& j) {
    CalibrationEngineRuns out;
    detail::get(j, "engine", out.engine);
    detail::get(j, "models", out.models);
    detail::get(j, "error", out.error);
    detail::get(j, "factors", out.factors);
    detail::get(j, "before", out.before);
    detail::get(j, "after", out.after);
    detail::get(j, "interval_narrowed_by", out.interval_narrowed_by);
    detail::get(j, "valid_range", out.valid_range);
    detail::get(j, "outliers", out.outliers);
    detail::get(j, "runs", out.runs);
    detail::get(j, "check", out.check);
    detail::get(j, "assumptions", out.assumptions);
    return out;
  }
};

/// Microseconds for one small kernel after another.
struct CalibrationLaunch {
  std::optional<double> in_graph_us;
  /// In a graph with programmatic launches
  std::optional<double> programmatic_us;
  /// For people: engines replay graphs
  std::optional<double> one_by_one_us;

  static CalibrationLaunch from_value(const JsonValue& j) {
    CalibrationLaunch out;
    detail::get(j, "in_graph_us", out.in_graph_us);
    detail::get(j, "programmatic_us", out.programmatic_us);
    detail::get(j, "one_by_one_us", out.one_by_one_us);
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
  std::optional<std::string> runs_sha256;
  std::vector<CalibrationProduct> products;
  std::map<std::string, double> rates_gb_per_s;
  /// Of the scale-up domain
  std::optional<CalibrationLinks> links;
  /// Factors on the step model's times from runs of a real engine
  std::optional<CalibrationEngineRuns> engine_runs;
  /// Microseconds for one small kernel after another
  std::optional<CalibrationLaunch> launch;

  static Calibration from_value(const JsonValue& j) {
    Calibration out;
    detail::get(j, "kind", out.kind);
    detail::get(j, "schema", out.schema);
    detail::get(j, "name", out.name);
    detail::get(j, "device", out.device);
    detail::get(j, "source", out.source);
    detail::get(j, "as_of", out.as_of);
    detail::get(j, "measurements_sha256", out.measurements_sha256);
    detail::get(j, "runs_sha256", out.runs_sha256);
    detail::get(j, "products", out.products);
    detail::get(j, "rates_gb_per_s", out.rates_gb_per_s);
    detail::get(j, "links", out.links);
    detail::get(j, "engine_runs", out.engine_runs);
    detail::get(j, "launch", out.launch);
    return out;
  }
  static Calibration from_json(std::string_view text) { return from_value(JsonValue::parse(text)); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_CALIBRATION_HPP
