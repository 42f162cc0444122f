// JSON in and out: nlohmann/json behind the rules that it lacks.
//
// In: at most 16 MiB and 64 levels, valid UTF-8, no duplicate keys, no NaN or infinity, integers
// that fit in 64 bits. Out: keys in the order written, shortest round-trip numbers, integers as
// integers, so that the same answer is the same bytes on every platform.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

// Compiled once, in json.cpp: every file that touches a document would instantiate it anew.
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace dsk {

using Json = nlohmann::ordered_json;

namespace json {

inline constexpr std::size_t max_bytes = std::size_t{16} << 20;
inline constexpr int max_depth = 64;

/// Parses one document. `what` names it in the error ("request", "config.json").
/// Throws Error(INVALID_REQUEST) with the JSON pointer of the container being read, and the line
/// and column.
Json parse(std::string_view text, std::string_view what);

/// Pretty print with two-space indent and a final newline.
std::string dump(const Json& value);

/// One line, no spaces, no newline.
std::string dump_compact(const Json& value);

/// Appends one member to a JSON pointer, escaping ~ and /.
std::string pointer(std::string_view parent, std::string_view member);
std::string pointer(std::string_view parent, std::size_t index);

/// A value as an error message shows it: compact, cut after 40 characters.
std::string preview(const Json& value);

/// Rounds to `digits` significant digits, so that an answer does not show noise beyond what it
/// knows.
double significant(double value, int digits);

} // namespace json
} // namespace dsk
