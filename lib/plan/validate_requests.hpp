// A request log replayed: what a server measured against what the simulator makes of its arrivals.
#pragma once

#include <string_view>

#include "base/cancel.hpp"
#include "base/json.hpp"
#include "catalog/catalog.hpp"

namespace dsk::plan {

/// `request` is a simulation request without "workload"; `log` has the request-log format. TTFT
/// counts from the moment at which a request reached the engine's queue. Throws INVALID_REQUEST or
/// NOT_FOUND.
Json validate_requests(const Json& request, std::string_view log, const Catalog& catalog,
                       const Cancel& cancel);

} // namespace dsk::plan
