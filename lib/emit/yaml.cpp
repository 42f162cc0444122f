#include "emit/yaml.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string_view>

namespace dsk::emit {
namespace {

void append_hex(std::string& out, const char* escape, std::uint32_t value, int digits) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += escape;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    out += hex[(value >> shift) & 15u];
}

// Length of the UTF-8 sequence that begins with `lead`; the text is valid UTF-8, as base/json
// promises.
std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

std::uint32_t code_point(std::string_view bytes) {
  constexpr std::array<unsigned, 5> mask{0, 0x7f, 0x1f, 0x0f, 0x07};
  std::uint32_t value = static_cast<unsigned char>(bytes[0]) & mask[bytes.size()];
  for (std::size_t i = 1; i < bytes.size(); ++i)
    value = value << 6 | (static_cast<unsigned char>(bytes[i]) & 0x3fu);
  return value;
}

// YAML's printable set is smaller than JSON's: C1 controls, line and paragraph separators, the byte
// order mark and the non-characters must be escaped. JSON's surrogate pairs are not YAML, so the
// rest stays as it is.
std::string double_quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length =
        std::min(sequence_length(static_cast<unsigned char>(text[at])), text.size() - at);
    const std::string_view bytes = text.substr(at, length);
    const std::uint32_t c = code_point(bytes);
    at += length;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
      append_hex(out, "\\x", c, 2);
    } else if (c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0xfffe || c == 0xffff) {
      append_hex(out, "\\u", c, 4);
    } else {
      out += bytes;
    }
  }
  return out + '"';
}

// A key that no YAML reader takes for anything but text may stand bare.
bool is_plain_key(std::string_view key) {
  if (key.empty() || !std::isalpha(static_cast<unsigned char>(key[0]))) return false;
  if (!std::all_of(key.begin(), key.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' ||
               c == '/';
      }))
    return false;
  std::string lower(key);
  for (char& c : lower)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char* word : {"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
    if (lower == word) return false;
  return true;
}

std::string key_text(const std::string& key) {
  return is_plain_key(key) ? key : double_quoted(key);
}

std::string scalar(const Json& value) {
  return value.is_string() ? double_quoted(value.get_ref<const std::string&>())
                           : json::dump_compact(value);
}

bool is_block(const Json& value) {
  return value.is_structured() && !value.empty();
}

// Writes the lines of a block at `indent`; the first line begins where the cursor is.
void write_block(std::string& out, const Json& value, std::size_t indent) {
  bool first = true;
  const auto begin_line = [&] {
    if (!first) out.append(indent, ' ');
    first = false;
  };
  if (value.is_array()) {
    for (const Json& item : value) {
      begin_line();
      out += "- ";
      if (is_block(item))
        write_block(out, item, indent + 2);
      else
        out += scalar(item) + '\n';
    }
    return;
  }
  for (const auto& item : value.items()) {
    begin_line();
    out += key_text(item.key()) + ':';
    if (is_block(item.value())) {
      out += '\n';
      out.append(indent + 2, ' ');
      write_block(out, item.value(), indent + 2);
    } else {
      out += ' ' + scalar(item.value()) + '\n';
    }
  }
}

} // namespace

std::string yaml(const Json& value) {
  if (!is_block(value)) return scalar(value) + '\n';
  std::string out;
  write_block(out, value, 0);
  return out;
}

std::string yaml_stream(const std::vector<Json>& documents) {
  std::string out;
  for (const Json& document : documents)
    out += "---\n" + yaml(document);
  return out;
}

} // namespace dsk::emit
