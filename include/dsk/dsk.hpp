/**
 * @file dsk.hpp
 * libdsk for C++17: RAII handles, exceptions, and typed requests and answers over the C ABI. Header
 * only; link the C library.
 *
 *     dsk::PlanRequest request;
 *     request.model = dsk::ModelRef::named("deepseek-r1");
 *     request.devices = {"h200-sxm"};
 *     request.workload = dsk::Workload::open_loop(10, 2048, 512);
 *     request.slo.tpot_ms = 50;
 *     dsk::Plan plan(request);
 *     if (plan.answer().best) std::cout << plan.answer().best->gpus << "\n";
 *
 * Threads: as base.h says; a const object may be shared.
 */
#ifndef DSK_DSK_HPP
#define DSK_DSK_HPP

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsk/dsk.h"
#include "dsk/json.hpp"

namespace dsk {
inline namespace api {

/// What a failed call throws.
class Error : public std::runtime_error {
public:
  Error(dsk_status status, const std::string& message, std::string path = {},
        std::string where = {})
      : std::runtime_error(message), status_(status), path_(std::move(path)),
        where_(std::move(where)) {}

  dsk_status status() const noexcept { return status_; }
  /// JSON pointer into the request, or empty.
  const std::string& path() const noexcept { return path_; }
  /// The C function that failed.
  const std::string& where() const noexcept { return where_; }

private:
  dsk_status status_;
  std::string path_;
  std::string where_;
};

namespace detail {

/// Receives the error of one C call and turns it into an exception.
class ErrorSlot {
public:
  ErrorSlot() = default;
  ErrorSlot(const ErrorSlot&) = delete;
  ErrorSlot& operator=(const ErrorSlot&) = delete;
  ~ErrorSlot() { dsk_error_destroy(error_); }

  operator dsk_error**() { return &error_; }
  void check(dsk_status status) const {
    if (status == DSK_STATUS_OK) return;
    throw Error(status, dsk_error_message(error_), dsk_error_path(error_), dsk_error_where(error_));
  }

private:
  dsk_error* error_ = nullptr;
};

/// Calls a C function that gives a text, as f(char** out, size_t* len, dsk_error** error).
template <class Call> std::string text_from(Call&& call) {
  char* text = nullptr;
  std::size_t length = 0;
  ErrorSlot error;
  error.check(call(&text, &length, error));
  const std::unique_ptr<char, void (*)(void*)> owner(text, dsk_free);
  return std::string(text, length);
}

template <class T> void put(JsonValue& object, const char* name, const std::optional<T>& value) {
  if (value) object.set(name, JsonValue(*value));
}

template <class T>
void put_list(JsonValue& object, const char* name, const std::vector<T>& values) {
  if (values.empty()) return;
  JsonValue list = JsonValue::array();
  for (const T& value : values)
    list.add(JsonValue(value));
  object.set(name, std::move(list));
}

inline std::optional<double> number_or_none(const JsonValue& value) {
  return value.is_null() ? std::nullopt : std::optional<double>(value.number());
}

inline std::vector<std::string> texts(const JsonValue& value) {
  std::vector<std::string> out;
  if (!value.is_null())
    for (const JsonValue& item : value.items())
      out.push_back(item.text());
  return out;
}

} // namespace detail

/// Throws when the loaded library is not the one that this program was compiled for.
inline void check_abi() {
  detail::ErrorSlot error;
  error.check(DSK_ABI_CHECK(error));
}

/// A token that stops long calls; copies are the same token. Thread-safe.
class Cancel {
public:
  Cancel() {
    dsk_cancel* raw = nullptr;
    detail::ErrorSlot error;
    error.check(dsk_cancel_create(&raw, error));
    handle_.reset(raw, dsk_cancel_destroy);
  }
  void set() const { dsk_cancel_set(handle_.get()); }
  bool is_set() const { return dsk_cancel_is_set(handle_.get()); }
  /// Steps done and steps in all; both 0 before the work has begun.
  std::pair<std::uint64_t, std::uint64_t> progress() const {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    dsk_cancel_progress(handle_.get(), &done, &total);
    return {done, total};
  }
  dsk_cancel* get() const { return handle_.get(); }

private:
  std::shared_ptr<dsk_cancel> handle_;
};

/* ----------------------------------------------------------------- request */

/// A model by catalogue name, by its own config.json, or by size alone.
struct ModelRef {
  std::string name;                 // of the catalogue, or a label for the config
  std::string config_json;          // text of an unmodified config.json
  std::string hf_quant_config_json; // text of hf_quant_config.json, when there is one
  std::optional<double> params_b;   // size alone, in 1e9 parameters
  std::optional<double> active_b;
  std::optional<std::int64_t> layers;
  std::optional<std::int64_t> hidden;

  static ModelRef named(std::string catalogue_name) {
    ModelRef ref;
    ref.name = std::move(catalogue_name);
    return ref;
  }
  static ModelRef from_config(std::string label, std::string config,
                              std::string hf_quant_config = {}) {
    ModelRef ref;
    ref.name = std::move(label);
    ref.config_json = std::move(config);
    ref.hf_quant_config_json = std::move(hf_quant_config);
    return ref;
  }
  static ModelRef sized(double params_b) {
    ModelRef ref;
    ref.params_b = params_b;
    return ref;
  }

  /// Throws Error(INVALID_REQUEST) when config_json is not JSON.
  JsonValue to_json() const {
    if (!config_json.empty()) {
      JsonValue out = JsonValue::object();
      if (!name.empty()) out.set("name", name);
      out.set("config", document(config_json, "/model/config"));
      if (!hf_quant_config_json.empty())
        out.set("hf_quant_config", document(hf_quant_config_json, "/model/hf_quant_config"));
      return out;
    }
    if (!params_b) return JsonValue(name);
    JsonValue out = JsonValue::object();
    detail::put(out, "params_b", params_b);
    detail::put(out, "active_b", active_b);
    detail::put(out, "layers", layers);
    detail::put(out, "hidden", hidden);
    return out;
  }

private:
  static JsonValue document(const std::string& text, const char* path) {
    try {
      return JsonValue::parse(text);
    } catch (const std::invalid_argument& e) {
      throw Error(DSK_STATUS_INVALID_REQUEST, e.what(), path);
    }
  }
};

/// One class of requests, by its mean lengths. Exactly one of rate and concurrency is set.
struct Workload {
  double input_tokens = 0;
  double output_tokens = 0;
  double prefix_hit_rate = 0; // share of input tokens whose KV is cached already
  std::optional<double> rate_per_s;
  std::optional<double> concurrency;

  static Workload open_loop(double rate_per_s, double input_tokens, double output_tokens) {
    return {input_tokens, output_tokens, 0, rate_per_s, std::nullopt};
  }
  static Workload closed_loop(double concurrency, double input_tokens, double output_tokens) {
    return {input_tokens, output_tokens, 0, std::nullopt, concurrency};
  }
};

/// Upper bounds on means, in milliseconds. `latency_ms` is for a bound whose meaning is open: the
/// answer then covers each meaning.
struct Slo {
  std::optional<double> ttft_ms;
  std::optional<double> tpot_ms;
  std::optional<double> e2e_ms;
  std::optional<double> latency_ms;
};

struct Limits {
  std::optional<std::int64_t> max_gpus;
  std::optional<double> usd_per_hour;
};

/// What the search may vary; an empty list leaves the choice to the library.
struct SearchSpace {
  std::vector<std::int64_t> tp, pp, dp, ep;
  std::vector<std::string> weights; // "checkpoint", "bf16", "fp8", "int4", ...
  std::vector<std::string> kv;      // "bf16", "fp8", ...
  std::optional<std::int64_t> max_batch;
  std::optional<double> memory_fraction;
};

struct PlanRequest {
  ModelRef model;
  std::vector<std::string> devices;
  std::vector<std::string> engines; // "vllm", "sglang@0.5", ...; empty: all
  Workload workload;
  Slo slo;
  Limits limits;
  SearchSpace search;
  std::string objective;            // "cost", "gpus", "latency"; empty: cost when there are prices
  std::vector<std::string> catalog; // further catalogue documents, as JSON text

  std::string to_json() const {
    JsonValue out = JsonValue::object();
    out.set("schema", 1);
    out.set("model", model.to_json());
    detail::put_list(out, "devices", devices);
    detail::put_list(out, "engines", engines);

    JsonValue load = JsonValue::object();
    load.set("input_tokens", workload.input_tokens);
    load.set("output_tokens", workload.output_tokens);
    if (workload.prefix_hit_rate != 0) load.set("prefix_hit_rate", workload.prefix_hit_rate);
    detail::put(load, "rate_per_s", workload.rate_per_s);
    detail::put(load, "concurrency", workload.concurrency);
    out.set("workload", std::move(load));

    JsonValue bounds = JsonValue::object();
    detail::put(bounds, "ttft_ms", slo.ttft_ms);
    detail::put(bounds, "tpot_ms", slo.tpot_ms);
    detail::put(bounds, "e2e_ms", slo.e2e_ms);
    detail::put(bounds, "latency_ms", slo.latency_ms);
    out.set("slo", std::move(bounds));

    JsonValue caps = JsonValue::object();
    detail::put(caps, "max_gpus", limits.max_gpus);
    detail::put(caps, "usd_per_hour", limits.usd_per_hour);
    out.set("limits", std::move(caps));

    JsonValue space = JsonValue::object();
    detail::put_list(space, "tp", search.tp);
    detail::put_list(space, "pp", search.pp);
    detail::put_list(space, "dp", search.dp);
    detail::put_list(space, "ep", search.ep);
    detail::put_list(space, "weights", search.weights);
    detail::put_list(space, "kv", search.kv);
    detail::put(space, "max_batch", search.max_batch);
    detail::put(space, "memory_fraction", search.memory_fraction);
    out.set("search", std::move(space));

    if (!objective.empty()) out.set("objective", objective);
    if (!catalog.empty()) {
      JsonValue documents = JsonValue::array();
      for (const std::string& text : catalog)
        documents.add(JsonValue::parse(text));
      out.set("catalog", std::move(documents));
    }
    return out.dump();
  }
};

/* ------------------------------------------------------------------ answer */

/// One configuration with what it gives and costs. Means.
struct PlanOption {
  std::string device, engine, engine_version, weights, kv;
  std::int64_t replicas = 0, gpus = 0, gpus_per_replica = 0, nodes_per_replica = 0;
  std::int64_t tp = 1, pp = 1, dp = 1, ep = 1;
  std::int64_t max_batch = 0;
  double ttft_ms = 0, tpot_ms = 0, e2e_ms = 0;
  double requests_per_s = 0, output_tokens_per_s = 0, utilisation = 0, communication_share = 0;
  std::string binding_resource;
  std::optional<double> usd_per_hour, usd_per_mtok_output, usd_per_mtok_total;
  double watts = 0, output_tokens_per_joule = 0; // estimated

  static PlanOption from_json(const JsonValue& j) {
    PlanOption o;
    o.device = j["device"].text();
    o.engine = j["engine"].text();
    o.engine_version = j["engine_version"].text();
    o.weights = j["weights"].text();
    o.kv = j["kv"].text();
    o.replicas = j["replicas"].integer();
    o.gpus = j["gpus"].integer();
    o.gpus_per_replica = j["gpus_per_replica"].integer();
    o.nodes_per_replica = j["nodes_per_replica"].integer();
    const JsonValue& split = j["parallel"];
    o.tp = split["tp"].integer();
    o.pp = split["pp"].integer();
    o.dp = split["dp"].integer();
    o.ep = split["ep"].integer();
    o.max_batch = j["max_batch"].integer();
    const JsonValue& perf = j["performance"];
    o.ttft_ms = perf["ttft_ms"].number();
    o.tpot_ms = perf["tpot_ms"].number();
    o.e2e_ms = perf["e2e_ms"].number();
    o.requests_per_s = perf["requests_per_s"].number();
    o.output_tokens_per_s = perf["output_tokens_per_s"].number();
    o.utilisation = perf["utilisation"].number();
    o.communication_share = perf["communication_share"].number();
    o.binding_resource = perf["binding_resource"].text();
    if (const JsonValue& cost = j["cost"]; !cost.is_null()) {
      o.usd_per_hour = detail::number_or_none(cost["usd_per_hour"]);
      o.usd_per_mtok_output = detail::number_or_none(cost["usd_per_mtok_output"]);
      o.usd_per_mtok_total = detail::number_or_none(cost["usd_per_mtok_total"]);
    }
    o.watts = j["energy"]["watts"].number();
    o.output_tokens_per_joule = j["energy"]["output_tokens_per_joule"].number();
    return o;
  }
};

/// What giving up one constraint would need.
struct PlanRelaxation {
  std::string constraint;
  double limit = 0;
  double needed = 0;
  PlanOption plan;
};

struct PlanAnswer {
  bool feasible = false;
  std::optional<PlanOption> best;    // when feasible
  std::optional<PlanOption> nearest; // when not, unless nothing fits in memory
  std::vector<PlanOption> by_device;
  std::vector<PlanOption> pareto;
  std::string explanation;          // why infeasible, in a sentence
  std::vector<std::string> binding; // constraints that the nearest plan breaks, worst first
  std::vector<PlanRelaxation> relax;
  std::optional<std::int64_t> largest_output_tokens;
  std::vector<std::string> assumptions;
  std::vector<std::string> warnings;
  std::string catalog_sha256;

  static PlanAnswer from_json(std::string_view text) {
    const JsonValue j = JsonValue::parse(text);
    PlanAnswer a;
    a.feasible = j["feasible"].boolean();
    if (const JsonValue& best = j["best"]; !best.is_null()) a.best = PlanOption::from_json(best);
    if (const JsonValue& nearest = j["nearest"]; !nearest.is_null())
      a.nearest = PlanOption::from_json(nearest);
    for (const auto& [name, list] :
         {std::pair{"by_device", &a.by_device}, std::pair{"pareto", &a.pareto}})
      if (const JsonValue& plans = j[name]; !plans.is_null())
        for (const JsonValue& plan : plans.items())
          list->push_back(PlanOption::from_json(plan));
    if (const JsonValue& why = j["explanation"]; !why.is_null()) {
      a.explanation = why["sentence"].text();
      a.binding = detail::texts(why["binding"]);
      if (const JsonValue& largest = why["largest_output_tokens"]; !largest.is_null())
        a.largest_output_tokens = largest.integer();
      if (const JsonValue& relax = why["relax"]; !relax.is_null())
        for (const JsonValue& r : relax.items())
          a.relax.push_back({r["constraint"].text(), r["limit"].number(), r["needed"].number(),
                             PlanOption::from_json(r["plan"])});
    }
    a.assumptions = detail::texts(j["assumptions"]);
    a.warnings = detail::texts(j["warnings"]);
    a.catalog_sha256 = j["provenance"]["catalog_sha256"].text();
    return a;
  }
};

/* --------------------------------------------------------------- placement */

/// A node of a cluster. Amounts that are absent are not known and not checked.
struct NodeInventory {
  std::string name;
  std::string device; ///< as the cluster names it, such as "NVIDIA-H200"
  std::int64_t gpus = 0;
  std::optional<std::vector<std::int64_t>> free_gpus; ///< indices; all when absent
  std::vector<std::int64_t> mig_gpus;
  std::optional<std::vector<std::vector<std::int64_t>>> nvlink_islands;
  std::optional<double> free_host_memory_gib;
  std::optional<std::int64_t> free_cpus;
  std::optional<double> network_gbit_s;
  std::string rack, nvlink_domain;

  JsonValue to_json() const {
    JsonValue out = JsonValue::object();
    out.set("name", name);
    out.set("device", device);
    out.set("gpus", gpus);
    const auto indices = [](const std::vector<std::int64_t>& values) {
      JsonValue list = JsonValue::array();
      for (const std::int64_t value : values)
        list.add(value);
      return list;
    };
    if (free_gpus) out.set("free_gpus", indices(*free_gpus));
    if (!mig_gpus.empty()) out.set("mig_gpus", indices(mig_gpus));
    if (nvlink_islands) {
      JsonValue islands = JsonValue::array();
      for (const auto& island : *nvlink_islands)
        islands.add(indices(island));
      out.set("nvlink_islands", std::move(islands));
    }
    detail::put(out, "free_host_memory_gib", free_host_memory_gib);
    detail::put(out, "free_cpus", free_cpus);
    detail::put(out, "network_gbit_s", network_gbit_s);
    if (!rack.empty()) out.set("rack", rack);
    if (!nvlink_domain.empty()) out.set("nvlink_domain", nvlink_domain);
    return out;
  }
};

struct FitRequest {
  std::vector<NodeInventory> nodes;
  std::optional<std::int64_t> replicas; ///< to place; the plan's when absent

  std::string to_json() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "replicas", replicas);
    JsonValue list = JsonValue::array();
    for (const NodeInventory& node : nodes)
      list.add(node.to_json());
    out.set("nodes", std::move(list));
    return out.dump();
  }
};

