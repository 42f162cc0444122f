// How published benchmarks started their engines: options that their rows leave out and their
// launch files hold.
#pragma once

#include <string>

#include "plan/e2e_row.hpp"

namespace dsk::plan {

struct PublishedRun {
  std::string model;
  std::string weights;
  double clients = 1;
  double input = 1024;
  double output = 1024;
};

/// InferenceX (SemiAnalysisAI/InferenceX, benchmarks/*.sh, 2025-10 to 2026-04), by engine, model
/// and device: slots, token budget, KV type, memory fraction, polling and batch waiting. Reads the
/// device, engine and split of `run`; the KV type only where `kv_open`.
void inferencex_launch(E2eCase& run, const PublishedRun& row, bool kv_open);

} // namespace dsk::plan
