#include <cstdio>
#include <memory>

#include "cli/files.hpp"
#include "cli/origins.hpp"
#include "cli/request.hpp"

namespace dsk::cli {
namespace {

struct MemoryFlags {
  std::string request_file;
  ModelFlags model;
  std::string device;
  std::string engine;
  std::optional<std::int64_t> tp, pp, dp, ep;
  std::string weights, kv, index;
  std::optional<std::int64_t> mtp_tokens, max_sequences, token_budget, length, batch;
  std::optional<double> fraction, kv_gb;
  std::optional<std::int64_t> lora_adapters, lora_rank;
  std::string index_file;
  std::vector<std::string> catalog_files;
  bool no_graphs = false;
  bool json = false;
};

std::string request_of(const MemoryFlags& f) {
  if (f.device.empty()) throw UsageError("give --device");
  JsonValue request = JsonValue::object();
  request.set("schema", 1);
  request.set("model", f.model.model().to_value());
  request.set("device", f.device);
  put(request, "engine", f.engine);
  JsonValue parallel = JsonValue::object();
  put(parallel, "tp", f.tp);
  put(parallel, "pp", f.pp);
  put(parallel, "dp", f.dp);
  put(parallel, "ep", f.ep);
  request.set("parallel", std::move(parallel));
  put(request, "weights", f.weights);
  put(request, "kv", f.kv);
  put(request, "index", f.index);
  put(request, "mtp_tokens", f.mtp_tokens);
  put(request, "memory_fraction", f.fraction);
  put(request, "max_sequences", f.max_sequences);
  put(request, "token_budget", f.token_budget);
  put(request, "sequence_tokens", f.length);
  put(request, "batch", f.batch);
  put(request, "kv_gb", f.kv_gb);
  if (f.no_graphs) request.set("cuda_graphs", false);
  if (f.lora_adapters || f.lora_rank) {
    JsonValue lora = JsonValue::object();
    put(lora, "adapters", f.lora_adapters);
    put(lora, "rank", f.lora_rank);
    request.set("lora", std::move(lora));
  }
  if (!f.index_file.empty())
    request.set("safetensors_index", read_json(f.index_file, "/safetensors_index"));
  put_catalog(request, f.catalog_files);
  return request.dump();
}

std::string padded(const std::string& text, std::size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text;
}

std::string gib(std::int64_t bytes) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%10.3f GiB", static_cast<double>(bytes) / 1073741824.0);
  return buffer;
}

std::string number(double value, const char* format) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string count(std::int64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3; at -= 3)
    digits.insert(at - 3, ",");
  return digits;
}

std::string line(const std::string& name, std::int64_t bytes, const std::string& note = {}) {
  return "  " + padded(name, 32) + gib(bytes) + (note.empty() ? "" : "  " + note) + "\n";
}

std::string kv_text(const JsonValue& answer) {
  const JsonValue& kv = answer["kv_cache"];
  const JsonValue& pool = answer["kv_pool"];
  std::string out = "\nKV cache (" + kv["type"].text() + "), one sequence on one device\n";
  out += "  " + number(kv["bytes_per_token"].number(), "%.10g") + " bytes a token";
  if (kv["window_bytes_per_sequence"].integer() > 0)
    out += " + " + count(kv["window_bytes_per_sequence"].integer()) + " in windows";
  if (kv["state_bytes_per_sequence"].integer() > 0)
    out += " + " + count(kv["state_bytes_per_sequence"].integer()) + " in states";
  out += "\n  " + count(pool["bytes_per_sequence"].integer()) + " bytes at " +
         count(pool["sequence_tokens"].integer()) + " tokens, pages included\n";
  if (!pool["tokens"].is_null())
    out += "  the pool holds " + count(pool["tokens"].integer()) + " tokens (" +
           pool["tokens_meaning"].text() + ")\n";
  out += "  " + count(pool["sequences"].integer()) + " sequences of " +
         count(pool["sequence_tokens"].integer()) + " tokens at once in one replica\n";
  if (!pool["longest_sequence_tokens"].is_null())
    out += "  " + count(pool["batch"].integer()) + " sequences in " +
           (pool["kv_gb"].is_null() ? "the pool" : number(pool["kv_gb"].number(), "%g GB")) +
           ": at most " + count(pool["longest_sequence_tokens"].integer()) + " tokens each (" +
           count(pool["longest_sequence_tokens_unpaged"].integer()) + " without page padding)\n";
  return out;
}

