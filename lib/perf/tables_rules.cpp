#include "perf/tables_rules.hpp"

#include <algorithm>
#include <cmath>

namespace dsk::perf {

bool executes_remote(std::string_view engine, std::string_view kernel) {
  return (!engine.empty() && engine != "trtllm") || kernel == "moe_torch_flow_min_latency";
}

std::string_view row_artefact(const TableRow& row) {
  switch (row.op) {
  case KernelOp::gemm:
    // Timed without CUDA graphs on one weight copy: 55 to 365 us floors where 4 to 6 are usual.
    if (row.engine == "vllm" && row.type == Precision::fp8_block) return "host-bound";
    // 22.9 us at one row on B200 where 16 rows of a larger shape take 9.6.
    if (row.engine == "vllm" && row.type == Precision::fp8 && row.a < 4) return "first-run";
    break;
  case KernelOp::context_mla:
    // 512-wide latent heads timed for prefill: 3.3 times the work of the 192/128-wide path.
    if (row.engine == "sglang" && row.kernel != "trtllm_mla") return "absorbed-prefill";
    break;
  case KernelOp::generation_mla:
    // 100 to 130 us for any small batch, where other engines take 9 to 17.
    if (row.engine == "vllm") return "host-bound";
    // 477 us for one sequence of 4 K tokens, whatever the heads: 2.3 us of memory traffic.
    if (row.family == "ampere" && row.engine == "trtllm") return "fallback-kernel";
    // fp8 caches have no kernel of their own there: 0.13 of the rate where bf16 reaches 0.58.
    if (row.kernel == "flash_attention" && row.kv == Precision::fp8) return "fallback-kernel";
    break;
  case KernelOp::moe:
    if (row.expert_ranks > 1 && executes_remote(row.engine, row.kernel)) return "remote-slots";
    break;
  case KernelOp::custom_allreduce:
    if (row.variant == "eager" || row.variant.ends_with("_eager")) return "host-bound";
    break;
  default:
    break;
  }
  return {};
}

bool is_spike(double before, double here, double after) {
  return here > std::max(before, after) + std::log(1.4);
}

bool is_artefact(const FactTable& table) {
  TableRow row;
  row.op = table.op;
  row.family = fact_devices()[table.device].family;
  row.engine = table.engine;
  row.kernel = table.kernel;
  row.variant = table.variant;
  row.type = table.type;
  row.kv = table.kv;
  row.a = 1e9;
  return !row_artefact(row).empty();
}

Work padded_decode_work(const AttentionShape& shape, Work work, double queries) {
  constexpr double tile = 64;
  const double rows = shape.heads * queries;
  work.flops *= std::ceil(rows / tile) * tile / rows;
  return work;
}

} // namespace dsk::perf
