#include "cli/origins.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "cli/command.hpp"
#include "cli/files.hpp"

namespace dsk::cli {
namespace {

std::map<std::string, std::string>& origins() {
  static std::map<std::string, std::string> list;
  return list;
}

bool is_about_the_request(dsk_status status) {
  return status == DSK_STATUS_INVALID_REQUEST || status == DSK_STATUS_INVALID_ARGUMENT ||
         status == DSK_STATUS_NOT_FOUND || status == DSK_STATUS_UNSUPPORTED;
}

} // namespace

void came_from(const std::string& pointer, const std::string& file) {
  origins()[pointer] = file == "-" ? "standard input" : file;
}

std::string sentence_of(const Error& error) {
  const std::string path = error.path();
  const std::string whole = (path.empty() ? "" : path + ": ") + error.what();
  if (!is_about_the_request(error.status())) return whole;
  // The longest origin whose pointer ends where a name of the path ends.
  for (std::size_t end = path.size();; end = path.rfind('/', end - 1)) {
    if (const auto found = origins().find(path.substr(0, end)); found != origins().end()) {
      const std::string rest = path.substr(end);
      return found->second + ": " + (rest.empty() ? "" : rest + ": ") + error.what();
    }
    if (end == 0) return whole;
  }
}

JsonValue parse_json(const std::string& text, const std::string& file, const std::string& pointer) {
  came_from(pointer, file);
  try {
    return JsonValue::parse(text);
  } catch (const std::invalid_argument& e) {
    throw UsageError(origins()[pointer] + ": " + e.what());
  }
}

std::vector<JsonValue> parse_json_lines(const std::string& text, const std::string& file,
                                        const std::string& pointer, std::size_t first) {
  std::vector<JsonValue> out;
  std::size_t number = 0;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::string_view line(text.data() + from, end - from);
    from = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string at = "line " + std::to_string(number);
    came_from(pointer + "/" + std::to_string(first + out.size()), file + ", " + at);
    try {
      out.push_back(JsonValue::parse(line));
    } catch (const std::invalid_argument& e) {
      std::string what = e.what(); // it counts lines from this one
      if (const auto place = what.find("line 1"); place != std::string::npos)
        what.replace(place, 6, at);
      throw UsageError(file + ": " + what);
    }
  }
  return out;
}

JsonValue read_json(const std::string& path, const std::string& pointer) {
  return parse_json(read_file(path), path, pointer);
}

std::string read_request(const std::string& path) {
  came_from("", path);
  return read_file(path);
}

} // namespace dsk::cli
