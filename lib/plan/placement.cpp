#include "plan/placement.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.hpp"

namespace dsk::plan {
namespace {

constexpr double packing_weight = 70;
constexpr double island_weight = 30;

bool contains(const std::vector<int>& sorted, int value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

// The usable devices of a node by island, those that stand alone as islands of one.
std::vector<std::vector<int>> usable_islands(const PlacementRule& rule, const Node& node) {
  std::vector<int> island_of(static_cast<std::size_t>(node.gpus), -1);
  int count = 0;
  if (node.islands_stated) {
    for (const std::vector<int>& island : node.islands) {
      for (const int gpu : island)
        island_of[static_cast<std::size_t>(gpu)] = count;
      ++count;
    }
  } else {
    for (int gpu = 0; gpu < node.gpus; ++gpu)
      island_of[static_cast<std::size_t>(gpu)] = gpu / rule.island;
    count = (node.gpus + rule.island - 1) / rule.island;
  }
  std::vector<std::vector<int>> islands(static_cast<std::size_t>(count));
  for (const int gpu : node.free) {
    if (contains(node.mig, gpu)) continue;
    const int island = island_of[static_cast<std::size_t>(gpu)];
    if (island < 0)
      islands.push_back({gpu});
    else
      islands[static_cast<std::size_t>(island)].push_back(gpu);
  }
  islands.erase(std::remove_if(islands.begin(), islands.end(),
                               [](const std::vector<int>& island) { return island.empty(); }),
                islands.end());
  // The fullest first: a pod goes where it leaves least.
  std::stable_sort(
      islands.begin(), islands.end(),
      [](const std::vector<int>& a, const std::vector<int>& b) { return a.size() < b.size(); });
  return islands;
}

// Devices for one pod, and the free devices of the islands that it opens. Empty when no choice
// keeps each group within an island.
struct Pick {
  std::vector<int> gpus;
  std::size_t opened = 0;
};
Pick pick(const PlacementRule& rule, const std::vector<std::vector<int>>& islands) {
  const auto wanted = static_cast<std::size_t>(rule.pod.gpus);
  Pick out;
  for (const std::vector<int>& island : islands)
    if (island.size() >= wanted) {
      out.gpus.assign(island.begin(), island.begin() + static_cast<std::ptrdiff_t>(wanted));
      out.opened = island.size();
      return out;
    }
  const auto group = static_cast<std::size_t>(rule.needs_island ? rule.pod.tp : 1);
  for (const std::vector<int>& island : islands) {
    const std::size_t take =
        std::min(island.size() / group * group, wanted - out.gpus.size()) / group * group;
    if (take == 0) continue;
    out.gpus.insert(out.gpus.end(), island.begin(),
                    island.begin() + static_cast<std::ptrdiff_t>(take));
    out.opened += island.size();
    if (out.gpus.size() == wanted) {
      std::sort(out.gpus.begin(), out.gpus.end());
      return out;
    }
  }
  return {};
}

std::string gib_text(double bytes) {
  return fixed_text(bytes / (1 << 30), 0) + " GiB";
}

// Nodes that one replica over several may use together: by NVLink domain or rack.
const std::string& group_of(const PlacementRule& rule, const Node& node) {
  return rule.needs_domain ? node.nvlink_domain : node.rack;
}

class Placer {
public:
  Placer(const PlacementRule& rule, std::vector<Node> nodes)
      : rule_(rule), nodes_(std::move(nodes)) {
    for (const Node& node : nodes_)
      fits_.push_back(fit_node(rule_, node));
  }

  const std::vector<NodeFit>& fits() const { return fits_; }

  // Takes the devices of one more replica; absent when there is no room.
  std::optional<PlacedReplica> next() {
    const std::vector<std::size_t> chosen = choose();
    if (chosen.empty()) return std::nullopt;
    PlacedReplica replica;
    int sum = 0;
    for (const std::size_t i : chosen) {
      sum += fits_[i].score;
      replica.pods.push_back({i, fits_[i].gpus});
      take(i);
    }
    replica.score = sum / static_cast<int>(chosen.size());
    return replica;
  }

private:
  std::vector<std::size_t> choose() const {
    const auto count = static_cast<std::size_t>(rule_.nodes_per_replica);
    std::map<std::string, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (fits_[i].fits())
        groups[count == 1 ? std::string() : group_of(rule_, nodes_[i])].push_back(i);
    const std::vector<std::size_t>* best = nullptr;
    for (const auto& [name, members] : groups)
      if (members.size() >= count && (best == nullptr || members.size() < best->size()))
        best = &members;
    if (best == nullptr) return {};
    std::vector<std::size_t> chosen = *best;
    std::stable_sort(chosen.begin(), chosen.end(),
                     [&](std::size_t a, std::size_t b) { return fits_[a].score > fits_[b].score; });
    chosen.resize(count);
    return chosen;
  }

  void take(std::size_t i) {
    Node& node = nodes_[i];
    const std::vector<int> gone = fits_[i].gpus;
    node.free.erase(std::remove_if(node.free.begin(), node.free.end(),
                                   [&](int gpu) { return contains(gone, gpu); }),
                    node.free.end());
    if (node.cpus) *node.cpus -= rule_.pod.cpus;
    if (node.host_memory_bytes) *node.host_memory_bytes -= rule_.pod.memory_bytes();
    fits_[i] = fit_node(rule_, node);
  }

  const PlacementRule& rule_;
  std::vector<Node> nodes_;
  std::vector<NodeFit> fits_;
};

} // namespace

PlacementRule::PlacementRule(const Chosen& chosen)
    : pod(pod_needs(chosen)), device(chosen.device.name),
      nodes_per_replica(chosen.nodes_per_replica) {
  const Device& d = chosen.device;
  device_names.push_back(folded_name(d.name));
  for (const std::string& alias : d.aliases)
    device_names.push_back(folded_name(alias));
  const bool nvlink = d.scale_up.kind.rfind("nvlink", 0) == 0;
  island = nvlink ? std::max(d.scale_up.domain, 1) : 1;
  needs_island = nvlink && pod.tp > 1 && pod.tp <= d.scale_up.domain;
  needs_domain = nvlink && nodes_per_replica > 1 && d.scale_up.domain > d.per_node;
  if (nodes_per_replica > 1 && !needs_domain)
    network_gbit_s = d.scale_out.bandwidth_gbs * 8 * pod.gpus;
}

NodeFit fit_node(const PlacementRule& rule, const Node& node) {
  NodeFit fit;
  const auto refuse = [&](const char* code, double need, double have, std::string text) {
    fit.refusals.push_back({code, need, have, std::move(text)});
  };
  const int need = rule.pod.gpus;
  const auto have = static_cast<int>(node.free.size());
  const std::string folded = folded_name(node.device);
  if (std::find(rule.device_names.begin(), rule.device_names.end(), folded) ==
      rule.device_names.end()) {
    refuse("device", 0, 0, "has " + node.device + ", the plan is for " + rule.device);
    return fit;
  }
  const std::string pod_needs_text = "the pod needs " + std::to_string(need) + " GPUs";
  if (node.gpus < need) {
    refuse("gpus", need, node.gpus, pod_needs_text + ", the node has " + std::to_string(node.gpus));
  } else if (have < need) {
    refuse("free_gpus", need, have, pod_needs_text + ", " + std::to_string(have) + " are free");
  } else {
    const std::vector<std::vector<int>> islands = usable_islands(rule, node);
    std::size_t usable = 0;
    for (const std::vector<int>& island : islands)
      usable += island.size();
    if (usable < static_cast<std::size_t>(need)) {
      refuse("mig", need, static_cast<double>(usable),
             pod_needs_text + " whole, " + std::to_string(usable) +
                 " of the free ones are not in MIG mode");
    } else {
      Pick chosen = pick(rule, islands);
      if (chosen.gpus.empty()) {
        refuse("nvlink_island", rule.pod.tp, static_cast<double>(islands.back().size()),
               "a tensor-parallel group of " + std::to_string(rule.pod.tp) +
                   " must stay within one NVLink island; the largest has " +
                   std::to_string(islands.back().size()) + " free");
      } else {
        fit.score = std::max(1, static_cast<int>(std::lround(
                                    packing_weight * need / static_cast<double>(usable) +
                                    island_weight * need / static_cast<double>(chosen.opened))));
        fit.gpus = std::move(chosen.gpus);
      }
    }
  }
  if (node.cpus && *node.cpus < rule.pod.cpus)
    refuse("cpus", static_cast<double>(rule.pod.cpus), static_cast<double>(*node.cpus),
           "the pod asks for " + std::to_string(rule.pod.cpus) + " CPUs, " +
               std::to_string(*node.cpus) + " are free");
  if (node.host_memory_bytes && *node.host_memory_bytes < rule.pod.memory_bytes()) {
    const auto wanted = static_cast<double>(rule.pod.memory_bytes());
    const auto free = static_cast<double>(*node.host_memory_bytes);
    refuse("host_memory", wanted, free,
           "the pod asks for " + gib_text(wanted) + " of host memory, " + gib_text(free) +
               " are free");
  }
  if (node.network_gbit_s && *node.network_gbit_s < rule.network_gbit_s)
    refuse("network", rule.network_gbit_s, *node.network_gbit_s,
           "the plan counts on " + number_text(rule.network_gbit_s) +
               " Gbit/s between nodes, the node has " + number_text(*node.network_gbit_s));
  if (!fit.fits()) {
    fit.gpus.clear();
    fit.score = 0;
  }
  return fit;
}

Placement place(const PlacementRule& rule, std::vector<Node> nodes, std::int64_t wanted) {
  Placer placer(rule, std::move(nodes));
  Placement out;
  out.wanted = wanted;
  out.nodes = placer.fits();
  while (static_cast<std::int64_t>(out.replicas.size()) < wanted) {
    std::optional<PlacedReplica> replica = placer.next();
    if (!replica) break;
    out.replicas.push_back(std::move(*replica));
  }
  return out;
}

} // namespace dsk::plan
