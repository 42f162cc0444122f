#include "base/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace dsk::json {
namespace {

std::string position_of(std::string_view text, std::size_t byte) {
  const std::size_t end = std::min(byte, text.size());
  std::size_t line = 1;
  std::size_t column = 1;
  for (std::size_t i = 0; i < end; ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
  }
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

// Builds the value as the parser reads it, and refuses what the library would let pass.
class Builder final : public Json::json_sax_t {
public:
  Builder(std::string_view text, std::string_view what) : text_(text), what_(what) {}

  bool null() override { return add(Json(nullptr)); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(std::int64_t value) override { return add(Json(value)); }
  bool number_unsigned(std::uint64_t value) override { return add(Json(value)); }
  bool string(std::string& value) override { return add(Json(std::move(value))); }
  bool binary(Json::binary_t&) override { return false; }

  bool number_float(double value, const std::string& literal) override {
    // An integer literal that overflows 64 bits arrives here; as a double it would lose digits.
    if (!std::isfinite(value) || literal.find_first_of(".eE") == std::string::npos)
      fail("number " + literal.substr(0, 40) + " is out of range", here());
    return add(Json(value));
  }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    Frame& top = frames_.back();
    top.key = name;
    top.value_pending = true;
    if (!top.seen.insert(name).second)
      fail("duplicate member \"" + preview_text(name) + "\"", here());
    return true;
  }

  bool parse_error(std::size_t byte, const std::string&,
                   const nlohmann::detail::exception& e) override {
    // The library says "[json.exception.N] parse error at ... while parsing X - REASON; last read:
    // BYTES; expected Y": the reason and what was expected serve a reader, its class names and raw
    // bytes do not.
    const std::string what = e.what();
    std::string reason = "a number is too large";
    if (const auto dash = what.find(" - "); dash != std::string::npos) {
      reason = what.substr(dash + 3);
      const std::string reason_only = reason.substr(0, reason.find("; "));
      const auto expected = reason.rfind("; expected ");
      reason = reason_only + (expected == std::string::npos ? "" : reason.substr(expected));
    }
    if (byte > text_.size()) reason = "it ends too early";
    fail(std::string("not valid JSON at ") + position_of(text_, byte ? byte - 1 : 0) + ": " +
             reason,
         at());
    return false;
  }

  Json take() { return std::move(root_); }

private:
  struct Frame {
    Json value;
    std::string key;
    std::unordered_set<std::string> seen;
    bool value_pending = false; // a key was read, its value was not
  };

  [[noreturn]] void fail(const std::string& message, std::string path) const {
    invalid_request(std::move(path), std::string(what_) + ": " + message);
  }

  std::string container() const {
    std::string path;
    for (std::size_t i = 0; i + 1 < frames_.size(); ++i)
      path = step(path, frames_[i]);
    return path;
  }
  // Where a syntax error lies: the member whose value was being read, else the container.
  std::string at() const {
    if (frames_.empty()) return {};
    const Frame& top = frames_.back();
    return top.value.is_array() || top.value_pending ? here() : container();
  }
  std::string here() const {
    return frames_.empty() ? std::string() : step(container(), frames_.back());
  }
  static std::string step(const std::string& path, const Frame& frame) {
    return frame.value.is_object() ? pointer(path, frame.key) : pointer(path, frame.value.size());
  }

  bool open(Json value) {
    if (static_cast<int>(frames_.size()) >= max_depth)
      fail("nested deeper than " + std::to_string(max_depth) + " levels", {});
    frames_.push_back({std::move(value), {}, {}, false});
    return true;
  }
  bool close() {
    Json value = std::move(frames_.back().value);
    frames_.pop_back();
    return add(std::move(value));
  }
  bool add(Json value) {
    if (frames_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Frame& top = frames_.back();
    top.value_pending = false;
    if (top.value.is_array())
      top.value.push_back(std::move(value));
    else // the key is new (checked in key()), so append without the linear search of operator[]
      top.value.get_ref<Json::object_t&>().emplace_back(top.key, std::move(value));
    return true;
  }

  std::string_view text_;
  std::string_view what_;
  std::vector<Frame> frames_;
  Json root_;
};

} // namespace

Json parse(std::string_view text, std::string_view what) {
  if (text.size() > max_bytes)
    invalid_request({}, std::string(what) + ": " + std::to_string(text.size()) +
                            " bytes, at most " + std::to_string(max_bytes) + " are allowed");
  Builder builder(text, what);
  if (!Json::sax_parse(text.begin(), text.end(), &builder))
    invalid_request({}, std::string(what) + ": not valid JSON");
  return builder.take();
}

std::string dump(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string dump_compact(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string pointer(std::string_view parent, std::string_view member) {
  std::string out(parent);
  out += '/';
  for (const char c : member) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string pointer(std::string_view parent, std::size_t index) {
  return std::string(parent) + "/" + std::to_string(index);
}

std::string preview(const Json& value) {
  return preview_text(dump_compact(value));
}

double significant(double value, int digits) {
  if (!std::isfinite(value) || value == 0) return value;
  // Through the decimal text, so that every platform rounds the same number to the same double.
  char buffer[64];
  const auto printed = std::to_chars(buffer, buffer + sizeof buffer, value,
                                     std::chars_format::scientific, digits - 1);
  double rounded = value;
  std::from_chars(buffer, printed.ptr, rounded);
  return rounded;
}

} // namespace dsk::json
