#include "plan/simulate_request.hpp"

#include <algorithm>
#include <optional>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"
#include "catalog/requantize.hpp"
#include "plan/calibration_note.hpp"
#include "plan/policy_request.hpp"
#include "plan/request.hpp"
#include "plan/served.hpp"
#include "plan/workload_request.hpp"

namespace dsk::plan {
namespace {

perf::Parallel read_parallel(Reader* r) {
  perf::Parallel p;
  if (!r) return p;
  p.tp = static_cast<int>(r->integer("tp", 1, 1024, 1));
  p.pp = static_cast<int>(r->integer("pp", 1, 256, 1));
  p.dp = static_cast<int>(r->integer("dp", 1, 1024, 1));
  p.ep = static_cast<int>(r->integer("ep", 1, 65536, 1));
  r->done();
  return p;
}

struct Subject {
  Model model;
  Device device;
  Engine engine;
  ServedOptions options;
  std::vector<std::string> assumptions;
};

// Instances of one kind with their own split and policy.
struct Group {
  std::unique_ptr<Served> served;
  int count = 1;
};

Group read_group(Reader& r, const Subject& s) {
  Group group;
  ServedOptions options = s.options;
  auto parallel = r.optional_object("parallel");
  options.parallel = read_parallel(parallel ? &*parallel : nullptr);
  options.memory_fraction = r.number("memory_fraction", 0.01, 0.99, 0);
  options.kv_pool_tokens = r.optional_integer("kv_pool_tokens", 1, std::int64_t{1} << 40);
  std::optional<sim::Policy> policy;
  if (auto p = r.optional_object("policy"))
    policy = read_policy(std::move(*p), sim::default_policy(s.engine, s.device, s.model));
  group.count = static_cast<int>(r.integer("replicas", 1, 10000, 1));
  group.served =
      std::make_unique<Served>(s.model, s.device, s.engine, policy, options, r.path_of("parallel"));
  if (!group.served->fits())
    invalid_request(r.path_of("parallel"), s.model.name + " does not fit on " +
                                               std::to_string(options.parallel.devices()) + " x " +
                                               s.device.name + ": " +
                                               group.served->memory().binding);
  return group;
}

sim::Pool pool_of(const Group& group) {
  return {&group.served->step(), group.served->spec(), group.count};
}

void read_tiers(Reader& r, sim::FleetSpec& fleet) {
  const auto items = r.array("tiers", 8);
  for (std::size_t i = 0; i < items.size(); ++i) {
    Reader t(*items[i], json::pointer(r.path_of("tiers"), i));
    sim::TierSpec tier;
    tier.name = t.text("name");
    tier.capacity_bytes = t.number("capacity_gb", 0, 1e9) * 1e9;
    tier.bytes_per_s = t.number("bandwidth_gbs", 1e-3, 1e6) * 1e9;
    tier.latency_s = t.number("latency_us", 0, 1e9, 0) / 1e6;
    t.done();
    fleet.tiers.push_back(std::move(tier));
  }
}

double rounded(double value) {
  return json::significant(value, 6);
}

Json times_json(const Histogram& seconds) {
  Json j = Json::object();
  j["mean"] = rounded(seconds.mean() * 1e3);
  for (const auto& [name, q] :
       {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}})
    j[name] = rounded(seconds.quantile(q) * 1e3);
  j["max"] = rounded(seconds.max() * 1e3);
  return j;
}

// `typical` is what a calibration is shown on.
Json deployment_json(const Group& group, const char* role, const perf::Batch& typical) {
  const Served& s = *group.served;
  Json j = Json::object();
  j["role"] = role;
  j["replicas"] = group.count;
  j["engine"] = s.engine().name + "@" + s.engine().version;
  const perf::Parallel& p = s.deployment().parallel;
  j["parallel"] = {{"tp", p.tp}, {"pp", p.pp}, {"dp", p.dp}, {"ep", p.ep}};
  j["kv"] = std::string(element_name(s.deployment().kv_element));
  j["kv_pool_tokens"] = s.spec().kv_pool_pages * s.spec().policy.block_tokens;
  j["policy"] = policy_json(s.spec().policy);
  if (is_calibrated(s.deployment()))
    j["calibration"] = calibration_json(s.deployment(), s.step(), typical);
  return j;
}

// The mean of a run: sequences in flight on one instance, and their length half way.
perf::Batch typical_batch(const sim::RunResult& r, int instances) {
  const double completed = std::max(1.0, static_cast<double>(r.completed));
  return decode_batch(
      r.totals.running_s / std::max(1e-9, r.end_s) / instances,
      (static_cast<double>(r.input_tokens) + static_cast<double>(r.output_tokens) / 2) / completed);
}

Json kv_json(const sim::RunResult& r, const sim::ReplicaSpec& spec) {
  Json j = Json::object();
  const double page = spec.policy.block_tokens;
  const double paged = r.totals.kv_block_s * page;
  j["peak_share"] = rounded(static_cast<double>(r.totals.max_kv_blocks) /
                            static_cast<double>(spec.kv_pool_pages));
  j["mean_share"] =
      rounded(r.end_s > 0 ? r.totals.kv_block_s / r.end_s / static_cast<double>(r.pool_pages) : 0);
  // What is set aside but holds no token: pages not yet full, against one piece for each answer.
  j["paged_waste"] = rounded(paged > 0 ? std::max(0.0, 1 - r.totals.kv_token_s / paged) : 0);
  j["contiguous_waste"] =
      rounded(r.totals.contiguous_token_s > 0
                  ? std::max(0.0, 1 - r.totals.kv_token_s / r.totals.contiguous_token_s)
                  : 0);
  j["preemptions"] = r.totals.preemptions;
  const double asked = static_cast<double>(r.totals.prompt_tokens + r.totals.cached_tokens);
  j["prefix_hit_rate"] =
      rounded(asked > 0 ? static_cast<double>(r.totals.cached_tokens) / asked : 0);
  if (r.tiers.blocks_in > 0) {
    j["tier_loads"] = r.tiers.loads;
    j["tier_bytes_loaded"] = r.tiers.bytes_loaded;
  }
  return j;
}

const char* stop_name(sim::Stop stop) {
  switch (stop) {
  case sim::Stop::finished:
    return "finished";
  case sim::Stop::until:
    return "until";
  case sim::Stop::cancelled:
    return "cancelled";
  }
  return "";
}

} // namespace

