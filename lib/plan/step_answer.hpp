// One step of one deployment: the request, and the answer that takes the step apart.
#pragma once

#include "base/json.hpp"
#include "catalog/catalog.hpp"
#include "perf/step.hpp"

namespace dsk::plan {

/// Prepares the deployment of a step request; its "batch" member is not looked at. Throws
/// INVALID_REQUEST, NOT_FOUND or UNSUPPORTED with a JSON pointer. `catalog` is the built-in one;
/// the request's own documents go on top.
perf::StepModel step_model_of(const Json& request, const Catalog& catalog);

/// The whole answer: total with interval, parts, operators, and variants of the deployment.
Json explain_step(const Json& request, const Catalog& catalog);

} // namespace dsk::plan
