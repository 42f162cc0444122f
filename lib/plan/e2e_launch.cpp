#include "plan/e2e_launch.hpp"

#include <algorithm>
#include <cmath>

namespace dsk::plan {

void inferencex_launch(E2eCase& run, const PublishedRun& row, bool kv_open) {
  sim::Policy& p = run.policy;
  const bool blackwell = run.device.family == "blackwell";
  const bool llama = row.model.starts_with("llama");
  const bool gpt_oss = row.model.starts_with("gpt-oss");
  const bool deepseek = row.model.starts_with("deepseek");
  const bool qwen35 = row.model.starts_with("qwen3.5");
  const int per_rank = std::max(1, static_cast<int>(row.clients) / run.options.parallel.dp);
  const auto kv = [&](Element element) {
    if (kv_open) run.options.kv = element;
  };
  switch (run.engine.kind) {
  case EngineKind::vllm:
    p.token_budget = 8192;
    p.max_sequences = blackwell ? 512 : per_rank;
    p.lag_steps = 1; // --async-scheduling
    if (!llama && !gpt_oss) {
      p.max_sequences = 256;
      p.lag_steps = 0;
    }
    kv(llama || (gpt_oss && blackwell) ? Element::fp8 : Element::bf16);
    break;
  case EngineKind::tensorrt_llm:
    p.chunked = false;
    if (run.options.parallel.dp > 1) { // attention_dp_config: enable_balance, the rest as it is
      p.wait_prompts = run.options.parallel.dp;
      p.wait_steps = deepseek ? 60 : 50;
      p.batching_wait_steps = deepseek ? 0 : 10;
    }
    if (llama) {
      p.token_budget =
          static_cast<int>(row.input + row.output) + 200; // --max_num_tokens $MAX_MODEL_LEN
      if (row.input <= 1024 && run.options.parallel.tp < 8) {
        p.wait_tokens = static_cast<int>(0.9 * p.token_budget);
        p.wait_steps = 20;
      }
      kv(Element::fp8);
    } else if (gpt_oss) {
      p.token_budget = 20000;
      p.max_sequences = blackwell ? 512 : per_rank;
      run.options.memory_fraction = 0.85;
      kv(blackwell ? Element::fp8 : Element::bf16);
    } else if (deepseek) {
      // One prompt beside the batch, rounded up to 64 tokens.
      // Experts are whole on their ranks, whatever the row says of them.
      run.options.parallel.ep = run.options.parallel.tp * run.options.parallel.dp;
      p.max_sequences = per_rank;
      p.token_budget = static_cast<int>((per_rank + row.input + 127) / 64) * 64;
      p.first_token_steps = 10; // stream_interval, without workers that post-process
      run.options.memory_fraction = 0.75;
      kv(Element::fp8);
    }
    break;
  case EngineKind::sglang:
    p.token_budget = qwen35 && !blackwell ? 16384 : 32768;
    p.max_sequences = deepseek ? (row.input <= 1024 ? 512 : 256) : 128;
    p.poll_steps = !blackwell ? 10 : row.clients < 16 && row.weights != "nvfp4" ? 10 : 30;
    run.options.memory_fraction = qwen35 && !blackwell ? 0.8 : 0.82;
    kv(qwen35 && row.weights != "bf16" ? Element::fp8 : Element::bf16);
    break;
  default:
    break;
  }
}

} // namespace dsk::plan
