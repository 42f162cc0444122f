// Finds and opens backend plugins by name.
#pragma once

#include <string>
#include <string_view>

#include "dsk/backend.h"

namespace dsk::backend {

/// The table of backend `name`, opened on first use and kept for the life of the process.
/// Throws NOT_FOUND for a name that cannot be one, UNAVAILABLE with every place that was searched,
/// or with what the dynamic loader said, when there is no such plugin or it cannot be opened.
const dsk_backend_api& load(std::string_view name);

/// Throws the failure of a table call; `what` begins the sentence.
void check(dsk_status status, const dsk_backend_error& error, std::string_view what);

} // namespace dsk::backend
