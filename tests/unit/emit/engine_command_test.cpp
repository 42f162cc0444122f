#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.hpp"
#include "emit/engine_command.hpp"
#include "golden.hpp"

using namespace dsk;
using namespace dsk::emit;

namespace {

EngineStart r1(EngineKind engine, perf::Parallel parallel, int nodes) {
  EngineStart s;
  s.engine = engine;
  s.model = "deepseek-ai/DeepSeek-R1";
  s.parallel = parallel;
  s.nodes = nodes;
  s.kv = Element::fp8;
  s.memory_fraction = 0.82;
  s.max_sequences = 128;
  s.token_budget = 8192;
  s.max_tokens = 2560;
  return s;
}

bool has(const Words& words, const std::string& name, const std::string& value) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    if (words[i].text == name && words[i + 1].text == value) return true;
  return false;
}

bool has(const Words& words, const std::string& name) {
  return std::any_of(words.begin(), words.end(), [&](const Word& w) { return w.text == name; });
}

std::string script(const EngineStart& s) {
  return shell_script(s, engine_command(s));
}

} // namespace

TEST_CASE("start scripts") {
  EngineStart vllm = r1(EngineKind::vllm, {8, 1, 1, 8}, 1);
  vllm.mtp_tokens = 1;
  check_golden("start_vllm_one_node.sh", script(vllm));
  check_golden("start_vllm_pipeline.sh", script(r1(EngineKind::vllm, {8, 2, 1, 1}, 2)));
  check_golden("start_vllm_data_parallel.sh", script(r1(EngineKind::vllm, {1, 1, 16, 16}, 2)));
  check_golden("start_sglang_two_nodes.sh", script(r1(EngineKind::sglang, {1, 1, 16, 16}, 2)));
  EngineStart trt = r1(EngineKind::tensorrt_llm, {1, 1, 8, 8}, 1);
  trt.mtp_tokens = 3;
  check_golden("start_tensorrt_llm.sh", script(trt));
}

TEST_CASE("what an engine counts for the whole replica is the sum over its data-parallel ranks") {
  const Words sglang = engine_command(r1(EngineKind::sglang, {2, 1, 4, 8}, 1)).leader;
  CHECK(has(sglang, "--tp-size", "8"));
  CHECK(has(sglang, "--dp-size", "4"));
  CHECK(has(sglang, "--max-running-requests", "512"));
  CHECK(has(sglang, "--chunked-prefill-size", "32768"));
  const Words vllm = engine_command(r1(EngineKind::vllm, {2, 1, 4, 8}, 1)).leader;
  CHECK(has(vllm, "--tensor-parallel-size", "2"));
  CHECK(has(vllm, "--data-parallel-size", "4"));
  CHECK(has(vllm, "--max-num-seqs", "128"));
  CHECK(has(vllm, "--max-num-batched-tokens", "8192"));
}

TEST_CASE("only the leader serves, and the workers of vLLM know where their ranks begin") {
  const EngineCommand dp = engine_command(r1(EngineKind::vllm, {2, 1, 8, 16}, 2));
  CHECK(has(dp.worker, "--headless"));
  CHECK(has(dp.worker, "--data-parallel-start-rank", "$((LWS_WORKER_INDEX * 4))"));
  CHECK_FALSE(has(dp.worker, "--port"));
  CHECK_FALSE(has(dp.leader, "--headless"));
  CHECK(has(dp.leader, "--port", "8000"));
  CHECK(engine_command(r1(EngineKind::vllm, {8, 1, 1, 1}, 1)).worker.empty());
}

TEST_CASE("a 16-bit KV cache is the engine's own choice") {
  EngineStart s = r1(EngineKind::vllm, {8, 1, 1, 1}, 1);
  s.kv = Element::bf16;
  CHECK(has(engine_command(s).leader, "--kv-cache-dtype", "auto"));
}

TEST_CASE("what an engine cannot do is refused with the reason") {
  const auto refusal = [](const EngineStart& s) -> std::string {
    try {
      engine_command(s);
    } catch (const Error& e) {
      CHECK(e.status() == DSK_STATUS_UNSUPPORTED);
      return e.what();
    }
    return "";
  };
  CHECK(refusal(r1(EngineKind::vllm, {8, 1, 1, 4}, 1)).find("all of TP x DP = 8") !=
        std::string::npos);
  CHECK(refusal(r1(EngineKind::vllm, {16, 1, 2, 32}, 4)).find("must not span nodes") !=
        std::string::npos);
  CHECK(refusal(r1(EngineKind::tensorrt_llm, {8, 2, 1, 1}, 2)).find("MPI") != std::string::npos);
  CHECK(refusal(r1(EngineKind::tensorrt_llm, {2, 1, 4, 8}, 1)).find("TP 2 x DP 4") !=
        std::string::npos);
  CHECK(refusal(r1(EngineKind::sglang, {8, 1, 1, 1}, 3)).find("8 devices do not divide over 3") !=
        std::string::npos);
  CHECK(refusal(r1(EngineKind::generic, {8, 1, 1, 1}, 1)).find("vllm, sglang and tensorrt-llm") !=
        std::string::npos);
  EngineStart int8 = r1(EngineKind::vllm, {8, 1, 1, 1}, 1);
  int8.kv = Element::int8;
  CHECK(refusal(int8).find("no int8 KV cache") != std::string::npos);
}

TEST_CASE("a shell gets each literal word back as it was") {
  CHECK(shell_line({{"a"}, {"b c"}, {"it's"}, {""}, {"$HOME"}, {"$X", true}}) ==
        "a 'b c' 'it'\\''s' '' '$HOME' \"$X\"");
  CHECK_THROWS_AS(argument_list({{"$X", true}}), Error);
}
