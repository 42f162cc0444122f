// Published rows run under given constants: what validation repeats to refit them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "plan/e2e_row.hpp"

namespace dsk::plan {

/// The constants that were fitted to published rows, as factors on what the engines' records say.
struct E2eConstants {
  double host = 1;         // time of a step's layers and sequences on the host
  double prefill_host = 1; // more of a step with prefill
  double request = 1;      // front end's time of a request
  double experts = 1;      // time a token of experts that no kernel is tuned for
};

enum class E2eClass { ttft, tpot, rate }; // E2E is of the class tpot
E2eClass class_of(E2eMetric metric);

/// Half width of the 90 % interval of each class and kind of run, over what the step model's own
/// error and the row's open fields give.
struct E2eWidths {
  std::array<std::array<double, 4>, 3> factor; // [E2eClass][E2eKind]
};

/// Fitted on the 2026-11 table; `dsk validate e2e` prints its own refit as "widths".
const E2eWidths& fitted_widths();

/// One run and the rows that are its metrics.
struct E2eTask {
  E2eCase what;
  std::vector<std::size_t> rows;
};

struct E2eOutcome {
  double ttft_ms = 0, tpot_ms = 0, e2e_ms = 0;
  double output_tok_s = 0, total_tok_s = 0, samples_s = 0;
  double step_error = 0;   // relative half width of the 90 % interval of its mean decode step
  std::string failure;     // why there is none
  std::string assumptions; // beyond the row's
  double value(E2eMetric metric, int gpus) const;
};

/// The outcome of each task under each of `settings`: [task][setting]. Tasks of one deployment
/// share a step model; does not depend on `jobs`.
std::vector<std::vector<E2eOutcome>> run_tasks(const std::vector<E2eTask>& tasks,
                                               const std::vector<E2eConstants>& settings,
                                               std::size_t jobs, const Cancel& cancel,
                                               std::size_t& deployments);

/// log(high / predicted) before the fitted factor.
double base_width(const E2eTask& task, const E2eOutcome& outcome, E2eMetric metric);

} // namespace dsk::plan
