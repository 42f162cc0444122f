// Reads a JSON object member by member, so that every fault of a document is one sentence with the
// field, the value and what is allowed. Each member that is asked for is marked; done() refuses the
// rest. Members that begin with "x-" are the caller's own and are ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace dsk {

class Reader {
public:
  /// `value` must outlive the reader. Throws INVALID_REQUEST at `path` unless it is an object.
  Reader(const Json& value, std::string path);

  const std::string& path() const noexcept { return path_; }
  std::string path_of(std::string_view member) const { return json::pointer(path_, member); }
  const Json& value() const noexcept { return *value_; }

  /// The member, or nullptr when it is absent or null. Marks it as read.
  const Json* find(std::string_view member);
  bool has(std::string_view member) { return find(member) != nullptr; }
  /// The member; throws "is missing" when absent.
  const Json& require(std::string_view member);

  // A number within [min, max], an integer likewise; the first form throws when absent.
  double number(std::string_view member, double min, double max);
  double number(std::string_view member, double min, double max, double fallback);
  std::optional<double> optional_number(std::string_view member, double min, double max);
  std::int64_t integer(std::string_view member, std::int64_t min, std::int64_t max);
  std::int64_t integer(std::string_view member, std::int64_t min, std::int64_t max,
                       std::int64_t fallback);
  std::optional<std::int64_t> optional_integer(std::string_view member, std::int64_t min,
                                               std::int64_t max);
  bool boolean(std::string_view member, bool fallback);

  /// Text of 1 to `max_length` bytes.
  std::string text(std::string_view member, std::size_t max_length = 256);
  std::string text(std::string_view member, std::string_view fallback,
                   std::size_t max_length = 256);
  /// One of `allowed`.
  std::string choice(std::string_view member, const std::vector<std::string>& allowed);
  std::string choice(std::string_view member, const std::vector<std::string>& allowed,
                     std::string_view fallback);

  /// A nested object; throws when absent.
  Reader object(std::string_view member);
  std::optional<Reader> optional_object(std::string_view member);
  /// The items of an array, at most `max_items`; empty when absent.
  std::vector<const Json*> array(std::string_view member, std::size_t max_items);
  std::vector<std::int64_t> integers(std::string_view member, std::int64_t min, std::int64_t max,
                                     std::size_t max_items);
  std::vector<std::string> texts(std::string_view member, std::size_t max_items);

  /// Throws at `member` with its value: "<member> is <value>, <must>".
  [[noreturn]] void fail(std::string_view member, const std::string& must) const;

  /// Refuses members that nobody asked for, naming the nearest known one.
  void done() const;
  /// Marks every member as read: for documents of others, whose further fields mean nothing to us.
  void ignore_rest();

private:
  double checked_number(const Json& value, std::string_view member, double min, double max) const;
  std::int64_t checked_integer(const Json& value, std::string_view member, std::int64_t min,
                               std::int64_t max) const;

  const Json* value_;
  std::string path_;
  std::vector<std::string> asked_;
  bool ignore_rest_ = false;
};

/// An integer from a JSON value that is not a member of an object (an item of an array).
std::int64_t integer_of(const Json& value, const std::string& path, std::int64_t min,
                        std::int64_t max);
double number_of(const Json& value, const std::string& path, double min, double max);
std::string text_of(const Json& value, const std::string& path, std::size_t max_length = 256);

} // namespace dsk
