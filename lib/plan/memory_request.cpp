#include "plan/memory_request.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"
#include "catalog/requantize.hpp"
#include "perf/memory.hpp"
#include "plan/checkpoint.hpp"
#include "plan/request.hpp"

namespace dsk::plan {
namespace {

struct Subject {
  Model model; // as stored by the checkpoint
  std::string weights = "checkpoint";
  Device device;
  Engine engine;
  perf::Deployment deployment;
  perf::MemoryOptions options;
  std::optional<std::int64_t> batch;
  std::optional<double> kv_gb;
  bool formats = true;
  std::vector<std::string> assumptions;
  std::vector<std::string> warnings;
};

perf::Parallel read_parallel(Reader& r) {
  perf::Parallel p;
  auto split = r.optional_object("parallel");
  if (!split) return p;
  p.tp = static_cast<int>(split->integer("tp", 1, 1024, 1));
  p.pp = static_cast<int>(split->integer("pp", 1, 256, 1));
  p.dp = static_cast<int>(split->integer("dp", 1, 1024, 1));
  p.ep = static_cast<int>(split->integer("ep", 1, 65536, 1));
  split->done();
  return p;
}

void read_kv(Reader& r, Subject& s) {
  perf::Deployment& d = s.deployment;
  if (const Json* kv = r.find("kv")) {
    const std::string name = text_of(*kv, r.path_of("kv"));
    if (name == "fp8_ds_mla") {
      const bool has_mla =
          std::any_of(s.model.kinds.begin(), s.model.kinds.end(), [](const Layer& layer) {
            return std::holds_alternative<MlaAttention>(layer.attention);
          });
      if (!has_mla) r.fail("kv", "is the layout of MLA latents, which " + s.model.name + " lacks");
      d.kv_element = Element::fp8;
      d.fp8_ds_mla = true;
    } else {
      d.kv_element = read_kv_element(name, r.path_of("kv"));
    }
  } else {
    d.kv_element = perf::default_kv_element(s.model);
    s.assumptions.push_back(
        "KV cache in " + std::string(element_name(d.kv_element)) +
        ": not stated, so what the checkpoint asks for or its engines default to");
  }
  if (r.has("index"))
    d.index_element = r.choice("index", {"fp8", "fp4"}) == "fp4" ? Element::fp4 : Element::fp8;
}

void read_lora(Reader& r, perf::MemoryOptions& options) {
  auto lora = r.optional_object("lora");
  if (!lora) return;
  options.lora_adapters = static_cast<int>(lora->integer("adapters", 1, 4096));
  options.lora_rank = static_cast<int>(lora->integer("rank", 1, 4096));
  lora->done();
}

Subject read_subject(const Json& request, const Catalog& catalog) {
  Reader r(request, "");
  r.integer("schema", 1, 1, 1);
  r.find("catalog");
  Subject s;
  s.model = read_model(r.require("model"), "/model", catalog);
  s.device = catalog.device(r.text("device"), "/device");
  const std::string engine = r.text("engine", "vllm");
  if (!r.has("engine")) s.assumptions.emplace_back("engine: not stated, so vllm");
  const auto at = engine.find('@');
  s.engine = catalog.engine(engine.substr(0, at),
                            at == std::string::npos ? "" : engine.substr(at + 1), "/engine");
  s.deployment.parallel = read_parallel(r);
  perf::check_parallel(s.model, s.deployment.parallel, "/parallel");
  s.weights = r.text("weights", "checkpoint");
  s.deployment.mtp_tokens = static_cast<int>(r.integer("mtp_tokens", 0, 64, 0));
  if (s.deployment.mtp_tokens > 0 && s.model.mtp_kinds.empty())
    r.fail("mtp_tokens", "must be 0: " + s.model.name + " has no MTP layers");
  read_kv(r, s);
  s.options.memory_fraction = r.number("memory_fraction", 0.01, 1, 0);
  s.options.max_batch = static_cast<int>(r.integer("max_sequences", 1, 1 << 20, 0));
  s.options.token_budget = static_cast<int>(r.integer("token_budget", 1, 1 << 24, 0));
  s.options.cuda_graphs = r.boolean("cuda_graphs", true);
  read_lora(r, s.options);
  s.options.sequence_tokens = r.integer("sequence_tokens", 1, std::int64_t{1} << 32, 0);
  if (s.options.sequence_tokens == 0) {
    s.options.sequence_tokens = std::clamp(s.model.max_positions, 1, 4096);
    s.assumptions.push_back("sequences of " + std::to_string(s.options.sequence_tokens) +
                            " tokens (input and output together): not stated");
  }
  s.batch = r.optional_integer("batch", 1, 1 << 24);
  s.kv_gb = r.optional_number("kv_gb", 1e-6, 1e9);
  s.formats = r.boolean("formats", true);
  const Json* index = r.find("safetensors_index");
  const Json* headers = r.find("safetensors_headers");
  if (index) s.model.checkpoint_bytes = index_bytes(*index, "/safetensors_index");
  if (headers) s.model.checkpoint_bytes = header_bytes(*headers, "/safetensors_headers");
  r.done();
  return s;
}

Json kv_section(const Subject& s) {
  const perf::Deployment& d = s.deployment;
  const perf::KvCost cost = perf::kv_cost(d);
  Json kv{{"type", std::string(element_name(d.kv_element))},
          {"bytes_per_token", cost.bytes_per_token},
          {"window_bytes_per_sequence", cost.window_bytes},
          {"state_bytes_per_sequence", cost.state_bytes}};
  Json layers = Json::array();
  for (std::size_t k = 0; k < s.model.kinds.size(); ++k) {
    const auto of_kind = static_cast<int>(k);
    const auto count =
        std::count(s.model.layer_kinds.begin(), s.model.layer_kinds.end(), of_kind) +
        (d.mtp_tokens > 0 ? std::count(s.model.mtp_kinds.begin(), s.model.mtp_kinds.end(), of_kind)
                          : 0);
    if (count == 0) continue;
    const perf::KvLayer layer = perf::kv_layer(d, s.model.kinds[k]);
    Json item{{"layers", count}};
    if (layer.ratio > 0) {
      item["entry_bytes"] = layer.entry_bytes;
      if (layer.index_bytes > 0) item["index_bytes"] = layer.index_bytes;
      item["tokens_per_entry"] = layer.ratio;
    }
    if (layer.window > 0) {
      item["window_tokens"] = layer.window;
      item["window_entry_bytes"] = layer.window_entry_bytes;
    }
    if (layer.state_bytes > 0) item["state_bytes"] = layer.state_bytes;
    layers.push_back(std::move(item));
  }
  kv["layers"] = std::move(layers);
  return kv;
}

struct FormatNeed {
  const char* weights;
  const char* needs; // "nothing", "calibration" or "calibration or retraining"
  const char* note;
};

// What turning 16-bit weights into the format takes; a model that ships in it needs nothing.
constexpr FormatNeed format_needs[] = {
    {"bf16", "nothing", "the format that most models are trained in"},
    {"fp8", "nothing",
     "scales from the weights, activations scaled while serving; static "
     "activation scales would need calibration"},
    {"fp8-block", "nothing", "scales of 128 x 128 blocks; what DeepSeek V3 and R1 ship in"},
    {"int8", "calibration", "activations have outliers: SmoothQuant or similar"},
    {"int4", "calibration", "weights only, groups of 128: AWQ or GPTQ"},
    {"nvfp4", "calibration or retraining",
     "calibration holds for large models; small ones lose accuracy without retraining"},
    {"mxfp4", "calibration or retraining",
     "post-training loses accuracy; gpt-oss was trained for it"},
};

std::string shipped_format(const Model& model) {
  if (model.quantization.method == "none") return std::string(element_name(model.activation));
  const WeightFormat format = model.quantization.format_of("model.layers.0.mlp.experts.0.down_proj",
                                                           model.quantization.default_format);
  if (format == formats::fp8_block || (format.element == Element::fp8 && format.block_in > 0))
    return "fp8-block";
  if (format.element == Element::fp8) return "fp8";
  if (format.element == Element::int8) return "int8";
  if (format.element == Element::int4) return "int4";
  if (format.element == Element::fp4) return format.block_in == 32 ? "mxfp4" : "nvfp4";
  return std::string(element_name(format.element));
}

Json format_table(const Subject& s) {
  Json table = Json::array();
  const std::string shipped = shipped_format(s.model);
  for (const FormatNeed& need : format_needs) {
    const bool ships = shipped == need.weights || (shipped == "fp16" && &need == format_needs);
    const Model model = ships ? s.model : requantized(s.model, need.weights, "");
    perf::Deployment d = s.deployment;
    d.model = &model;
    const perf::MemoryReport r = perf::memory(d, s.options);
    table.push_back(Json{{"weights", need.weights},
                         {"weights_bytes", r.weights_bytes},
                         {"kv_pool_bytes", std::max<std::int64_t>(r.kv_pool_bytes, 0)},
                         {"sequences", r.sequences},
                         {"fits", r.fits},
                         {"needs", ships ? "nothing" : need.needs},
                         {"note", ships ? "the checkpoint ships in this format" : need.note}});
  }
  return table;
}

// The longest length at which `batch` sequences fit in `pool` bytes of one device.
std::int64_t longest(const perf::Deployment& d, std::int64_t pool, std::int64_t batch) {
  const std::int64_t each =
      pool / std::max<std::int64_t>(1, (batch + d.parallel.dp - 1) / d.parallel.dp);
  std::int64_t low = 0;
  std::int64_t high = std::int64_t{1} << 32;
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (perf::kv_bytes(d, middle) <= each)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

Json model_section(const Subject& s, const Model& stored, const perf::ModelWeights& w) {
  Json model{{"name", s.model.name},
             {"architecture", s.model.architecture},
             {"parameters", perf::parameter_count(stored, w)},
             {"active_parameters", perf::active_parameter_count(stored, w)},
             {"layers", s.model.layers()},
             {"mtp_layers", static_cast<int>(s.model.mtp_kinds.size())},
             {"bytes_by_shapes", perf::whole_bytes(stored, w)}};
  if (s.model.published_parameters > 0)
    model["published_parameters"] = s.model.published_parameters;
  if (s.model.checkpoint_bytes > 0) model["checkpoint_bytes"] = s.model.checkpoint_bytes;
  if (!s.model.source.empty()) model["source"] = s.model.source;
  if (!s.model.as_of.empty()) model["as_of"] = s.model.as_of;
  return model;
}

} // namespace

Json memory_document(const Json& request, const Catalog& base) {
  std::optional<Catalog> own;
  const Catalog& catalog = request_catalog(request, base, own);
  Subject s = read_subject(request, catalog);
  const Model stored = requantized(s.model, s.weights, "/weights");
  s.deployment.model = &stored;
  s.deployment.device = &s.device;
  s.deployment.engine = &s.engine;
  const perf::ModelWeights weights = perf::weights_of(stored);
  const perf::MemoryReport r = perf::memory(s.deployment, weights, s.options);

  const perf::Parallel& p = s.deployment.parallel;
  Json answer;
  answer["schema"] = 1;
  answer["model"] = model_section(s, stored, weights);
  answer["device"] = Json{{"name", s.device.name},
                          {"memory_bytes", s.device.memory_bytes},
                          {"memory_origin", s.device.memory_origin},
                          {"source", s.device.source},
                          {"as_of", s.device.as_of}};
  answer["engine"] = Json{{"name", s.engine.name},
                          {"version", s.engine.version},
                          {"source", s.engine.source},
                          {"as_of", s.engine.as_of}};
  answer["parallel"] =
      Json{{"tp", p.tp}, {"pp", p.pp}, {"dp", p.dp}, {"ep", p.ep}, {"devices", p.devices()}};
  answer["weights"] = s.weights == "checkpoint" ? shipped_format(s.model) : s.weights;
  answer["fits"] = r.fits;
  answer["binding"] = r.binding;
  answer["rule"] = r.rule;
  answer["memory_fraction"] = r.memory_fraction;
  if (r.smallest_fraction > 0)
    answer["smallest_fraction"] =
        Json{{"value", json::significant(r.smallest_fraction, 6)}, {"formula", r.smallest_formula}};
  answer["pipeline_stage"] = r.stage;
  answer["capacity_bytes"] = r.capacity_bytes;
  answer["budget_bytes"] = r.budget_bytes;
  answer["weights_bytes"] = r.weights_bytes;
  Json terms = Json::array();
  for (const perf::MemoryTerm& t : r.terms)
    terms.push_back(
        Json{{"name", t.name}, {"bytes", t.bytes}, {"origin", t.origin}, {"source", t.source}});
  answer["terms"] = std::move(terms);
  answer["headroom_bytes"] = r.headroom_bytes;

  answer["kv_cache"] = kv_section(s);
  Json pool{{"bytes", r.kv_pool_bytes}};
  if (r.kv_pool_tokens > 0) {
    pool["tokens"] = r.kv_pool_tokens;
    pool["tokens_meaning"] = r.tokens_meaning;
  }
  pool["sequence_tokens"] = s.options.sequence_tokens;
  pool["bytes_per_sequence"] = perf::kv_bytes(s.deployment, s.options.sequence_tokens);
  pool["sequences"] = r.sequences;
  if (s.batch) {
    pool["batch"] = *s.batch;
    const auto budget =
        s.kv_gb ? std::llround(*s.kv_gb * 1e9) : std::max<std::int64_t>(r.kv_pool_bytes, 0);
    if (s.kv_gb) pool["kv_gb"] = *s.kv_gb;
    pool["longest_sequence_tokens"] = longest(s.deployment, budget, *s.batch);
    // The same without the padding to whole pages: what the bytes alone imply.
    Engine unpaged = s.engine;
    unpaged.kv_block_tokens = unpaged.mla_block_tokens = unpaged.compressed_block_tokens = 1;
    unpaged.compressed_page_alignment = 1;
    perf::Deployment bare = s.deployment;
    bare.engine = &unpaged;
    pool["longest_sequence_tokens_unpaged"] = longest(bare, budget, *s.batch);
  }
  answer["kv_pool"] = std::move(pool);
  if (s.formats) answer["formats"] = format_table(s);

  s.assumptions.insert(s.assumptions.begin(), s.model.assumptions.begin(),
                       s.model.assumptions.end());
  s.warnings.insert(s.warnings.begin(), s.model.warnings.begin(), s.model.warnings.end());
  if (s.options.sequence_tokens > s.model.max_positions && s.model.max_positions > 0)
    s.warnings.push_back("sequence_tokens exceeds the model's " +
                         std::to_string(s.model.max_positions) + " positions");
  answer["assumptions"] = s.assumptions;
  answer["warnings"] = s.warnings;
  return answer;
}

} // namespace dsk::plan
