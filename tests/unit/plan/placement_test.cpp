// Laws of placement over random clusters, and its rules one by one.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "plan/placement.hpp"

using namespace dsk;
using namespace dsk::plan;

namespace {

Chosen chosen_for(const char* device, int tp, int pp) {
  static const Catalog catalog;
  Chosen chosen;
  chosen.device = catalog.device(device, "/device");
  chosen.parallel.tp = tp;
  chosen.parallel.pp = pp;
  const int devices = chosen.parallel.devices();
  chosen.nodes_per_replica = (devices + chosen.device.per_node - 1) / chosen.device.per_node;
  return chosen;
}

Node node_with(const char* device, int gpus, std::vector<int> free) {
  Node node;
  node.name = "n";
  node.device = device;
  node.gpus = gpus;
  node.free = std::move(free);
  return node;
}

std::string code_of(const NodeFit& fit) {
  return fit.refusals.empty() ? "" : fit.refusals.front().code;
}

} // namespace

TEST_CASE("nothing is given out twice, and each group stays within an island") {
  std::mt19937 random(7);
  const auto draw = [&](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  for (int round = 0; round < 400; ++round) {
    const int tp = 1 << draw(4);
    const PlacementRule rule(chosen_for("h100-sxm", tp, 1 + draw(2)));
    std::vector<Node> nodes;
    for (int i = 0, count = 1 + draw(12); i < count; ++i) {
      Node node = node_with("h100-sxm", 8, {});
      for (int gpu = 0; gpu < 8; ++gpu)
        if (draw(4) != 0) node.free.push_back(gpu);
      if (draw(2) != 0) {
        node.islands_stated = true;
        node.islands = {{0, 1, 2, 3}, {4, 5, 6, 7}};
      }
      node.rack = draw(2) != 0 ? "a" : "b";
      nodes.push_back(node);
    }
    const Placement placement = place(rule, nodes, 1 + draw(20));
    std::set<std::pair<std::size_t, int>> given;
    for (const PlacedReplica& replica : placement.replicas) {
      REQUIRE(static_cast<int>(replica.pods.size()) == rule.nodes_per_replica);
      for (const PlacedPod& pod : replica.pods) {
        REQUIRE(static_cast<int>(pod.gpus.size()) == rule.pod.gpus);
        CHECK(nodes[pod.node].rack == nodes[replica.pods.front().node].rack);
        const Node& node = nodes[pod.node];
        int low = 0;
        for (const int gpu : pod.gpus) {
          CHECK(std::count(node.free.begin(), node.free.end(), gpu) == 1);
          CHECK(given.insert({pod.node, gpu}).second);
          low += gpu < 4 ? 1 : 0;
        }
        if (node.islands_stated) CHECK(low % rule.pod.tp == 0);
      }
    }
    // A replica that was not placed has no room left: one on a node's remaining devices would fit.
    if (!placement.fits() && rule.nodes_per_replica == 1) {
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        Node rest = nodes[i];
        rest.free.erase(std::remove_if(rest.free.begin(), rest.free.end(),
                                       [&](int gpu) {
                                         return given.count({i, gpu}) != 0;
                                       }),
                        rest.free.end());
        CHECK_FALSE(fit_node(rule, rest).fits());
      }
    }
  }
}

TEST_CASE("a pod goes where it leaves least") {
  const PlacementRule rule(chosen_for("h200-sxm", 4, 1));
  Node islands = node_with("NVIDIA-H200", 8, {0, 1, 2, 3, 4, 5, 6});
  islands.islands_stated = true;
  islands.islands = {{1, 3, 5, 6}, {0, 2, 4, 7}};
  CHECK(fit_node(rule, islands).gpus == std::vector<int>{1, 3, 5, 6});
  const Node whole = node_with("H200", 8, {0, 1, 2, 3, 4, 5, 6, 7});
  const Node half = node_with("h200_sxm", 8, {0, 1, 2, 3});
  CHECK(fit_node(rule, half).score == 100);
  CHECK(fit_node(rule, half).score > fit_node(rule, whole).score);
}

TEST_CASE("each shortage is named") {
  const PlacementRule rule(chosen_for("h100-sxm", 8, 1));
  const std::vector<int> all{0, 1, 2, 3, 4, 5, 6, 7};
  CHECK(code_of(fit_node(rule, node_with("h100-sxm", 8, all))).empty());
  CHECK(code_of(fit_node(rule, node_with("b200", 8, all))) == "device");
  CHECK(code_of(fit_node(rule, node_with("h100-sxm", 4, {0, 1, 2, 3}))) == "gpus");
  CHECK(code_of(fit_node(rule, node_with("h100-sxm", 8, {0, 1}))) == "free_gpus");
  Node node = node_with("h100-sxm", 8, all);
  node.mig = {2};
  CHECK(code_of(fit_node(rule, node)) == "mig");
  node.mig.clear();
  node.islands_stated = true;
  node.islands = {{0, 1, 2, 3}, {4, 5, 6, 7}};
  CHECK(code_of(fit_node(rule, node)) == "nvlink_island");
  node.islands_stated = false;
  node.cpus = rule.pod.cpus - 1;
  CHECK(code_of(fit_node(rule, node)) == "cpus");
  node.cpus = rule.pod.cpus;
  node.host_memory_bytes = rule.pod.memory_bytes() - 1;
  CHECK(code_of(fit_node(rule, node)) == "host_memory");
  node.host_memory_bytes = rule.pod.memory_bytes();
  node.network_gbit_s = 0; // no traffic between nodes
  CHECK(fit_node(rule, node).fits());
}

TEST_CASE(
    "a replica over several nodes stays in one rack with its network, or in one NVLink domain") {
  const std::vector<int> all{0, 1, 2, 3, 4, 5, 6, 7};
  const PlacementRule rack(chosen_for("h100-sxm", 8, 2));
  std::vector<Node> nodes(3, node_with("h100-sxm", 8, all));
  nodes[0].rack = "a";
  nodes[1].rack = nodes[2].rack = "b";
  const Placement one = place(rack, nodes, 1);
  REQUIRE(one.fits());
  CHECK(one.replicas[0].pods[0].node == 1);
  CHECK(one.replicas[0].pods[1].node == 2);
  nodes[2].network_gbit_s = 100;
  CHECK_FALSE(place(rack, nodes, 1).fits());
  CHECK(code_of(fit_node(rack, nodes[2])) == "network");

  const PlacementRule domain(chosen_for("gb200", 8, 1));
  REQUIRE(domain.nodes_per_replica == 2);
  std::vector<Node> trays(2, node_with("gb200", 4, {0, 1, 2, 3}));
  trays[0].nvlink_domain = "x";
  trays[1].nvlink_domain = "y";
  CHECK_FALSE(place(domain, trays, 1).fits());
  trays[1].nvlink_domain = "x";
  CHECK(place(domain, trays, 1).fits());
}

TEST_CASE("boards that PCIe joins have no islands to keep to") {
  const PlacementRule rule(chosen_for("l40s", 4, 1));
  CHECK_FALSE(rule.needs_island);
  CHECK(fit_node(rule, node_with("NVIDIA-L40S", 8, {0, 2, 5, 7})).fits());
}
