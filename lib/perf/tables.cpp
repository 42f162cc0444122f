#include "perf/tables.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>

namespace dsk::perf {

std::string_view kernel_op_name(KernelOp op) {
  static constexpr std::string_view names[kernel_op_count] = {"gemm",
                                                              "context_attention",
                                                              "generation_attention",
                                                              "context_mla",
                                                              "generation_mla",
                                                              "moe",
                                                              "custom_allreduce",
                                                              "nccl_all_reduce",
                                                              "nccl_all_gather",
                                                              "nccl_reduce_scatter",
                                                              "nccl_alltoall",
                                                              "deepep_ll_dispatch",
                                                              "deepep_ll_combine"};
  return names[static_cast<std::size_t>(op)];
}

std::size_t size_class(KernelOp op, const Sizes& size, double a, double b) {
  const auto step = [](double value, std::initializer_list<double> limits) {
    std::size_t passed = 0;
    for (const double limit : limits)
      passed += value >= limit;
    return passed;
  };
  if (op == KernelOp::gemm) return 2 * step(size[0] * size[1], {8e6, 64e6}) + (a > 64 ? 1 : 0);
  if (op == KernelOp::moe) return step(a, {64, 512, 4096});
  return step(a * std::max(1.0, b), {4096, 262144});
}

const char* size_class_name(KernelOp op, std::size_t size_class) {
  static constexpr const char* products[size_classes] = {"small/decode",  "small/prefill",
                                                         "medium/decode", "medium/prefill",
                                                         "large/decode",  "large/prefill"};
  static constexpr const char* others[size_classes] = {"small", "medium", "large", "largest"};
  return (op == KernelOp::gemm ? products : others)[size_class];
}

const TransferWidths& transfer_widths(const Transfer& transfer) {
  const TransferWidths* best = nullptr;
  int most = -1;
  for (const TransferWidths& record : all_transfer_widths()) {
    if (record.op != transfer.op || record.kin != transfer.kin) continue;
    const std::string_view to = transfer_names()[record.to];
    const std::string_view engine = transfer_names()[record.engine];
    if (!to.empty() && to != transfer.device && to != transfer.family) continue;
    if (!engine.empty() && engine != transfer.engine) continue;
    if (!record.any_format && (record.type != transfer.type || record.kv != transfer.kv)) continue;
    const int near = to.empty() ? 0 : to == transfer.device ? 8 : 4;
    const int points = near + 2 * !record.any_format + !engine.empty();
    if (points > most) {
      most = points;
      best = &record;
    }
  }
  return *best;
}

double FactTable::ln_us(std::size_t shape_index, std::size_t a_index, std::size_t b_index) const {
  const std::uint16_t code = codes[(shape_index * a.size() + a_index) * b.size() + b_index];
  return code ? code / code_scale - code_offset : std::numeric_limits<double>::quiet_NaN();
}

} // namespace dsk::perf
