// dsk validate memory FILE.csv: published memory readings against the library's prediction.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>

#include "cli/csv.hpp"
#include "cli/files.hpp"
#include "cli/validate.hpp"

namespace dsk::cli {
namespace {

constexpr double gib = 1073741824.0;
constexpr double mib = 1048576.0;

using Row = std::map<std::string, std::string>;

// Why a row cannot be expressed.
class NotExpressible : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

std::optional<double> number_in(const std::string& text, std::size_t at = 0) {
  const auto begin = text.find_first_of("0123456789", at);
  if (begin == std::string::npos) return std::nullopt;
  double value = 0;
  std::from_chars(text.data() + begin, text.data() + text.size(), value);
  return value;
}

// "... gpu_memory_utilization 0.9 ...": the number behind a name, '-' and '_' alike.
std::optional<double> noted(std::string notes, const std::string& name) {
  std::replace(notes.begin(), notes.end(), '-', '_');
  const auto at = notes.find(name);
  return at == std::string::npos ? std::nullopt : number_in(notes, at + name.size());
}

const std::string& field(const Row& row, const char* name) {
  static const std::string none;
  const auto it = row.find(name);
  return it == row.end() ? none : it->second;
}

bool starts(const std::string& text, const char* beginning) {
  return text.rfind(beginning, 0) == 0;
}

struct Subject {
  std::string model;
  std::string weights; // "" = the checkpoint
  std::string device;
  std::string note; // what the row leaves open and how it was read
};

std::string engine_of(const Row& row) {
  const std::string& name = field(row, "engine");
  const std::string& version = field(row, "engine_version");
  // A year instead of a version says old for vLLM, and new for TensorRT-LLM.
  const bool dated = starts(version, "20");
  if (starts(name, "LMDeploy")) return "lmdeploy@" + version;
  if (name == "TensorRT-LLM") return dated ? "tensorrt-llm" : "tensorrt-llm@" + version;
  if (name == "vLLM") return "vllm@" + (dated ? "0" : version);
  if (name == "SGLang") return dated ? "sglang" : "sglang@" + version;
  if (name == "checkpoint") return "generic";
  throw NotExpressible("engine " + name + " is not known");
}

bool known(dsk_catalog_kind kind, const std::string& name) {
  try {
    catalog_record(kind, name);
    return true;
  } catch (const Error& e) {
    if (e.status() != DSK_STATUS_NOT_FOUND) throw;
    return false;
  }
}

Subject subject_of(const Row& row) {
  Subject s;
  s.model = field(row, "model");
  const std::string& type = field(row, "weights_dtype");
  if (!type.empty() && known(DSK_CATALOG_MODEL, s.model + "-" + type))
    s.model += "-" + type;
  else if (!known(DSK_CATALOG_MODEL, s.model))
    throw NotExpressible("the model is not named (" + s.model + ")");
  // The checkpoint's own format stands where the row names it; else the row's.
  if (starts(type, "int8")) s.weights = "int8";
  if (starts(type, "int4")) s.weights = "int4";
  s.device = field(row, "gpu");
  if (s.device.empty()) s.device = "h200-sxm"; // whole checkpoints: any device will do
  if (s.device.find("80GB-class") != std::string::npos) {
    s.device = "h100-sxm";
    s.note = "device not named: read as h100-sxm";
  }
  if (!known(DSK_CATALOG_DEVICE, s.device))
    throw NotExpressible("device " + s.device + " is not known");
  return s;
}

JsonValue answer_of(const Row& row, const Subject& s) {
  const std::string& notes = field(row, "notes");
  JsonValue request = JsonValue::object();
  request.set("model", s.model);
  request.set("device", s.device);
  request.set("engine", engine_of(row));
  request.set("formats", false);
  if (!s.weights.empty()) request.set("weights", s.weights);
  const int tp = static_cast<int>(number_in(field(row, "tp")).value_or(1));
  const bool attention_dp = notes.find("attention DP") != std::string::npos;
  JsonValue parallel = JsonValue::object();
  parallel.set("tp", attention_dp ? 1 : tp);
  parallel.set("dp", attention_dp ? tp : 1);
  parallel.set("ep", attention_dp ? tp : 1);
  request.set("parallel", std::move(parallel));
  if (const auto fraction = noted(notes, "gpu_memory_utilization"))
    request.set("memory_fraction", *fraction);
  const double batch = number_in(field(row, "batch")).value_or(0);
  const double input = number_in(field(row, "input_len")).value_or(0);
  const double output = number_in(field(row, "output_len")).value_or(0);
  if (batch > 0) request.set("max_sequences", batch);
  // The step that was run: the noted budget, or the whole static batch in chunks of 8,192.
  if (const auto budget = noted(notes, "max_num_batched_tokens"))
    request.set("token_budget", *budget);
  else if (const auto longest = noted(notes, "max_model_len"))
    request.set("token_budget", *longest);
  else if (starts(field(row, "engine"), "LMDeploy"))
    request.set("token_budget", std::clamp(batch * input, 1.0, 8192.0));
  if (input + output > 0) request.set("sequence_tokens", input + output);
  return JsonValue::parse(memory_json(request.dump()));
}

double total_of_terms(const JsonValue& answer) {
  double total = 0;
  for (const JsonValue& term : answer["terms"].items())
    total += term["bytes"].number();
  return total;
}

double unit_bytes(const std::string& unit) {
  if (unit == "GiB") return gib;
  if (unit == "MiB") return mib;
  if (unit == "GB") return 1e9;
  if (unit == "MB") return 1e6;
  return 1;
}

double predicted(const Row& row, const JsonValue& answer) {
  const std::string& quantity = field(row, "quantity");
  double unit = unit_bytes(field(row, "unit"));
  const JsonValue& pool = answer["kv_pool"];
  const double pool_bytes = std::max(0.0, pool["bytes"].number());
  if (quantity == "weights_per_gpu" || quantity == "engine_size")
    return answer["weights_bytes"].number() / unit;
  if (quantity == "checkpoint_size") return answer["model"]["bytes_by_shapes"].number() / unit;
  if (quantity == "gpu_mem_used_per_gpu") {
    unit = gib; // nvidia-smi counts MiB; the source divides by 1,024
    return (total_of_terms(answer) + pool_bytes) / unit;
  }
  if (quantity == "weights_plus_activation_per_gpu") return total_of_terms(answer) / unit;
  if (quantity == "free_kv_cache_per_gpu" || quantity == "kv_pool") return pool_bytes / unit;
  if (quantity == "kv_cache_per_request") return pool["bytes_per_sequence"].number() / unit;
  if (quantity == "gpu_total") return answer["capacity_bytes"].number() / unit;
  if (quantity == "kv_pool_tokens" || quantity == "kv_pool_blocks") {
    const double tokens = pool["tokens"].is_null() ? 0 : pool["tokens"].number();
    return quantity == "kv_pool_blocks" ? tokens / number_in(field(row, "unit")).value_or(16)
                                        : tokens;
  }
  throw NotExpressible("quantity " + quantity + " is not one that the answer has");
}

struct Scored {
  double error = 0; // predicted / measured - 1
  double value = 0;
  std::string why; // not empty: not predicted
  std::string note;
};

// Rows of one log share what its notes say of the launch.
void share_notes(std::vector<Row>& rows) {
  std::map<std::string, std::string> notes;
  const auto log_of = [](const Row& row) {
    std::string log;
    for (const char* name : {"source_repo", "source_path", "engine", "model", "gpu"})
      log += field(row, name) + "|";
    return log;
  };
  for (const Row& row : rows)
    if (!starts(field(row, "engine"), "LMDeploy")) notes[log_of(row)] += " " + field(row, "notes");
  for (Row& row : rows)
    if (const auto it = notes.find(log_of(row)); it != notes.end()) row["notes"] = it->second;
}

Scored score(const Row& row) {
  Scored out;
  try {
    const auto measured = number_in(field(row, "value"));
    if (!measured || !(*measured > 0)) throw NotExpressible("the value is not a positive number");
    const Subject subject = subject_of(row);
    const JsonValue answer = answer_of(row, subject);
    out.value = predicted(row, answer);
    out.error = out.value / *measured - 1;
    out.note = subject.note;
    if (starts(field(row, "quantity"), "kv_") || starts(field(row, "quantity"), "free_kv"))
      out.note += (out.note.empty() ? "" : "; ") + std::string("KV cache taken as ") +
                  answer["kv_cache"]["type"].text();
    for (const JsonValue& term : answer["terms"].items())
      if (term["name"].text() == "weights/engine repacking") {
        char text[160];
        std::snprintf(text, sizeof text,
                      "the catalogue holds this reading; shapes alone give %.2f GiB, the rest is "
                      "not explained",
                      (answer["weights_bytes"].number() - term["bytes"].number()) / gib);
        out.note = text;
      }
  } catch (const NotExpressible& e) {
    out.why = e.what();
  } catch (const Error& e) {
    out.why = e.what();
  }
  return out;
}

std::string cell(const std::string& text, std::size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text + " ";
}

int run(const std::string& file) {
  auto rows = parse_csv(read_file(file), file);
  if (rows.empty())
    throw UsageError(file +
                     ": holds no row; it needs the columns quantity, value and the deployment's");
  share_notes(rows);
  std::string out;
  std::map<std::string, std::vector<double>> errors;
  int missed = 0;
  for (const Row& row : rows) {
    if (field(row, "quantity").empty() || field(row, "value").empty())
      throw UsageError(file + ": each row needs quantity and value");
    const Scored s = score(row);
    out += cell(field(row, "model").substr(0, 22), 24) +
           cell(field(row, "engine").substr(0, 14), 16) +
           cell("tp " + field(row, "tp") + " b " + field(row, "batch") + " " +
                    field(row, "input_len") + "/" + field(row, "output_len"),
                22) +
           cell(field(row, "quantity"), 32);
    if (!s.why.empty()) {
      ++missed;
      out += "not predicted: " + s.why + "\n";
      continue;
    }
    char text[128];
    std::snprintf(text, sizeof text, "predicted %12.3f  measured %12s  %+7.2f %%", s.value,
                  field(row, "value").c_str(), 100 * s.error);
    out += text + (s.note.empty() ? "" : "  (" + s.note + ")") + "\n";
    errors[field(row, "quantity")].push_back(std::abs(s.error));
  }
  out += "\n";
  for (auto& [quantity, list] : errors) {
    std::sort(list.begin(), list.end());
    double sum = 0;
    for (const double e : list)
      sum += e;
    char text[160];
    std::snprintf(text, sizeof text,
                  "%-32s %4zu rows, mean %6.2f %%, median %6.2f %%, worst %6.2f %%\n",
                  quantity.c_str(), list.size(), 100 * sum / static_cast<double>(list.size()),
                  100 * list[list.size() / 2], 100 * list.back());
    out += text;
  }
  out += std::to_string(rows.size()) + " rows, " + std::to_string(missed) + " not predicted\n";
  print(out);
  return exit_answered;
}

} // namespace

void add_validate_memory(CLI::App& validate, int& code) {
  auto file = std::make_shared<std::string>();
  CLI::App* sub =
      validate.add_subcommand("memory", "Published memory readings, predicted row by row");
  sub->add_option("file", *file, "CSV: engine, model, gpu, tp, batch, quantity, value, unit, ...")
      ->required();
  sub->callback([file, &code] { code = run(*file); });
}

} // namespace dsk::cli