/// Why a node cannot take a pod.
struct FitReason {
  std::string code;
  double need = 0, have = 0;
  std::string text;
};

struct NodeFit {
  std::string name;
  bool fits = false;
  std::int64_t score = 0; ///< 1-100; 0 when it does not fit
  std::vector<std::int64_t> gpus;
  std::vector<FitReason> reasons;
};

struct PlacedPod {
  std::string node;
  std::vector<std::int64_t> gpus;
};

struct PlacedReplica {
  std::int64_t score = 0;
  std::vector<PlacedPod> pods;
};

/// What one pod asks of a node.
struct PodNeeds {
  std::string device;
  std::int64_t gpus = 0, tp = 0, nodes_per_replica = 0, cpus = 0;
  double host_memory_gib = 0, network_gbit_s = 0;
  bool one_nvlink_island = false, one_nvlink_domain = false;
};

struct FitAnswer {
  bool fits = false;
  std::int64_t replicas_wanted = 0, replicas_placed = 0;
  PodNeeds needs;
  std::vector<PlacedReplica> replicas;
  std::vector<NodeFit> nodes;

  static FitAnswer from_json(std::string_view text) {
    const JsonValue j = JsonValue::parse(text);
    const auto indices = [](const JsonValue& list) {
      std::vector<std::int64_t> out;
      if (!list.is_null())
        for (const JsonValue& item : list.items())
          out.push_back(item.integer());
      return out;
    };
    FitAnswer a;
    a.fits = j["fits"].boolean();
    a.replicas_wanted = j["replicas_wanted"].integer();
    a.replicas_placed = j["replicas_placed"].integer();
    const JsonValue& needs = j["needs"];
    a.needs = {needs["device"].text(),
               needs["gpus"].integer(),
               needs["tp"].integer(),
               needs["nodes_per_replica"].integer(),
               needs["cpus"].integer(),
               needs["host_memory_gib"].number(),
               needs["network_gbit_s"].number(),
               needs["one_nvlink_island"].boolean(),
               needs["one_nvlink_domain"].boolean()};
    for (const JsonValue& r : j["replicas"].items()) {
      PlacedReplica replica;
      replica.score = r["score"].integer();
      for (const JsonValue& pod : r["pods"].items())
        replica.pods.push_back({pod["node"].text(), indices(pod["gpus"])});
      a.replicas.push_back(std::move(replica));
    }
    for (const JsonValue& n : j["nodes"].items()) {
      NodeFit node{
          n["name"].text(), n["fits"].boolean(), n["score"].integer(), indices(n["gpus"]), {}};
      if (const JsonValue& reasons = n["reasons"]; !reasons.is_null())
        for (const JsonValue& reason : reasons.items())
          node.reasons.push_back({reason["code"].text(), reason["need"].number(),
                                  reason["have"].number(), reason["text"].text()});
      a.nodes.push_back(std::move(node));
    }
    return a;
  }
};

