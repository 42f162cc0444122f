#include <ctime>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"
#include "load/statistics.hpp"

namespace dsk::load {
namespace {

constexpr std::pair<const char*, Histogram Statistics::*> histograms[] = {
    {"ttft_ms", &Statistics::ttft_ms},
    {"tpot_ms", &Statistics::tpot_ms},
    {"itl_ms", &Statistics::gap_ms},
    {"e2e_ms", &Statistics::e2e_ms},
    {"send_delay_ms", &Statistics::delay_ms}};

Json rounded(double value) {
  return json::significant(value, 6);
}

Json summary_of(const Histogram& h) {
  if (h.count() == 0) return {{"count", 0}};
  return {{"count", h.count()},
          {"mean", rounded(h.mean())},
          {"deviation", rounded(h.deviation())},
          {"min", rounded(h.min())},
          {"p50", rounded(h.quantile(0.5))},
          {"p75", rounded(h.quantile(0.75))},
          {"p90", rounded(h.quantile(0.9))},
          {"p95", rounded(h.quantile(0.95))},
          {"p99", rounded(h.quantile(0.99))},
          {"p999", rounded(h.quantile(0.999))},
          {"max", rounded(h.max())}};
}

std::string utc(double unix_s, const char* format) {
  const auto seconds = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  std::strftime(text, sizeof text, format, &parts);
  return text;
}

double per_second(double count, const Report& r) {
  return r.facts.duration_s > 0 ? count / r.facts.duration_s : 0;
}

const char* token_source(const Statistics& s) {
  if (s.completed == 0) return "nobody";
  if (s.counted_by_server == s.completed) return "server";
  return s.counted_by_server == 0 ? "events" : "server and events";
}

std::string optional_text(Reader& reader, const char* member, std::size_t most) {
  const Json* value = reader.find(member);
  if (!value || (value->is_string() && value->get_ref<const std::string&>().empty())) return {};
  return text_of(*value, reader.path_of(member), most);
}

} // namespace

Json document_of(const Report& r) {
  const RunFacts& f = r.facts;
  const Statistics& s = r.statistics;
  Json out;
  out["kind"] = "load_report";
  out["schema"] = 1;
  out["request"] = f.request;
  out["generator"] = f.library;
  out["machines"] = f.machines;
  out["began_at"] = utc(f.began_at_unix_s, "%Y-%m-%dT%H:%M:%SZ");
  out["began_at_unix_s"] = f.began_at_unix_s;
  out["duration_s"] = f.duration_s;
  out["ended"] = f.ended;
  out["resumed"] = f.resumed;
  out["max_in_flight"] = f.max_in_flight;
  out["requests"] = {{"sent", f.sent},       {"completed", s.completed},
                     {"failed", s.failed()}, {"interrupted", f.interrupted},
                     {"warmup", s.warmup},   {"within_slo", s.good}};
  out["failures"] = Json::object();
  for (const auto& [name, count] : s.failures)
    out["failures"][name] = count;
  out["tokens"] = {{"input", s.input_tokens},
                   {"output", s.output_tokens},
                   {"counted_by", token_source(s)},
                   {"requests_counted_by_server", s.counted_by_server}};
  const auto rate = [&](std::uint64_t count) {
    return rounded(per_second(static_cast<double>(count), r));
  };
  out["rates"] = {{"requests_per_s", rate(s.completed)},
                  {"goodput_requests_per_s", rate(s.good)},
                  {"input_tokens_per_s", rate(s.input_tokens)},
                  {"output_tokens_per_s", rate(s.output_tokens)},
                  {"total_tokens_per_s", rate(s.input_tokens + s.output_tokens)}};
  out["latency"] = Json::object();
  for (const auto& [name, histogram] : histograms)
    out["latency"][name] = summary_of(s.*histogram);
  out["definitions"] = {
      {"ttft_ms", "scheduled time to first token"},
      {"tpot_ms", "(last token - first token) / (output tokens - 1), of each request"},
      {"itl_ms", "between two events with text of one request"},
      {"e2e_ms", "scheduled time to the end of the response"},
      {"send_delay_ms", "scheduled time to the moment of sending, inside ttft and e2e"}};
  if (!f.journal_failure.empty()) out["journal_failure"] = f.journal_failure;
  out["histograms"] = Json::object();
  for (const auto& [name, histogram] : histograms)
    out["histograms"][name] = (s.*histogram).to_json();
  return out;
}

Report report_from_document(const Json& document, const std::string& path) {
  constexpr std::int64_t most = std::int64_t{1} << 53;
  Reader reader(document, path);
  reader.choice("kind", {"load_report"});
  reader.integer("schema", 1, 1);
  Report out;
  const auto count = [](Reader& from, const char* member) {
    return static_cast<std::uint64_t>(from.integer(member, 0, most));
  };
  RunFacts& f = out.facts;
  if (const Json* request = reader.find("request")) f.request = *request;
  f.library = optional_text(reader, "generator", 4096);
  f.machines = count(reader, "machines");
  f.began_at_unix_s = reader.number("began_at_unix_s", 0, 1e12);
  f.duration_s = reader.number("duration_s", 0, 1e10);
  f.ended = optional_text(reader, "ended", 1024);
  f.resumed = count(reader, "resumed");
  f.max_in_flight = count(reader, "max_in_flight");
  f.journal_failure = optional_text(reader, "journal_failure", 4096);
  Reader requests = reader.object("requests");
  f.sent = count(requests, "sent");
  f.interrupted = count(requests, "interrupted");
  Statistics& s = out.statistics;
  s.completed = count(requests, "completed");
  s.good = count(requests, "within_slo");
  s.warmup = count(requests, "warmup");
  Reader tokens = reader.object("tokens");
  s.input_tokens = count(tokens, "input");
  s.output_tokens = count(tokens, "output");
  s.counted_by_server = count(tokens, "requests_counted_by_server");
  Reader failures = reader.object("failures");
  for (const auto& [name, value] : failures.value().items())
    s.failures[name] =
        static_cast<std::uint64_t>(integer_of(value, failures.path_of(name), 0, most));
  Reader stored = reader.object("histograms");
  for (const auto& [name, histogram] : histograms)
    s.*histogram = Histogram::from_json(stored.require(name), stored.path_of(name));
  return out;
}

// The names of vLLM's benchmarks/serve.py (0.11), so that tools that read its files read ours.
Json vllm_document(const Report& r) {
  const RunFacts& f = r.facts;
  const Statistics& s = r.statistics;
  // A report of a stranger may hold anything under "request".
  const auto member = [](const Json& object, const char* name) {
    const auto it = object.find(name);
    return it == object.end() ? Json() : *it;
  };
  const Json endpoint = member(f.request, "endpoint"), workload = member(f.request, "workload");
  const Json model = member(endpoint, "model"), slo = member(f.request, "slo");
  const bool chat = member(endpoint, "api") == "chat";
  Json out;
  out["date"] = utc(f.began_at_unix_s, "%Y%m%d-%H%M%S");
  out["endpoint_type"] = chat ? "openai-chat" : "openai";
  out["backend"] = out["endpoint_type"];
  out["label"] = nullptr;
  out["model_id"] = model.is_null() ? Json("") : model;
  out["tokenizer_id"] = out["model_id"];
  out["num_prompts"] = f.sent - s.warmup;
  out["request_rate"] = workload.contains("rate_per_s") ? workload["rate_per_s"] : Json("inf");
  out["burstiness"] = 1.0;
  out["max_concurrency"] =
      workload.contains("concurrency") ? workload["concurrency"] : Json(nullptr);
  out["duration"] = f.duration_s;
  out["completed"] = s.completed;
  out["failed"] = s.failed();
  out["total_input_tokens"] = s.input_tokens;
  out["total_output_tokens"] = s.output_tokens;
  const auto rate = [&](std::uint64_t count) { return per_second(static_cast<double>(count), r); };
  out["request_throughput"] = rate(s.completed);
  out["request_goodput"] = slo.empty() ? Json(nullptr) : Json(rate(s.good));
  out["output_throughput"] = rate(s.output_tokens);
  out["total_token_throughput"] = rate(s.input_tokens + s.output_tokens);
  out["max_concurrent_requests"] = f.max_in_flight;
  constexpr std::pair<const char*, Histogram Statistics::*> metrics[] = {
      {"ttft", &Statistics::ttft_ms},
      {"tpot", &Statistics::tpot_ms},
      {"itl", &Statistics::gap_ms},
      {"e2el", &Statistics::e2e_ms}};
  for (const auto& [name, histogram] : metrics) {
    const Histogram& h = s.*histogram;
    const std::string unit = std::string(name) + "_ms";
    out["mean_" + unit] = h.mean();
    out["median_" + unit] = h.quantile(0.5);
    out["std_" + unit] = h.deviation();
    out["p90_" + unit] = h.quantile(0.9);
    out["p95_" + unit] = h.quantile(0.95);
    out["p99_" + unit] = h.quantile(0.99);
  }
  return out;
}

std::string report_table(const Report& r) {
  const RunFacts& f = r.facts;
  const Statistics& s = r.statistics;
  const auto padded = [](std::string text, std::size_t width) {
    if (text.size() < width) text.insert(0, width - text.size(), ' ');
    return text;
  };
  std::string out = std::to_string(s.completed) + " of " + std::to_string(f.sent) +
                    " requests completed in " + fixed_text(f.duration_s, 1) + " s (" + f.ended +
                    "), " + std::to_string(s.failed()) + " failed, " +
                    std::to_string(f.interrupted) + " interrupted, " + std::to_string(s.warmup) +
                    " for warm-up\n";
  for (const auto& [name, count] : s.failures)
    out += "  " + name + ": " + std::to_string(count) + "\n";
  const auto rate = [&](std::uint64_t count, int digits) {
    return fixed_text(per_second(static_cast<double>(count), r), digits);
  };
  out += rate(s.completed, 2) + " requests/s, " + rate(s.good, 2) + " within the SLO; " +
         rate(s.input_tokens, 0) + " input and " + rate(s.output_tokens, 0) +
         " output tokens/s (counted by " + token_source(s) + ")\n";
  out += padded("ms", 14);
  for (const char* name : {"mean", "p50", "p90", "p95", "p99", "p99.9", "max"})
    out += padded(name, 11);
  out += "\n";
  for (const auto& [name, histogram] : histograms) {
    const Histogram& h = s.*histogram;
    out += padded(std::string(name).substr(0, std::string(name).size() - 3), 14);
    for (const double value : {h.mean(), h.quantile(0.5), h.quantile(0.9), h.quantile(0.95),
                               h.quantile(0.99), h.quantile(0.999), h.max()})
      out += padded(h.count() ? fixed_text(value, 3) : "-", 11);
    out += "\n";
  }
  if (!f.journal_failure.empty()) out += f.journal_failure + "\n";
  return out;
}

} // namespace dsk::load
