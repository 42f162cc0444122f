#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/documents.hpp"

namespace dsk {
namespace {

int two_digits(const std::string& text, std::size_t at) {
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

bool is_date(const std::string& text) {
  if (text.size() != 7 && text.size() != 10) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i == 4 || i == 7 ? text[i] != '-' : !is_digit(text[i])) return false;
  const int year = two_digits(text, 0) * 100 + two_digits(text, 2);
  const int month = two_digits(text, 5);
  if (year < 2000 || year > 2100 || month < 1 || month > 12) return false;
  if (text.size() == 7) return true;
  const int day = two_digits(text, 8);
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  static constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return day >= 1 && day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool is_canonical(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.';
  };
  return name.front() != '-' && std::all_of(name.begin(), name.end(), allowed);
}

} // namespace

std::string read_date(Reader& reader, const std::string& member) {
  std::string date = reader.text(member, 64);
  if (!is_date(date)) reader.fail(member, "must be a date written YYYY-MM or YYYY-MM-DD");
  return date;
}

RecordHead read_head(Reader& reader, const std::string& kind) {
  RecordHead head;
  head.kind = reader.choice("kind", {kind});
  head.name = reader.text("name", 64);
  if (!is_canonical(head.name) || folded_name(head.name).empty())
    reader.fail("name", "must be lower-case letters, digits, '-' and '.'");
  head.aliases = reader.texts("aliases", 32);
  for (std::size_t i = 0; i < head.aliases.size(); ++i)
    if (folded_name(head.aliases[i]).empty())
      invalid_request(json::pointer(reader.path_of("aliases"), i),
                      "alias is " + json::preview(head.aliases[i]) +
                          ", must have a letter or digit");
  head.source = reader.text("source", 1024);
  head.as_of = read_date(reader, "as_of");
  return head;
}

} // namespace dsk