/// A finished plan.
class Plan {
public:
  explicit Plan(const PlanRequest& request) : Plan(request.to_json()) {}
  Plan(const PlanRequest& request, const Cancel& cancel) : Plan(request.to_json(), cancel.get()) {}
  /// For a request that is JSON text already.
  static Plan from_json(const std::string& request) { return Plan(request); }
  static Plan from_json(const std::string& request, const Cancel& cancel) {
    return Plan(request, cancel.get());
  }

  std::string to_json() const {
    return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
      return dsk_plan_to_json(handle_.get(), out, length, error);
    });
  }
  PlanAnswer answer() const { return PlanAnswer::from_json(to_json()); }
  dsk_plan_info info() const {
    dsk_plan_info info = DSK_PLAN_INFO_INIT;
    detail::ErrorSlot error;
    error.check(dsk_plan_summary(handle_.get(), &info, error));
    return info;
  }
  std::string emit(dsk_emit_format format) const {
    return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
      return dsk_plan_emit(handle_.get(), format, out, length, error);
    });
  }
  /// Where its replicas fit; see dsk_plan_fit().
  FitAnswer fit(const FitRequest& request) const {
    return FitAnswer::from_json(fit_json(request.to_json()));
  }
  /// The same over JSON text.
  std::string fit_json(const std::string& inventory) const {
    return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
      return dsk_plan_fit(handle_.get(), inventory.data(), inventory.size(), out, length, error);
    });
  }
  const dsk_plan* get() const { return handle_.get(); }

