// Sends the requests of a workload at their times and records what comes back.
#pragma once

#include <functional>
#include <memory>

#include "base/cancel.hpp"
#include "load/statistics.hpp"

namespace dsk::load {

/// Makes the transport that the generator sends over.
using Connect = std::function<std::unique_ptr<Transport>(const Endpoint&, Receiver&)>;

/// Runs to the end of the workload, to its duration or until it is cancelled. A journal that is
/// there already is taken up again, and must be of the same request.
Report run_load(const LoadRequest& request, const Cancel& cancel, const Connect& connect);

} // namespace dsk::load
