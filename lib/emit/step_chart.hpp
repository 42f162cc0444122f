// A step taken apart, for people: a table, and stacked bars as SVG.
#pragma once

#include <string>

#include "base/json.hpp"

namespace dsk::emit {

/// `answer` is that of plan::explain_step.
std::string step_table(const Json& answer);

/// One bar for the step and one for each variant, cut by resource, with the 90 % interval. Plain
/// SVG 1.1 without scripts, fonts or links to elsewhere.
std::string step_svg(const Json& answer);

} // namespace dsk::emit