private:
  explicit Plan(const std::string& request, dsk_cancel* cancel = nullptr) {
    dsk_plan* raw = nullptr;
    detail::ErrorSlot error;
    error.check(dsk_plan_create(request.data(), request.size(), cancel, &raw, error));
    handle_.reset(raw, dsk_plan_destroy);
  }

  std::shared_ptr<const dsk_plan> handle_;
};

/* ---------------------------------------------------------- time per step */

/// A deployment prepared for questions about single steps. const: any number of threads may ask.
class StepModel {
public:
  /// `request`: JSON text; see dsk_plan_step_create().
  explicit StepModel(const std::string& request) {
    dsk_plan_step_model* raw = nullptr;
    detail::ErrorSlot error;
    error.check(dsk_plan_step_create(request.data(), request.size(), &raw, error));
    handle_.reset(raw, dsk_plan_step_destroy);
  }
  dsk_plan_step_time step(const dsk_plan_batch& batch) const {
    dsk_plan_step_time time = DSK_PLAN_STEP_TIME_INIT;
    detail::ErrorSlot error;
    error.check(dsk_plan_step(handle_.get(), &batch, &time, error));
    return time;
  }
  const dsk_plan_step_model* get() const { return handle_.get(); }

private:
  std::shared_ptr<const dsk_plan_step_model> handle_;
};

