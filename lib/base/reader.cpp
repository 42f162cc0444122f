#include "base/reader.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"

namespace dsk {
namespace {

// The field as a sentence names it: "tp", or "tp[0]" for an item of an array.
std::string name_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return "document";
  const std::string last = path.substr(slash + 1);
  if (slash > 0 && last.find_first_not_of("0123456789") == std::string::npos)
    return path.substr(path.rfind('/', slash - 1) + 1, slash - path.rfind('/', slash - 1) - 1) +
           "[" + last + "]";
  return last;
}

[[noreturn]] void wrong(const std::string& path, const Json& value, const std::string& must) {
  invalid_request(path, preview_text(name_of(path)) + " is " + json::preview(value) + ", " + must);
}

// A bound as people write it: 100000000 and not 1e+08.
std::string bound_text(double value) {
  return value == std::floor(value) && std::abs(value) < 1e15 ? fixed_text(value, 0)
                                                              : number_text(value);
}

std::string range_text(const std::string& kind, const std::string& min, const std::string& max) {
  return "must be " + kind + " from " + min + " to " + max;
}

} // namespace

std::int64_t integer_of(const Json& value, const std::string& path, std::int64_t min,
                        std::int64_t max) {
  const std::string must = range_text("a whole number", std::to_string(min), std::to_string(max));
  std::int64_t number = 0;
  if (value.is_number_unsigned()) {
    const auto wide = value.get<std::uint64_t>();
    if (wide > static_cast<std::uint64_t>(std::max<std::int64_t>(max, 0))) wrong(path, value, must);
    number = static_cast<std::int64_t>(wide);
  } else if (value.is_number_integer()) {
    number = value.get<std::int64_t>();
  } else if (value.is_number_float()) {
    // 1e3 and 2048.0 are whole numbers too, as long as a double holds them exactly.
    const double real = value.get<double>();
    if (!(std::abs(real) <= 9007199254740992.0) || real != std::floor(real))
      wrong(path, value, must);
    number = static_cast<std::int64_t>(real);
  } else {
    wrong(path, value, must);
  }
  if (number < min || number > max) wrong(path, value, must);
  return number;
}

double number_of(const Json& value, const std::string& path, double min, double max) {
  const std::string must = range_text("a number", bound_text(min), bound_text(max));
  if (!value.is_number()) wrong(path, value, must);
  const double number = value.get<double>();
  if (!(number >= min && number <= max)) wrong(path, value, must);
  return number;
}

std::string text_of(const Json& value, const std::string& path, std::size_t max_length) {
  const std::string must = "must be text of 1 to " + std::to_string(max_length) + " bytes";
  if (!value.is_string()) wrong(path, value, must);
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty() || text.size() > max_length) wrong(path, value, must);
  return text;
}

