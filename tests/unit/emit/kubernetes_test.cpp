#include <doctest/doctest.h>

#include "base/error.hpp"
#include "emit/kubernetes.hpp"
#include "emit/yaml.hpp"
#include "golden.hpp"

using namespace dsk;
using namespace dsk::emit;

namespace {

constexpr std::int64_t gib = std::int64_t{1} << 30;

Serving serving(EngineKind engine, perf::Parallel parallel, int nodes) {
  EngineStart start;
  start.engine = engine;
  start.model = "deepseek-ai/DeepSeek-R1";
  start.parallel = parallel;
  start.nodes = nodes;
  start.kv = Element::fp8;
  start.max_sequences = 128;
  start.token_budget = 8192;
  start.max_tokens = 2560;
  Serving s;
  s.name = kubernetes_name(start.model);
  s.image = "registry.example/engine:1";
  s.command = engine_command(start);
  s.replicas = 2;
  s.max_replicas = 4;
  s.nodes = nodes;
  s.gpus_per_pod = parallel.devices() / nodes;
  s.cpus_per_pod = 68;
  s.host_memory_bytes = 160 * gib;
  s.shared_memory_bytes = 32 * gib;
  s.requests_per_s = 6.25;
  s.annotations = {{"dsk-device", "h200-sxm"}};
  return s;
}

std::vector<std::string> kinds(const std::vector<Json>& documents) {
  std::vector<std::string> out;
  for (const Json& document : documents)
    out.push_back(document["kind"]);
  return out;
}

} // namespace

TEST_CASE("manifests, which tests/k8s decodes into the Kubernetes types") {
  const auto one = kubernetes_manifests(serving(EngineKind::vllm, {8, 1, 1, 8}, 1));
  CHECK(kinds(one) == std::vector<std::string>{"Deployment", "Service", "HorizontalPodAutoscaler"});
  check_golden("manifests_one_node.yaml", yaml_stream(one));

  const auto several = kubernetes_manifests(serving(EngineKind::vllm, {1, 1, 16, 16}, 2));
  CHECK(kinds(several) ==
        std::vector<std::string>{"LeaderWorkerSet", "Service", "HorizontalPodAutoscaler"});
  check_golden("manifests_two_nodes.yaml", yaml_stream(several));

  const auto config = kubernetes_manifests(serving(EngineKind::tensorrt_llm, {1, 1, 8, 8}, 1));
  CHECK(kinds(config) ==
        std::vector<std::string>{"ConfigMap", "Deployment", "Service", "HorizontalPodAutoscaler"});
  check_golden("manifests_config_file.yaml", yaml_stream(config));
}

TEST_CASE("names are what Kubernetes takes") {
  CHECK(kubernetes_name("deepseek-ai/DeepSeek-R1") == "deepseek-r1");
  CHECK(kubernetes_name("meta-llama/Llama-3.1-8B") == "llama-3-1-8b");
  CHECK(kubernetes_name("13B") == "model-13b");
  CHECK(kubernetes_name("") == "model");
  CHECK(kubernetes_name("///") == "model");
  CHECK(kubernetes_name("--A__b--") == "a-b");
  CHECK(kubernetes_name(std::string(60, 'a') + "-b").size() == 50);
}

TEST_CASE("a serving that Kubernetes would refuse is refused here, with the reason") {
  const auto refused = [](auto&& change) {
    Serving s = serving(EngineKind::vllm, {8, 1, 1, 8}, 1);
    change(s);
    CHECK_THROWS_AS(kubernetes_manifests(s), Error);
  };
  refused([](Serving& s) { s.name = "Upper"; });
  refused([](Serving& s) { s.name = "1a"; });
  refused([](Serving& s) { s.name = "a-"; });
  refused([](Serving& s) { s.name = std::string(51, 'a'); });
  refused([](Serving& s) { s.image.clear(); });
  refused([](Serving& s) { s.replicas = 0; });
  refused([](Serving& s) { s.max_replicas = 1; });
  refused([](Serving& s) { s.nodes = 2; });
  refused([](Serving& s) { s.gpus_per_pod = 0; });
  refused([](Serving& s) { s.requests_per_s = 0; });
}
