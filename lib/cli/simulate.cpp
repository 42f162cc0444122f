// dsk simulate: a deployment under a workload, request by request.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <thread>

#include <unistd.h>

#include "cli/files.hpp"
#include "cli/origins.hpp"
#include "cli/request.hpp"
#include "cli/simulate_draw.hpp"

namespace dsk::cli {
namespace {

struct SimulateFlags {
  std::string request_file;
  ModelFlags model;
  std::string device, engine, weights, kv, dataset, process = "poisson", trace_file, trace_format;
  std::optional<std::int64_t> tp, pp, dp, ep, replicas, requests, seed, concurrency, mtp_tokens;
  std::optional<std::int64_t> max_sequences, token_budget, batch_size;
  std::optional<double> rate, input, output, until_s, batch_wait_ms, think_ms;
  std::optional<double> ttft_ms, tpot_ms, e2e_ms;
  std::string routing, requests_out, chrome_out, svg_out;
  std::vector<std::string> catalog_files;
  bool json = false;
};

JsonValue workload_of(const SimulateFlags& f) {
  JsonValue w = JsonValue::object();
  if (!f.trace_file.empty()) {
    JsonValue trace = JsonValue::object();
    trace.set("format", f.trace_format.empty() ? std::string("csv") : f.trace_format);
    came_from("/workload/trace/text", f.trace_file);
    trace.set("text", read_file(f.trace_file));
    w.set("trace", std::move(trace));
    return w;
  }
  put(w, "dataset", f.dataset);
  put(w, "input", f.input);
  put(w, "output", f.output);
  if (f.dataset.empty() && (!f.input || !f.output))
    throw UsageError("give --input and --output, or --dataset, or --trace");
  if (f.concurrency) {
    put(w, "concurrency", f.concurrency);
    put(w, "think_ms", f.think_ms);
  } else {
    JsonValue arrivals = JsonValue::object();
    arrivals.set("process", f.process);
    if (f.process != "burst" && !f.rate) throw UsageError("give --rate or --concurrency");
    if (f.process != "burst") put(arrivals, "rate_per_s", f.rate);
    w.set("arrivals", std::move(arrivals));
  }
  put(w, "requests", f.requests);
  put(w, "seed", f.seed);
  return w;
}

std::string request_of(const SimulateFlags& f) {
  if (f.device.empty()) throw UsageError("give --device");
  JsonValue r = JsonValue::object();
  r.set("schema", 1);
  r.set("model", f.model.model().to_value());
  r.set("device", f.device);
  put(r, "engine", f.engine);
  put(r, "weights", f.weights);
  put(r, "kv", f.kv);
  put(r, "mtp_tokens", f.mtp_tokens);
  JsonValue parallel = JsonValue::object();
  put(parallel, "tp", f.tp);
  put(parallel, "pp", f.pp);
  put(parallel, "dp", f.dp);
  put(parallel, "ep", f.ep);
  r.set("parallel", std::move(parallel));
  JsonValue policy = JsonValue::object();
  put(policy, "max_sequences", f.max_sequences);
  put(policy, "token_budget", f.token_budget);
  put(policy, "batch_size", f.batch_size);
  put(policy, "batch_wait_ms", f.batch_wait_ms);
  r.set("policy", std::move(policy));
  put(r, "replicas", f.replicas);
  put(r, "routing", f.routing);
  r.set("workload", workload_of(f));
  JsonValue slo = JsonValue::object();
  put(slo, "ttft_ms", f.ttft_ms);
  put(slo, "tpot_ms", f.tpot_ms);
  put(slo, "e2e_ms", f.e2e_ms);
  if (!slo.members().empty()) r.set("slo", std::move(slo));
  put(r, "until_s", f.until_s);
  if (!f.svg_out.empty()) r.set("timeline", true);
  put_catalog(r, f.catalog_files);
  return r.dump();
}

std::string table_of(const JsonValue& a) {
  char line[256];
  std::string out;
  const JsonValue& q = a["requests"];
  std::snprintf(
      line, sizeof line, "%s on %s: %lld of %lld requests done, %lld rejected, in %.6g s (%s)\n",
      a["model"].text().c_str(), a["device"].text().c_str(),
      static_cast<long long>(q["completed"].integer()), static_cast<long long>(q["sent"].integer()),
      static_cast<long long>(q["rejected"].integer()), a["duration_s"].number(),
      a["stopped"].text().c_str());
  out += line;
  std::snprintf(
      line, sizeof line, "%.6g requests/s, %.6g output tokens/s, %.3g running on average\n\n",
      a["requests_per_s"].number(), a["output_tokens_per_s"].number(), a["mean_running"].number());
  out += line;
  std::snprintf(line, sizeof line, "%-10s %11s %11s %11s %11s %11s %11s\n", "ms", "mean", "p50",
                "p90", "p95", "p99", "max");
  out += line;
  for (const char* name : {"queue_ms", "ttft_ms", "tpot_ms", "itl_ms", "e2e_ms"}) {
    const JsonValue& t = a[name];
    std::string label(name);
    label.resize(label.size() - 3);
    std::snprintf(line, sizeof line, "%-10s %11.5g %11.5g %11.5g %11.5g %11.5g %11.5g\n",
                  label.c_str(), t["mean"].number(), t["p50"].number(), t["p90"].number(),
                  t["p95"].number(), t["p99"].number(), t["max"].number());
    out += line;
  }
  const JsonValue& kv = a["kv"];
  std::snprintf(
      line, sizeof line,
      "\nKV pool: mean %.1f %%, peak %.1f %%; waste %.1f %% in pages, %.1f %% if contiguous; "
      "%lld preemptions; prefix hits %.1f %%\n",
      100 * kv["mean_share"].number(), 100 * kv["peak_share"].number(),
      100 * kv["paged_waste"].number(), 100 * kv["contiguous_waste"].number(),
      static_cast<long long>(kv["preemptions"].integer()), 100 * kv["prefix_hit_rate"].number());
  out += line;
  for (const JsonValue& text : a["assumptions"].items())
    out += "assumed: " + text.text() + "\n";
  return out;
}

/// A progress bar on a terminal, from the token's own counts, until the call is over.
class Progress {
public:
  Progress() {
    if (isatty(STDERR_FILENO)) thread_ = std::thread([this] { show(); });
  }
  ~Progress() {
    over_ = true;
    if (thread_.joinable()) {
      thread_.join();
      std::fputs("\r\x1b[K", stderr);
    }
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

private:
  void show() {
    while (!over_) {
      std::uint64_t done = 0;
      std::uint64_t total = 0;
      dsk_cancel_progress(interrupt().get(), &done, &total);
      if (total > 0)
        std::fprintf(stderr, "\r%5.1f %% of %llu requests",
                     100 * static_cast<double>(done) / static_cast<double>(total),
                     static_cast<unsigned long long>(total));
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  std::atomic<bool> over_{false};
  std::thread thread_;
};

int run(const SimulateFlags& flags) {
  const std::string request =
      flags.request_file.empty() ? request_of(flags) : read_request(flags.request_file);
  const bool wants_series = !flags.requests_out.empty() || !flags.chrome_out.empty();
  std::vector<dsk_request_times> series(wants_series ? 1'000'000 : 0);
  std::size_t count = 0;
  std::string text;
  {
    const Progress progress;
    text = detail::text_from([&](char** out, size_t* len, dsk_error** error) {
      return dsk_plan_simulate(request.data(), request.size(), interrupt().get(), series.data(),
                               series.size(), sizeof(dsk_request_times), &count, out, len, error);
    });
  }
  series.resize(std::min(series.size(), count));
  const JsonValue answer = JsonValue::parse(text);
  if (!flags.requests_out.empty())
    write_file(flags.requests_out,
               flags.requests_out.ends_with(".jsonl") ? series_jsonl(series) : series_csv(series));
  if (!flags.chrome_out.empty()) write_file(flags.chrome_out, chrome_trace(series));
  if (!flags.svg_out.empty()) write_file(flags.svg_out, timeline_svg(answer));
  print(flags.json ? text : table_of(answer));
  return answer["stopped"].text() == "cancelled" ? exit_cancelled : exit_answered;
}

} // namespace

void add_simulate(CLI::App& app, int& code) {
  auto f = std::make_shared<SimulateFlags>();
  CLI::App* sub = app.add_subcommand("simulate", "Simulate a deployment under a workload");
  auto* file =
      sub->add_option("--request", f->request_file, "Request document (\"-\": standard input)");
  f->model.add(*sub);
  sub->add_option("--device", f->device, "Accelerator");
  sub->add_option("--engine", f->engine, "vllm, sglang, tensorrt-llm, lmdeploy; NAME@VERSION");
  sub->add_option("--weights", f->weights, "Weight format instead of the checkpoint's");
  sub->add_option("--kv", f->kv, "KV cache type");
  sub->add_option("--tp", f->tp, "Tensor-parallel width");
  sub->add_option("--pp", f->pp, "Pipeline stages");
  sub->add_option("--dp", f->dp, "Attention data-parallel ranks");
  sub->add_option("--ep", f->ep, "Expert-parallel width");
  sub->add_option("--mtp-tokens", f->mtp_tokens, "Draft tokens of multi-token prediction");
  sub->add_option("--replicas", f->replicas, "Replicas behind the router");
  sub->add_option("--routing", f->routing, "round_robin, least_loaded or prefix_affinity");
  sub->add_option("--input", f->input, "Input tokens of a request");
  sub->add_option("--output", f->output, "Output tokens of a request");
  sub->add_option("--dataset", f->dataset, "Lengths of a data set of the catalogue");
  sub->add_option("--rate", f->rate, "Requests per second (open loop)");
  sub->add_option("--process", f->process, "poisson, constant, burst");
  sub->add_option("--concurrency", f->concurrency, "Clients (closed loop)");
  sub->add_option("--think-ms", f->think_ms, "Pause of a client between answer and next request");
  sub->add_option("--requests", f->requests, "Number of requests");
  sub->add_option("--seed", f->seed, "Seed of the random numbers");
  sub->add_option("--trace", f->trace_file, "Recorded requests instead of generated ones");
  sub->add_option("--trace-format", f->trace_format, "csv, azure, mooncake or request-log");
  sub->add_option("--max-sequences", f->max_sequences, "Sequences of a replica at once");
  sub->add_option("--token-budget", f->token_budget, "Tokens of one step");
  sub->add_option("--batch-size", f->batch_size, "Requests collected before they are let in");
  sub->add_option("--batch-wait-ms", f->batch_wait_ms, "Longest wait of the first of them");
  sub->add_option("--ttft-ms", f->ttft_ms, "Bound for goodput");
  sub->add_option("--tpot-ms", f->tpot_ms, "Bound for goodput");
  sub->add_option("--e2e-ms", f->e2e_ms, "Bound for goodput");
  sub->add_option("--until", f->until_s, "Stop at this simulated second");
  sub->add_option("--requests-out", f->requests_out, "Times of each request (.csv or .jsonl)");
  sub->add_option("--chrome-trace", f->chrome_out, "Spans of each request for a trace viewer");
  sub->add_option("--svg", f->svg_out, "Time line of queue, batch and KV use");
  sub->add_option("--catalog", f->catalog_files, "File with your own records; repeat for more")
      ->allow_extra_args(false);
  sub->add_flag("--json", f->json, "Print the answer document");
  file->excludes(sub->get_option("--model"));
  sub->callback([f, &code] { code = run(*f); });
}

} // namespace dsk::cli
