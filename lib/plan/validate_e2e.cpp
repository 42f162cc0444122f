#include "plan/validate_e2e.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <map>
#include <optional>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"
#include "plan/e2e_row.hpp"
#include "plan/request.hpp"

namespace dsk::plan {
namespace {

struct Prediction {
  double value = 0;
  double low = 0;
  double high = 0;
  std::string status = "ok";
  std::string assumptions;
};

// One run and the rows that are its metrics.
struct Task {
  E2eCase what;
  std::vector<std::size_t> rows;
  sim::RunResult result;
  double step_error = 0; // relative half width of the 90 % interval of its mean decode step
  std::string failure;
};

double step_error(const Served& served, const sim::RunResult& r) {
  const double running =
      std::clamp(r.totals.busy_s > 0 ? r.totals.running_s / r.totals.busy_s : 1, 1.0, 1e5);
  perf::Batch batch;
  batch.decode_sequences = std::max<std::int64_t>(1, std::llround(running));
  const double mean = r.completed > 0 ? static_cast<double>(r.input_tokens + r.output_tokens / 2) /
                                            static_cast<double>(r.completed)
                                      : 1;
  batch.kv_max = std::max<std::int64_t>(1, std::llround(mean));
  batch.kv_sum = batch.kv_max * batch.decode_sequences;
  const perf::StepTime time = served.step().step(batch);
  return time.total_us > 0 ? time.high_us / time.total_us - 1 : 0;
}

void run_task(Task& task, const Served& served, const Cancel& cancel) {
  if (!served.fits()) {
    task.failure = "does not fit: " + served.memory().binding;
    return;
  }
  sim::FleetSpec fleet;
  fleet.serve.step = &served.step();
  fleet.serve.replica = served.spec();
  const sim::Policy& p = task.what.policy;
  fleet.serve.replica.policy = p;
  if (task.what.kind == E2eKind::fixed_batch) {
    // Its memory is its own: a static batch was sized to fit.
    fleet.serve.replica.kv_pool_pages = std::int64_t{1} << 40;
  }
  workload::WorkloadSpec load = task.what.load;
  const workload::Workload workload(std::move(load));
  const double held = static_cast<double>(fleet.serve.replica.kv_pool_pages) * p.block_tokens;
  if (task.what.spread > 1 && task.what.load.closed &&
      static_cast<double>(task.what.load.closed->clients) * task.what.request_tokens > held) {
    fleet.serve.count = task.what.spread;
    task.what.assumptions +=
        "; clients of a whole server of " + std::to_string(task.what.spread) + " replicas";
  }
  sim::RunOptions options;
  options.skip = task.what.skip;
  task.result = sim::simulate(fleet, workload, options, cancel);
  if (task.result.completed == 0)
    task.failure = "no request fits in the KV pool of " +
                   std::to_string(served.spec().kv_pool_pages * p.block_tokens) + " tokens";
  task.step_error = step_error(served, task.result);
}

Prediction predict(const Task& task, const E2eRow& row) {
  Prediction p;
  p.assumptions = task.what.assumptions;
  if (!task.failure.empty()) {
    p.status = task.failure;
    return p;
  }
  const sim::RunResult& r = task.result;
  const auto time = [&](const Histogram& h) {
    return 1e3 * (task.what.median ? h.quantile(0.5) : h.mean());
  };
  const double seconds = r.end_s;
  double spread = 0;
  switch (row.metric) {
  case E2eMetric::ttft_ms:
    p.value = time(r.ttft);
    spread = 0.35; // cadence, front end, undeclared launch options
    break;
  case E2eMetric::tpot_ms:
    p.value = time(r.tpot);
    spread = 0.15;
    break;
  case E2eMetric::e2e_ms:
    p.value = time(r.e2e);
    spread = 0.15;
    break;
  case E2eMetric::output_tok_s:
    p.value = static_cast<double>(r.output_tokens) / seconds;
    spread = 0.15;
    break;
  case E2eMetric::output_tok_s_per_gpu:
    p.value = static_cast<double>(r.output_tokens) / seconds / task.what.gpus;
    spread = 0.15;
    break;
  case E2eMetric::total_tok_s:
    p.value = static_cast<double>(r.output_tokens + r.input_tokens) / seconds;
    spread = 0.15;
    break;
  case E2eMetric::samples_s:
    p.value = static_cast<double>(r.completed) / seconds;
    spread = 0.15;
    break;
  }
  if (!task.what.assumptions.empty()) spread *= 1.25;
  const double relative = std::sqrt(spread * spread + task.step_error * task.step_error);
  p.low = p.value / (1 + relative);
  p.high = p.value * (1 + relative);
  if (!(p.value > 0)) p.status = "the run has no such metric";
  return p;
}

struct Errors {
  std::vector<double> absolute;
  std::vector<double> ratio; // predicted / measured - 1
  std::size_t rows = 0;
  std::size_t covered = 0;
};

Json errors_json(const std::string& name, Errors& e) {
  Json j = Json::object();
  j["group"] = name;
  j["rows"] = e.rows;
  j["predicted"] = e.absolute.size();
  if (e.absolute.empty()) return j;
  double sum = 0;
  for (const double a : e.absolute)
    sum += a;
  std::sort(e.absolute.begin(), e.absolute.end());
  std::sort(e.ratio.begin(), e.ratio.end());
  const auto percent = [](double x) { return json::significant(100 * x, 4); };
  j["mape"] = percent(sum / static_cast<double>(e.absolute.size()));
  j["median"] = percent(sorted_quantile(e.absolute, 0.5));
  j["p90"] = percent(sorted_quantile(e.absolute, 0.9));
  j["signed_median"] = percent(sorted_quantile(e.ratio, 0.5));
  j["coverage"] = percent(static_cast<double>(e.covered) / static_cast<double>(e.absolute.size()));
  return j;
}

const char* metric_class(E2eMetric metric) {
  switch (metric) {
  case E2eMetric::ttft_ms:
    return "ttft";
  case E2eMetric::tpot_ms:
    return "tpot";
  case E2eMetric::e2e_ms:
    return "e2e";
  case E2eMetric::output_tok_s:
  case E2eMetric::output_tok_s_per_gpu:
    return "output tokens/s";
  case E2eMetric::total_tok_s:
  case E2eMetric::samples_s:
    return "total tokens/s, samples/s";
  }
  return "";
}

} // namespace

E2eAnswer validate_e2e(const Json& request, std::string_view csv, const Catalog& base,
                       const Cancel& cancel) {
  std::optional<Catalog> own;
  const Catalog& catalog = request_catalog(request, base, own);
  Reader r(request, "");
  r.find("catalog");
  const auto jobs = static_cast<std::size_t>(r.integer("jobs", 1, 256, 1));
  r.done();
  const CsvTable table(csv, "/csv");
  for (const char* column :
       {"id", "engine", "model", "gpu", "scenario", "metric", "value", "notes"})
    if (!table.has(column))
      invalid_request("/csv", std::string("the header has no column ") + column);

  std::vector<E2eRow> rows(table.rows());
  std::vector<Prediction> predictions(table.rows());
  std::map<std::string, std::size_t> by_key;
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    cancel.check();
    try {
      rows[i] = read_e2e_row(table, i);
      E2eCase what = read_e2e_case(table, i, catalog);
      const auto [found, fresh] = by_key.try_emplace(what.key, tasks.size());
      if (fresh) tasks.push_back({std::move(what), {}, {}, 0, {}});
      tasks[found->second].rows.push_back(i);
    } catch (const Error& e) {
      rows[i].id = table.at(i, "id");
      predictions[i].status = e.what();
    }
  }
  // Tasks of one deployment share a step model; a thread takes one deployment at a time.
  std::map<std::string, std::vector<std::size_t>> by_deployment;
  for (std::size_t t = 0; t < tasks.size(); ++t)
    by_deployment[tasks[t].what.deployment].push_back(t);
  std::vector<const std::vector<std::size_t>*> groups;
  for (const auto& [name, members] : by_deployment)
    groups.push_back(&members);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t g = next++; g < groups.size(); g = next++) {
      if (cancel.is_set()) return;
      std::optional<Served> served;
      std::string failure;
      const E2eCase& first = tasks[groups[g]->front()].what;
      try {
        served.emplace(first.model, first.device, first.engine, first.policy, first.options, "");
      } catch (const Error& e) {
        failure = e.what();
      }
      for (const std::size_t t : *groups[g]) {
        if (served)
          run_task(tasks[t], *served, cancel);
        else
          tasks[t].failure = failure;
      }
      cancel.progress(g + 1, groups.size());
    }
  };
  std::vector<std::future<void>> others; // whose failures come back through get()
  for (std::size_t j = 1; j < std::min(jobs, groups.size()); ++j)
    others.push_back(std::async(std::launch::async, work));
  work();
  for (std::future<void>& other : others)
    other.get();
  cancel.check();
  for (const Task& task : tasks)
    for (const std::size_t i : task.rows)
      predictions[i] = predict(task, rows[i]);

  E2eAnswer answer;
  answer.predictions = "id,metric,measured,predicted,low,high,status,assumptions\n";
  std::map<std::string, Errors> groups_errors;
  std::map<std::string, std::size_t> refused;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Prediction& p = predictions[i];
    const E2eRow& row = rows[i];
    const bool ok = p.status == "ok";
    answer.predictions += csv_field(row.id) + "," + csv_field(table.at(i, "metric")) + "," +
                          csv_field(table.at(i, "value")) + ",";
    if (ok)
      answer.predictions += number_text(json::significant(p.value, 6)) + "," +
                            number_text(json::significant(p.low, 6)) + "," +
                            number_text(json::significant(p.high, 6));
    else
      answer.predictions += ",,";
    answer.predictions += "," + csv_field(p.status) + "," + csv_field(p.assumptions) + "\n";
    if (!ok) ++refused[p.status];
    const std::string metric = metric_class(row.metric);
    std::vector<std::string> names = {"all|" + metric};
    if (row.flag.empty()) {
      names.push_back("unflagged|" + metric);
      names.push_back("unflagged, scenario " + row.scenario + "|" + metric);
      names.push_back("unflagged, GPU " + row.gpu + "|" + metric);
      names.push_back("unflagged, engine " + row.engine + "|" + metric);
      names.push_back("unflagged, model " + row.model + "|" + metric);
      if (row.model.starts_with("deepseek")) names.push_back("unflagged, DeepSeek|" + metric);
    }
    for (const std::string& name : names) {
      Errors& e = groups_errors[name];
      ++e.rows;
      if (!ok) continue;
      const double ratio = p.value / row.measured - 1;
      e.ratio.push_back(ratio);
      e.absolute.push_back(std::abs(ratio));
      e.covered += row.measured >= p.low && row.measured <= p.high;
    }
  }
  Json report = Json::object();
  report["rows"] = rows.size();
  report["runs"] = tasks.size();
  report["deployments"] = groups.size();
  Json scores = Json::array();
  for (auto& [name, errors] : groups_errors) {
    const auto bar = name.find('|');
    Json score = errors_json(name.substr(0, bar), errors);
    score["metric"] = name.substr(bar + 1);
    scores.push_back(std::move(score));
  }
  report["scores"] = std::move(scores);
  Json reasons = Json::array();
  for (const auto& [reason, count] : refused)
    reasons.push_back({{"reason", reason}, {"rows", count}});
  report["not_predicted"] = std::move(reasons);
  answer.report = std::move(report);
  return answer;
}

} // namespace dsk::plan
