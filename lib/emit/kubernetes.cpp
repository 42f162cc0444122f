#include "emit/kubernetes.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace dsk::emit {
namespace {

constexpr const char* name_label = "app.kubernetes.io/name";
constexpr const char* group_label = "leaderworkerset.sigs.k8s.io/group-key";
constexpr const char* index_label = "leaderworkerset.sigs.k8s.io/worker-index";
constexpr std::size_t max_name = 50; // LeaderWorkerSet appends group and worker numbers to it

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

void check(const Serving& s) {
  const auto refuse = [](const std::string& sentence) { invalid_request("", sentence); };
  if (s.name.empty() || s.name.size() > max_name || s.name[0] < 'a' || s.name[0] > 'z' ||
      s.name.back() == '-' || !std::all_of(s.name.begin(), s.name.end(), is_name_char))
    refuse("the name \"" + s.name + "\" must be 1 to 50 of a-z, 0-9 and '-', a letter first");
  if (s.image.empty()) refuse("the container image is missing");
  if (s.replicas < 1 || s.max_replicas < s.replicas)
    refuse("replicas are " + std::to_string(s.replicas) + " of at most " +
           std::to_string(s.max_replicas) + ", must be at least 1 and not above the most");
  if (s.nodes < 1 || (s.nodes > 1) == s.command.worker.empty())
    refuse("the command is not for " + std::to_string(s.nodes) + " nodes");
  if (s.gpus_per_pod < 1 || s.cpus_per_pod < 1 || s.host_memory_bytes < 1 ||
      s.shared_memory_bytes < 1)
    refuse("a pod needs GPUs, CPUs, memory and shared memory");
  if (!(s.requests_per_s > 0)) refuse("the rate of one replica must be above 0");
}

// In whole Gi, or else in Mi, rounded up.
std::string memory_quantity(std::int64_t bytes) {
  constexpr std::int64_t mi = std::int64_t{1} << 20;
  const std::int64_t count = (bytes + mi - 1) / mi;
  return count % 1024 == 0 ? std::to_string(count / 1024) + "Gi" : std::to_string(count) + "Mi";
}

std::string millis(double value) {
  return std::to_string(std::max<long long>(1, std::llround(value * 1000))) + "m";
}

Json metadata(const Serving& s) {
  return {{"name", s.name}, {"labels", {{name_label, s.name}}}};
}

Json probe(const Serving& s, int period_s, std::int64_t failures) {
  return {{"httpGet", {{"path", "/health"}, {"port", s.port}}},
          {"periodSeconds", period_s},
          {"timeoutSeconds", 5},
          {"failureThreshold", failures}};
}

std::string config_map_name(const Serving& s) {
  return s.name + "-config";
}

std::string file_name(const ConfigFile& file) {
  return file.path.substr(file.path.rfind('/') + 1);
}

// One node: the engine is the container's process. Several: a shell fills in address and rank.
Json command_json(const Serving& s, const Words& words) {
  if (s.nodes == 1) return argument_list(words);
  return Json::array({"/bin/sh", "-c", "exec " + shell_line(words)});
}

Json pod_spec(const Serving& s, const Words& words, bool serves) {
  Json resources = {{"cpu", std::to_string(s.cpus_per_pod)},
                    {"memory", memory_quantity(s.host_memory_bytes + s.shared_memory_bytes)},
                    {s.gpu_resource, std::to_string(s.gpus_per_pod)}};
  Json mounts = Json::array({{{"name", "shm"}, {"mountPath", "/dev/shm"}}});
  Json volumes = Json::array(
      {{{"name", "shm"},
        {"emptyDir",
         {{"medium", "Memory"}, {"sizeLimit", memory_quantity(s.shared_memory_bytes)}}}}});
  if (!s.command.files.empty()) {
    volumes.push_back({{"name", "config"}, {"configMap", {{"name", config_map_name(s)}}}});
    for (const ConfigFile& file : s.command.files)
      mounts.push_back(
          {{"name", "config"}, {"mountPath", file.path}, {"subPath", file_name(file)}});
  }
  Json container = {{"name", "engine"}, {"image", s.image}, {"command", command_json(s, words)}};
  if (serves) {
    container["ports"] = Json::array({{{"name", "http"}, {"containerPort", s.port}}});
    // Nothing but the startup probe may judge a pod that is still loading its weights.
    container["startupProbe"] = probe(s, 10, std::max<std::int64_t>(1, (s.startup_s + 9) / 10));
    container["readinessProbe"] = probe(s, 5, 3);
    container["livenessProbe"] = probe(s, 10, 6);
  }
  container["resources"] = {{"requests", resources}, {"limits", resources}};
  container["volumeMounts"] = std::move(mounts);

  Json spec;
  if (s.nodes > 1)
    // The pods of one group keep to one rack: the plan counts on its links. Groups are free of each
    // other.
    spec["affinity"] = {
        {"podAffinity",
         {{"requiredDuringSchedulingIgnoredDuringExecution",
           Json::array({{{"topologyKey", s.rack_label},
                         {"labelSelector", {{"matchLabels", {{name_label, s.name}}}}},
                         {"matchLabelKeys", Json::array({group_label})}}})}}}};
  spec["terminationGracePeriodSeconds"] = 120;
  spec["containers"] = Json::array({std::move(container)});
  spec["volumes"] = std::move(volumes);
  return spec;
}

Json pod_template(const Serving& s, const Words& words, bool serves) {
  Json meta = {{"labels", {{name_label, s.name}}}};
  if (!s.annotations.empty()) meta["annotations"] = s.annotations;
  return {{"metadata", std::move(meta)}, {"spec", pod_spec(s, words, serves)}};
}

Json config_map(const Serving& s) {
  Json data;
  for (const ConfigFile& file : s.command.files)
    data[file_name(file)] = file.text;
  Json meta = metadata(s);
  meta["name"] = config_map_name(s);
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", std::move(meta)},
          {"data", std::move(data)}};
}

