// Where a plan's replicas fit: nodes with their free devices in, devices by index out.
//
// A pod takes its tensor-parallel groups whole from NVLink islands, the fullest island that still
// holds the group first, so that large islands stay whole for others. A node's score says how well
// the pod packs it: 70 for the share of the node's free devices that it uses, 30 for the share of
// the free devices of the islands that it opens; 1 to 100. Replicas over several nodes stay within
// one NVLink domain where the plan counts on it, else within one rack (the emitted manifests
// require that), the one with the fewest nodes to spare first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.hpp"
#include "plan/pod.hpp"

namespace dsk::plan {

/// A node as its cluster reports it. Amounts that are absent are not known and not checked.
struct Node {
  std::string name;
  std::string device; // as the cluster names it; compared with the plan's names and aliases
  int gpus = 0;
  std::vector<int> free;                         // indices not given out, rising
  std::vector<int> mig;                          // indices in MIG mode: no whole devices
  std::vector<std::vector<int>> islands;         // indices that NVLink joins; others stand alone
  bool islands_stated = false;                   // else the plan's device says how they are joined
  std::optional<std::int64_t> host_memory_bytes; // free
  std::optional<std::int64_t> cpus;              // free
  std::optional<double> network_gbit_s;          // of all its NICs, one direction
  std::string rack;                              // "" = not stated
  std::string nvlink_domain;                     // "" = not stated
};

/// Why a node cannot take a pod.
struct Refusal {
  const char* code; // "device", "gpus", "free_gpus", "mig", "nvlink_island", ...
  double need = 0;
  double have = 0;
  std::string text;
};

struct NodeFit {
  std::vector<int> gpus; // that the pod would take; empty when it does not fit
  int score = 0;         // 1-100; 0 when it does not fit
  std::vector<Refusal> refusals;
  bool fits() const { return refusals.empty(); }
};

struct PlacedPod {
  std::size_t node = 0; // of the inventory
  std::vector<int> gpus;
};

struct PlacedReplica {
  std::vector<PlacedPod> pods;
  int score = 0; // mean of its nodes'
};

struct Placement {
  std::vector<NodeFit> nodes; // each node alone, before anything is placed
  std::vector<PlacedReplica> replicas;
  std::int64_t wanted = 0;
  bool fits() const { return static_cast<std::int64_t>(replicas.size()) == wanted; }
};

/// What the plan's pods ask of a node, beside PodNeeds.
struct PlacementRule {
  explicit PlacementRule(const Chosen& chosen);

  PodNeeds pod;
  std::vector<std::string> device_names; // folded; the plan's device and its aliases
  std::string device;
  int nodes_per_replica = 1;
  int island = 1;            // devices that NVLink joins where the node does not say
  bool needs_island = false; // groups of more than one device over NVLink
  bool needs_domain = false; // a replica over several nodes of one NVLink domain
  double network_gbit_s = 0; // that the plan counts on; 0 = no traffic between nodes
};

NodeFit fit_node(const PlacementRule& rule, const Node& node);

/// Places `wanted` replicas, best score first, ties in the order of `nodes`.
Placement place(const PlacementRule& rule, std::vector<Node> nodes, std::int64_t wanted);

} // namespace dsk::plan
