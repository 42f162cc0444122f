// Written rules that tell artefacts of measurement from times that a served model sees.
// Facts and reasons: docs/results/kernels.md.
#pragma once

#include <string_view>

#include "perf/attention.hpp"
#include "perf/tables.hpp"

namespace dsk::perf {

/// Expert kernels whose rows compute the pairs of other ranks too, with weight zero: a rank's time
/// then hardly falls with expert parallelism.
bool executes_remote(std::string_view engine, std::string_view kernel);

/// One row of a kernel table as the rules see it.
struct TableRow {
  KernelOp op = KernelOp::gemm;
  std::string_view family; // of the device
  std::string_view engine;
  std::string_view kernel;
  std::string_view variant;
  Precision type = Precision::bf16;
  Precision kv = Precision::bf16;
  double expert_ranks = 1;
  double a = 0;
  double b = 0;
};

/// Name of the rule that the row falls under, or "" for a row to be trusted:
///   "host-bound"       timed eagerly, so that small kernels show the host's launch time
///   "absorbed-prefill" MLA prefill measured on the latent (absorbed) path
///   "remote-slots"     expert-parallel rows that execute the pairs of other ranks
///   "fallback-kernel"  a kernel that serves no purpose but to work: over 50 times its memory time
///   "first-run"        one-token rows that contain the kernel's warm-up
/// Whatever the rule, a row below the datasheet's speed of light is "faster-than-memory" and is not
/// used: its work is not what the columns say (experts that were not hit, counters of a later
/// step).
std::string_view row_artefact(const TableRow& row);

/// A latency that stands out of its own series (one kernel and shape, rising rows or lengths): its
/// residual ln(measured / law) exceeds both neighbours' by ln 1.4. Kernels choose by size, but a
/// choice does not serve one size alone: B200's vLLM fp8 products double at single points. Rows
/// that fall under it are "spike" and are not used.
bool is_spike(double before, double here, double after);

/// Whether every row of the table falls under a rule.
bool is_artefact(const FactTable& table);

/// Decode of MLA works on tiles of 64 rows (heads times queries): a rank with fewer computes the
/// whole tile.
Work padded_decode_work(const AttentionShape& shape, Work work, double queries = 1);

} // namespace dsk::perf
