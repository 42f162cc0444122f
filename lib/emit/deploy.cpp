#include "emit/deploy.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/sha256.hpp"
#include "emit/kubernetes.hpp"
#include "emit/yaml.hpp"
#include "plan/pod.hpp"

namespace dsk::emit {
namespace {

const plan::Chosen& recommended(const plan::Plan& plan) {
  if (!plan.feasible || !plan.chosen)
    throw Error(DSK_STATUS_UNSUPPORTED,
                "the request is infeasible, so there is nothing to deploy; the answer says which "
                "constraint binds");
  return *plan.chosen;
}

EngineStart start_of(const plan::Chosen& c) {
  EngineStart start;
  start.engine = c.engine.kind;
  start.model = c.model;
  start.parallel = c.parallel;
  start.nodes = c.nodes_per_replica;
  start.kv = plan::read_kv_element(c.kv, "");
  start.memory_fraction = c.memory_fraction;
  start.max_sequences =
      std::max<std::int64_t>(1, (c.max_batch + c.parallel.dp - 1) / c.parallel.dp);
  start.token_budget = start_limits(c.engine, c.device).token_budget;
  start.max_tokens = c.max_tokens;
  return start;
}

// The engines' own images; releases are tagged with three numbers.
std::string image_of(const Engine& engine) {
  std::string version = engine.version;
  if (std::count(version.begin(), version.end(), '.') == 1) version += ".0";
  switch (engine.kind) {
  case EngineKind::vllm:
    return "vllm/vllm-openai:v" + version;
  case EngineKind::sglang:
    return "lmsysorg/sglang:v" + version;
  case EngineKind::tensorrt_llm:
    return "nvcr.io/nvidia/tensorrt-llm/release:" + version;
  case EngineKind::lmdeploy:
  case EngineKind::generic:
    break;
  }
  throw Error(DSK_STATUS_UNSUPPORTED, "there is no container image for " + engine.name);
}

Serving serving_of(const plan::Plan& plan) {
  const plan::Chosen& c = recommended(plan);
  const plan::PodNeeds needs = plan::pod_needs(c);
  Serving s;
  const EngineStart start = start_of(c);
  s.name = kubernetes_name(c.model.substr(c.model.rfind('/') + 1)); // without the owner
  s.image = image_of(c.engine);
  s.command = engine_command(start);
  s.port = start.port;
  s.replicas = c.replicas;
  s.max_replicas = 2 * c.replicas;
  s.nodes = c.nodes_per_replica;
  s.gpus_per_pod = needs.gpus;
  if (c.device.vendor == "amd") s.gpu_resource = "amd.com/gpu";
  s.cpus_per_pod = needs.cpus;
  s.host_memory_bytes = needs.host_memory_bytes;
  s.shared_memory_bytes = needs.shared_memory_bytes;
  s.requests_per_s = c.limit.requests_per_s;
  s.annotations = {{"dsk-device", c.device.name},
                   {"dsk-engine", c.engine.name + "@" + c.engine.version},
                   {"dsk-plan-sha256", sha256_hex(json::dump(plan.answer))}};
  return s;
}

} // namespace

std::string plan_manifests(const plan::Plan& plan) {
  return yaml_stream(kubernetes_manifests(serving_of(plan)));
}

std::string plan_command(const plan::Plan& plan) {
  const EngineStart start = start_of(recommended(plan));
  return shell_script(start, engine_command(start));
}

} // namespace dsk::emit
