// The machine report: one page that holds the record, the measurements and the document itself.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"

namespace dsk::bench {

/// JSON lines into documents; throws INVALID_REQUEST with "/<line number from 0>".
std::vector<Json> parse_lines(std::string_view lines);

/// HTML without outside parts. Each "machine" line begins a run; a second run is shown beside the
/// first with the ratio of the medians. The lines stand inside the page with their SHA-256.
std::string report_page(std::string_view lines);

} // namespace dsk::bench
