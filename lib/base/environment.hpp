// The only place that reads environment variables.
#pragma once

#include <string>

namespace dsk {

/// Value of a variable, or "" when it is not set.
std::string environment(const char* name);

} // namespace dsk
