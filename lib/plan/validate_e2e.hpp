// Predictions of published end-to-end measurements, every row of them, and their errors.
#pragma once

#include <string>
#include <string_view>

#include "base/cancel.hpp"
#include "base/json.hpp"
#include "catalog/catalog.hpp"

namespace dsk::plan {

struct E2eAnswer {
  Json report;
  std::string predictions; // CSV: id,metric,measured,predicted,low,high,status,assumptions
};

/// `request`: {"catalog": [...], "jobs": N, "hold_out": "model" | "gpu" | "version"}. `csv` has the
/// columns of docs/results/e2e.md. A row that cannot be predicted keeps its place with the reason
/// as its status. The result does not depend on `jobs`. Throws INVALID_REQUEST for a table that
/// cannot be read, CANCELLED.
E2eAnswer validate_e2e(const Json& request, std::string_view csv, const Catalog& base,
                       const Cancel& cancel);

} // namespace dsk::plan
