// Predictions of kernel times against a file of measurements: how far the model is to be believed,
// on kernels it has seen, on shapes it has not, and on devices it has not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perf/collectives.hpp"

namespace dsk::perf {

enum class HoldOut : std::uint8_t {
  none,  // everything compiled in may be used
  shape, // the row's own sizes are left out ((n, k) of a GEMM; all sizes but batch, tokens, length)
  gpu,   // every table of the device's family is left out
  device,  // the device's own tables are left out, not those of its family
  frontier // GEMMs at the largest n or k: every shape at least as large there is left out
};

/// One row of the file. Text refers to the file's own bytes.
struct KernelRow {
  std::size_t number = 0; // of the data row, from 1
  std::string_view op;    // as the file names it
  KernelSpec spec;
  double a = 0;
  double b = 0;
  double share = 1; // of the spec's time: one product of a pair of experts', or so many products
  std::optional<CollectiveOp> exchange; // between nodes or in throughput mode, by the links' law
  double measured_ms = 0;
  std::string status; // "ok", "flagged: RULE", "refused: REASON", "not modelled: REASON"

  bool predicted() const { return status.starts_with("ok") || status.starts_with("flagged"); }
};

/// Reads either schema (silicon: framework,version,op,...,latency_ms; published:
/// id,source_repo,...). A silicon file has no device column: its rows are all of `device`. Rows of
/// a published file that are of another device are marked "not modelled: other device". Throws
/// INVALID_REQUEST when the header is neither, or a column is missing.
std::vector<KernelRow> read_kernel_rows(std::string_view csv, const Device& device);

struct KernelPrediction {
  double ms = 0;
  double low_ms = 0;
  double high_ms = 0;
  Origin origin = Origin::roofline;
};

/// One line of the report: all predicted rows that share the key.
struct KernelScore {
  std::string engine; // "all" over engines
  std::string op;
  std::string type;
  std::string size_class;
  bool flagged = false; // rows that a rule calls artefacts, scored apart
  std::size_t rows = 0;
  double median = 0; // of |predicted / measured - 1|
  double mean = 0;
  double p90 = 0;
  double bias = 0;     // median of predicted / measured
  double coverage = 0; // share of rows inside their 90 % interval
};

struct KernelReport {
  std::vector<KernelRow> rows;
  std::vector<KernelPrediction> predictions; // by row; ms 0 where not predicted
  std::vector<KernelScore> scores;
  std::vector<std::pair<std::string, std::size_t>> not_predicted; // reason, rows
  std::vector<std::pair<std::string, std::size_t>> flagged;
};

KernelReport validate_kernels(std::string_view csv, const Device& device, HoldOut hold_out);

/// row,op,measured_ms,predicted_ms,low_ms,high_ms,origin,status
std::string predictions_csv(const KernelReport& report);

} // namespace dsk::perf
