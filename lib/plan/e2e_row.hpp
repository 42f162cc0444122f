// One published end-to-end measurement as a simulation: what its columns and its notes say, and
// what the library assumes where they say nothing.
#pragma once

#include <string>
#include <vector>

#include "base/csv.hpp"
#include "catalog/catalog.hpp"
#include "plan/served.hpp"
#include "workload/workload.hpp"

namespace dsk::plan {

enum class E2eMetric {
  ttft_ms,
  tpot_ms,
  e2e_ms,
  output_tok_s,
  output_tok_s_per_gpu,
  total_tok_s,
  samples_s
};

/// How the source ran it.
enum class E2eKind {
  closed_loop, // clients at fixed concurrency, opening burst included
  burst,       // every prompt at once
  open_loop,   // a stated request rate
  fixed_batch  // one static batch
};

struct E2eCase {
  Model model;
  Device device;
  Engine engine;
  sim::Policy policy;
  ServedOptions options;
  E2eKind kind = E2eKind::closed_loop;
  workload::WorkloadSpec load;
  double request_tokens = 0; // prompt and answer of one request, where all are alike
  int spread = 1;        // replicas behind the row's clients when the pool of one cannot hold them
  std::int64_t skip = 0; // first requests, which only warm up
  bool median = false;   // the source gives medians, not means
  int gpus = 1;
  std::string assumptions; // what the row leaves open, "; " between
  std::string deployment;  // equal for cases that may share a step model and a pool
  std::string key;         // equal for rows that are metrics of one run
};

struct E2eRow {
  std::string id;
  E2eMetric metric = E2eMetric::tpot_ms;
  double measured = 0;
  std::string flag;
  std::string scenario, gpu, engine, version, model; // as printed, for grouping
};

/// Throws dsk::Error with the reason when the row cannot be predicted.
E2eRow read_e2e_row(const CsvTable& table, std::size_t row);
E2eCase read_e2e_case(const CsvTable& table, std::size_t row, const Catalog& catalog);

} // namespace dsk::plan
