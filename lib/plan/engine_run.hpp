// A run of a real engine as a calibration sees it: the simulation that should give the same, and
// what was measured.
#pragma once

#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/json.hpp"
#include "catalog/catalog.hpp"

namespace dsk::plan {

struct RunMetric {
  std::string name; // "ttft_ms mean", "tpot_ms p90", "output_tokens_per_s", ...
  double measured = 0;
};

struct EngineRun {
  std::string path; // of its document in the request
  std::string name;
  std::string model;  // canonical
  std::string engine; // canonical, without version
  Json request;       // a simulation request, with workload unless there is a log
  std::string log;    // a request log, or empty
  std::vector<RunMetric> metrics;
  std::vector<std::string> assumptions;
};

/// {"name", "deployment": simulation request without workload, and one of "request_log": text,
/// "vllm_bench": the result document of `vllm bench serve`, "load_report": this product's own;
/// "workload": of the simulation, where the document does not hold it}. Runs are all of `device`.
/// Throws INVALID_REQUEST or NOT_FOUND at `path` or below.
EngineRun engine_run_from_document(const Json& document, const std::string& device,
                                   const Catalog& catalog, const std::string& path);

struct SimulatedRun {
  std::vector<double> metrics; // in the order of the run's
  double mean_running = 0;     // sequences
};
/// Under the documents of "catalog" given.
SimulatedRun simulated(const EngineRun& run, const Json& documents, const Cancel& cancel);

} // namespace dsk::plan
