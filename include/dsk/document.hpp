/**
 * @file document.hpp
 * How the structs of dsk/schema read and write themselves. C++17, header only.
 */
#ifndef DSK_DOCUMENT_HPP
#define DSK_DOCUMENT_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "dsk/json.hpp"

namespace dsk {
inline namespace api {
namespace detail {

template <class T>
inline constexpr bool is_plain =
    std::is_arithmetic_v<T> || std::is_same_v<T, std::string> || std::is_same_v<T, JsonValue>;

template <class T> JsonValue value_of(const T& value) {
  if constexpr (is_plain<T>)
    return JsonValue(value);
  else
    return value.to_value();
}
template <class T> JsonValue value_of(const std::vector<T>& values) {
  JsonValue list = JsonValue::array();
  for (const T& value : values)
    list.add(value_of(value));
  return list;
}
template <class T> JsonValue value_of(const std::map<std::string, T>& values) {
  JsonValue object = JsonValue::object();
  for (const auto& [name, value] : values)
    object.set(name, value_of(value));
  return object;
}

template <class T> void put(JsonValue& object, const char* name, const T& value) {
  object.set(name, value_of(value));
}
template <class T> void put(JsonValue& object, const char* name, const std::optional<T>& value) {
  if (value) object.set(name, value_of(*value));
}
/// A member that is left out when it says nothing: null, or a struct of which nothing is set.
template <class T> void put_part(JsonValue& object, const char* name, const T& value) {
  JsonValue part = value_of(value);
  if constexpr (std::is_same_v<T, JsonValue>) {
    if (part.is_null()) return;
  } else if (part.kind() == JsonValue::Kind::object && part.members().empty()) {
    return;
  }
  object.set(name, std::move(part));
}

inline void read(const JsonValue& j, bool& out) {
  out = j.boolean();
}
inline void read(const JsonValue& j, std::int64_t& out) {
  out = j.integer();
}
inline void read(const JsonValue& j, double& out) {
  out = j.number();
}
inline void read(const JsonValue& j, std::string& out) {
  out = j.text();
}
inline void read(const JsonValue& j, JsonValue& out) {
  out = j;
}
template <class T> void read(const JsonValue& j, T& out) {
  out = T::from_value(j);
}
template <class T> void read(const JsonValue& j, std::optional<T>& out) {
  read(j, out.emplace());
}
template <class T> void read(const JsonValue& j, std::vector<T>& out) {
  for (const JsonValue& item : j.items())
    read(item, out.emplace_back());
}
template <class T> void read(const JsonValue& j, std::map<std::string, T>& out) {
  for (const auto& [name, value] : j.members())
    read(value, out[name]);
}

/// Leaves `out` as it is when the member is absent or null.
template <class T> void get(const JsonValue& object, const char* name, T& out) {
  const JsonValue& value = object[name];
  if (!value.is_null()) read(value, out);
}

} // namespace detail
} // namespace api
} // namespace dsk

#endif // DSK_DOCUMENT_HPP
