// Tokens per second of an engine: a batch of requests sent at once and waited for, again and again.
#include <cstdio>
#include <memory>

#include "cli/bench_table.hpp"
#include "cli/command.hpp"
#include "cli/files.hpp"
#include "dsk/bench.hpp"

namespace dsk::cli {
namespace {

struct ThroughputFlags {
  std::string url, model, key_env;
  std::string api = "completions";
  std::int64_t batch = 32;
  std::int64_t iterations = 100;
  double input = 512, output = 128;
  std::string out;
  bool json = false;
};

std::string request_of(const ThroughputFlags& f, std::int64_t seed) {
  JsonValue endpoint = JsonValue::object();
  endpoint.set("url", f.url);
  endpoint.set("api", f.api);
  endpoint.set("model", f.model);
  if (!f.key_env.empty()) endpoint.set("key_env", f.key_env);
  JsonValue workload = JsonValue::object();
  workload.set("concurrency", f.batch);
  workload.set("requests", f.batch);
  workload.set("input_tokens", f.input);
  workload.set("output_tokens", f.output);
  workload.set("seed", seed); // other prompts each time, so that no prefix cache helps
  JsonValue out = JsonValue::object();
  out.set("endpoint", std::move(endpoint));
  out.set("workload", std::move(workload));
  return out.dump();
}

int run(const ThroughputFlags& f) {
  std::int64_t seed = 1;
  dsk_bench_options options = DSK_BENCH_OPTIONS_INIT;
  const std::string name = f.model + ", batch " + std::to_string(f.batch);
  options.name = name.c_str();
  options.flags = DSK_BENCH_FIXED_COUNT;
  options.min_samples = static_cast<std::uint64_t>(f.iterations);
  options.max_samples = options.min_samples;
  options.warmup_ns = 1; // one batch
  options.cancel = interrupt().get();
  const std::string line = bench_run(options, [&](dsk_bench_sample& sample) {
    for (std::uint64_t i = 0; i < sample.iterations; ++i) {
      const JsonValue report = JsonValue::parse(load_run(request_of(f, seed++), interrupt()));
      if (interrupt().is_set()) throw Error(DSK_STATUS_CANCELLED, "cancelled");
      if (report["requests"]["completed"].integer() != f.batch)
        throw Error(DSK_STATUS_BACKEND, "requests failed: " + report["failures"].dump());
      sample.prompt_tokens += report["tokens"]["input"].number();
      sample.output_tokens += report["tokens"]["output"].number();
    }
  });
  if (!f.out.empty()) append_file(f.out, line);
  if (f.json) {
    print(line);
    return exit_answered;
  }
  const JsonValue m = JsonValue::parse(line);
  std::string text = measurement_heading() + measurement_row(line);
  for (const char* kind : {"prompt", "output", "total"}) {
    const JsonValue& rate = m[std::string(kind) + "_tokens_per_s"];
    char row[200];
    std::snprintf(row, sizeof row,
                  "%-7s tokens/s: median %.0f, interval %.0f to %.0f, p1 %.0f, p99 %.0f\n", kind,
                  rate["median"].number(), rate["interval"].items()[0].number(),
                  rate["interval"].items()[1].number(), rate["p1"].number(), rate["p99"].number());
    text += row;
  }
  print(text);
  return exit_answered;
}

} // namespace

void add_throughput(CLI::App& bench, int& code) {
  auto f = std::make_shared<ThroughputFlags>();
  CLI::App* sub = bench.add_subcommand(
      "throughput", "Tokens per second of an engine, prompt and output counted apart");
  sub->add_option("--url", f->url, "Server, e.g. http://127.0.0.1:8000")->required();
  sub->add_option("--model", f->model, "Name of the model on the server")->required();
  sub->add_option("--api", f->api, "completions or chat");
  sub->add_option("--key-env", f->key_env, "Environment variable that holds the key");
  sub->add_option("--batch", f->batch, "Requests sent together")->check(CLI::PositiveNumber);
  sub->add_option("--iterations", f->iterations, "Batches that count, after one for warm-up")
      ->check(CLI::PositiveNumber);
  sub->add_option("--input", f->input, "Input tokens of a request");
  sub->add_option("--output", f->output, "Output tokens of a request");
  sub->add_option("--out", f->out, "Append the JSON line here");
  sub->add_flag("--json", f->json, "Print the JSON line");
  sub->callback([f, &code] { code = run(*f); });
}

} // namespace dsk::cli
