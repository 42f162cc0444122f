#include "plan/fit_request.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "plan/placement.hpp"

namespace dsk::plan {
namespace {

constexpr int max_gpus = 1024; // of one node
constexpr std::size_t max_nodes = 100000;
constexpr double gib = 1 << 30;

// Indices of devices: each below `gpus` and named once in `seen`, which lists may share.
std::vector<int> read_indices(const Json& items, const std::string& path, int gpus,
                              std::vector<char>& seen) {
  if (!items.is_array())
    throw Error(DSK_STATUS_INVALID_REQUEST,
                "this is " + json::preview(items) + ", must be an array of GPU indices", path);
  std::vector<int> out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string at = json::pointer(path, i);
    const auto index = static_cast<std::size_t>(integer_of(items[i], at, 0, gpus - 1));
    if (seen[index] != 0)
      throw Error(DSK_STATUS_INVALID_REQUEST, "GPU " + std::to_string(index) + " is named twice",
                  at);
    seen[index] = 1;
    out.push_back(static_cast<int>(index));
  }
  std::sort(out.begin(), out.end());
  return out;
}

Node read_node(Reader r) {
  Node node;
  node.name = r.text("name", 253); // as long as a Kubernetes name may be
  node.device = r.text("device", 256);
  node.gpus = static_cast<int>(r.integer("gpus", 1, max_gpus));
  const auto none = [&] { return std::vector<char>(static_cast<std::size_t>(node.gpus)); };
  std::vector<char> seen = none();
  if (const Json* free = r.find("free_gpus")) {
    node.free = read_indices(*free, r.path_of("free_gpus"), node.gpus, seen);
  } else {
    for (int gpu = 0; gpu < node.gpus; ++gpu)
      node.free.push_back(gpu);
  }
  if (const Json* mig = r.find("mig_gpus")) {
    seen = none();
    node.mig = read_indices(*mig, r.path_of("mig_gpus"), node.gpus, seen);
  }
  node.islands_stated = r.has("nvlink_islands");
  const auto islands = r.array("nvlink_islands", max_gpus);
  seen = none();
  for (std::size_t i = 0; i < islands.size(); ++i)
    node.islands.push_back(
        read_indices(*islands[i], json::pointer(r.path_of("nvlink_islands"), i), node.gpus, seen));
  if (const auto memory = r.optional_number("free_host_memory_gib", 0, 1e6))
    node.host_memory_bytes = static_cast<std::int64_t>(*memory * gib);
  node.cpus = r.optional_integer("free_cpus", 0, 1000000);
  node.network_gbit_s = r.optional_number("network_gbit_s", 0, 1e6);
  if (r.has("rack")) node.rack = r.text("rack", 253);
  if (r.has("nvlink_domain")) node.nvlink_domain = r.text("nvlink_domain", 253);
  r.done();
  return node;
}

Json node_json(const Node& node, const NodeFit& fit) {
  Json out = {{"name", node.name}, {"fits", fit.fits()}, {"score", fit.score}};
  if (fit.fits()) {
    out["gpus"] = fit.gpus;
    return out;
  }
  Json reasons = Json::array();
  for (const Refusal& refusal : fit.refusals)
    reasons.push_back({{"code", refusal.code},
                       {"need", refusal.need},
                       {"have", refusal.have},
                       {"text", refusal.text}});
  out["reasons"] = std::move(reasons);
  return out;
}

Json replica_json(const std::vector<Node>& nodes, const PlacedReplica& replica) {
  Json pods = Json::array();
  for (const PlacedPod& pod : replica.pods)
    pods.push_back({{"node", nodes[pod.node].name}, {"gpus", pod.gpus}});
  return {{"score", replica.score}, {"pods", std::move(pods)}};
}

Json needs_json(const PlacementRule& rule) {
  Json out = {{"device", rule.device},
              {"gpus", rule.pod.gpus},
              {"tp", rule.pod.tp},
              {"nodes_per_replica", rule.nodes_per_replica},
              {"cpus", rule.pod.cpus},
              {"host_memory_gib", static_cast<double>(rule.pod.memory_bytes()) / gib},
              {"network_gbit_s", rule.network_gbit_s},
              {"one_nvlink_island", rule.needs_island},
              {"one_nvlink_domain", rule.needs_domain}};
  return out;
}

} // namespace

Json fit_document(const Plan& plan, const Json& inventory) {
  if (!plan.feasible || !plan.chosen)
    throw Error(DSK_STATUS_UNSUPPORTED,
                "the request is infeasible, so there is nothing to place; the answer says which "
                "constraint binds");
  Reader r(inventory, "");
  (void)r.integer("schema", 1, 1, 1);
  const std::int64_t wanted = r.integer("replicas", 1, 1000000, plan.chosen->replicas);
  const auto items = r.array("nodes", max_nodes);
  if (items.empty()) r.fail("nodes", "must list 1 to 100000 nodes");
  std::vector<Node> nodes;
  std::set<std::string> names;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string at = json::pointer(r.path_of("nodes"), i);
    nodes.push_back(read_node(Reader(*items[i], at)));
    if (!names.insert(nodes.back().name).second)
      throw Error(DSK_STATUS_INVALID_REQUEST,
                  "name is \"" + nodes.back().name + "\", which an earlier node has",
                  json::pointer(at, "name"));
  }
  r.done();

  const PlacementRule rule(*plan.chosen);
  const Placement placement = place(rule, nodes, wanted);
  Json each = Json::array();
  for (std::size_t i = 0; i < nodes.size(); ++i)
    each.push_back(node_json(nodes[i], placement.nodes[i]));
  Json replicas = Json::array();
  for (const PlacedReplica& replica : placement.replicas)
    replicas.push_back(replica_json(nodes, replica));
  return {{"schema", 1},
          {"fits", placement.fits()},
          {"replicas_wanted", wanted},
          {"replicas_placed", placement.replicas.size()},
          {"needs", needs_json(rule)},
          {"replicas", std::move(replicas)},
          {"nodes", std::move(each)}};
}

} // namespace dsk::plan
