// The probes by name, the suites that group them, and one call that runs what a request names.
#pragma once

#include <functional>
#include <string>

#include "base/cancel.hpp"
#include "base/json.hpp"
#include "catalog/catalog.hpp"

namespace dsk::bench {

/// Receives each line of the result as it comes.
using LineSink = std::function<void(const Json& line)>;

/// Request and lines: dsk_bench_probe in include/dsk/bench.h.
void run_probes(const Json& request, const Catalog& catalog, const Cancel& cancel,
                const LineSink& sink);

} // namespace dsk::bench
