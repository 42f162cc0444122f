// Comma-separated values with a header line, as RFC 4180 quotes them.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace dsk::cli {

/// One map for each row, by the header's names. Throws UsageError with the line of a row that has
/// another number of fields than the header, or of a quote that never closes.
std::vector<std::map<std::string, std::string>> parse_csv(const std::string& text,
                                                          const std::string& what);

} // namespace dsk::cli
