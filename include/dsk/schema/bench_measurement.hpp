// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_BENCH_MEASUREMENT_HPP
#define DSK_SCHEMA_BENCH_MEASUREMENT_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// A part of bench-measurement documents.
struct MeasurementDoubt {
  std::string name;
  std::string sentence;

  static MeasurementDoubt from_value(const JsonValue& j) {
    MeasurementDoubt out;
    detail::get(j, "name", out.name);
    detail::get(j, "sentence", out.sentence);
    return out;
  }
};

/// The document of docs/schema/bench-measurement.schema.json. One measurement, a line of
/// dsk_bench_run and dsk_bench_probe.
struct Measurement {
  std::string kind = "measurement";
  std::int64_t schema = 1;
  std::string name;
  /// Why it was not run; nothing else is known then
  std::optional<std::string> skipped;
  std::optional<std::int64_t> samples;
  /// Iterations of one sample
  std::optional<std::int64_t> batch;
  std::optional<std::string> clock;
  /// Of one iteration
  std::optional<double> median_ns;
  /// Percentile bootstrap of the median
  std::vector<double> interval_ns;
  std::optional<double> confidence;
  /// Median absolute deviation
  std::optional<double> mad_ns;
  /// 1.4826 MAD / median
  std::optional<double> noise;
  std::optional<double> mean_ns;
  std::map<std::string, double> percentiles_ns;
  /// Until the host was free again
  std::optional<double> enqueue_ns;
  /// Moved by one iteration
  std::optional<double> bytes;
  /// 1e9 bytes/s
  std::optional<double> gb_per_s;
  std::optional<double> flops;
  std::optional<double> tflop_per_s;
  std::optional<std::string> stopped;
  /// Samples taken while heat or a hardware slowdown held the clock down
  std::optional<std::int64_t> discarded;
  std::optional<double> sampled_s;
  /// No doubts
  std::optional<bool> trusted;
  std::vector<MeasurementDoubt> doubts;

  static Measurement from_value(const JsonValue& j) {
    Measurement out;
    detail::get(j, "kind", out.kind);
    detail::get(j, "schema", out.schema);
    detail::get(j, "name", out.name);
    detail::get(j, "skipped", out.skipped);
    detail::get(j, "samples", out.samples);
    detail::get(j, "batch", out.batch);
    detail::get(j, "clock", out.clock);
    detail::get(j, "median_ns", out.median_ns);
    detail::get(j, "interval_ns", out.interval_ns);
    detail::get(j, "confidence", out.confidence);
    detail::get(j, "mad_ns", out.mad_ns);
    detail::get(j, "noise", out.noise);
    detail::get(j, "mean_ns", out.mean_ns);
    detail::get(j, "percentiles_ns", out.percentiles_ns);
    detail::get(j, "enqueue_ns", out.enqueue_ns);
    detail::get(j, "bytes", out.bytes);
    detail::get(j, "gb_per_s", out.gb_per_s);
    detail::get(j, "flops", out.flops);
    detail::get(j, "tflop_per_s", out.tflop_per_s);
    detail::get(j, "stopped", out.stopped);
    detail::get(j, "discarded", out.discarded);
    detail::get(j, "sampled_s", out.sampled_s);
    detail::get(j, "trusted", out.trusted);
    detail::get(j, "doubts", out.doubts);
    return out;
  }
  static Measurement from_json(std::string_view text) { return from_value(JsonValue::parse(text)); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_BENCH_MEASUREMENT_HPP
