#include "plan/request.hpp"

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"
#include "catalog/requantize.hpp"

namespace dsk::plan {
namespace {

constexpr double max_tokens = 1e8;
constexpr double max_rate = 1e6;
constexpr double max_ms = 1e9;

Workload read_workload(Reader r) {
  Workload w;
  w.input_tokens = r.number("input_tokens", 1, max_tokens);
  w.output_tokens = r.number("output_tokens", 1, max_tokens);
  w.prefix_hit_rate = r.number("prefix_hit_rate", 0, 1, 0);
  w.rate_per_s = r.optional_number("rate_per_s", 1e-6, max_rate);
  w.concurrency = r.optional_number("concurrency", 1, 1e7);
  r.done();
  if (w.rate_per_s.has_value() == w.concurrency.has_value())
    invalid_request(r.path(),
                    std::string("exactly one of rate_per_s and concurrency must be given, ") +
                        (w.rate_per_s ? "not both" : "and neither is"));
  return w;
}

Slo read_slo(Reader r) {
  Slo slo;
  slo.ttft_ms = r.optional_number("ttft_ms", 1e-3, max_ms);
  slo.tpot_ms = r.optional_number("tpot_ms", 1e-3, max_ms);
  slo.e2e_ms = r.optional_number("e2e_ms", 1e-3, max_ms);
  slo.latency_ms = r.optional_number("latency_ms", 1e-3, max_ms);
  r.done();
  if (slo.latency_ms && (slo.ttft_ms || slo.tpot_ms || slo.e2e_ms))
    r.fail("latency_ms",
           "must stand alone: it is a bound whose meaning is left open, beside ttft_ms, "
           "tpot_ms or e2e_ms it would say something twice");
  return slo;
}

Space read_space(Reader r, const Request& request) {
  Space s;
  s.tp = r.integers("tp", 1, 1024, 16);
  s.pp = r.integers("pp", 1, 256, 16);
  s.dp = r.integers("dp", 1, 1024, 16);
  s.ep = r.integers("ep", 1, 1024, 16);
  s.weights = r.texts("weights", 8);
  for (std::size_t i = 0; i < s.weights.size(); ++i)
    requantized(request.model, s.weights[i], json::pointer(r.path_of("weights"), i));
  const auto kv = r.texts("kv", 4);
  for (std::size_t i = 0; i < kv.size(); ++i)
    s.kv.push_back(read_kv_element(kv[i], json::pointer(r.path_of("kv"), i)));
  s.max_batch = r.optional_integer("max_batch", 1, 65536);
  s.memory_fraction = r.optional_number("memory_fraction", 0.05, 0.99);
  r.done();
  return s;
}

} // namespace

Element read_kv_element(const std::string& name, const std::string& path) {
  if (name == "bf16") return Element::bf16;
  if (name == "fp16") return Element::fp16;
  if (name == "fp8") return Element::fp8;
  if (name == "int8") return Element::int8;
  if (name == "int4") return Element::int4;
  invalid_request(path, "KV cache type is \"" + preview_text(name) +
                            "\", must be bf16, fp16, fp8, int8 or int4");
}

Model read_model(const Json& value, const std::string& path, const Catalog& catalog) {
  if (value.is_string()) return catalog.model(text_of(value, path), path);
  if (!value.is_object())
    invalid_request(path,
                    "model is " + json::preview(value) +
                        ", must be a catalogue name, an object with config, or one with params_b");
  Reader r(value, path);
  if (const Json* config = r.find("config")) {
    const std::string name = r.text("name", "model");
    const Json* quantization = r.find("hf_quant_config");
    r.done();
    Model model = model_from_config(name, *config, quantization, json::pointer(path, "config"));
    // A config that carries a catalogue name is that model's: engines load it by its repository.
    for (const std::string& known : catalog.model_names())
      if (known == name) model.repository = catalog.model(known, path).repository;
    return model;
  }
  ModelSize size;
  size.params_b = r.number("params_b", 0.01, 100000);
  size.active_b = r.number("active_b", 0, size.params_b, 0);
  if (const auto layers = r.optional_integer("layers", 1, 10000))
    size.layers = static_cast<int>(*layers);
  if (const auto hidden = r.optional_integer("hidden", 64, 1 << 20))
    size.hidden = static_cast<int>(*hidden);
  r.done();
  return model_from_size(size, path);
}

const Catalog& request_catalog(const Json& document, const Catalog& base,
                               std::optional<Catalog>& own) {
  if (!document.is_object() || !document.contains("catalog")) return base;
  const Json& documents = document["catalog"];
  if (!documents.is_array() || documents.size() > 256)
    invalid_request("/catalog", "catalog is " + json::preview(documents) +
                                    ", must be an array of at most 256 documents");
  own.emplace();
  own->add(documents, "/catalog");
  return *own;
}

Request read_request(const Json& document, const Catalog& catalog) {
  Reader r(document, "");
  Request request;
  r.integer("schema", 1, 1);
  r.find("catalog");
  request.model = read_model(r.require("model"), "/model", catalog);

  const auto devices = r.texts("devices", 64);
  if (devices.empty()) r.fail("devices", "must list at least one device");
  for (std::size_t i = 0; i < devices.size(); ++i) {
    Device device = catalog.device(devices[i], json::pointer("/devices", i));
    for (const Device& other : request.devices)
      if (other.name == device.name)
        invalid_request(json::pointer("/devices", i), "device \"" + preview_text(devices[i]) +
                                                          "\" is " + device.name +
                                                          ", which is listed already");
    request.devices.push_back(std::move(device));
  }

  auto engines = r.texts("engines", 16);
  if (engines.empty()) {
    engines = {"vllm", "sglang", "tensorrt-llm"};
    request.assumptions.push_back(
        "engines: not stated, so vllm, sglang and tensorrt-llm are compared");
  }
  for (std::size_t i = 0; i < engines.size(); ++i) {
    // "vllm" or "vllm@0.19"
    const auto at = engines[i].find('@');
    request.engines.push_back(catalog.engine(
        engines[i].substr(0, at), at == std::string::npos ? "" : engines[i].substr(at + 1),
        json::pointer("/engines", i)));
  }

  request.workload = read_workload(r.object("workload"));
  const double total = request.workload.input_tokens + request.workload.output_tokens;
  if (total > request.model.max_positions && request.model.max_positions > 0)
    invalid_request("/workload", "input_tokens + output_tokens is " + number_text(total) +
                                     ", must be at most the " +
                                     std::to_string(request.model.max_positions) +
                                     " positions of " + request.model.name);
  if (auto slo = r.optional_object("slo")) request.slo = read_slo(std::move(*slo));
  if (auto limits = r.optional_object("limits")) {
    request.limits.max_gpus = limits->integer("max_gpus", 1, 1 << 20, request.limits.max_gpus);
    request.limits.usd_per_hour = limits->optional_number("usd_per_hour", 1e-3, 1e9);
    limits->done();
  }
  if (auto space = r.optional_object("search"))
    request.space = read_space(std::move(*space), request);

  bool all_priced = true;
  for (const Device& device : request.devices)
    all_priced = all_priced && catalog.has_price(device);
  const std::string objective =
      r.choice("objective", {"cost", "gpus", "latency"}, all_priced ? "cost" : "gpus");
  if (objective == "cost" && !all_priced)
    r.fail("objective", "needs a price for every device: give one under catalog, or choose gpus");
  if (request.limits.usd_per_hour && !all_priced)
    invalid_request("/limits/usd_per_hour",
                    "usd_per_hour needs a price for every device: give one under catalog");
  request.objective = objective == "cost"   ? Objective::cost
                      : objective == "gpus" ? Objective::gpus
                                            : Objective::latency;
  if (!all_priced)
    request.assumptions.push_back(
        "objective: at least one device has no price, so the fewest GPUs win");
  r.done();

  for (const std::string& assumption : request.model.assumptions)
    request.assumptions.push_back("model: " + assumption);
  return request;
}

} // namespace dsk::plan