/// One step taken apart; see dsk_plan_explain().
inline std::string explain_step(const std::string& request, dsk_explain_format format) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_plan_explain(request.data(), request.size(), format, out, length, error);
  });
}

/// Scores as JSON text, and the predictions as CSV; see dsk_plan_validate_kernels().
inline std::pair<std::string, std::string> validate_kernels(const std::string& request,
                                                            std::string_view csv) {
  char* predictions = nullptr;
  std::string report = detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    const dsk_status status = dsk_plan_validate_kernels(request.data(), request.size(), csv.data(),
                                                        csv.size(), out, &predictions, error);
    *length = status == DSK_STATUS_OK ? std::char_traits<char>::length(*out) : 0;
    return status;
  });
  const std::unique_ptr<char, void (*)(void*)> owner(predictions, dsk_free);
  return {std::move(report), std::string(predictions)};
}

/* --------------------------------------------------- memory and catalogue */

/// Memory of one deployment, JSON text in and out; see dsk_plan_memory().
inline std::string memory_json(const std::string& request) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_plan_memory(request.data(), request.size(), out, length, error);
  });
}

/// Money, JSON text in and out; see dsk_plan_cost().
inline std::string cost_json(const std::string& request) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_plan_cost(request.data(), request.size(), out, length, error);
  });
}

/// Names of the built-in records of one kind.
inline std::vector<std::string> catalog_names(dsk_catalog_kind kind) {
  return detail::texts(
      JsonValue::parse(detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
        return dsk_catalog_to_json(kind, out, length, error);
      })));
}

/// One built-in record as JSON text.
inline std::string catalog_record(dsk_catalog_kind kind, std::string_view name) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_catalog_get(kind, name.data(), name.size(), out, length, error);
  });
}

} // namespace api
} // namespace dsk

#endif // DSK_DSK_HPP
