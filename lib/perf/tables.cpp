#include "perf/tables.hpp"

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

double FactTable::ln_us(std::size_t shape_index, std::size_t a_index, std::size_t b_index) const {
  const std::uint16_t code = codes[(shape_index * a.size() + a_index) * b.size() + b_index];
  return code ? code / code_scale - code_offset : std::numeric_limits<double>::quiet_NaN();
}

} // namespace dsk::perf
