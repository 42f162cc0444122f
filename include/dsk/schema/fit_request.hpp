// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_FIT_REQUEST_HPP
#define DSK_SCHEMA_FIT_REQUEST_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// A part of fit-request documents.
struct FitNode {
  /// Unique in the inventory
  std::string name;
  /// GPU kind as the cluster names it; compared with the plan's device and its aliases, whatever
  /// the case and the separators
  std::string device;
  /// GPUs of the node
  std::int64_t gpus = 0;
  /// Indices that nobody holds; all when absent
  std::optional<std::vector<std::int64_t>> free_gpus;
  /// Indices in MIG mode: not whole GPUs
  std::optional<std::vector<std::int64_t>> mig_gpus;
  /// Indices that NVLink joins, each in one island; GPUs of none stand alone. When absent, as the
  /// plan's device is built
  std::optional<std::vector<std::vector<std::int64_t>>> nvlink_islands;
  std::optional<double> free_host_memory_gib;
  std::optional<std::int64_t> free_cpus;
  /// All NICs of the node, one direction
  std::optional<double> network_gbit_s;
  /// A replica over several nodes stays within one rack
  std::optional<std::string> rack;
  /// Nodes that share an NVLink switch (NVL72)
  std::optional<std::string> nvlink_domain;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "name", name);
    detail::put(out, "device", device);
    detail::put(out, "gpus", gpus);
    detail::put(out, "free_gpus", free_gpus);
    detail::put(out, "mig_gpus", mig_gpus);
    detail::put(out, "nvlink_islands", nvlink_islands);
    detail::put(out, "free_host_memory_gib", free_host_memory_gib);
    detail::put(out, "free_cpus", free_cpus);
    detail::put(out, "network_gbit_s", network_gbit_s);
    detail::put(out, "rack", rack);
    detail::put(out, "nvlink_domain", nvlink_domain);
    return out;
  }
};

/// The document of docs/schema/fit-request.schema.json. Nodes of a cluster, for the question where
/// a plan fits. Amounts that are absent are not known and not checked.
struct FitRequest {
  /// Version of this schema
  std::int64_t schema = 1;
  /// How many replicas to place; the plan's when absent
  std::optional<std::int64_t> replicas;
  std::vector<FitNode> nodes;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "schema", schema);
    detail::put(out, "replicas", replicas);
    detail::put(out, "nodes", nodes);
    return out;
  }
  std::string to_json() const { return to_value().dump(); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_FIT_REQUEST_HPP
