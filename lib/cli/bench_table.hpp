// Measurements as rows for people.
#pragma once

#include <string>
#include <vector>

namespace dsk::cli {

/// The non-empty lines of a text.
std::vector<std::string> lines_of(const std::string& text);

/// What the machine is, in one line; `lines` begins with its record.
std::string machine_line(const std::string& lines);
std::string measurement_heading();
/// One JSON line as a row with its newline.
std::string measurement_row(const std::string& line);

} // namespace dsk::cli
