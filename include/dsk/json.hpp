/**
 * @file json.hpp
 * The small JSON value that dsk.hpp reads answers with and writes requests from. C++17, header
 * only. Programs that have a JSON library of their own can use it on the same text instead.
 */
#ifndef DSK_JSON_HPP
#define DSK_JSON_HPP

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dsk {
inline namespace api {

/// null, bool, number, text, array or object. Objects keep the order of their members.
class JsonValue {
public:
  enum class Kind { null, boolean, number, text, array, object };
  using Member = std::pair<std::string, JsonValue>;

  JsonValue() = default;
  JsonValue(bool value) : kind_(Kind::boolean), boolean_(value) {}
  JsonValue(double value) : kind_(Kind::number), literal_(number_literal(value)) {}
  JsonValue(std::int64_t value) : kind_(Kind::number), literal_(std::to_string(value)) {}
  JsonValue(int value) : JsonValue(static_cast<std::int64_t>(value)) {}
  JsonValue(std::string value) : kind_(Kind::text), text_(std::move(value)) {}
  JsonValue(const char* value) : JsonValue(std::string(value)) {}

  static JsonValue array() { return JsonValue(Kind::array); }
  static JsonValue object() { return JsonValue(Kind::object); }
  /// Throws std::invalid_argument on malformed text or more than 128 levels.
  static JsonValue parse(std::string_view text) {
    Parser parser{text, 0, 0};
    JsonValue value = parser.value();
    parser.space();
    if (parser.at != text.size()) parser.fail("text after the value");
    return value;
  }

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool boolean() const { return need(Kind::boolean), boolean_; }
  double number() const {
    need(Kind::number);
#if defined(__cpp_lib_to_chars)
    double value = 0; // from_chars knows no locale
    const char* end = literal_.data() + literal_.size();
    if (std::from_chars(literal_.data(), end, value).ec == std::errc()) return value;
#endif
    return std::strtod(literal_.c_str(), nullptr);
  }
  /// Rounded towards zero; the nearest one for a number that 64 bits do not hold.
  std::int64_t integer() const {
    need(Kind::number);
    std::int64_t value = 0;
    const char* end = literal_.data() + literal_.size();
    const auto read = std::from_chars(literal_.data(), end, value);
    if (read.ec == std::errc() && read.ptr == end) return value;
    const double wide = number();
    if (wide >= 9223372036854775807.0) return INT64_MAX;
    return wide <= -9223372036854775808.0 ? INT64_MIN : static_cast<std::int64_t>(wide);
  }
  const std::string& text() const {
    return need(Kind::text), text_;
  }
  const std::vector<JsonValue>& items() const {
    return need(Kind::array), items_;
  }
  const std::vector<Member>& members() const {
    return need(Kind::object), members_;
  }

  /// The member, or null when there is none.
  const JsonValue& operator[](std::string_view name) const {
    static const JsonValue none;
    need(Kind::object);
    for (const Member& member : members_)
      if (member.first == name) return member.second;
    return none;
  }
  void set(std::string name, JsonValue value) {
    need(Kind::object);
    members_.emplace_back(std::move(name), std::move(value));
  }
  void add(JsonValue value) {
    need(Kind::array);
    items_.push_back(std::move(value));
  }

  /// One line, members in order.
  std::string dump() const {
    std::string out;
    write(out);
    return out;
  }

private:
  explicit JsonValue(Kind kind) : kind_(kind) {}

  void need(Kind kind) const {
    if (kind_ != kind) throw std::invalid_argument("JSON value is not of the kind asked for");
  }

  // 17 digits read back as the same double wherever the text is read.
  static std::string number_literal(double value) {
    if (value < 1e15 && value > -1e15 &&
        value == static_cast<double>(static_cast<std::int64_t>(value)))
      return std::to_string(static_cast<std::int64_t>(value));
    char buffer[40];
    std::snprintf(buffer, sizeof buffer, "%.17g", value);
    for (char& c : buffer)
      if (c == ',') // a locale's decimal comma
        c = '.';
    return buffer;
  }

  static void write_text(std::string& out, const std::string& text) {
    out += '"';
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
      } else if (byte < 0x20) {
        char buffer[8];
        std::snprintf(buffer, sizeof buffer, "\\u%04x", byte);
        out += buffer;
      } else {
        out += c;
      }
    }
    out += '"';
  }

  void write(std::string& out) const {
    switch (kind_) {
    case Kind::null:
      out += "null";
      return;
    case Kind::boolean:
      out += boolean_ ? "true" : "false";
      return;
    case Kind::number:
      out += literal_;
      return;
    case Kind::text:
      write_text(out, text_);
      return;
    case Kind::array:
      out += '[';
      for (std::size_t i = 0; i < items_.size(); ++i) {
        if (i) out += ',';
        items_[i].write(out);
      }
      out += ']';
      return;
    case Kind::object:
      out += '{';
      for (std::size_t i = 0; i < members_.size(); ++i) {
        if (i) out += ',';
        write_text(out, members_[i].first);
        out += ':';
        members_[i].second.write(out);
      }
      out += '}';
      return;
    }
  }

  struct Parser {
    std::string_view text;
    std::size_t at;
    int depth;

    [[noreturn]] void fail(const std::string& what) const {
      std::size_t line = 1, column = 1;
      for (const char c : text.substr(0, at)) {
        column = c == '\n' ? 1 : column + 1;
        line += c == '\n' ? 1 : 0;
      }
      throw std::invalid_argument("not valid JSON at line " + std::to_string(line) + ", column " +
                                  std::to_string(column) + ": " + what);
    }
    void space() {
      while (at < text.size() &&
             (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r'))
        ++at;
    }
    bool take(char c) {
      if (at < text.size() && text[at] == c) {
        ++at;
        return true;
      }
      return false;
    }
    void expect(char c) {
      if (take(c)) return;
      fail(at < text.size() ? std::string(1, c) + " was expected" : "it ends too early");
    }
    bool word(std::string_view w) {
      if (text.substr(at, w.size()) != w) return false;
      at += w.size();
      return true;
    }

    JsonValue value() {
      space();
      if (at >= text.size()) fail("it ends too early");
      if (++depth > 128) fail("nested too deep");
      JsonValue out = any();
      --depth;
      return out;
    }
    JsonValue any() {
      switch (text[at]) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return JsonValue(string());
      default:
        break;
      }
      if (word("null")) return JsonValue();
      if (word("true")) return JsonValue(true);
      if (word("false")) return JsonValue(false);
      return number();
    }
    JsonValue object() {
      expect('{');
      JsonValue out(Kind::object);
      space();
      if (take('}')) return out;
      do {
        space();
        std::string name = string();
        space();
        expect(':');
        out.members_.emplace_back(std::move(name), value());
        space();
      } while (take(','));
      expect('}');
      return out;
    }
    JsonValue array() {
      expect('[');
      JsonValue out(Kind::array);
      space();
      if (take(']')) return out;
      do {
        out.items_.push_back(value());
        space();
      } while (take(','));
      expect(']');
      return out;
    }
    void digits() {
      const std::size_t begin = at;
      while (at < text.size() && text[at] >= '0' && text[at] <= '9')
        ++at;
      if (begin == at) fail("a digit was expected");
    }
    JsonValue number() {
      const std::size_t begin = at;
      const bool negative = take('-');
      if (!negative && (text[at] < '0' || text[at] > '9')) fail("a value was expected");
      if (!take('0')) digits();
      if (take('.')) digits();
      if (take('e') || take('E')) {
        if (!take('+')) take('-');
        digits();
      }
      JsonValue out(Kind::number);
      out.literal_ = std::string(text.substr(begin, at - begin));
      return out;
    }
    unsigned hex4() {
      if (at + 4 > text.size()) fail("it ends too early");
      unsigned code = 0;
      const char* end = text.data() + at + 4;
      if (std::from_chars(text.data() + at, end, code, 16).ptr != end)
        fail("four hexadecimal digits were expected");
      at += 4;
      return code;
    }
    unsigned low_half(unsigned high) {
      const unsigned low = high < 0xDC00 && word("\\u") ? hex4() : 0;
      if (low < 0xDC00 || low > 0xDFFF) fail("half of a surrogate pair");
      return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
    static void utf8(std::string& out, unsigned code) {
      const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
      if (code < 0x80) {
        put(code);
      } else if (code < 0x800) {
        put(0xC0u | code >> 6);
        put(0x80u | (code & 0x3Fu));
      } else if (code < 0x10000) {
        put(0xE0u | code >> 12);
        put(0x80u | (code >> 6 & 0x3Fu));
        put(0x80u | (code & 0x3Fu));
      } else {
        put(0xF0u | code >> 18);
        put(0x80u | (code >> 12 & 0x3Fu));
        put(0x80u | (code >> 6 & 0x3Fu));
        put(0x80u | (code & 0x3Fu));
      }
    }
    std::string string() {
      expect('"');
      std::string out;
      while (true) {
        if (at >= text.size()) fail("it ends too early");
        const char c = text[at++];
        if (c == '"') return out;
        if (c != '\\') {
          out += c;
          continue;
        }
        if (at >= text.size()) fail("it ends too early");
        const char escape = text[at++];
        switch (escape) {
        case 'n':
          out += '\n';
          break;
        case 't':
          out += '\t';
          break;
        case 'r':
          out += '\r';
          break;
        case 'b':
          out += '\b';
          break;
        case 'f':
          out += '\f';
          break;
        case 'u': {
          unsigned code = hex4();
          if (code >= 0xD800 && code < 0xE000) code = low_half(code);
          utf8(out, code);
          break;
        }
        default:
          out += escape;
        }
      }
    }
  };

  Kind kind_ = Kind::null;
  bool boolean_ = false;
  std::string literal_; // a number as it is written, so that no digit is lost
  std::string text_;
  std::vector<JsonValue> items_;
  std::vector<Member> members_;
};

} // namespace api
} // namespace dsk

#endif // DSK_JSON_HPP