Json deployment(const Serving& s) {
  // A new pod cannot have GPUs before an old one gives its own back, unless there are spare ones.
  return {
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata", metadata(s)},
      {"spec",
       {{"replicas", s.replicas},
        {"selector", {{"matchLabels", {{name_label, s.name}}}}},
        {"strategy",
         {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", 0}, {"maxUnavailable", 1}}}}},
        {"progressDeadlineSeconds", s.startup_s + 600},
        {"template", pod_template(s, s.command.leader, true)}}}};
}

Json leader_worker_set(const Serving& s) {
  return {{"apiVersion", "leaderworkerset.x-k8s.io/v1"},
          {"kind", "LeaderWorkerSet"},
          {"metadata", metadata(s)},
          {"spec",
           {{"replicas", s.replicas},
            {"startupPolicy", "LeaderCreated"},
            {"rolloutStrategy",
             {{"type", "RollingUpdate"},
              {"rollingUpdateConfiguration", {{"maxSurge", 0}, {"maxUnavailable", 1}}}}},
            {"leaderWorkerTemplate",
             {{"size", s.nodes},
              {"restartPolicy", "RecreateGroupOnPodRestart"},
              {"leaderTemplate", pod_template(s, s.command.leader, true)},
              {"workerTemplate", pod_template(s, s.command.worker, false)}}}}}};
}

Json service(const Serving& s) {
  Json selector = {{name_label, s.name}};
  if (s.nodes > 1) selector[index_label] = "0"; // only the leader answers requests
  // LeaderWorkerSet makes a headless Service of its own name for the pods of its groups.
  Json meta = metadata(s);
  if (s.nodes > 1) meta["name"] = s.name + "-api";
  return {
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", std::move(meta)},
      {"spec",
       {{"selector", std::move(selector)},
        {"ports", Json::array({{{"name", "http"}, {"port", s.port}, {"targetPort", "http"}}})}}}};
}

Json autoscaler(const Serving& s) {
  const bool group = s.nodes > 1;
  // Loading weights takes minutes: replicas come as soon as they are needed and go slowly.
  return {{"apiVersion", "autoscaling/v2"},
          {"kind", "HorizontalPodAutoscaler"},
          {"metadata", metadata(s)},
          {"spec",
           {{"scaleTargetRef",
             {{"apiVersion", group ? "leaderworkerset.x-k8s.io/v1" : "apps/v1"},
              {"kind", group ? "LeaderWorkerSet" : "Deployment"},
              {"name", s.name}}},
            {"minReplicas", s.replicas},
            {"maxReplicas", s.max_replicas},
            {"metrics", Json::array({{{"type", "Pods"},
                                      {"pods",
                                       {{"metric", {{"name", requests_metric}}},
                                        {"target",
                                         {{"type", "AverageValue"},
                                          {"averageValue", millis(s.requests_per_s)}}}}}}})},
            {"behavior",
             {{"scaleUp", {{"stabilizationWindowSeconds", 0}}},
              {"scaleDown", {{"stabilizationWindowSeconds", 600}}}}}}}};
}

} // namespace

std::string kubernetes_name(const std::string& model) {
  std::string out;
  for (char c : model.substr(model.rfind('/') + 1)) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!is_name_char(c)) c = '-';
    if (c == '-' && (out.empty() || out.back() == '-')) continue;
    out += c;
  }
  if (out.empty() || out[0] < 'a' || out[0] > 'z') out = "model-" + out;
  out.resize(std::min(out.size(), max_name));
  while (out.back() == '-')
    out.pop_back();
  return out;
}

std::vector<Json> kubernetes_manifests(const Serving& serving) {
  check(serving);
  std::vector<Json> out;
  if (!serving.command.files.empty()) out.push_back(config_map(serving));
  out.push_back(serving.nodes > 1 ? leader_worker_set(serving) : deployment(serving));
  out.push_back(service(serving));
  out.push_back(autoscaler(serving));
  return out;
}

} // namespace dsk::emit
