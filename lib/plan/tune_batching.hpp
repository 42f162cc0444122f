// The batching policy that meets an SLA at least cost: every policy of a small grid, each with the
// fewest replicas that keep the bounds, by simulation.
#pragma once

#include "base/cancel.hpp"
#include "base/json.hpp"
#include "catalog/catalog.hpp"

namespace dsk::plan {

/// `request`: a simulation request with "slo" and "tune": {"batch_sizes": [...], "waits_ms": [...],
/// "max_sequences": [...], "token_budgets": [...], "share": 0.99, "max_replicas": 64}. `share` of
/// the requests must keep every bound. An absent list keeps the value of "policy" or the engine's
/// default. Throws INVALID_REQUEST, NOT_FOUND or CANCELLED.
Json tune_batching(const Json& request, const Catalog& catalog, const Cancel& cancel);

} // namespace dsk::plan
