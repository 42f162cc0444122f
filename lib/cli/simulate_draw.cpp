#include "cli/simulate_draw.hpp"

#include <algorithm>
#include <cstdio>

namespace dsk::cli {
namespace {

template <typename... Values> void append(std::string& out, const char* format, Values... values) {
  char line[512];
  std::snprintf(line, sizeof line, format, values...);
  out += line;
}

} // namespace

std::string series_csv(const std::vector<dsk_request_times>& series) {
  std::string out = "index,sent_ms,admitted_ms,first_ms,last_ms,input_tokens,output_tokens,"
                    "cached_tokens,preemptions\n";
  for (const dsk_request_times& r : series)
    append(out, "%lld,%.6f,%.6f,%.6f,%.6f,%d,%d,%d,%d\n", static_cast<long long>(r.index),
           r.sent_ms, r.admitted_ms, r.first_ms, r.last_ms, r.input_tokens, r.output_tokens,
           r.cached_tokens, r.preemptions);
  return out;
}

std::string series_jsonl(const std::vector<dsk_request_times>& series) {
  std::string out;
  for (const dsk_request_times& r : series)
    append(out,
           "{\"index\":%lld,\"sent_ms\":%.6f,\"admitted_ms\":%.6f,\"first_ms\":%.6f,"
           "\"last_ms\":%.6f,\"input_tokens\":%d,\"output_tokens\":%d,\"cached_tokens\":%d,"
           "\"preemptions\":%d}\n",
           static_cast<long long>(r.index), r.sent_ms, r.admitted_ms, r.first_ms, r.last_ms,
           r.input_tokens, r.output_tokens, r.cached_tokens, r.preemptions);
  return out;
}

std::string chrome_trace(const std::vector<dsk_request_times>& series) {
  std::string out = "[";
  const auto span = [&](const char* name, long long id, double from_ms, double to_ms) {
    append(
        out, "%s\n{\"name\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":%lld,\"ts\":%.3f,\"dur\":%.3f}",
        out.size() > 1 ? "," : "", name, id, from_ms * 1e3, std::max(0.0, to_ms - from_ms) * 1e3);
  };
  for (const dsk_request_times& r : series) {
    const auto id = static_cast<long long>(r.index);
    span("queue", id, r.sent_ms, r.admitted_ms);
    span("prefill", id, r.admitted_ms, r.first_ms);
    span("decode", id, r.first_ms, r.last_ms);
  }
  return out + "\n]\n";
}

std::string timeline_svg(const JsonValue& answer) {
  constexpr double width = 900;
  constexpr double panel = 140;
  static constexpr const char* titles[] = {"waiting requests", "running requests",
                                           "KV pool in use"};
  static constexpr const char* colours[] = {"#b5482a", "#2a6fb5", "#4a8f3c"};
  const std::vector<JsonValue>& rows = answer["timeline"]["rows"].items();
  double end = 1e-9;
  double largest[3] = {1, 1, 1};
  for (const JsonValue& row : rows) {
    end = std::max(end, row.items()[0].number());
    for (std::size_t i = 0; i < 2; ++i)
      largest[i] = std::max(largest[i], row.items()[i + 1].number());
  }
  std::string out;
  append(out,
         "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
         "font-family=\"sans-serif\" font-size=\"12\">\n",
         width + 60, 3 * (panel + 30) + 20);
  for (std::size_t i = 0; i < 3; ++i) {
    const double top = 24 + static_cast<double>(i) * (panel + 30);
    append(out, "<text x=\"50\" y=\"%.0f\">%s, to %.4g%s</text>\n", top - 6, titles[i],
           i == 2 ? 100 * largest[i] : largest[i], i == 2 ? " %" : "");
    append(out, "<polyline fill=\"none\" stroke=\"%s\" points=\"", colours[i]);
    for (const JsonValue& row : rows)
      append(out, "%.1f,%.1f ", 50 + width * row.items()[0].number() / end,
             top + panel * (1 - row.items()[i + 1].number() / largest[i]));
    append(out, "\"/>\n<line x1=\"50\" y1=\"%.0f\" x2=\"%.0f\" y2=\"%.0f\" stroke=\"#888\"/>\n",
           top + panel, 50 + width, top + panel);
  }
  append(out, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%.6g s</text>\n</svg>\n", 50 + width,
         3 * (panel + 30) + 14, end);
  return out;
}

} // namespace dsk::cli
