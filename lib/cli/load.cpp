#include <filesystem>
#include <memory>

#include <sys/resource.h>

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/origins.hpp"
#include "dsk/bench.hpp"

namespace dsk::cli {
namespace {

struct LoadFlags {
  std::string request_file;
  std::string url, model, key_env, ca_file;
  std::string api = "completions";
  std::string process = "poisson";
  std::string prompt = "words";
  double rate = 0, duration = 0, timeout = 0;
  std::int64_t concurrency = 0, requests = 0, warmup = 0, seed = 0, max_in_flight = 0;
  double input = 512, output = 128;
  std::string trace, trace_format = "mooncake";
  double ttft = 0, tpot = 0, e2e = 0;
  bool no_stream = false;
  std::string journal, out, vllm_out;
  bool json = false;
  std::vector<std::string> reports;
};

JsonValue request_of(const LoadFlags& f) {
  if (f.url.empty()) throw UsageError("give --url, the server's address, or --request");
  if (f.model.empty()) throw UsageError("give --model, the name that the server knows");
  JsonValue endpoint = JsonValue::object();
  endpoint.set("url", f.url);
  endpoint.set("api", f.api);
  endpoint.set("model", f.model);
  if (!f.key_env.empty()) endpoint.set("key_env", f.key_env);
  if (!f.ca_file.empty()) endpoint.set("ca_file", f.ca_file);
  if (f.timeout > 0) endpoint.set("timeout_s", f.timeout);
  if (f.no_stream) endpoint.set("stream", false);
  JsonValue workload = JsonValue::object();
  if (!f.trace.empty()) {
    JsonValue trace = JsonValue::object();
    came_from("/workload/trace/path", f.trace);
    trace.set("path", f.trace);
    trace.set("format", f.trace_format);
    workload.set("trace", std::move(trace));
  } else {
    workload.set("input_tokens", f.input);
    workload.set("output_tokens", f.output);
  }
  if (f.rate > 0) {
    workload.set("rate_per_s", f.rate);
    workload.set("process", f.process);
  }
  if (f.concurrency > 0) workload.set("concurrency", f.concurrency);
  if (f.requests > 0) workload.set("requests", f.requests);
  if (f.duration > 0) workload.set("duration_s", f.duration);
  if (f.warmup > 0) workload.set("warmup_requests", f.warmup);
  if (f.seed > 0) workload.set("seed", f.seed);
  JsonValue slo = JsonValue::object();
  if (f.ttft > 0) slo.set("ttft_ms", f.ttft);
  if (f.tpot > 0) slo.set("tpot_ms", f.tpot);
  if (f.e2e > 0) slo.set("e2e_ms", f.e2e);
  JsonValue out = JsonValue::object();
  out.set("schema", 1);
  out.set("endpoint", std::move(endpoint));
  out.set("workload", std::move(workload));
  out.set("prompt", f.prompt);
  if (f.max_in_flight > 0) out.set("max_in_flight", f.max_in_flight);
  out.set("slo", std::move(slo));
  if (!f.journal.empty()) out.set("journal", f.journal);
  return out;
}

// A socket for each request in flight: the tool's own limit may go up to what the system allows.
void raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int write_reports(const LoadFlags& f, const std::vector<std::string>& reports) {
  const std::string document = load_emit(reports, DSK_BENCH_LOAD_JSON);
  if (!f.out.empty()) write_file(f.out, document);
  if (!f.vllm_out.empty()) write_file(f.vllm_out, load_emit(reports, DSK_BENCH_LOAD_VLLM));
  print(f.json ? document : load_emit(reports, DSK_BENCH_LOAD_TABLE));
  return exit_answered;
}

int run(const LoadFlags& f) {
  raise_open_files();
  const std::string request =
      f.request_file.empty() ? request_of(f).dump() : read_request(f.request_file);
  const std::string report = load_run(request, interrupt());
  write_reports(f, {report});
  if (interrupt().is_set()) return exit_cancelled;
  const JsonValue counts = JsonValue::parse(report)["requests"];
  const bool nothing = counts["completed"].integer() == 0 && counts["failed"].integer() > 0;
  return nothing ? exit_unavailable : exit_answered;
}

int merge(const LoadFlags& f) {
  std::vector<std::string> texts;
  for (const std::string& report : f.reports) {
    came_from("/" + std::to_string(texts.size()), report);
    texts.push_back(report.rfind("journal:", 0) == 0 ? report : read_file(report));
  }
  return write_reports(f, texts);
}

void add_output(CLI::App& app, LoadFlags& f) {
  app.add_option("--out", f.out, "Write the report here");
  app.add_option("--vllm-out", f.vllm_out, "Write the result format of vllm bench serve here");
  app.add_flag("--json", f.json, "Print the report document");
}

} // namespace

void add_load(CLI::App& app, int& code) {
  auto f = std::make_shared<LoadFlags>();
  CLI::App* load = app.add_subcommand("load", "Put an OpenAI-compatible server under load");
  load->require_subcommand(1);
  CLI::App* sub = load->add_subcommand("run", "Send requests and report latencies");
  sub->add_option("--request", f->request_file, "Request document (\"-\": standard input)");
  sub->add_option("--url", f->url, "Server, e.g. http://127.0.0.1:8000");
  sub->add_option("--api", f->api, "completions or chat")
      ->check(CLI::IsMember({"completions", "chat"}));
  sub->add_option("--model", f->model, "Name of the model on the server");
  sub->add_option("--key-env", f->key_env, "Environment variable that holds the key");
  sub->add_option("--ca-file", f->ca_file, "Certificates to trust instead of the system's");
  sub->add_option("--timeout", f->timeout, "Seconds that one request may take");
  sub->add_flag("--no-stream", f->no_stream, "Ask for whole answers");
  sub->add_option("--rate", f->rate, "Requests per second (open loop)");
  sub->add_option("--process", f->process, "poisson, constant, gamma, on_off or daily");
  sub->add_option("--concurrency", f->concurrency, "Requests in flight (closed loop)");
  sub->add_option("--trace", f->trace, "Recorded requests with their times");
  sub->add_option("--trace-format", f->trace_format, "azure, mooncake, request-log or csv");
  sub->add_option("--input", f->input, "Input tokens of a request");
  sub->add_option("--output", f->output, "Output tokens of a request");
  sub->add_option("--prompt", f->prompt, "words or token_ids");
  sub->add_option("--requests", f->requests, "Send so many");
  sub->add_option("--duration", f->duration, "Send for so many seconds");
  sub->add_option("--warmup", f->warmup, "First requests that do not count");
  sub->add_option("--seed", f->seed, "Seed of times, lengths and prompts");
  sub->add_option("--max-in-flight", f->max_in_flight, "Requests in flight at most (open loop)");
  sub->add_option("--ttft-ms", f->ttft, "Bound of a good request");
  sub->add_option("--tpot-ms", f->tpot, "Bound of a good request");
  sub->add_option("--e2e-ms", f->e2e, "Bound of a good request");
  sub->add_option("--journal", f->journal, "Keep the run here; resumes what was interrupted");
  add_output(*sub, *f);
  sub->callback([f, &code] { code = run(*f); });
  CLI::App* merge_sub =
      load->add_subcommand("merge", "One report of several, or of a journal (journal:FILE)");
  merge_sub->add_option("reports", f->reports, "Reports of machines that ran together")->required();
  add_output(*merge_sub, *f);
  merge_sub->callback([f, &code] { code = merge(*f); });
}

} // namespace dsk::cli
