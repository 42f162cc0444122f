#include "bench/report.hpp"

#include <cmath>
#include <map>

#include "base/error.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"

namespace dsk::bench {
namespace {

struct Run {
  Json machine;
  std::vector<Json> measurements;
};

const Json& member(const Json& object, const char* name) {
  static const Json none;
  const auto it = object.find(name);
  return it == object.end() ? none : *it;
}

std::string text_of(const Json& value) {
  if (value.is_null()) return "not known";
  if (value.is_string()) return value.get<std::string>();
  return json::dump_compact(value);
}

std::string cell(std::string_view text, const char* kind = "td") {
  return std::string("<") + kind + ">" + markup_text(text) + "</" + kind + ">";
}

std::string row(const std::string& name, const Json& value) {
  return "<tr>" + cell(name, "th") + cell(text_of(value)) + "</tr>\n";
}

std::string member_rows(const Json& object, const std::string& prefix = {}) {
  std::string out;
  for (const auto& [name, value] : object.items()) {
    if (name == "kind" || name == "schema") continue;
    if (value.is_object())
      out += member_rows(value, prefix + name + " ");
    else if (value.is_array() && !value.empty() && value.front().is_object())
      for (std::size_t i = 0; i < value.size(); ++i)
        out += member_rows(value[i], prefix + name + " " + std::to_string(i) + " ");
    else
      out += row(prefix + name, value);
  }
  return out;
}

std::string duration(double ns) {
  if (ns < 1e3) return fixed_text(ns, 1) + " ns";
  if (ns < 1e6) return fixed_text(ns / 1e3, 2) + " µs";
  if (ns < 1e9) return fixed_text(ns / 1e6, 3) + " ms";
  return fixed_text(ns / 1e9, 3) + " s";
}

double number(const Json& line, const char* name) {
  const auto it = line.find(name);
  return it != line.end() && it->is_number() ? it->get<double>() : std::nan("");
}

std::string achieved(const Json& line) {
  if (const double rate = number(line, "tflop_per_s"); rate > 1)
    return fixed_text(rate, 1) + " TFLOP/s";
  if (const double rate = number(line, "gb_per_s"); rate > 0) return fixed_text(rate, 1) + " GB/s";
  return {};
}

std::string doubts(const Json& line) {
  if (const auto skipped = line.find("skipped"); skipped != line.end())
    return "not run: " + text_of(*skipped);
  std::string out;
  if (const auto list = line.find("doubts"); list != line.end() && list->is_array())
    for (const Json& doubt : *list)
      if (doubt.is_object()) out += (out.empty() ? "" : "; ") + text_of(member(doubt, "sentence"));
  return out;
}

std::string measurement_table(const std::vector<Run>& runs) {
  std::string out = "<table><tr><th>measurement</th><th>median</th><th>interval</th><th>noise</th>"
                    "<th>achieved</th>";
  if (runs.size() > 1) out += "<th>second run</th><th>ratio</th>";
  out += "<th>doubts</th></tr>\n";
  std::map<std::string, const Json*> second;
  if (runs.size() > 1)
    for (const Json& line : runs[1].measurements)
      second[text_of(member(line, "name"))] = &line;
  for (const Json& line : runs[0].measurements) {
    const std::string name = text_of(member(line, "name"));
    const double median = number(line, "median_ns");
    out += "<tr>" + cell(name, "th");
    if (member(line, "kind") == "comparison") {
      const auto interval = line.find("interval");
      out += cell("ratio after / before " + fixed_text(number(line, "ratio"), 4)) +
             cell(interval != line.end() ? text_of(*interval) : "") + cell("") + cell("");
    } else if (std::isfinite(median)) {
      const auto interval = line.find("interval_ns");
      std::string around;
      if (interval != line.end() && interval->is_array() && interval->size() == 2 &&
          (*interval)[0].is_number() && (*interval)[1].is_number())
        around = duration((*interval)[0].get<double>()) + " to " +
                 duration((*interval)[1].get<double>());
      out += cell(duration(median)) + cell(around) +
             cell(fixed_text(100 * number(line, "noise"), 2) + " %") + cell(achieved(line));
    } else {
      out += cell("") + cell("") + cell("") + cell("");
    }
    if (runs.size() > 1) {
      const auto it = second.find(name);
      const double other = it == second.end() ? std::nan("") : number(*it->second, "median_ns");
      out += std::isfinite(other)
                 ? cell(duration(other)) +
                       cell(std::isfinite(median) ? fixed_text(other / median, 4) : "")
                 : cell("") + cell("");
    }
    out += cell(doubts(line)) + "</tr>\n";
  }
  return out + "</table>\n";
}

// "</script>" must not end the element that holds the lines; JSON allows the slash to be escaped.
std::string inside_script(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<' && i + 1 < text.size() && (text[i + 1] == '/' || text[i + 1] == '!'))
      out += "\\u003c";
    else
      out += text[i];
  }
  return out;
}

} // namespace

std::vector<Json> parse_lines(std::string_view lines) {
  std::vector<Json> out;
  std::size_t number = 0;
  for (std::size_t from = 0; from < lines.size(); ++number) {
    const std::size_t end = std::min(lines.find('\n', from), lines.size());
    const std::string_view line = lines.substr(from, end - from);
    from = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string at = json::pointer("", out.size());
    try {
      out.push_back(json::parse(line, "line " + std::to_string(number + 1)));
    } catch (const Error& e) {
      throw Error(e.status(), e.what(), at + e.path());
    }
    if (!out.back().is_object())
      invalid_request(at, "line " + std::to_string(number + 1) + " is " +
                              json::preview(out.back()) + ", must be an object");
  }
  return out;
}

std::string report_page(std::string_view lines) {
  std::vector<Run> runs;
  std::size_t place = 0;
  for (Json& line : parse_lines(lines)) {
    const std::string at = json::pointer("", place++);
    const std::string kind = text_of(member(line, "kind"));
    if (kind == "machine") {
      runs.push_back({std::move(line), {}});
    } else if (kind == "measurement" || kind == "comparison") {
      if (runs.empty())
        invalid_request(at, "a measurement stands before the machine record that it belongs to");
      runs.back().measurements.push_back(std::move(line));
    } else {
      invalid_request(at + "/kind", "a line is of kind \"" + preview_text(kind) +
                                        "\", must be machine, measurement or comparison");
    }
  }
  if (runs.empty()) invalid_request("", "there is no machine record");
  const std::string sha = sha256_hex(lines);
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Machine report</title>\n"
      "<style>body{font:14px/1.4 sans-serif;margin:2em;max-width:110em}table{border-collapse:"
      "collapse;margin:1em 0}th,td{border:1px solid #bbb;padding:.2em .6em;text-align:left;"
      "vertical-align:top}tr:nth-child(even){background:#f4f4f4}</style>\n<h1>Machine report</h1>\n"
      "<p>SHA-256 of the measurements: <code>" +
      sha + "</code></p>\n";
  for (std::size_t i = 0; i < runs.size() && i < 2; ++i)
    out += "<h2>Machine" + std::string(runs.size() > 1 ? " " + std::to_string(i + 1) : "") +
           "</h2>\n<table>\n" + member_rows(runs[i].machine) + "</table>\n";
  out += "<h2>Measurements</h2>\n" + measurement_table(runs);
  out += "<p>Another machine takes the same measurements with <code>dsk machine report</code>; "
         "<code>dsk machine compare</code> sets two reports side by side.</p>\n";
  out += "<script type=\"application/x-ndjson\" id=\"measurements\">\n" + inside_script(lines) +
         "\n</script>\n</html>\n";
  return out;
}

} // namespace dsk::bench
