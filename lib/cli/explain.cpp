#include <memory>

#include "cli/files.hpp"
#include "cli/origins.hpp"
#include "cli/request.hpp"

namespace dsk::cli {
namespace {

struct ExplainFlags {
  std::string request_file;
  ModelFlags model;
  std::string device;
  std::string engine = "vllm";
  std::string weights;
  std::string kv;
  std::int64_t tp = 1, pp = 1, dp = 1, ep = 1, mtp = 0;
  std::int64_t batch = 0;
  std::int64_t context = 1024;
  std::vector<std::string> prefill; // NEW or NEW+CONTEXT
  std::vector<std::string> catalog_files;
  std::string svg_file;
  bool json = false;
};

JsonValue chunk_of(const std::string& text) {
  JsonValue chunk = JsonValue::object();
  try {
    std::size_t end = 0;
    chunk.set("new_tokens", static_cast<std::int64_t>(std::stoll(text, &end)));
    if (end < text.size() && text[end] == '+') {
      std::size_t last = 0;
      chunk.set("context", static_cast<std::int64_t>(std::stoll(text.substr(end + 1), &last)));
      end += 1 + last;
    }
    if (end == text.size()) return chunk;
  } catch (const std::logic_error&) { // no number, or one that is too large
  }
  throw UsageError("--prefill is " + text + ", must be NEW or NEW+CONTEXT in tokens");
}

std::string request_of(const ExplainFlags& flags) {
  JsonValue out = JsonValue::object();
  out.set("model", flags.model.model().to_value());
  if (flags.device.empty()) throw UsageError("give --device");
  out.set("device", flags.device);
  out.set("engine", flags.engine);
  JsonValue parallel = JsonValue::object();
  parallel.set("tp", flags.tp);
  parallel.set("pp", flags.pp);
  parallel.set("dp", flags.dp);
  parallel.set("ep", flags.ep);
  out.set("parallel", std::move(parallel));
  if (!flags.weights.empty()) out.set("weights", flags.weights);
  if (!flags.kv.empty()) out.set("kv", flags.kv);
  out.set("mtp_tokens", flags.mtp);
  JsonValue batch = JsonValue::object();
  batch.set("decode_sequences", flags.batch);
  if (flags.batch > 0) batch.set("kv_sum", flags.batch * flags.context);
  if (!flags.prefill.empty()) {
    JsonValue chunks = JsonValue::array();
    for (const std::string& text : flags.prefill)
      chunks.add(chunk_of(text));
    batch.set("prefill", std::move(chunks));
  }
  out.set("batch", std::move(batch));
  put_catalog(out, flags.catalog_files);
  return out.dump();
}

int run(const ExplainFlags& flags) {
  const std::string request =
      flags.request_file.empty() ? request_of(flags) : read_request(flags.request_file);
  if (!flags.svg_file.empty()) write_file(flags.svg_file, explain_step(request, DSK_EXPLAIN_SVG));
  print(explain_step(request, flags.json ? DSK_EXPLAIN_JSON : DSK_EXPLAIN_TABLE));
  return exit_answered;
}

} // namespace

void add_explain(CLI::App& app, int& code) {
  auto flags = std::make_shared<ExplainFlags>();
  CLI::App* sub = app.add_subcommand("explain", "Take one step apart: where its time goes");
  auto* file =
      sub->add_option("--request", flags->request_file, "Request document (\"-\": standard input)");
  flags->model.add(*sub);
  sub->add_option("--device", flags->device, "Accelerator, e.g. h200-sxm");
  sub->add_option("--engine", flags->engine, "vllm, sglang, tensorrt-llm; NAME@VERSION");
  sub->add_option("--tp", flags->tp, "Tensor-parallel width");
  sub->add_option("--pp", flags->pp, "Pipeline stages");
  sub->add_option("--dp", flags->dp, "Attention data-parallel ranks");
  sub->add_option("--ep", flags->ep, "Expert-parallel width");
  sub->add_option("--weights", flags->weights, "Weight format: checkpoint, bf16, fp8, int4, ...");
  sub->add_option("--kv", flags->kv, "KV cache type: bf16, fp8, ...");
  sub->add_option("--mtp", flags->mtp, "Draft tokens of multi-token prediction");
  sub->add_option("--batch", flags->batch, "Sequences that decode");
  sub->add_option("--context", flags->context, "Mean KV length of each, in tokens");
  sub->add_option("--prefill", flags->prefill, "A chunk NEW or NEW+CONTEXT; up to four times")
      ->allow_extra_args(false);
  sub->add_option("--catalog", flags->catalog_files,
                  "File with your own device, model or engine; repeat for more")
      ->allow_extra_args(false);
  sub->add_option("--svg", flags->svg_file, "Write stacked bars here");
  sub->add_flag("--json", flags->json, "Print the answer document");
  file->excludes(sub->get_option("--model"));
  sub->callback([flags, &code] { code = run(*flags); });
}

} // namespace dsk::cli
