#include "plan/answer.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "plan/calibration_note.hpp"
#include "plan/power.hpp"

namespace dsk::plan {
namespace {

double shown(double value) {
  return json::significant(value, 5);
}

// The performance score: the smallest relative slack among the bounds; 1 when there is none.
double performance_score(const Request& request, const Point& point) {
  double worst = 1;
  const auto bound = [&](const std::optional<double>& limit, double value) {
    if (limit) worst = std::min(worst, (*limit - value) / *limit);
  };
  bound(request.slo.ttft_ms, point.ttft_ms);
  bound(request.slo.tpot_ms, point.tpot_ms);
  bound(request.slo.e2e_ms, point.e2e_ms);
  return worst;
}

Json parallel_json(const perf::Parallel& p) {
  return {{"tp", p.tp}, {"pp", p.pp}, {"dp", p.dp}, {"ep", p.ep}};
}

Json memory_json(const perf::MemoryReport& m) {
  Json terms = Json::array();
  for (const perf::MemoryTerm& term : m.terms)
    terms.push_back({{"name", term.name}, {"bytes", term.bytes}, {"origin", term.origin}});
  return {{"capacity_bytes", m.capacity_bytes},
          {"weights_bytes", m.weights_bytes},
          {"kv_pool_bytes", m.kv_pool_bytes},
          {"kv_pool_tokens", m.kv_pool_tokens},
          {"headroom_bytes", m.headroom_bytes},
          {"terms", std::move(terms)},
          {"binding", m.binding}};
}

std::string weights_name(const Candidate& candidate) {
  return candidate.weights == "checkpoint"
             ? format_name(candidate.model->quantization.default_format)
             : candidate.weights;
}

int nodes_of(const Candidate& candidate) {
  const int per_node = std::max(candidate.device->per_node, 1);
  return (candidate.parallel.devices() + per_node - 1) / per_node;
}

double utilisation_of(const Option& option) {
  return option.point.requests_per_s / option.limit.requests_per_s;
}

// The length that the engine must admit. Only means are known, so room for four times the mean
// (which covers the published chat and code length distributions) within the model and one
// replica's cache.
std::int64_t longest_request(const Request& request, const Candidate& c) {
  std::int64_t tokens = std::max<std::int64_t>(4 * c.memory_options.sequence_tokens, 4096);
  if (request.model.max_positions > 0)
    tokens = std::min<std::int64_t>(tokens, request.model.max_positions);
  return std::min(tokens, c.memory.kv_pool_tokens / std::max(c.parallel.dp, 1));
}

Json model_json(const Model& model) {
  const perf::ModelWeights weights = perf::weights_of(model);
  return {{"name", model.name},
          {"architecture", model.architecture},
          {"layers", model.layers()},
          {"hidden", model.hidden},
          {"parameters", perf::parameter_count(model, weights)},
          {"active_parameters", perf::active_parameter_count(model, weights)},
          {"weights", format_name(model.quantization.default_format)},
          {"source", model.source}};
}

Json optional_json(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json request_json(const Request& request) {
  Json devices = Json::array();
  for (const Device& device : request.devices)
    devices.push_back(device.name);
  Json engines = Json::array();
  for (const Engine& engine : request.engines)
    engines.push_back(engine.name + "@" + engine.version);
  const Workload& w = request.workload;
  const Slo& slo = request.slo;
  const char* objective = request.objective == Objective::cost   ? "cost"
                          : request.objective == Objective::gpus ? "gpus"
                                                                 : "latency";
  return {{"devices", std::move(devices)},
          {"engines", std::move(engines)},
          {"workload",
           {{"input_tokens", w.input_tokens},
            {"output_tokens", w.output_tokens},
            {"prefix_hit_rate", w.prefix_hit_rate},
            {"rate_per_s", optional_json(w.rate_per_s)},
            {"concurrency", optional_json(w.concurrency)}}},
          {"slo",
           {{"ttft_ms", optional_json(slo.ttft_ms)},
            {"tpot_ms", optional_json(slo.tpot_ms)},
            {"e2e_ms", optional_json(slo.e2e_ms)},
            {"latency_ms", optional_json(slo.latency_ms)},
            {"statistic", "mean"}}},
          {"limits",
           {{"max_gpus", request.limits.max_gpus},
            {"usd_per_hour", optional_json(request.limits.usd_per_hour)}}},
          {"objective", objective}};
}

// B18: prove one machine, then the cluster.
Json stages_json(const Option& option) {
  const Candidate& c = *option.candidate;
  const Point& p = option.point;
  const int nodes = nodes_of(c);
  Json stages = Json::array();
  const auto stage = [&](std::string name, std::string what, Json measure) {
    stages.push_back(
        {{"name", std::move(name)}, {"deploy", std::move(what)}, {"measure", std::move(measure)}});
  };
  const Json targets = {
      {{"metric", "kv_pool_tokens"}, {"expect_at_least", c.memory.kv_pool_tokens}},
      {{"metric", "tpot_ms"}, {"at_batch", p.batch}, {"expect_at_most", shown(p.tpot_ms)}},
      {{"metric", "ttft_ms"}, {"at_batch", p.batch}, {"expect_at_most", shown(p.ttft_ms)}},
      {{"metric", "requests_per_s"}, {"expect_at_least", shown(option.limit.requests_per_s)}}};
  stage("one replica",
        "one replica of " + std::to_string(c.parallel.devices()) + " x " + c.device->name + " on " +
            std::to_string(nodes) + (nodes == 1 ? " node" : " nodes"),
        targets);
  if (option.replicas > 1) {
    stage("two replicas", "two replicas behind the router",
          Json::array({{{"metric", "requests_per_s"},
                        {"expect_at_least", shown(2 * option.point.requests_per_s)}}}));
    stage("all replicas",
          std::to_string(option.replicas) + " replicas, " + std::to_string(option.gpus()) + " GPUs",
          Json::array({{{"metric", "requests_per_s"},
                        {"expect_at_least", shown(static_cast<double>(option.replicas) *
                                                  option.point.requests_per_s)}},
                       {{"metric", "e2e_ms"}, {"expect_at_most", shown(p.e2e_ms)}}}));
  }
  return stages;
}

std::string bound_sentence(Bound bound, double limit, double value) {
  return std::string(bound_name(bound)) + " is " + number_text(shown(value)) + ", the limit is " +
         number_text(limit);
}

Json explanation_json(const Request& request, const Search& search, const Outcome& outcome) {
  Json out;
  Json binding = Json::array();
  for (const Bound bound : outcome.violated)
    binding.push_back(bound_name(bound));
  out["binding"] = std::move(binding);
  if (search.candidates().empty()) {
    std::string sentence = "No device, engine and split holds the model";
    if (const auto& closest = search.closest_to_fit()) {
      sentence += "; the closest is " + std::to_string(closest->parallel.devices()) + " x " +
                  closest->device->name + " under " + closest->engine->name + ": " +
                  closest->memory.binding;
      out["closest_to_fit"] = {{"device", closest->device->name},
                               {"engine", closest->engine->name},
                               {"parallel", parallel_json(closest->parallel)},
                               {"memory", memory_json(closest->memory)}};
    }
    out["sentence"] = sentence + ".";
    return out;
  }
  Json relax = Json::array();
  for (const Relaxation& r : outcome.relaxations)
    relax.push_back({{"constraint", bound_name(r.bound)},
                     {"limit", r.limit},
                     {"needed", shown(r.needed)},
                     {"plan", plan_json(request, r.option, r.option.usd_per_hour)}});
  std::string sentence;
  if (outcome.nearest && !outcome.violated.empty()) {
    const Bound worst = outcome.violated.front();
    for (const Relaxation& r : outcome.relaxations)
      if (r.bound == worst)
        sentence =
            bound_sentence(worst, r.limit, r.needed) + " at best with every other bound kept";
    if (sentence.empty())
      sentence = std::string(bound_name(worst)) +
                 " binds, and giving it up alone is not enough: the nearest plan breaks " +
                 std::to_string(outcome.violated.size()) + " bounds";
  }
  if (outcome.largest_output_tokens) {
    out["largest_output_tokens"] = *outcome.largest_output_tokens;
    sentence += (sentence.empty() ? "" : "; ") + std::string("every bound is met with at most ") +
                std::to_string(*outcome.largest_output_tokens) + " output tokens a request";
  } else if (request.slo.e2e_ms) {
    out["largest_output_tokens"] = 0;
    sentence += (sentence.empty() ? "" : "; ") +
                std::string("not even one output token a request meets every bound");
  }
  out["sentence"] = sentence + ".";
  out["relax"] = std::move(relax);
  return out;
}

} // namespace

Chosen chosen_of(const Request& request, const Option& option) {
  const Candidate& c = *option.candidate;
  Chosen chosen;
  chosen.model = request.model.repository.empty() ? request.model.name : request.model.repository;
  chosen.device = *c.device;
  chosen.engine = *c.engine;
  chosen.parallel = c.parallel;
  chosen.weights = weights_name(c);
  chosen.kv = element_name(c.kv);
  chosen.replicas = option.replicas;
  chosen.max_batch = std::llround(option.limit.batch);
  chosen.memory_fraction = c.memory.memory_fraction;
  chosen.checkpoint_bytes = c.memory.weights_bytes * c.parallel.devices();
  chosen.max_tokens = longest_request(request, c);
  chosen.point = option.point;
  chosen.limit = option.limit;
  chosen.usd_per_hour = option.usd_per_hour;
  chosen.priced = c.price.usd_per_hour > 0;
  chosen.output_tokens = request.workload.output_tokens;
  chosen.nodes_per_replica = nodes_of(c);
  return chosen;
}

Json plan_json(const Request& request, const Option& option, double cheapest_usd_per_hour) {
  const Candidate& c = *option.candidate;
  const Point& p = option.point;
  const double replicas = static_cast<double>(option.replicas);
  const double requests_per_s = p.requests_per_s * replicas;
  const double output_per_s = requests_per_s * request.workload.output_tokens;
  const double input_per_s = requests_per_s * request.workload.input_tokens;
  const bool priced = c.price.usd_per_hour > 0;
  const double busy = std::min(1.0, utilisation_of(option));
  const double watts = estimated_power_w(*c.device, p.batch / c.parallel.dp, busy) *
                       static_cast<double>(option.gpus());

  Json plan;
  plan["device"] = c.device->name;
  plan["engine"] = c.engine->name;
  plan["engine_version"] = c.engine->version;
  plan["replicas"] = option.replicas;
  plan["gpus"] = option.gpus();
  plan["gpus_per_replica"] = c.parallel.devices();
  plan["nodes_per_replica"] = nodes_of(c);
  plan["parallel"] = parallel_json(c.parallel);
  plan["weights"] = weights_name(c);
  plan["kv"] = element_name(c.kv);
  plan["max_batch"] = std::llround(option.limit.batch);
  plan["token_budget"] = start_limits(*c.engine, *c.device).token_budget;
  plan["memory_fraction"] = shown(c.memory.memory_fraction);
  plan["performance"] = {{"statistic", "mean"},
                         {"ttft_ms", shown(p.ttft_ms)},
                         {"tpot_ms", shown(p.tpot_ms)},
                         {"e2e_ms", shown(p.e2e_ms)},
                         {"requests_per_s", shown(requests_per_s)},
                         {"output_tokens_per_s", shown(output_per_s)},
                         {"total_tokens_per_s", shown(output_per_s + input_per_s)},
                         {"batch", p.batch},
                         {"utilisation", shown(utilisation_of(option))},
                         {"decode_step_ms", shown(p.decode_step_ms)},
                         {"prefill_ms", shown(p.prefill_ms)},
                         {"prefill_share", shown(p.prefill_share)},
                         {"communication_share", shown(p.communication_share)},
                         {"binding_resource", perf::resource_name(p.binding)}};
  if (priced)
    plan["cost"] = {
        {"usd_per_hour", shown(option.usd_per_hour)},
        {"usd_per_gpu_hour", c.price.usd_per_hour},
        {"usd_per_mtok_output", shown(option.usd_per_hour / (output_per_s * 3600) * 1e6)},
        {"usd_per_mtok_total",
         shown(option.usd_per_hour / ((output_per_s + input_per_s) * 3600) * 1e6)}};
  else
    plan["cost"] = nullptr;
  plan["energy"] = {{"watts", shown(watts)},
                    {"output_tokens_per_joule", shown(output_per_s / watts)}};
  plan["scores"] = {
      {"performance", shown(performance_score(request, p))},
      {"cost", priced ? Json(shown(cheapest_usd_per_hour / option.usd_per_hour)) : Json(nullptr)},
      {"elasticity", shown(replicas / (replicas + 1))}};
  plan["memory"] = memory_json(c.memory);
  plan["origins"] = {
      {"performance", "modelled: mean-value analysis over the step time of the operator model"},
      {"memory", "shapes of the model, engine budget rule; each term states its own"},
      {"cost", priced ? Json("price: " + c.price.source + ", " + c.price.as_of)
                      : Json("no price for this device in the catalogue")},
      {"energy", "estimated: logistic in the batch, scaled by the board power limit"},
      {"device", c.device->source + ", " + c.device->as_of}};
  perf::Deployment deployment;
  deployment.model = c.model;
  deployment.device = c.device;
  deployment.engine = c.engine;
  deployment.parallel = c.parallel;
  deployment.kv_element = c.kv;
  if (is_calibrated(deployment)) {
    const Workload& w = request.workload;
    plan["origins"]["performance"] = "calibrated: mean-value analysis over the step time of the "
                                     "operator model with " +
                                     calibration_reference(deployment);
    plan["calibration"] = calibration_json(
        deployment, *c.step, decode_batch(p.batch, w.input_tokens + w.output_tokens / 2));
  }
  return plan;
}

Json reading_json(const Request& request, const char* meaning, const Outcome& outcome) {
  Json reading = {{"meaning", meaning}, {"feasible", outcome.best.has_value()}};
  if (outcome.best) {
    reading["plan"] = plan_json(request, *outcome.best, outcome.best->usd_per_hour);
  } else {
    if (outcome.largest_output_tokens)
      reading["largest_output_tokens"] = *outcome.largest_output_tokens;
    Json relax = Json::array();
    for (const Relaxation& r : outcome.relaxations)
      relax.push_back(
          {{"constraint", bound_name(r.bound)}, {"limit", r.limit}, {"needed", shown(r.needed)}});
    reading["relax"] = std::move(relax);
  }
  return reading;
}

Json answer_json(const Request& request, const Search& search, const Outcome& outcome,
                 const Json& readings, const std::string& catalog_sha256) {
  Json answer;
  answer["schema"] = 1;
  answer["feasible"] = outcome.best.has_value();
  answer["model"] = model_json(request.model);
  answer["request"] = request_json(request);
  if (outcome.best) {
    const double cheapest = std::min_element(outcome.by_device.begin(), outcome.by_device.end(),
                                             [](const Option& a, const Option& b) {
                                               return a.usd_per_hour < b.usd_per_hour;
                                             })
                                ->usd_per_hour;
    answer["best"] = plan_json(request, *outcome.best, cheapest);
    answer["by_device"] = Json::array();
    for (const Option& option : outcome.by_device)
      answer["by_device"].push_back(plan_json(request, option, cheapest));
    answer["pareto"] = Json::array();
    for (const Option& option : outcome.pareto)
      answer["pareto"].push_back(plan_json(request, option, cheapest));
    answer["stages"] = stages_json(*outcome.best);
  } else {
    answer["nearest"] = outcome.nearest
                            ? plan_json(request, *outcome.nearest, outcome.nearest->usd_per_hour)
                            : Json(nullptr);
    answer["explanation"] = explanation_json(request, search, outcome);
  }
  if (!readings.is_null()) answer["readings"] = readings;
  answer["search"] = {{"considered", search.considered()},
                      {"did_not_fit", search.too_large()},
                      {"evaluated", search.candidates().size()},
                      {"method", "exhaustive over the declared space"}};
  answer["assumptions"] = request.assumptions;
  answer["warnings"] = request.model.warnings;
  answer["provenance"] = {{"library", DSK_VERSION_TEXT}, {"catalog_sha256", catalog_sha256}};
  return answer;
}

} // namespace dsk::plan
