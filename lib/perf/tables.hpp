// Measured kernel latencies, compiled into the library from lib/perf/data: read in place, never
// parsed at run time. What the figures mean for a kernel that is not among them is ops_time's
// matter.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "perf/ops.hpp"

namespace dsk::perf {

/// Kernels that tables exist for, by the names of the fact files.
enum class KernelOp : std::uint8_t {
  gemm,
  context_attention,
  generation_attention,
  context_mla,
  generation_mla,
  moe,
  custom_allreduce,
  nccl_all_reduce,
  nccl_all_gather,
  nccl_reduce_scatter,
  nccl_alltoall,
  deepep_ll_dispatch,
  deepep_ll_combine
};
inline constexpr int kernel_op_count = 13;
std::string_view kernel_op_name(KernelOp op);

/// A device whose kernels were measured, by its datasheet: rates in units a microsecond.
struct FactDevice {
  std::string_view name;
  std::string_view family;
  double bytes_per_us = 0;
  double flops_per_us[element_count] = {}; // dense, by Element; 0 = none
  double link_bytes_per_us = 0;
  int multiprocessors = 0;
};

inline constexpr std::size_t max_sizes = 6;
using Sizes = std::array<double, max_sizes>; // as in the fact files

/// Classes of rows by size, in which intervals are kept and scores are told. Products: weights
/// below 8 M and below 64 M elements or more, each with up to 64 rows or more. Experts: below 64,
/// 512 and 4,096 tokens or more. Others: below 4,096 and below 262,144 tokens (sequences times
/// length) or message elements, or more.
inline constexpr std::size_t size_classes = 6;
std::size_t size_class(KernelOp op, const Sizes& size, double a, double b);
const char* size_class_name(KernelOp op, std::size_t size_class);

/// Half widths of 90 % intervals (natural log), by size class, coded: 0.01 exp(code / 40), from
/// 0.01 to 5.9 in steps of 2.5 %.
struct Widths {
  std::array<std::uint8_t, size_classes> codes{};

  double at(std::size_t size_class) const { return 0.01 * std::exp(codes[size_class] / 40.0); }
};

/// Latencies of one kernel of one engine on one device: shapes x a x b.
struct FactTable {
  KernelOp op = KernelOp::gemm;
  std::uint8_t device = 0; // index into fact_devices()
  Precision type = Precision::bf16;
  Precision kv = Precision::bf16;
  std::string_view engine; // "vllm", "sglang", "trtllm", "nccl"
  std::string_view version;
  std::string_view kernel;
  std::string_view variant; // expert distribution, or "graph" / "eager" of an all-reduce
  Widths shape_widths{};    // of a shape that is left out of the table
  std::span<const std::int32_t> a;
  std::span<const std::int32_t> b;
  std::size_t sizes = 0;                // numbers a shape
  std::span<const std::int32_t> shapes; // shape-major
  std::span<const std::uint16_t> codes; // shape-major, then a, then b

  std::size_t shape_count() const { return shapes.size() / sizes; }
  std::span<const std::int32_t> shape(std::size_t index) const {
    return shapes.subspan(index * sizes, sizes);
  }
  /// Natural logarithm of the latency in microseconds; NaN where nothing was measured.
  double ln_us(std::size_t shape_index, std::size_t a_index, std::size_t b_index) const;
};

/// A time that comes from other devices' tables: what is carried over and to where.
struct Transfer {
  KernelOp op = KernelOp::gemm;
  bool kin = false; // from a device of the same architecture
  std::string_view device;
  std::string_view family;
  std::string_view engine;
  Precision type = Precision::bf16;
  Precision kv = Precision::bf16;
};

/// Widths of transfers. Names are places in transfer_names(), where 0 is "": anywhere (the pool of
/// all), any engine.
struct TransferWidths {
  KernelOp op = KernelOp::gemm;
  bool kin = false;
  std::uint8_t to = 0; // a device or a family
  std::uint8_t engine = 0;
  Precision type = Precision::bf16;
  Precision kv = Precision::bf16;
  bool any_format = false; // whatever type and kv
  Widths widths{};
};
/// The record that says most about a transfer: of its device, else of its family, else of all;
/// every operator has one for anywhere and any format.
const TransferWidths& transfer_widths(const Transfer& transfer);

std::span<const TransferWidths> all_transfer_widths();
std::span<const std::string_view> transfer_names();
std::span<const FactDevice> fact_devices();
std::span<const FactTable> fact_tables();

/// Coding of latencies: ln(us) = code / 4096 - 1, 0 = missing: 0.37 us to 3 s in steps of 0.024 %.
inline constexpr double code_scale = 4096;
inline constexpr double code_offset = 1;

} // namespace dsk::perf
