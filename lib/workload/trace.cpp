#include "workload/trace.hpp"

#include <charconv>
#include <cmath>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "workload/lengths.hpp"

namespace dsk::workload {
namespace {

// Goes over the lines of a text and says where a fault lies.
class Lines {
public:
  Lines(std::string_view text, const std::string& path) : text_(text), path_(path) {}

  bool next(std::string_view& line) {
    while (at_ < text_.size()) {
      const std::size_t end = text_.find('\n', at_);
      ended_ = end != std::string_view::npos;
      line = text_.substr(at_, ended_ ? end - at_ : std::string_view::npos);
      at_ = ended_ ? end + 1 : text_.size();
      ++number_;
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (!line.empty()) return true;
    }
    return false;
  }
  [[noreturn]] void fail(const std::string& what) const {
    invalid_request(path_, "line " + std::to_string(number_) + ": " + what);
  }
  double number(std::string_view field, const char* name) const {
    double value = 0;
    const auto parsed = std::from_chars(field.data(), field.data() + field.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != field.data() + field.size() ||
        !std::isfinite(value))
      fail(std::string(name) + " is \"" + preview_text(field) + "\", must be a number");
    return value;
  }
  std::int32_t tokens(double value, const char* name) const {
    if (!(value >= 1 && value <= static_cast<double>(max_tokens)) || value != std::floor(value))
      fail(std::string(name) + " is " + number_text(value) + ", must be a whole number from 1 to " +
           std::to_string(max_tokens));
    return static_cast<std::int32_t>(value);
  }

private:
  std::string_view text_;
  std::string path_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;
  bool ended_ = true;
};

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t at = 0;;) {
    const std::size_t comma = line.find(',', at);
    fields.push_back(line.substr(at, comma == std::string_view::npos ? comma : comma - at));
    if (comma == std::string_view::npos) return fields;
    at = comma + 1;
  }
}

// "2023-11-16 18:17:03.9799600" as seconds from 1970-01-01 (Howard Hinnant's days_from_civil).
double seconds_of(std::string_view text, const Lines& lines) {
  const auto part = [&](std::size_t from, std::size_t count) {
    return static_cast<std::int64_t>(lines.number(text.substr(from, count), "TIMESTAMP"));
  };
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':')
    lines.fail("TIMESTAMP is \"" + preview_text(text) +
               "\", must be like 2023-11-16 18:17:03.9799600");
  const std::int64_t month = part(5, 2);
  const std::int64_t year = part(0, 4) - (month <= 2);
  const std::int64_t era = year / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + part(8, 2) - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  const std::int64_t days = era * 146097 + day_of_era - 719468;
  return static_cast<double>(days) * 86400 +
         static_cast<double>(part(11, 2) * 3600 + part(14, 2) * 60) +
         lines.number(text.substr(17), "TIMESTAMP");
}

void read_csv(Lines& lines, bool azure, Trace& trace) {
  const std::vector<std::string> wanted =
      azure ? std::vector<std::string>{"TIMESTAMP", "ContextTokens", "GeneratedTokens"}
            : std::vector<std::string>{"arrival_s", "input_tokens", "output_tokens"};
  std::string_view line;
  if (!lines.next(line)) return;
  std::size_t column[3];
  const auto header = fields_of(line);
  for (std::size_t i = 0; i < 3; ++i) {
    column[i] = 0;
    while (column[i] < header.size() && header[column[i]] != wanted[i])
      ++column[i];
    if (column[i] == header.size()) lines.fail("the header has no column " + wanted[i]);
  }
  while (lines.next(line)) {
    const auto fields = fields_of(line);
    if (fields.size() != header.size())
      lines.fail("has " + std::to_string(fields.size()) + " fields, must have " +
                 std::to_string(header.size()));
    TraceRow row;
    row.at_s =
        azure ? seconds_of(fields[column[0]], lines) : lines.number(fields[column[0]], "arrival_s");
    row.input = lines.tokens(lines.number(fields[column[1]], wanted[1].c_str()), wanted[1].c_str());
    row.output =
        lines.tokens(lines.number(fields[column[2]], wanted[2].c_str()), wanted[2].c_str());
    if (trace.rows.size() == max_trace_rows)
      lines.fail("a trace may have at most " + std::to_string(max_trace_rows) + " rows");
    trace.rows.push_back(row);
  }
}

