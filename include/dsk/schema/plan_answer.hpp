// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_PLAN_ANSWER_HPP
#define DSK_SCHEMA_PLAN_ANSWER_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsk/document.hpp"
#include "dsk/schema/memory_request.hpp"

namespace dsk {
inline namespace api {

/// The model as it was understood.
struct PlanAnswerModel {
  std::string name;
  std::string architecture;
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  /// As the publisher counts them: without MTP layers and vision tower
  std::int64_t parameters = 0;
  /// That one token passes through
  std::int64_t active_parameters = 0;
  std::string weights;
  std::string source;

  static PlanAnswerModel from_value(const JsonValue& j) {
    PlanAnswerModel out;
    detail::get(j, "name", out.name);
    detail::get(j, "architecture", out.architecture);
    detail::get(j, "layers", out.layers);
    detail::get(j, "hidden", out.hidden);
    detail::get(j, "parameters", out.parameters);
    detail::get(j, "active_parameters", out.active_parameters);
    detail::get(j, "weights", out.weights);
    detail::get(j, "source", out.source);
    return out;
  }
};

/// A part of plan-answer documents.
struct PlanAnswerRequestWorkload {
  std::optional<double> input_tokens;
  std::optional<double> output_tokens;
  std::optional<double> prefix_hit_rate;
  std::optional<double> rate_per_s;
  std::optional<double> concurrency;

  static PlanAnswerRequestWorkload from_value(const JsonValue& j) {
    PlanAnswerRequestWorkload out;
    detail::get(j, "input_tokens", out.input_tokens);
    detail::get(j, "output_tokens", out.output_tokens);
    detail::get(j, "prefix_hit_rate", out.prefix_hit_rate);
    detail::get(j, "rate_per_s", out.rate_per_s);
    detail::get(j, "concurrency", out.concurrency);
    return out;
  }
};

/// A part of plan-answer documents.
struct PlanAnswerRequestSlo {
  std::optional<double> ttft_ms;
  std::optional<double> tpot_ms;
  std::optional<double> e2e_ms;
  std::optional<double> latency_ms;
  std::string statistic = "mean";

  static PlanAnswerRequestSlo from_value(const JsonValue& j) {
    PlanAnswerRequestSlo out;
    detail::get(j, "ttft_ms", out.ttft_ms);
    detail::get(j, "tpot_ms", out.tpot_ms);
    detail::get(j, "e2e_ms", out.e2e_ms);
    detail::get(j, "latency_ms", out.latency_ms);
    detail::get(j, "statistic", out.statistic);
    return out;
  }
};

/// A part of plan-answer documents.
struct PlanAnswerRequestLimits {
  std::optional<std::int64_t> max_gpus;
  std::optional<double> usd_per_hour;

  static PlanAnswerRequestLimits from_value(const JsonValue& j) {
    PlanAnswerRequestLimits out;
    detail::get(j, "max_gpus", out.max_gpus);
    detail::get(j, "usd_per_hour", out.usd_per_hour);
    return out;
  }
};

/// The request with every default resolved.
struct PlanAnswerRequest {
  std::vector<std::string> devices;
  std::vector<std::string> engines;
  PlanAnswerRequestWorkload workload;
  PlanAnswerRequestSlo slo;
  PlanAnswerRequestLimits limits;
  std::string objective;

  static PlanAnswerRequest from_value(const JsonValue& j) {
    PlanAnswerRequest out;
    detail::get(j, "devices", out.devices);
    detail::get(j, "engines", out.engines);
    detail::get(j, "workload", out.workload);
    detail::get(j, "slo", out.slo);
    detail::get(j, "limits", out.limits);
    detail::get(j, "objective", out.objective);
    return out;
  }
};

/// At the offered load; means.
struct PlanOptionPerformance {
  std::string statistic = "mean";
  /// Time to first token
  double ttft_ms = 0;
  /// Time per output token after the first
  double tpot_ms = 0;
  /// From arrival to last token
  double e2e_ms = 0;
  /// Of all replicas
  double requests_per_s = 0;
  /// Of all replicas
  double output_tokens_per_s = 0;
  /// Input and output
  double total_tokens_per_s = 0;
  /// Sequences decoding at once in one replica
  double batch = 0;
  /// Offered load over the largest load that keeps every bound
  double utilisation = 0;
  /// One decode step
  double decode_step_ms = 0;
  /// Prefill of one prompt beside the running decodes
  double prefill_ms = 0;
  /// Of the replica's time
  double prefill_share = 0;
  /// Of a decode step, over links
  double communication_share = 0;
  std::string binding_resource;

  static PlanOptionPerformance from_value(const JsonValue& j) {
    PlanOptionPerformance out;
    detail::get(j, "statistic", out.statistic);
    detail::get(j, "ttft_ms", out.ttft_ms);
    detail::get(j, "tpot_ms", out.tpot_ms);
    detail::get(j, "e2e_ms", out.e2e_ms);
    detail::get(j, "requests_per_s", out.requests_per_s);
    detail::get(j, "output_tokens_per_s", out.output_tokens_per_s);
    detail::get(j, "total_tokens_per_s", out.total_tokens_per_s);
    detail::get(j, "batch", out.batch);
    detail::get(j, "utilisation", out.utilisation);
    detail::get(j, "decode_step_ms", out.decode_step_ms);
    detail::get(j, "prefill_ms", out.prefill_ms);
    detail::get(j, "prefill_share", out.prefill_share);
    detail::get(j, "communication_share", out.communication_share);
    detail::get(j, "binding_resource", out.binding_resource);
    return out;
  }
};

/// Null without a price.
struct PlanOptionCost {
  /// All replicas
  double usd_per_hour = 0;
  /// The price used
  double usd_per_gpu_hour = 0;
  /// Per million output tokens
  double usd_per_mtok_output = 0;
  /// Per million input and output tokens
  double usd_per_mtok_total = 0;

  static PlanOptionCost from_value(const JsonValue& j) {
    PlanOptionCost out;
    detail::get(j, "usd_per_hour", out.usd_per_hour);
    detail::get(j, "usd_per_gpu_hour", out.usd_per_gpu_hour);
    detail::get(j, "usd_per_mtok_output", out.usd_per_mtok_output);
    detail::get(j, "usd_per_mtok_total", out.usd_per_mtok_total);
    return out;
  }
};

/// Estimated.
struct PlanOptionEnergy {
  /// All devices
  double watts = 0;
  /// Output tokens per joule
  double output_tokens_per_joule = 0;

  static PlanOptionEnergy from_value(const JsonValue& j) {
    PlanOptionEnergy out;
    detail::get(j, "watts", out.watts);
    detail::get(j, "output_tokens_per_joule", out.output_tokens_per_joule);
    return out;
  }
};

/// Performance: smallest relative slack of a bound. Cost: cheapest plan's dollars over this one's.
/// Elasticity: n / (n + 1) for n replicas, the share of capacity left when one more had been lost.
struct PlanOptionScores {
  double performance = 0;
  std::optional<double> cost;
  double elasticity = 0;

  static PlanOptionScores from_value(const JsonValue& j) {
    PlanOptionScores out;
    detail::get(j, "performance", out.performance);
    detail::get(j, "cost", out.cost);
    detail::get(j, "elasticity", out.elasticity);
    return out;
  }
};

/// One component.
struct PlanMemoryTerm {
  std::string name;
  std::int64_t bytes = 0;
  std::string origin;

  static PlanMemoryTerm from_value(const JsonValue& j) {
    PlanMemoryTerm out;
    detail::get(j, "name", out.name);
    detail::get(j, "bytes", out.bytes);
    detail::get(j, "origin", out.origin);
    return out;
  }
};

/// Bytes on the fullest device.
struct PlanMemory {
  /// As the driver reports it
  std::int64_t capacity_bytes = 0;
  /// Weights
  std::int64_t weights_bytes = 0;
  /// Left for the KV cache
  std::int64_t kv_pool_bytes = 0;
  /// Of one replica, by the engine's own meaning
  std::int64_t kv_pool_tokens = 0;
  /// Outside the engine's budget
  std::int64_t headroom_bytes = 0;
  std::vector<PlanMemoryTerm> terms;
  /// What takes most, in words
  std::string binding;

  static PlanMemory from_value(const JsonValue& j) {
    PlanMemory out;
    detail::get(j, "capacity_bytes", out.capacity_bytes);
    detail::get(j, "weights_bytes", out.weights_bytes);
    detail::get(j, "kv_pool_bytes", out.kv_pool_bytes);
    detail::get(j, "kv_pool_tokens", out.kv_pool_tokens);
    detail::get(j, "headroom_bytes", out.headroom_bytes);
    detail::get(j, "terms", out.terms);
    detail::get(j, "binding", out.binding);
    return out;
  }
};

/// Where each group of numbers comes from.
struct PlanOptionOrigins {
  std::string performance;
  std::string memory;
  std::string cost;
  std::string energy;
  std::string device;

  static PlanOptionOrigins from_value(const JsonValue& j) {
    PlanOptionOrigins out;
    detail::get(j, "performance", out.performance);
    detail::get(j, "memory", out.memory);
    detail::get(j, "cost", out.cost);
    detail::get(j, "energy", out.energy);
    detail::get(j, "device", out.device);
    return out;
  }
};

/// On the step model's times, from runs of the engine; compute and memory only on the device of the
/// runs.
struct CalibrationUseFactors {
  std::optional<double> compute;
  std::optional<double> memory;
  double step_host = 0;
  double prefill_host = 0;

  static CalibrationUseFactors from_value(const JsonValue& j) {
    CalibrationUseFactors out;
    detail::get(j, "compute", out.compute);
    detail::get(j, "memory", out.memory);
    detail::get(j, "step_host", out.step_host);
    detail::get(j, "prefill_host", out.prefill_host);
    return out;
  }
};

/// The step that it is shown on.
struct CalibrationUseBatch {
  std::int64_t decode_sequences = 0;
  std::int64_t kv_tokens = 0;
  std::int64_t prefill_chunks = 0;

  static CalibrationUseBatch from_value(const JsonValue& j) {
    CalibrationUseBatch out;
    detail::get(j, "decode_sequences", out.decode_sequences);
    detail::get(j, "kv_tokens", out.kv_tokens);
    detail::get(j, "prefill_chunks", out.prefill_chunks);
    return out;
  }
};

/// One step and its 90 % interval.
struct CalibrationUseStepWithout {
  double total_us = 0;
  double low_us = 0;
  double high_us = 0;

  static CalibrationUseStepWithout from_value(const JsonValue& j) {
    CalibrationUseStepWithout out;
    detail::get(j, "total_us", out.total_us);
    detail::get(j, "low_us", out.low_us);
    detail::get(j, "high_us", out.high_us);
    return out;
  }
};

/// The calibration behind the times, when the device has one.
struct CalibrationUse {
  std::string name;
  std::string source;
  std::string as_of;
  /// On the step model's times, from runs of the engine; compute and memory only on the device of
  /// the runs
  std::optional<CalibrationUseFactors> factors;
  /// Of the step, those that rest on it
  std::vector<std::string> operators;
  /// Of the step's time
  double share_of_step = 0;
  /// The step that it is shown on
  CalibrationUseBatch batch;
  /// One step and its 90 % interval
  CalibrationUseStepWithout step_without;
  /// One step and its 90 % interval
  CalibrationUseStepWithout step;
  /// 1 - with / without, of the half widths (logarithm)
  double interval_narrowed_by = 0;

  static CalibrationUse from_value(const JsonValue& j) {
    CalibrationUse out;
    detail::get(j, "name", out.name);
    detail::get(j, "source", out.source);
    detail::get(j, "as_of", out.as_of);
    detail::get(j, "factors", out.factors);
    detail::get(j, "operators", out.operators);
    detail::get(j, "share_of_step", out.share_of_step);
    detail::get(j, "batch", out.batch);
    detail::get(j, "step_without", out.step_without);
    detail::get(j, "step", out.step);
    detail::get(j, "interval_narrowed_by", out.interval_narrowed_by);
    return out;
  }
};

/// One configuration with what it gives and costs.
struct PlanOption {
  std::string device;
  std::string engine;
  std::string engine_version;
  /// Copies of the deployment
  std::int64_t replicas = 0;
  /// Devices of all replicas
  std::int64_t gpus = 0;
  /// Devices of one replica
  std::int64_t gpus_per_replica = 0;
  /// Hosts of one replica
  std::int64_t nodes_per_replica = 0;
  Parallel parallel;
  /// Weight format
  std::string weights;
  /// KV cache type
  std::string kv;
  /// Sequences of one replica at once that keep every bound
  std::int64_t max_batch = 0;
  /// Tokens of one step
  std::int64_t token_budget = 0;
  /// The engine's flag
  double memory_fraction = 0;
  /// At the offered load; means
  PlanOptionPerformance performance;
  /// Null without a price
  std::optional<PlanOptionCost> cost;
  /// Estimated
  PlanOptionEnergy energy;
  /// Performance: smallest relative slack of a bound. Cost: cheapest plan's dollars over this
  /// one's. Elasticity: n / (n + 1) for n replicas, the share of capacity left when one more had
  /// been lost
  PlanOptionScores scores;
  PlanMemory memory;
  /// Where each group of numbers comes from
  PlanOptionOrigins origins;
  /// The calibration behind the times, when the device has one
  std::optional<CalibrationUse> calibration;

  static PlanOption from_value(const JsonValue& j) {
    PlanOption out;
    detail::get(j, "device", out.device);
    detail::get(j, "engine", out.engine);
    detail::get(j, "engine_version", out.engine_version);
    detail::get(j, "replicas", out.replicas);
    detail::get(j, "gpus", out.gpus);
    detail::get(j, "gpus_per_replica", out.gpus_per_replica);
    detail::get(j, "nodes_per_replica", out.nodes_per_replica);
    detail::get(j, "parallel", out.parallel);
    detail::get(j, "weights", out.weights);
    detail::get(j, "kv", out.kv);
    detail::get(j, "max_batch", out.max_batch);
    detail::get(j, "token_budget", out.token_budget);
    detail::get(j, "memory_fraction", out.memory_fraction);
    detail::get(j, "performance", out.performance);
    detail::get(j, "cost", out.cost);
    detail::get(j, "energy", out.energy);
    detail::get(j, "scores", out.scores);
    detail::get(j, "memory", out.memory);
    detail::get(j, "origins", out.origins);
    detail::get(j, "calibration", out.calibration);
    return out;
  }
};

/// A part of plan-answer documents.
struct PlanAnswerStageMeasure {
  std::string metric;
  std::optional<double> at_batch;
  std::optional<double> expect_at_least;
  std::optional<double> expect_at_most;

  static PlanAnswerStageMeasure from_value(const JsonValue& j) {
    PlanAnswerStageMeasure out;
    detail::get(j, "metric", out.metric);
    detail::get(j, "at_batch", out.at_batch);
    detail::get(j, "expect_at_least", out.expect_at_least);
    detail::get(j, "expect_at_most", out.expect_at_most);
    return out;
  }
};

/// A part of plan-answer documents.
struct PlanAnswerStage {
  std::string name;
  std::string deploy;
  std::vector<PlanAnswerStageMeasure> measure;

  static PlanAnswerStage from_value(const JsonValue& j) {
    PlanAnswerStage out;
    detail::get(j, "name", out.name);
    detail::get(j, "deploy", out.deploy);
    detail::get(j, "measure", out.measure);
    return out;
  }
};

/// Giving up one bound, all others kept.
struct PlanAnswerExplanationRelax {
  std::string constraint;
  /// As requested
  double limit = 0;
  /// The least value that makes the request feasible
  double needed = 0;
  std::optional<PlanOption> plan;

  static PlanAnswerExplanationRelax from_value(const JsonValue& j) {
    PlanAnswerExplanationRelax out;
    detail::get(j, "constraint", out.constraint);
    detail::get(j, "limit", out.limit);
    detail::get(j, "needed", out.needed);
    detail::get(j, "plan", out.plan);
    return out;
  }
};

/// A part of plan-answer documents.
struct PlanAnswerExplanationClosestToFit {
  std::string device;
  std::string engine;
  Parallel parallel;
  PlanMemory memory;

  static PlanAnswerExplanationClosestToFit from_value(const JsonValue& j) {
    PlanAnswerExplanationClosestToFit out;
    detail::get(j, "device", out.device);
    detail::get(j, "engine", out.engine);
    detail::get(j, "parallel", out.parallel);
    detail::get(j, "memory", out.memory);
    return out;
  }
};

/// Infeasible: why.
struct PlanAnswerExplanation {
  /// Bounds that the nearest plan breaks, worst first
  std::vector<std::string> binding;
  std::string sentence;
  /// Output tokens of a request with which every bound is met; 0 when none
  std::optional<std::int64_t> largest_output_tokens;
  std::vector<PlanAnswerExplanationRelax> relax;
  std::optional<PlanAnswerExplanationClosestToFit> closest_to_fit;

  static PlanAnswerExplanation from_value(const JsonValue& j) {
    PlanAnswerExplanation out;
    detail::get(j, "binding", out.binding);
    detail::get(j, "sentence", out.sentence);
    detail::get(j, "largest_output_tokens", out.largest_output_tokens);
    detail::get(j, "relax", out.relax);
    detail::get(j, "closest_to_fit", out.closest_to_fit);
    return out;
  }
};

/// A part of plan-answer documents.
struct PlanAnswerReading {
  std::string meaning;
  bool feasible = false;
  std::optional<PlanOption> plan;
  std::optional<std::int64_t> largest_output_tokens;
  std::vector<PlanAnswerExplanationRelax> relax;

  static PlanAnswerReading from_value(const JsonValue& j) {
    PlanAnswerReading out;
    detail::get(j, "meaning", out.meaning);
    detail::get(j, "feasible", out.feasible);
    detail::get(j, "plan", out.plan);
    detail::get(j, "largest_output_tokens", out.largest_output_tokens);
    detail::get(j, "relax", out.relax);
    return out;
  }
};

/// A part of plan-answer documents.
struct PlanAnswerSearch {
  /// Splits looked at
  std::int64_t considered = 0;
  /// Of them without room in memory
  std::int64_t did_not_fit = 0;
  std::int64_t evaluated = 0;
  std::string method;

  static PlanAnswerSearch from_value(const JsonValue& j) {
    PlanAnswerSearch out;
    detail::get(j, "considered", out.considered);
    detail::get(j, "did_not_fit", out.did_not_fit);
    detail::get(j, "evaluated", out.evaluated);
    detail::get(j, "method", out.method);
    return out;
  }
};

/// A part of plan-answer documents.
struct PlanAnswerProvenance {
  std::string library;
  std::string catalog_sha256;

  static PlanAnswerProvenance from_value(const JsonValue& j) {
    PlanAnswerProvenance out;
    detail::get(j, "library", out.library);
    detail::get(j, "catalog_sha256", out.catalog_sha256);
    return out;
  }
};

/// The document of docs/schema/plan-answer.schema.json. Planning answer.
struct PlanAnswer {
  std::int64_t schema = 1;
  /// Whether every bound is met
  bool feasible = false;
  /// The model as it was understood
  PlanAnswerModel model;
  /// The request with every default resolved
  PlanAnswerRequest request;
  std::optional<PlanOption> best;
  /// The best plan of each device that has one
  std::vector<PlanOption> by_device;
  /// No plan here is beaten in cost, TTFT and TPOT at once; best first
  std::vector<PlanOption> pareto;
  /// What to prove, one machine first, and what each must measure
  std::vector<PlanAnswerStage> stages;
  /// Infeasible: the plan with the least relative violation; null when nothing fits in memory
  std::optional<PlanOption> nearest;
  /// Infeasible: why
  std::optional<PlanAnswerExplanation> explanation;
  /// For latency_ms: each meaning in turn
  std::vector<PlanAnswerReading> readings;
  PlanAnswerSearch search;
  std::vector<std::string> assumptions;
  std::vector<std::string> warnings;
  PlanAnswerProvenance provenance;

  static PlanAnswer from_value(const JsonValue& j) {
    PlanAnswer out;
    detail::get(j, "schema", out.schema);
    detail::get(j, "feasible", out.feasible);
    detail::get(j, "model", out.model);
    detail::get(j, "request", out.request);
    detail::get(j, "best", out.best);
    detail::get(j, "by_device", out.by_device);
    detail::get(j, "pareto", out.pareto);
    detail::get(j, "stages", out.stages);
    detail::get(j, "nearest", out.nearest);
    detail::get(j, "explanation", out.explanation);
    detail::get(j, "readings", out.readings);
    detail::get(j, "search", out.search);
    detail::get(j, "assumptions", out.assumptions);
    detail::get(j, "warnings", out.warnings);
    detail::get(j, "provenance", out.provenance);
    return out;
  }
  static PlanAnswer from_json(std::string_view text) { return from_value(JsonValue::parse(text)); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_PLAN_ANSWER_HPP
