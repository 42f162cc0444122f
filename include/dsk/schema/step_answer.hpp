// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_STEP_ANSWER_HPP
#define DSK_SCHEMA_STEP_ANSWER_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsk/document.hpp"
#include "dsk/schema/memory_request.hpp"
#include "dsk/schema/plan_answer.hpp"

namespace dsk {
inline namespace api {

/// Sums to total_us.
struct StepAnswerStepPartsUs {
  double compute = 0;
  double memory = 0;
  double scale_up = 0;
  double scale_out = 0;
  double launch = 0;
  double host = 0;

  static StepAnswerStepPartsUs from_value(const JsonValue& j) {
    StepAnswerStepPartsUs out;
    detail::get(j, "compute", out.compute);
    detail::get(j, "memory", out.memory);
    detail::get(j, "scale_up", out.scale_up);
    detail::get(j, "scale_out", out.scale_out);
    detail::get(j, "launch", out.launch);
    detail::get(j, "host", out.host);
    return out;
  }
};

/// One step of a replica.
struct StepAnswerStep {
  double total_us = 0;
  /// 90 % interval
  double low_us = 0;
  /// 90 % interval
  double high_us = 0;
  /// Sums to total_us
  StepAnswerStepPartsUs parts_us;
  /// The largest part
  std::string binding;
  /// Both links' parts over the total
  double communication_share = 0;

  static StepAnswerStep from_value(const JsonValue& j) {
    StepAnswerStep out;
    detail::get(j, "total_us", out.total_us);
    detail::get(j, "low_us", out.low_us);
    detail::get(j, "high_us", out.high_us);
    detail::get(j, "parts_us", out.parts_us);
    detail::get(j, "binding", out.binding);
    detail::get(j, "communication_share", out.communication_share);
    return out;
  }
};

/// One kind of operator, the longest first.
struct StepAnswerOperator {
  /// Operator
  std::string name;
  /// Times a step
  std::int64_t runs = 0;
  /// Tokens, or what else its first size counts
  double rows = 0;
  /// All runs together
  double us = 0;
  /// Half of the 90 % interval
  double error_us = 0;
  double flops = 0;
  /// Of device memory
  double bytes = 0;
  double link_bytes = 0;
  /// What binds it
  std::string resource;
  /// measured, interpolated, transferred, roofline, ...
  std::string origin;
  /// Name of the calibration that the time rests on
  std::optional<std::string> calibration;

  static StepAnswerOperator from_value(const JsonValue& j) {
    StepAnswerOperator out;
    detail::get(j, "name", out.name);
    detail::get(j, "runs", out.runs);
    detail::get(j, "rows", out.rows);
    detail::get(j, "us", out.us);
    detail::get(j, "error_us", out.error_us);
    detail::get(j, "flops", out.flops);
    detail::get(j, "bytes", out.bytes);
    detail::get(j, "link_bytes", out.link_bytes);
    detail::get(j, "resource", out.resource);
    detail::get(j, "origin", out.origin);
    detail::get(j, "calibration", out.calibration);
    return out;
  }
};

/// A what-if.
struct StepAnswerVariant {
  /// What is changed
  std::string name;
  /// In a sentence
  std::string meaning;
  /// One step of a replica
  std::optional<StepAnswerStep> step;
  /// Of the time, -0.1 is a tenth faster
  std::optional<double> change;
  std::optional<double> scaling_efficiency;
  /// Why it cannot be, instead of step and change
  std::optional<std::string> not_possible;

  static StepAnswerVariant from_value(const JsonValue& j) {
    StepAnswerVariant out;
    detail::get(j, "name", out.name);
    detail::get(j, "meaning", out.meaning);
    detail::get(j, "step", out.step);
    detail::get(j, "change", out.change);
    detail::get(j, "scaling_efficiency", out.scaling_efficiency);
    detail::get(j, "not_possible", out.not_possible);
    return out;
  }
};

/// The document of docs/schema/step-answer.schema.json. Where the time of one step goes, and what
/// would change it.
struct StepAnswer {
  std::int64_t schema = 1;
  /// Canonical name
  std::string model;
  /// Canonical name
  std::string device;
  /// Canonical name
  std::string engine;
  std::string engine_version;
  Parallel parallel;
  /// One step of a replica
  StepAnswerStep step;
  /// Time of one device's share without links, over the time with them
  std::optional<double> scaling_efficiency;
  /// The calibration behind the times, when the device has one
  std::optional<CalibrationUse> calibration;
  std::vector<StepAnswerOperator> operators;
  std::vector<StepAnswerVariant> variants;

  static StepAnswer from_value(const JsonValue& j) {
    StepAnswer out;
    detail::get(j, "schema", out.schema);
    detail::get(j, "model", out.model);
    detail::get(j, "device", out.device);
    detail::get(j, "engine", out.engine);
    detail::get(j, "engine_version", out.engine_version);
    detail::get(j, "parallel", out.parallel);
    detail::get(j, "step", out.step);
    detail::get(j, "scaling_efficiency", out.scaling_efficiency);
    detail::get(j, "calibration", out.calibration);
    detail::get(j, "operators", out.operators);
    detail::get(j, "variants", out.variants);
    return out;
  }
  static StepAnswer from_json(std::string_view text) { return from_value(JsonValue::parse(text)); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_STEP_ANSWER_HPP