double member(const Json& row, const char* name, const Lines& lines) {
  const auto found = row.find(name);
  if (found == row.end() || !found->is_number())
    lines.fail(std::string(name) + (found == row.end() ? " is missing" : " must be a number"));
  return found->get<double>();
}

void read_jsonl(Lines& lines, bool mooncake, Trace& trace) {
  std::string_view line;
  while (lines.next(line)) {
    Json row;
    try {
      row = json::parse(line, "row");
    } catch (const Error& e) {
      lines.fail(e.what());
    }
    if (!row.is_object()) lines.fail("must be a JSON object");
    TraceRow out;
    if (mooncake) {
      out.at_s = member(row, "timestamp", lines) / 1e3;
      out.input = lines.tokens(member(row, "input_length", lines), "input_length");
      out.output = lines.tokens(member(row, "output_length", lines), "output_length");
      trace.block_tokens = 512;
      const auto ids = row.find("hash_ids");
      if (ids != row.end()) {
        if (!ids->is_array()) lines.fail("hash_ids must be an array");
        out.first_block = static_cast<std::uint32_t>(trace.blocks.size());
        out.blocks = static_cast<std::uint32_t>(ids->size());
        for (const Json& id : *ids) {
          if (!id.is_number_integer() || id.get<std::int64_t>() < 0)
            lines.fail("hash_ids must hold whole numbers from 0 up");
          trace.blocks.push_back(id.get<std::uint64_t>());
        }
      }
    } else {
      out.input = lines.tokens(member(row, "input_toks", lines), "input_toks");
      out.output = lines.tokens(member(row, "output_toks", lines), "output_toks");
      out.at_s = member(row, "queued_ts", lines);
      MeasuredRow m;
      m.queue_ms = (member(row, "scheduled_ts", lines) - out.at_s) * 1e3;
      m.ttft_ms = (member(row, "first_token_ts", lines) - out.at_s) * 1e3;
      m.e2e_ms = (member(row, "last_token_ts", lines) - out.at_s) * 1e3;
      if (!(m.queue_ms >= 0 && m.ttft_ms >= m.queue_ms && m.e2e_ms >= m.ttft_ms))
        lines.fail("queued_ts, scheduled_ts, first_token_ts and last_token_ts must ascend");
      trace.measured.push_back(m);
    }
    if (trace.rows.size() == max_trace_rows)
      lines.fail("a trace may have at most " + std::to_string(max_trace_rows) + " rows");
    trace.rows.push_back(out);
  }
}

} // namespace

TraceFormat trace_format(const std::string& name, const std::string& path) {
  if (name == "azure") return TraceFormat::azure;
  if (name == "mooncake") return TraceFormat::mooncake;
  if (name == "request-log") return TraceFormat::request_log;
  if (name == "csv") return TraceFormat::plain;
  invalid_request(path, "format is \"" + preview_text(name) +
                            "\", must be azure, mooncake, request-log or csv");
}

Trace read_trace(std::string_view text, TraceFormat format, const std::string& path) {
  Trace trace;
  Lines lines(text, path);
  if (format == TraceFormat::azure || format == TraceFormat::plain)
    read_csv(lines, format == TraceFormat::azure, trace);
  else
    read_jsonl(lines, format == TraceFormat::mooncake, trace);
  if (trace.rows.empty()) invalid_request(path, "the trace holds no request");
  const bool absolute = format == TraceFormat::azure || format == TraceFormat::request_log;
  const double origin = absolute ? trace.rows.front().at_s : 0;
  for (std::size_t i = 0; i < trace.rows.size(); ++i) {
    double& at_s = trace.rows[i].at_s;
    at_s -= origin;
    const std::string row = "request " + std::to_string(i + 1);
    if (at_s < 0 && (i == 0 || !absolute))
      invalid_request(path, row + " arrives at " + number_text(at_s) + " s, must not be negative");
    if (i > 0 && at_s < trace.rows[i - 1].at_s)
      invalid_request(path, row + " arrives at " + number_text(at_s) +
                                " s, before the request ahead of it: the trace must be in order "
                                "of time");
  }
  return trace;
}

} // namespace dsk::workload