std::string table(const JsonValue& answer) {
  const JsonValue& model = answer["model"];
  const JsonValue& parallel = answer["parallel"];
  const JsonValue& engine = answer["engine"];
  std::string out = model["name"].text() + ": " +
                    number(model["parameters"].number() / 1e9, "%.4f B parameters") +
                    number(model["active_parameters"].number() / 1e9, ", %.3f B a token") + "; " +
                    answer["weights"].text() + " weights\n";
  out += count(parallel["devices"].integer()) + " x " + answer["device"]["name"].text() + " (TP " +
         std::to_string(parallel["tp"].integer()) + ", PP " +
         std::to_string(parallel["pp"].integer()) + ", DP " +
         std::to_string(parallel["dp"].integer()) + ", EP " +
         std::to_string(parallel["ep"].integer()) + "), " + engine["name"].text() + " " +
         engine["version"].text() + "\n\n";
  out += answer["fits"].boolean() ? "Fits" : "Does not fit";
  out += ": " + answer["binding"].text() + "\n\nThe fullest device\n";
  for (const JsonValue& term : answer["terms"].items())
    out += line(term["name"].text(), term["bytes"].integer(), term["origin"].text());
  const std::int64_t pool = answer["kv_pool"]["bytes"].integer();
  out += line("kv pool", pool, answer["rule"].text());
  out += line("headroom", answer["headroom_bytes"].integer(), "outside the engine's budget");
  out +=
      line("device", answer["capacity_bytes"].integer(), answer["device"]["memory_origin"].text());
  out += "  memory fraction " + number(answer["memory_fraction"].number(), "%g");
  if (!answer["smallest_fraction"].is_null())
    out += "; smallest " + number(answer["smallest_fraction"]["value"].number(), "%.4f") + " = " +
           answer["smallest_fraction"]["formula"].text();
  out += "\n" + kv_text(answer);
  if (!answer["formats"].is_null()) {
    out += "\nThe same model in other formats\n";
    for (const JsonValue& f : answer["formats"].items())
      out += "  " + padded(f["weights"].text(), 10) + gib(f["weights_bytes"].integer()) + "  " +
             (f["fits"].boolean() ? padded(count(f["sequences"].integer()) + " sequences", 20)
                                  : padded("does not fit", 20)) +
             "needs " + f["needs"].text() + ": " + f["note"].text() + "\n";
  }
  for (const char* kind : {"assumptions", "warnings"}) {
    const auto& items = answer[kind].items();
    if (items.empty()) continue;
    out += std::string("\n") + (kind[0] == 'a' ? "Assumed" : "Warnings") + "\n";
    for (const JsonValue& item : items)
      out += "  " + item.text() + "\n";
  }
  return out;
}

int run(const MemoryFlags& flags) {
  const std::string request =
      flags.request_file.empty() ? request_of(flags) : read_request(flags.request_file);
  const std::string text = memory_json(request);
  const JsonValue answer = JsonValue::parse(text);
  print(flags.json ? text : table(answer));
  return answer["fits"].boolean() ? exit_answered : exit_infeasible;
}

} // namespace

void add_memory(CLI::App& app, int& code) {
  auto flags = std::make_shared<MemoryFlags>();
  MemoryFlags& f = *flags;
  CLI::App* sub = app.add_subcommand("memory", "Every byte of one deployment, and what is left");
  auto* file =
      sub->add_option("--request", f.request_file, "Request document (\"-\": standard input)");
  f.model.add(*sub);
  sub->add_option("--device", f.device, "Accelerator of the catalogue");
  sub->add_option("--engine", f.engine, "vllm, sglang, tensorrt-llm, ...; NAME@VERSION");
  sub->add_option("--tp", f.tp, "Tensor-parallel width");
  sub->add_option("--pp", f.pp, "Pipeline stages");
  sub->add_option("--dp", f.dp, "Attention data-parallel ranks");
  sub->add_option("--ep", f.ep, "Expert-parallel width");
  sub->add_option("--weights", f.weights, "checkpoint, bf16, fp8, int8, int4, nvfp4, ...");
  sub->add_option("--kv", f.kv, "KV cache type: bf16, fp8, fp8_ds_mla, ...");
  sub->add_option("--index", f.index, "Indexer keys of sparse attention: fp8 or fp4");
  sub->add_option("--mtp", f.mtp_tokens, "Draft tokens of multi-token prediction");
  sub->add_option("--memory-fraction", f.fraction, "The engine's memory fraction flag");
  sub->add_option("--max-sequences", f.max_sequences, "Sequence slots");
  sub->add_option("--token-budget", f.token_budget, "Tokens a step");
  sub->add_option("--length", f.length, "Tokens of a sequence, input and output together");
  sub->add_option("--batch", f.batch, "Sequences at once: how long may they be?");
  sub->add_option("--kv-gb", f.kv_gb, "KV cache for --batch in 1e9 bytes instead of the pool");
  sub->add_option("--lora-adapters", f.lora_adapters, "Resident LoRA adapters");
  sub->add_option("--lora-rank", f.lora_rank, "Rank of each");
  sub->add_option("--safetensors-index", f.index_file, "model.safetensors.index.json");
  sub->add_option("--catalog", f.catalog_files, "Catalogue document; repeat for more")
      ->allow_extra_args(false);
  sub->add_flag("--no-cuda-graphs", f.no_graphs, "The engine captures no graphs");
  sub->add_flag("--json", f.json, "Print the answer document");
  for (const char* other : {"--device", "--model", "--model-config", "--params"})
    file->excludes(sub->get_option(other));
  sub->callback([flags, &code] { code = run(*flags); });
}

} // namespace dsk::cli
