// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_FIT_ANSWER_HPP
#define DSK_SCHEMA_FIT_ANSWER_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// What one pod asks of a node.
struct FitAnswerNeeds {
  std::string device;
  std::int64_t gpus = 0;
  /// Width of a tensor-parallel group within the pod
  std::int64_t tp = 0;
  std::int64_t nodes_per_replica = 0;
  std::int64_t cpus = 0;
  /// Shared memory included
  double host_memory_gib = 0;
  /// Between nodes; 0 for one node
  double network_gbit_s = 0;
  /// A tensor-parallel group must stay within one
  bool one_nvlink_island = false;
  /// The nodes of a replica must share one
  bool one_nvlink_domain = false;

  static FitAnswerNeeds from_value(const JsonValue& j) {
    FitAnswerNeeds out;
    detail::get(j, "device", out.device);
    detail::get(j, "gpus", out.gpus);
    detail::get(j, "tp", out.tp);
    detail::get(j, "nodes_per_replica", out.nodes_per_replica);
    detail::get(j, "cpus", out.cpus);
    detail::get(j, "host_memory_gib", out.host_memory_gib);
    detail::get(j, "network_gbit_s", out.network_gbit_s);
    detail::get(j, "one_nvlink_island", out.one_nvlink_island);
    detail::get(j, "one_nvlink_domain", out.one_nvlink_domain);
    return out;
  }
};

/// A part of fit-answer documents.
struct FitAnswerReplicaPod {
  std::string node;
  std::vector<std::int64_t> gpus;

  static FitAnswerReplicaPod from_value(const JsonValue& j) {
    FitAnswerReplicaPod out;
    detail::get(j, "node", out.node);
    detail::get(j, "gpus", out.gpus);
    return out;
  }
};

/// A part of fit-answer documents.
struct FitAnswerReplica {
  /// Mean of its nodes' scores when it was placed
  std::int64_t score = 0;
  std::vector<FitAnswerReplicaPod> pods;

  static FitAnswerReplica from_value(const JsonValue& j) {
    FitAnswerReplica out;
    detail::get(j, "score", out.score);
    detail::get(j, "pods", out.pods);
    return out;
  }
};

/// A part of fit-answer documents.
struct FitAnswerNodeReason {
  std::string code;
  double need = 0;
  /// Unit as the text says; host_memory in bytes
  double have = 0;
  std::string text;

  static FitAnswerNodeReason from_value(const JsonValue& j) {
    FitAnswerNodeReason out;
    detail::get(j, "code", out.code);
    detail::get(j, "need", out.need);
    detail::get(j, "have", out.have);
    detail::get(j, "text", out.text);
    return out;
  }
};

/// A part of fit-answer documents.
struct FitAnswerNode {
  std::string name;
  bool fits = false;
  /// 70 for the share of the free GPUs that the pod uses, 30 for the share of the free GPUs of the
  /// islands that it opens; 0 when it does not fit
  std::int64_t score = 0;
  /// Indices that the pod would take
  std::vector<std::int64_t> gpus;
  std::vector<FitAnswerNodeReason> reasons;

  static FitAnswerNode from_value(const JsonValue& j) {
    FitAnswerNode out;
    detail::get(j, "name", out.name);
    detail::get(j, "fits", out.fits);
    detail::get(j, "score", out.score);
    detail::get(j, "gpus", out.gpus);
    detail::get(j, "reasons", out.reasons);
    return out;
  }
};

/// The document of docs/schema/fit-answer.schema.json. Where a plan fits, and why not elsewhere.
struct FitAnswer {
  std::int64_t schema = 1;
  /// All wanted replicas are placed
  bool fits = false;
  std::int64_t replicas_wanted = 0;
  std::int64_t replicas_placed = 0;
  /// What one pod asks of a node
  FitAnswerNeeds needs;
  /// The placement, in the order in which replicas were placed
  std::vector<FitAnswerReplica> replicas;
  /// Each node alone, in the order of the request
  std::vector<FitAnswerNode> nodes;

  static FitAnswer from_value(const JsonValue& j) {
    FitAnswer out;
    detail::get(j, "schema", out.schema);
    detail::get(j, "fits", out.fits);
    detail::get(j, "replicas_wanted", out.replicas_wanted);
    detail::get(j, "replicas_placed", out.replicas_placed);
    detail::get(j, "needs", out.needs);
    detail::get(j, "replicas", out.replicas);
    detail::get(j, "nodes", out.nodes);
    return out;
  }
  static FitAnswer from_json(std::string_view text) { return from_value(JsonValue::parse(text)); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_FIT_ANSWER_HPP
