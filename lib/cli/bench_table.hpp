// Measurements as rows for people.
#pragma once

#include <string>
#include <vector>

namespace dsk::cli {

/// The lines of a text that are not blank.
std::vector<std::string> lines_of(const std::string& text);

/// What the machine is, in one line; `lines` begins with its record.
std::string machine_line(const std::string& lines);
std::string measurement_heading();
/// One JSON line as a row with its newline.
std::string measurement_row(const std::string& line);
/// The same of one of many: a probe that was not run for `last_reason`, that of the row before,
/// does not repeat it.
std::string measurement_row(const std::string& line, std::string& last_reason);

} // namespace dsk::cli