Reader::Reader(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {
  if (!value.is_object()) wrong(path_, value, "must be an object");
}

const Json* Reader::find(std::string_view member) {
  asked_.emplace_back(member);
  const auto it = value_->find(std::string(member));
  return it == value_->end() || it->is_null() ? nullptr : &*it;
}

const Json& Reader::require(std::string_view member) {
  const Json* found = find(member);
  if (!found) invalid_request(path_of(member), std::string(member) + " is missing");
  return *found;
}

double Reader::checked_number(const Json& value, std::string_view member, double min,
                              double max) const {
  return number_of(value, path_of(member), min, max);
}

std::int64_t Reader::checked_integer(const Json& value, std::string_view member, std::int64_t min,
                                     std::int64_t max) const {
  return integer_of(value, path_of(member), min, max);
}

double Reader::number(std::string_view member, double min, double max) {
  return checked_number(require(member), member, min, max);
}

double Reader::number(std::string_view member, double min, double max, double fallback) {
  return optional_number(member, min, max).value_or(fallback);
}

std::optional<double> Reader::optional_number(std::string_view member, double min, double max) {
  const Json* found = find(member);
  if (!found) return std::nullopt;
  return checked_number(*found, member, min, max);
}

std::int64_t Reader::integer(std::string_view member, std::int64_t min, std::int64_t max) {
  return checked_integer(require(member), member, min, max);
}

std::int64_t Reader::integer(std::string_view member, std::int64_t min, std::int64_t max,
                             std::int64_t fallback) {
  return optional_integer(member, min, max).value_or(fallback);
}

std::optional<std::int64_t> Reader::optional_integer(std::string_view member, std::int64_t min,
                                                     std::int64_t max) {
  const Json* found = find(member);
  if (!found) return std::nullopt;
  return checked_integer(*found, member, min, max);
}

bool Reader::boolean(std::string_view member, bool fallback) {
  const Json* found = find(member);
  if (!found) return fallback;
  if (!found->is_boolean()) wrong(path_of(member), *found, "must be true or false");
  return found->get<bool>();
}

std::string Reader::text(std::string_view member, std::size_t max_length) {
  return text_of(require(member), path_of(member), max_length);
}

std::string Reader::text(std::string_view member, std::string_view fallback,
                         std::size_t max_length) {
  const Json* found = find(member);
  return found ? text_of(*found, path_of(member), max_length) : std::string(fallback);
}

std::string Reader::choice(std::string_view member, const std::vector<std::string>& allowed) {
  const Json& found = require(member);
  if (found.is_string() && std::find(allowed.begin(), allowed.end(),
                                     found.get_ref<const std::string&>()) != allowed.end())
    return found.get<std::string>();
  wrong(path_of(member), found, "must be " + list_text(allowed, "or"));
}

std::string Reader::choice(std::string_view member, const std::vector<std::string>& allowed,
                           std::string_view fallback) {
  return has(member) ? choice(member, allowed) : std::string(fallback);
}

Reader Reader::object(std::string_view member) {
  return Reader(require(member), path_of(member));
}

std::optional<Reader> Reader::optional_object(std::string_view member) {
  const Json* found = find(member);
  if (!found) return std::nullopt;
  return Reader(*found, path_of(member));
}

std::vector<const Json*> Reader::array(std::string_view member, std::size_t max_items) {
  std::vector<const Json*> items;
  const Json* found = find(member);
  if (!found) return items;
  if (!found->is_array() || found->size() > max_items)
    wrong(path_of(member), *found,
          "must be an array of at most " + std::to_string(max_items) + " items");
  for (const Json& item : *found)
    items.push_back(&item);
  return items;
}

std::vector<std::int64_t> Reader::integers(std::string_view member, std::int64_t min,
                                           std::int64_t max, std::size_t max_items) {
  std::vector<std::int64_t> out;
  for (const Json* item : array(member, max_items))
    out.push_back(integer_of(*item, json::pointer(path_of(member), out.size()), min, max));
  return out;
}

std::vector<std::string> Reader::texts(std::string_view member, std::size_t max_items) {
  std::vector<std::string> out;
  for (const Json* item : array(member, max_items))
    out.push_back(text_of(*item, json::pointer(path_of(member), out.size())));
  return out;
}

void Reader::fail(std::string_view member, const std::string& must) const {
  const auto it = value_->find(std::string(member));
  wrong(path_of(member), it == value_->end() ? Json(nullptr) : *it, must);
}

void Reader::ignore_rest() {
  ignore_rest_ = true;
}

void Reader::done() const {
  if (ignore_rest_) return;
  for (const auto& [name, unused] : value_->items()) {
    if (name.rfind("x-", 0) == 0 || std::find(asked_.begin(), asked_.end(), name) != asked_.end())
      continue;
    std::string message = preview_text(name) + " is not a known member";
    const auto near = nearest_names(name, asked_, 1);
    if (!near.empty()) message += "; did you mean " + near[0] + "?";
    invalid_request(path_of(name), message);
  }
}

} // namespace dsk
