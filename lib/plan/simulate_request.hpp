// A simulation as documents: request in, answer out (docs/schema/simulate-*.schema.json).
#pragma once

#include <vector>

#include "base/cancel.hpp"
#include "base/json.hpp"
#include "catalog/catalog.hpp"
#include "sim/fleet.hpp"

namespace dsk::plan {

/// Simulates the request. When the token is set the answer holds what was done until then and says
/// `"stopped": "cancelled"`. `series`, when not NULL, receives what became of each request.
/// Throws INVALID_REQUEST or NOT_FOUND.
Json simulate_document(const Json& request, const Catalog& catalog, const Cancel& cancel,
                       std::vector<sim::Done>* series);

} // namespace dsk::plan
