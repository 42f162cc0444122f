#include "load/request.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"

namespace dsk::load {
namespace {

constexpr std::int64_t most_requests = std::int64_t{1} << 53;
constexpr double most_tokens = static_cast<double>(workload::max_tokens);

std::string whole_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (!file)
    throw Error(DSK_STATUS_IO, path + " cannot be read: " + std::strerror(errno),
                "/workload/trace/path");
  std::string text;
  char buffer[65536];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, file.get()))
    text.append(buffer, got);
  return text;
}

// A header with a line break in it would be two headers.
void check_plain(const std::string& text, const std::string& path) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      invalid_request(path, "a header must not hold control characters");
}

void read_endpoint(LoadRequest& out, Reader reader) {
  Endpoint& e = out.endpoint;
  out.base_url = reader.text("url", 2048);
  const bool http = out.base_url.rfind("http://", 0) == 0;
  if (!http && out.base_url.rfind("https://", 0) != 0)
    reader.fail("url", "must begin with http:// or https://");
  if (out.base_url.find('@') != std::string::npos)
    reader.fail("url", "must not hold a user or a key; name an environment variable in key_env");
  while (out.base_url.back() == '/')
    out.base_url.pop_back();
  out.api = reader.choice("api", {"completions", "chat"}, "completions") == "chat"
                ? Api::chat
                : Api::completions;
  const std::string path =
      reader.text("path", out.api == Api::chat ? "/v1/chat/completions" : "/v1/completions", 1024);
  if (path.front() != '/') reader.fail("path", "must begin with /");
  e.url = out.base_url + path;
  out.model = reader.text("model", 512);
  out.streaming = reader.boolean("stream", true);
  e.ca_file = reader.text("ca_file", "", 4096);
  e.verify = reader.boolean("verify_certificate", true);
  e.connect_timeout_s = reader.number("connect_timeout_s", 0.001, 3600, e.connect_timeout_s);
  e.timeout_s = reader.number("timeout_s", 0.001, 86400, e.timeout_s);
  e.headers.emplace_back("Content-Type: application/json");
  if (auto headers = reader.optional_object("headers")) {
    for (const auto& [name, value] : headers->value().items()) {
      const std::string at = headers->path_of(name);
      check_plain(name, at);
      const std::string text = text_of(value, at, 8192);
      check_plain(text, at);
      if (folded_name(name) == "authorization")
        invalid_request(at, "a key must not stand in the request; name an environment variable in "
                            "key_env");
      e.headers.push_back(name + ": " + text);
    }
    headers->ignore_rest();
  }
  if (reader.has("key_env")) {
    const std::string variable = reader.text("key_env", 128);
    const std::string key = environment(variable.c_str());
    if (key.empty()) reader.fail("key_env", "must name an environment variable that is set");
    check_plain(key, reader.path_of("key_env"));
    e.headers.push_back("Authorization: Bearer " + key);
  }
  reader.done();
}

workload::Lengths read_lengths(Reader& reader, const char* member) {
  const Json& value = reader.require(member);
  const std::string path = reader.path_of(member);
  if (value.is_number()) return workload::Lengths::fixed(number_of(value, path, 1, most_tokens));
  Reader shape(value, path);
  const double low = shape.number("low", 1, most_tokens, 1);
  if (shape.has("mean")) {
    const double mean = shape.number("mean", 1, most_tokens);
    const double deviation = shape.number("deviation", 0, most_tokens);
    const double high = shape.number("high", low, most_tokens, most_tokens);
    shape.done();
    return workload::Lengths::lognormal(mean, deviation, low, high);
  }
  const double high = shape.number("high", low, most_tokens);
  shape.done();
  return workload::Lengths::uniform(low, high);
}

void read_arrivals(LoadRequest& out, Reader& reader) {
  using Process = workload::ArrivalSpec::Process;
  workload::ArrivalSpec& a = out.workload.arrivals;
  const std::string process =
      reader.choice("process", {"constant", "poisson", "gamma", "on_off", "daily"}, "poisson");
  a.process = process == "constant" ? Process::constant
              : process == "gamma"  ? Process::gamma
              : process == "on_off" ? Process::on_off
              : process == "daily"  ? Process::daily
                                    : Process::poisson;
  a.rate_per_s = out.rate_per_s;
  a.cv = reader.number("cv", 0.01, 100, a.cv);
  a.on_s = reader.number("on_s", 0.001, 1e6, a.on_s);
  a.off_s = reader.number("off_s", 0.001, 1e6, a.off_s);
  a.day_s = reader.number("day_s", 1, 1e7, a.day_s);
  a.peak = reader.number("peak", 1, 2, a.peak);
}

