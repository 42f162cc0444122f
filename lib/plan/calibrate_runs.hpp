// Few factors on the step model from runs of a real engine, found by simulating the runs.
#pragma once

#include "base/cancel.hpp"
#include "base/json.hpp"
#include "catalog/catalog.hpp"

namespace dsk::plan {

/// Adds "engine_runs" to `calibration` (a calibration document of a device, perhaps with
/// measurements, which hold while the runs are simulated): factors on compute, memory, the engine's
/// own time and its time in steps with prefill, each shrunk towards 1 as far as the runs do not say
/// otherwise; the metrics that fall out of line by name; errors before and after; the range of the
/// runs. `check` are runs that are predicted, not fitted. Documents as engine_run_from_document()
/// reads them; all of one engine.
///
/// Loss: Huber of ln(simulated / measured) over 3 %, a run's metrics counting as four independent
/// ones, plus the squares of ln(factor) over what the step model may be off (20 % for kernels that
/// it carries over from other devices, 10 % for those of a measured device, 25 % for the engine, 30
/// % for its steps with prefill). `documents` are the request's own, an array, which
/// `catalog` holds. Throws INVALID_REQUEST or NOT_FOUND, CANCELLED at the token.
void add_engine_runs(Json& calibration, const Json& runs, const Json& check, const Json& documents,
                     const Catalog& catalog, const Cancel& cancel);

} // namespace dsk::plan
