// What probes of links and launches add to a calibration document.
#pragma once

#include "calibrate/measured.hpp"
#include "catalog/catalog.hpp"

namespace dsk::calibrate {

/// {"peer_copy": matrix, typical rate, pairs that fall out of line; "all_reduce": one law with its
/// points for each protocol and width}, each with the error before and after; empty when neither
/// was measured.
Json links_document(const Device& device, const Measured& measured, const Catalog& catalog);

/// {"one_by_one_us", "in_graph_us", "programmatic_us"} and what the planner takes without them;
/// empty when none was measured.
Json launch_document(const Measured& measured);

} // namespace dsk::calibrate