void read_trace_member(LoadRequest& out, Reader trace) {
  const std::string file = trace.text("path", 4096);
  const workload::TraceFormat format =
      workload::trace_format(trace.text("format", 32), trace.path_of("format"));
  out.workload.trace_speed = trace.number("speed", 1e-6, 1e6, 1);
  trace.done();
  out.workload.trace = std::make_shared<const workload::Trace>(
      workload::read_trace(whole_file(file), format, trace.path_of("path")));
}

void read_workload(LoadRequest& out, Reader reader) {
  workload::WorkloadSpec& w = out.workload;
  w.seed = static_cast<std::uint64_t>(reader.integer("seed", 0, most_requests, 1));
  const bool closed = reader.has("concurrency");
  const bool traced = reader.has("trace");
  const bool open = reader.has("rate_per_s");
  if (closed + traced + open != 1)
    reader.fail(closed ? "concurrency" : "rate_per_s",
                "must stand alone: give exactly one of rate_per_s, concurrency and trace");
  if (traced) {
    read_trace_member(out, reader.object("trace"));
  } else {
    w.input = read_lengths(reader, "input_tokens");
    w.output = read_lengths(reader, "output_tokens");
  }
  if (closed) {
    workload::ClosedLoop loop;
    loop.clients = reader.integer("concurrency", 1, 1000000);
    loop.think_s = reader.number("think_s", 0, 1e6, 0);
    w.closed = loop;
  }
  if (open) {
    out.rate_per_s = reader.number("rate_per_s", 1e-6, 1e7);
    read_arrivals(out, reader);
  }
  if (auto prefix = reader.optional_object("prefix")) {
    w.sessions.groups = prefix->integer("groups", 0, 1000000, 0);
    w.sessions.group_tokens = static_cast<std::int32_t>(prefix->integer("tokens", 0, 1000000, 0));
    w.sessions.turns = prefix->integer("turns", 1, 1000, 1);
    w.sessions.parallel = prefix->integer("parallel", 1, 1000000, 1);
    prefix->done();
  }
  const bool bounded = reader.has("requests");
  w.requests = reader.integer("requests", 1, most_requests, most_requests);
  if (reader.has("duration_s")) out.duration_s = reader.number("duration_s", 0.001, 1e8);
  if (!bounded && !traced && !reader.has("duration_s"))
    reader.fail("requests", "must be given, or duration_s: a run needs an end");
  out.warmup = reader.integer("warmup_requests", 0, w.requests, 0);
  reader.done();
}

} // namespace

Slo read_slo(const Json& document) {
  Reader reader(document, "");
  Slo out;
  if (auto slo = reader.optional_object("slo")) {
    out.ttft_ms = slo->optional_number("ttft_ms", 0.001, 1e9);
    out.tpot_ms = slo->optional_number("tpot_ms", 0.001, 1e9);
    out.e2e_ms = slo->optional_number("e2e_ms", 0.001, 1e9);
    slo->done();
  }
  return out;
}

LoadRequest read_load_request(const Json& document) {
  Reader reader(document, "");
  LoadRequest out;
  out.document = document;
  if (reader.integer("schema", 1, 1, 1) != 1) reader.fail("schema", "must be 1");
  read_endpoint(out, reader.object("endpoint"));
  read_workload(out, reader.object("workload"));
  out.token_ids = reader.choice("prompt", {"words", "token_ids"}, "words") == "token_ids";
  if (out.token_ids && out.api == Api::chat)
    reader.fail("prompt", "must be words for the chat API, which takes text only");
  if (const Json* extra = reader.find("extra_body")) {
    if (!extra->is_object()) reader.fail("extra_body", "must be an object");
    out.extra = *extra;
  }
  out.max_in_flight = reader.integer("max_in_flight", 1, 1000000, out.max_in_flight);
  if (out.workload.closed)
    out.max_in_flight = std::max(out.max_in_flight, out.workload.closed->clients);
  out.endpoint.max_connections = static_cast<int>(out.max_in_flight);
  reader.optional_object("slo");
  out.slo = read_slo(document);
  out.journal = reader.text("journal", "", 4096);
  reader.done();
  return out;
}

} // namespace dsk::load