Json simulate_document(const Json& request, const Catalog& base, const Cancel& cancel,
                       std::vector<sim::Done>* series) {
  std::optional<Catalog> own;
  const Catalog& catalog = request_catalog(request, base, own);
  Reader r(request, "");
  r.integer("schema", 1, 1, 1);
  r.find("catalog");
  Subject s;
  s.model = requantized(read_model(r.require("model"), "/model", catalog),
                        r.text("weights", "checkpoint"), "/weights");
  s.device = catalog.device(r.text("device"), "/device");
  const std::string engine = r.text("engine", "vllm");
  if (!r.has("engine")) s.assumptions.emplace_back("engine: not stated, so vllm");
  const auto at = engine.find('@');
  s.engine = catalog.engine(engine.substr(0, at),
                            at == std::string::npos ? "" : engine.substr(at + 1), "/engine");
  if (r.has("kv")) s.options.kv = read_kv_element(r.text("kv"), "/kv");
  s.options.mtp_tokens = static_cast<int>(r.integer("mtp_tokens", 0, 8, 0));
  if (s.options.mtp_tokens > 0 && s.model.mtp_kinds.empty())
    r.fail("mtp_tokens", "must be 0: " + s.model.name + " has no MTP layers");
  s.options.tokens_per_step = r.number("tokens_per_step", 1, 9, 0);
  if (s.options.mtp_tokens > 0 && s.options.tokens_per_step <= 0)
    s.assumptions.push_back(
        "accepted tokens a step: " + number_text(default_acceptance(s.options.mtp_tokens)) +
        " with " + std::to_string(s.options.mtp_tokens) +
        " drafts, DeepSeek-V4-Pro's measured curve");

  sim::FleetSpec fleet;
  Group serve;
  Group decode;
  decode.count = 0;
  if (auto split = r.optional_object("disaggregated")) {
    Reader prefill_reader = split->object("prefill");
    serve = read_group(prefill_reader, s);
    prefill_reader.done();
    Reader decode_reader = split->object("decode");
    decode = read_group(decode_reader, s);
    decode_reader.done();
    const double link =
        s.device.scale_out.bandwidth_gbs * serve.served->deployment().parallel.devices();
    if (!split->has("transfer_gbs") && link <= 0)
      split->fail("transfer_gbs",
                  "must be given: no link out of the node is known of " + s.device.name);
    fleet.transfer_bytes_per_s = split->number("transfer_gbs", 1e-3, 1e6, link) * 1e9;
    fleet.transfer_latency_s = s.device.scale_out.latency_us / 1e6;
    if (!split->has("transfer_gbs"))
      s.assumptions.push_back("KV transfer at " + number_text(link) +
                              " GB/s out of a prefill instance: all of its devices' network links");
    split->done();
    fleet.decode = pool_of(decode);
  } else {
    serve = read_group(r, s);
  }
  fleet.serve = pool_of(serve);
  const std::string routing =
      r.choice("routing", {"round_robin", "least_loaded", "prefix_affinity"}, "round_robin");
  fleet.routing = routing == "round_robin"    ? sim::Routing::round_robin
                  : routing == "least_loaded" ? sim::Routing::least_loaded
                                              : sim::Routing::prefix_affinity;
  read_tiers(r, fleet);

  workload::WorkloadSpec spec = read_workload_spec(r.object("workload"), catalog, s.assumptions);
  spec.block_tokens = serve.served->spec().policy.block_tokens;
  sim::RunOptions options;
  options.series = series != nullptr;
  options.max_request_tokens = s.model.max_positions;
  options.until_s = r.number("until_s", 0, 1e12, 1e300);
  options.skip = r.integer("skip_requests", 0, std::int64_t{1} << 40, 0);
  options.timeline = r.boolean("timeline", false);
  Json bounds;
  if (auto slo = r.optional_object("slo")) {
    bounds = slo->value();
    options.ttft_bound_s = slo->number("ttft_ms", 1e-3, 1e9, 0) / 1e3;
    options.tpot_bound_s = slo->number("tpot_ms", 1e-3, 1e9, 0) / 1e3;
    options.e2e_bound_s = slo->number("e2e_ms", 1e-3, 1e9, 0) / 1e3;
    slo->done();
  }
  r.done();

  if (spec.trace && spec.trace->block_tokens % serve.served->spec().policy.block_tokens != 0 &&
      fleet.serve.replica.policy.prefix_cache)
    invalid_request("/policy/block_tokens",
                    "block_tokens is " + std::to_string(serve.served->spec().policy.block_tokens) +
                        ", must divide the " + std::to_string(spec.trace->block_tokens) +
                        " tokens of the trace's prefix blocks");
  const workload::Workload load(std::move(spec));
  sim::RunResult result = sim::simulate(fleet, load, options, cancel);

  Json answer = Json::object();
  answer["schema"] = 1;
  answer["stopped"] = stop_name(result.stop);
  answer["model"] = s.model.name;
  answer["device"] = s.device.name;
  Json deployments = Json::array();
  const perf::Batch typical = typical_batch(result, fleet.serve.count + fleet.decode.count);
  deployments.push_back(deployment_json(serve, decode.count > 0 ? "prefill" : "serve", typical));
  if (decode.count > 0) deployments.push_back(deployment_json(decode, "decode", typical));
  answer["deployments"] = std::move(deployments);
  Json requests = Json::object();
  requests["sent"] = result.sent;
  requests["completed"] = result.completed;
  requests["rejected"] = result.rejected;
  requests["unfinished"] = result.sent - result.completed - result.rejected;
  answer["requests"] = std::move(requests);
  const double span = result.end_s > 0 ? result.end_s : 1;
  answer["duration_s"] = rounded(result.end_s);
  answer["requests_per_s"] = rounded(static_cast<double>(result.completed) / span);
  answer["output_tokens_per_s"] = rounded(static_cast<double>(result.output_tokens) / span);
  answer["total_tokens_per_s"] =
      rounded(static_cast<double>(result.output_tokens + result.input_tokens) / span);
  answer["queue_ms"] = times_json(result.queue);
  answer["ttft_ms"] = times_json(result.ttft);
  answer["tpot_ms"] = times_json(result.tpot);
  answer["itl_ms"] = times_json(result.itl);
  answer["e2e_ms"] = times_json(result.e2e);
  if (!bounds.is_null()) {
    answer["slo"] = bounds;
    answer["goodput_share"] = rounded(result.completed > 0 ? static_cast<double>(result.good) /
                                                                 static_cast<double>(result.sent)
                                                           : 0);
    answer["goodput_requests_per_s"] = rounded(static_cast<double>(result.good) / span);
  }
  const double instances = fleet.serve.count + fleet.decode.count;
  answer["busy_share"] = rounded(result.totals.busy_s / span / instances);
  answer["prefill_share"] = rounded(result.totals.prefill_s / span / instances);
  answer["mean_running"] = rounded(result.totals.running_s / span);
  answer["steps"] = result.totals.steps;
  answer["kv"] =
      kv_json(result, fleet.decode.count > 0 ? fleet.decode.replica : fleet.serve.replica);
  if (decode.count > 0) answer["transferred_bytes"] = result.transferred_bytes;
  if (options.timeline) {
    Json timeline = Json::array();
    for (const sim::Sample& sample : result.timeline)
      timeline.push_back(
          {rounded(sample.at_s), sample.waiting, sample.running, rounded(sample.kv_share)});
    answer["timeline"] = {{"columns", {"at_s", "waiting", "running", "kv_share"}},
                          {"rows", std::move(timeline)}};
  }
  Json assumptions = Json::array();
  for (const std::string& text : s.assumptions)
    assumptions.push_back(text);
  answer["assumptions"] = std::move(assumptions);
  if (series) *series = std::move(result.series);
  return answer;
}

} // namespace dsk::plan
