// Numbers and tables as text, without locale and without streams.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsk {

/// Shortest text that reads back as the same double.
std::string number_text(double value);

/// Fixed number of digits after the point.
std::string fixed_text(double value, int digits);

/// The text cut after `limit` bytes (on a UTF-8 boundary) with "..." behind it, for error messages.
std::string preview_text(std::string_view text, std::size_t limit = 40);

/// The text as HTML and SVG have it between tags and in quoted attributes.
std::string markup_text(std::string_view text);

/// "a, b and c" or, with `last` = "or", "a, b or c".
std::string list_text(const std::vector<std::string>& items, std::string_view last = "and");

/// A decimal digit of ASCII, whatever the locale.
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Lower case with every separator (space, '-', '_', '.', '/') removed: how names are compared.
std::string folded_name(std::string_view name);

/// Up to `count` of `names` that are nearest to `wanted`, for "did you mean".
std::vector<std::string> nearest_names(std::string_view wanted,
                                       const std::vector<std::string>& names, std::size_t count);

} // namespace dsk
