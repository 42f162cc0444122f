#include "plan/engine_run.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "plan/simulate_request.hpp"
#include "plan/validate_requests.hpp"

namespace dsk::plan {
namespace {

constexpr const char* latencies[] = {"ttft_ms", "tpot_ms", "e2e_ms"};

void add_metric(EngineRun& run, const std::string& name, double measured) {
  if (measured > 0) run.metrics.push_back({name, measured});
}

// Lengths of a load request in the words of a simulation.
Json lengths_of(const Json& given, const std::string& path) {
  constexpr double most = 1e9;
  if (!given.is_object()) return number_of(given, path, 0, most);
  Reader r(given, path);
  const double low = r.number("low", 0, most, 1), high = r.number("high", low, most, low);
  if (!r.has("mean")) return {{"uniform", {low, high}}};
  Json out = {{"mean", r.number("mean", 0, most)}, {"std", r.number("deviation", 0, most, 1)}};
  if (r.has("low")) out["min"] = low;
  if (r.has("high")) out["max"] = high;
  return {{"lognormal", std::move(out)}};
}

double mean_of(const Json& lengths) {
  if (lengths.is_number()) return lengths.get<double>();
  if (lengths.contains("lognormal")) return lengths["lognormal"]["mean"].get<double>();
  const Json& range = lengths["uniform"];
  return (range[0].get<double>() + range[1].get<double>()) / 2;
}

// What was asked for, unless the answers were clearly of another length (they ended by themselves).
void set_lengths(EngineRun& run, const char* member, const Json* asked, double counted,
                 const std::string& path) {
  Json lengths = asked ? lengths_of(*asked, path) : Json(std::max(1.0, std::round(counted)));
  if (counted > 0 && std::abs(std::log(counted / mean_of(lengths))) > 0.1) {
    run.assumptions.push_back(run.name + ": every request has the counted mean of " +
                              std::to_string(std::llround(counted)) + " " + member + " tokens");
    lengths = std::max(1.0, std::round(counted));
  }
  run.request["workload"][member] = std::move(lengths);
}

void read_load_report(EngineRun& run, Reader report) {
  Reader asked = report.object("request");
  Reader load = asked.object("workload");
  Reader counts = report.object("requests");
  Reader tokens = report.object("tokens");
  const double completed = counts.number("completed", 1, 1e12);
  Json& workload = run.request["workload"];
  if (workload.is_null()) {
    workload = Json::object();
    if (load.has("trace"))
      load.fail("trace", "is not part of the report: give \"workload\" beside it");
    if (load.has("concurrency")) {
      workload["concurrency"] = load.integer("concurrency", 1, 10'000'000);
      workload["think_ms"] = 1e3 * load.number("think_s", 0, 1e6, 0);
    } else {
      Json& arrivals = workload["arrivals"];
      arrivals["process"] = load.text("process", "poisson", 16);
      arrivals["rate_per_s"] = load.number("rate_per_s", 1e-6, 1e7);
      for (const char* member : {"cv", "on_s", "off_s", "day_s", "peak"})
        if (load.has(member)) arrivals[member] = load.number(member, 0, 1e9);
    }
    workload["requests"] = counts.integer("sent", 1, 1'000'000'000);
    set_lengths(run, "input", load.find("input_tokens"),
                tokens.number("input", 0, 1e15) / completed, load.path_of("input_tokens"));
    set_lengths(run, "output", load.find("output_tokens"),
                tokens.number("output", 0, 1e15) / completed, load.path_of("output_tokens"));
  }
  Reader latency = report.object("latency");
  for (const char* name : latencies)
    if (latency.has(name)) {
      Reader times = latency.object(name);
      for (const char* at : {"mean", "p50", "p90", "p99"})
        add_metric(run, std::string(name) + " " + at, times.number(at, 0, 1e12, 0));
    }
  Reader rates = report.object("rates");
  add_metric(run, "output_tokens_per_s", rates.number("output_tokens_per_s", 0, 1e12, 0));
}

void read_vllm_bench(EngineRun& run, Reader result) {
  const double completed = result.number("completed", 1, 1e12);
  Json& workload = run.request["workload"];
  if (workload.is_null()) {
    workload = Json::object();
    const Json& rate = result.require("request_rate");
    if (result.has("max_concurrency"))
      workload["concurrency"] = result.integer("max_concurrency", 1, 10'000'000);
    else if (rate.is_number())
      workload["arrivals"] = {{"process", "gamma"},
                              {"rate_per_s", result.number("request_rate", 1e-6, 1e6)},
                              {"cv", 1 / std::sqrt(result.number("burstiness", 1e-3, 1e3, 1))}};
    else // "inf"
      workload["arrivals"] = {{"process", "burst"}};
    workload["requests"] = result.integer("num_prompts", 1, 1'000'000'000);
    for (const auto& [member, list, total] :
         {std::tuple{"input", "input_lens", "total_input_tokens"},
          {"output", "output_lens", "total_output_tokens"}}) {
      if (result.has(list)) { // --save-detailed
        Json& values = workload[member]["values"];
        for (const std::int64_t tokens : result.integers(list, 0, 1 << 28, 1'000'000))
          if (tokens > 0) values.push_back(tokens);
      } else {
        set_lengths(run, member, nullptr, result.number(total, 1, 1e15) / completed, {});
        run.assumptions.push_back(run.name + ": the result holds no lengths (--save-detailed), so "
                                             "every request has the mean");
      }
    }
  }
  for (const char* name : latencies) {
    const std::string theirs = std::string(name) == "e2e_ms" ? "e2el_ms" : name;
    for (const auto& [prefix, at] :
         {std::pair{"mean_", "mean"}, {"median_", "p50"}, {"p90_", "p90"}, {"p99_", "p99"}})
      add_metric(run, std::string(name) + " " + at, result.number(prefix + theirs, 0, 1e12, 0));
  }
  add_metric(run, "output_tokens_per_s", result.number("output_throughput", 0, 1e12, 0));
  result.ignore_rest();
}

const Json* member_of(const Json& report, const std::string& name) {
  const auto space = name.find(' ');
  if (space == std::string::npos) return report.contains(name) ? &report[name] : nullptr;
  const std::string group = name.substr(0, space), at = name.substr(space + 1);
  if (!report.contains(group) || !report[group].contains(at)) return nullptr;
  return &report[group][at];
}

/// The answer of `work`, which simulates a run; what it refuses is named where the run's document
/// has it.
template <class Work> Json named(const EngineRun& run, Work work) {
  try {
    return work();
  } catch (const Error& e) {
    const std::string& at = e.path();
    const auto begins = [&](const std::string& with) { return at.rfind(with, 0) == 0; };
    const bool of_document = e.status() == DSK_STATUS_INVALID_REQUEST ||
                             e.status() == DSK_STATUS_NOT_FOUND ||
                             e.status() == DSK_STATUS_UNSUPPORTED;
    if (!of_document || begins("/catalog")) throw;
    if (begins("/log")) throw Error(e.status(), e.what(), run.path + "/request_log" + at.substr(4));
    throw Error(e.status(), e.what(), run.path + (begins("/workload") ? "" : "/deployment") + at);
  }
}

} // namespace

EngineRun engine_run_from_document(const Json& document, const std::string& device,
                                   const Catalog& catalog, const std::string& path) {
  Reader r(document, path);
  EngineRun run;
  run.path = path;
  run.name = r.text("name", 256);
  Reader deployment = r.object("deployment");
  run.request = deployment.value();
  const std::string at = r.path_of("deployment");
  if (run.request.contains("workload"))
    deployment.fail("workload", "must stand beside the deployment, not in it");
  if (run.request.contains("catalog"))
    deployment.fail("catalog", "must stand in the request, not in a deployment");
  const std::string stated = deployment.text("device", device, 128);
  if (catalog.device(stated, deployment.path_of("device")).name != device)
    deployment.fail("device", "must be " + device + ", whose calibration this is");
  run.request["device"] = device;
  const Json& model = deployment.require("model");
  run.model = model.is_string()
                  ? catalog.model(model.get<std::string>(), deployment.path_of("model")).name
                  : std::string("unnamed");
  if (model.is_object() && model.contains("name"))
    run.model = text_of(model["name"], deployment.path_of("model") + "/name");
  const std::string engine = deployment.text("engine", "vllm", 128);
  run.engine = catalog.engine(engine.substr(0, engine.find('@')), "", at + "/engine").name;
  if (const Json* workload = r.find("workload")) run.request["workload"] = *workload;
  if (r.has("request_log")) {
    if (run.request.contains("workload"))
      r.fail("workload", "must be absent: the log gives the workload");
    run.log = text_of(r.require("request_log"), r.path_of("request_log"), json::max_bytes);
    const Json report =
        named(run, [&] { return validate_requests(run.request, run.log, catalog, {}); });
    for (const char* name : latencies)
      for (const char* q : {"mean", "p50", "p90", "p99"})
        if (const Json* pair = member_of(report, std::string(name) + " " + q))
          add_metric(run, std::string(name) + " " + q, (*pair)["measured"].get<double>());
    add_metric(run, "output_tokens_per_s", report["output_tokens_per_s"]["measured"].get<double>());
  } else if (r.has("vllm_bench")) {
    read_vllm_bench(run, r.object("vllm_bench"));
  } else if (r.has("load_report")) {
    read_load_report(run, r.object("load_report"));
  } else {
    r.fail("request_log", "must be given, or vllm_bench or load_report");
  }
  r.done();
  if (run.metrics.empty()) invalid_request(path, "the run holds no latency and no throughput");
  return run;
}

SimulatedRun simulated(const EngineRun& run, const Json& documents, const Cancel& cancel) {
  const bool replayed = !run.log.empty();
  Json request = run.request;
  request["catalog"] = documents;
  const Catalog plain;
  const Json report = named(run, [&] {
    return replayed ? validate_requests(request, run.log, plain, cancel)
                    : simulate_document(request, plain, cancel, nullptr);
  });
  SimulatedRun out;
  for (const RunMetric& metric : run.metrics) {
    const Json* value = member_of(report, metric.name);
    if (value && replayed) value = &(*value)["simulated"];
    out.metrics.push_back(value ? std::max(1e-9, value->get<double>()) : 1e-9);
  }
  out.mean_running = (replayed ? report["simulation"] : report)["mean_running"].get<double>();
  return out;
}

} // namespace dsk::plan
