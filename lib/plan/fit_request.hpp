// The placement question as documents: docs/schema/fit-request.schema.json in,
// docs/schema/fit-answer.schema.json out.
#pragma once

#include "base/json.hpp"
#include "plan/plan.hpp"

namespace dsk::plan {

/// Throws INVALID_REQUEST with a pointer into the inventory, and UNSUPPORTED for an infeasible
/// plan.
Json fit_document(const Plan& plan, const Json& inventory);

} // namespace dsk::plan
