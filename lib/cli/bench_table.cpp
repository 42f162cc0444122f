#include "cli/bench_table.hpp"

#include <cstdio>

#include "dsk/dsk.hpp"

namespace dsk::cli {
namespace {

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text + "  ";
}

std::string duration(double ns) {
  if (ns < 1e3) return fixed(ns, 1) + " ns";
  if (ns < 1e6) return fixed(ns / 1e3, 2) + " us";
  if (ns < 1e9) return fixed(ns / 1e6, 3) + " ms";
  return fixed(ns / 1e9, 3) + " s";
}

std::string achieved(const JsonValue& line) {
  if (const JsonValue& rate = line["tflop_per_s"]; !rate.is_null() && rate.number() >= 1)
    return fixed(rate.number(), 1) + " TFLOP/s";
  if (const JsonValue& rate = line["gb_per_s"]; !rate.is_null())
    return fixed(rate.number(), 1) + " GB/s";
  if (const JsonValue& rate = line["total_tokens_per_s"]; !rate.is_null())
    return fixed(rate["median"].number(), 0) + " tokens/s";
  return {};
}

std::string doubts(const JsonValue& line) {
  std::string out;
  for (const JsonValue& doubt : line["doubts"].items())
    out += (out.empty() ? "" : ", ") + doubt["name"].text();
  return out;
}

} // namespace

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    if (text.find_first_not_of(" \t\r", from) < end) out.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return out;
}

std::string machine_line(const std::string& lines) {
  const JsonValue machine = JsonValue::parse(lines_of(lines).at(0));
  std::string out = machine["processor"]["name"].is_null() ? std::string("unknown processor")
                                                           : machine["processor"]["name"].text();
  out += ", " + std::to_string(machine["processor"]["logical_processors"].integer()) +
         " logical processors, " + fixed(machine["memory_bytes"].number() / 1e9, 0) + " GB";
  for (const JsonValue& gpu : machine["gpus"].items())
    out += ", " + gpu["name"].text();
  if (const JsonValue& missing = machine["gpus_missing"]; !missing.is_null())
    out += "; " + missing.text();
  return out + "\n";
}

std::string measurement_heading() {
  return padded("measurement", 44) + padded("median", 11) + padded("interval", 9) +
         padded("noise", 7) + padded("achieved", 15) + "doubts\n";
}

std::string measurement_row(const std::string& text, std::string& last_reason) {
  const JsonValue line = JsonValue::parse(text);
  std::string out = padded(line["name"].text(), 44);
  if (const JsonValue& reason = line["skipped"]; !reason.is_null()) {
    const bool again = reason.text() == last_reason;
    last_reason = reason.text();
    return out + "not run: " + (again ? "as above" : last_reason) + "\n";
  }
  if (line["kind"].text() == "comparison")
    return out + "after / before = " + fixed(line["ratio"].number(), 4) + " (" +
           fixed(line["interval"].items()[0].number(), 4) + " to " +
           fixed(line["interval"].items()[1].number(), 4) + ")" +
           (line["different"].boolean() ? "" : ", no difference shown") + "\n";
  if (line["median_ns"].is_null()) return out + doubts(line) + "\n";
  const double median = line["median_ns"].number();
  const auto& interval = line["interval_ns"].items();
  const double half =
      std::max(median - interval[0].number(), interval[1].number() - median) / median;
  last_reason.clear();
  return out + padded(duration(median), 11) + padded("+-" + fixed(100 * half, 2) + " %", 9) +
         padded(fixed(100 * line["noise"].number(), 2) + " %", 7) + padded(achieved(line), 15) +
         doubts(line) + "\n";
}

std::string measurement_row(const std::string& line) {
  std::string last_reason;
  return measurement_row(line, last_reason);
}

} // namespace dsk::cli
