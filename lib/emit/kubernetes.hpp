// Kubernetes manifests of a serving deployment. A replica on one node becomes a Deployment; one
// over several nodes becomes a LeaderWorkerSet (leaderworkerset.x-k8s.io/v1), whose pods start and
// fail together. Beside either stand a Service and a HorizontalPodAutoscaler on requests per
// second.
//
// Requests equal limits for GPUs, CPU and memory, so the pods are of the Guaranteed class and are
// not evicted for others. Shared memory is a memory-backed volume and counts against the
// container's memory limit, so both are added up there.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "emit/engine_command.hpp"

namespace dsk::emit {

struct Serving {
  std::string name;  // of every object: at most 50 of a-z, 0-9 and '-', a letter first
  std::string image; // of the engine
  EngineCommand command;
  int port = 8000;
  std::int64_t replicas = 1;     // that the plan asks for; the autoscaler's floor
  std::int64_t max_replicas = 1; // the autoscaler's ceiling
  int nodes = 1;                 // pods of one replica
  int gpus_per_pod = 1;
  std::string gpu_resource = "nvidia.com/gpu";
  std::int64_t cpus_per_pod = 0;
  std::int64_t host_memory_bytes = 0;   // of one pod, without shared memory
  std::int64_t shared_memory_bytes = 0; // of one pod: /dev/shm
  double requests_per_s = 0;            // that one replica serves within the SLA
  std::int64_t startup_s = 3600;        // loading weights and capturing graphs may take so long
  std::string rack_label = "topology.kubernetes.io/rack"; // node label that names the rack
  std::map<std::string, std::string> annotations;         // what the plan wants remembered
};

/// Pods metric that the autoscaler reads through the custom metrics API: requests per second of a
/// pod. A metrics adapter has to provide it from the engine's counters (docs/deploying.md).
inline constexpr const char* requests_metric = "requests_per_second";

/// A valid Serving::name for a model: its last path part in lower case, other characters as '-'.
std::string kubernetes_name(const std::string& model);

/// The manifests in the order in which they are applied. Throws INVALID_REQUEST for a Serving that
/// Kubernetes would refuse.
std::vector<Json> kubernetes_manifests(const Serving& serving);

} // namespace dsk::emit
