#include "catalog/version.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace dsk {
namespace {

// Takes the next run of digits or of letters off the front; separators are skipped.
std::string_view next_part(std::string_view& text) {
  const auto is_word = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); };
  while (!text.empty() && !is_word(text.front()))
    text.remove_prefix(1);
  std::size_t end = 0;
  while (end < text.size() && is_word(text[end]) && is_digit(text[end]) == is_digit(text.front()))
    ++end;
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end);
  return part;
}

int compare_numbers(std::string_view a, std::string_view b) {
  const auto strip = [](std::string_view& digits) {
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  };
  strip(a);
  strip(b);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

} // namespace

int compare_versions(std::string_view a, std::string_view b) {
  for (;;) {
    const std::string_view x = next_part(a);
    const std::string_view y = next_part(b);
    if (x.empty() && y.empty()) return 0;
    const bool x_number = !x.empty() && is_digit(x.front());
    const bool y_number = !y.empty() && is_digit(y.front());
    if (x.empty()) return y_number ? -1 : 1;
    if (y.empty()) return x_number ? 1 : -1;
    if (x_number != y_number) return x_number ? 1 : -1;
    const int order = x_number ? compare_numbers(x, y) : x.compare(y);
    if (order != 0) return order;
  }
}

bool better_version(std::string_view candidate, std::string_view best, std::string_view wanted) {
  if (wanted.empty()) return compare_versions(candidate, best) > 0;
  const bool candidate_fits = compare_versions(candidate, wanted) <= 0;
  const bool best_fits = compare_versions(best, wanted) <= 0;
  if (candidate_fits != best_fits) return candidate_fits;
  const int order = compare_versions(candidate, best);
  return candidate_fits ? order > 0 : order < 0;
}

} // namespace dsk
