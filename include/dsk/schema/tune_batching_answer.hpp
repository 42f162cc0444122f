// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_TUNE_BATCHING_ANSWER_HPP
#define DSK_SCHEMA_TUNE_BATCHING_ANSWER_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsk/document.hpp"
#include "dsk/schema/simulate_answer.hpp"

namespace dsk {
inline namespace api {

/// One policy.
struct TuneBatchingAnswerPolicy {
  /// Members of a simulation's policy that were tried
  JsonValue policy;
  /// Enough requests keep the bounds
  bool meets = false;
  /// Fewest that do, or the most that were tried
  std::int64_t replicas = 0;
  double goodput_share = 0;
  /// Milliseconds: mean, percentiles and largest; percentiles within 0.1 %
  Percentiles ttft_ms;
  /// Milliseconds: mean, percentiles and largest; percentiles within 0.1 %
  Percentiles tpot_ms;
  /// Milliseconds: mean, percentiles and largest; percentiles within 0.1 %
  Percentiles e2e_ms;
  /// Of all replicas
  std::int64_t gpus = 0;
  /// When a price list has the device
  std::optional<double> usd_per_hour;

  static TuneBatchingAnswerPolicy from_value(const JsonValue& j) {
    TuneBatchingAnswerPolicy out;
    detail::get(j, "policy", out.policy);
    detail::get(j, "meets", out.meets);
    detail::get(j, "replicas", out.replicas);
    detail::get(j, "goodput_share", out.goodput_share);
    detail::get(j, "ttft_ms", out.ttft_ms);
    detail::get(j, "tpot_ms", out.tpot_ms);
    detail::get(j, "e2e_ms", out.e2e_ms);
    detail::get(j, "gpus", out.gpus);
    detail::get(j, "usd_per_hour", out.usd_per_hour);
    return out;
  }
};

/// The document of docs/schema/tune-batching-answer.schema.json. Batching policies in the order of
/// what they cost.
struct TuneBatchingAnswer {
  std::int64_t schema = 1;
  /// Some policy keeps the bounds
  bool feasible = false;
  /// Of requests that must
  double share = 0;
  /// Fewest replicas first, then the shortest end-to-end time at p99
  std::vector<TuneBatchingAnswerPolicy> policies;

  static TuneBatchingAnswer from_value(const JsonValue& j) {
    TuneBatchingAnswer out;
    detail::get(j, "schema", out.schema);
    detail::get(j, "feasible", out.feasible);
    detail::get(j, "share", out.share);
    detail::get(j, "policies", out.policies);
    return out;
  }
  static TuneBatchingAnswer from_json(std::string_view text) {
    return from_value(JsonValue::parse(text));
  }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_TUNE_BATCHING_ANSWER_HPP
