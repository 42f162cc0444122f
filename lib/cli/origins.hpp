// Which file a part of a request came from, so that an error can name it.
#pragma once

#include <string>
#include <vector>

#include "dsk/dsk.hpp"

namespace dsk::cli {

/// The part at `pointer` and all below it came from `file`; "" is the whole document.
void came_from(const std::string& pointer, const std::string& file);

/// "FILE: /rest/of/the/pointer: MESSAGE" of an error in a request, else what the error says.
std::string sentence_of(const Error& error);

/// Reads and parses a whole file that becomes the part at `pointer`. Throws FileError, and
/// UsageError with file, line and column.
JsonValue read_json(const std::string& path, const std::string& pointer);

/// The same of text that was read already; `file` is how an error names it.
JsonValue parse_json(const std::string& text, const std::string& file, const std::string& pointer);

/// One value for each line that is not empty; that of index i becomes the part at `pointer`/(first
/// + i).
std::vector<JsonValue> parse_json_lines(const std::string& text, const std::string& file,
                                        const std::string& pointer, std::size_t first = 0);

/// The text of a file that is the whole request.
std::string read_request(const std::string& path);

} // namespace dsk::cli
