#include "plan/validate_e2e.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"
#include "plan/e2e_run.hpp"
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

// The table, its runs, and what each run gave under each setting of the constants.
struct Table {
  std::vector<E2eRow> rows;
  std::vector<Prediction> predictions; // until they are made: the reason of rows without a run
  std::vector<E2eTask> tasks;
  std::vector<std::size_t> task_of; // of a row; the number of tasks where it has none
  std::vector<std::vector<E2eOutcome>> outcomes;
};

Table read_table(const CsvTable& csv, const Catalog& catalog, const Cancel& cancel) {
  Table t;
  t.rows.resize(csv.rows());
  t.predictions.resize(csv.rows());
  t.task_of.assign(csv.rows(), 0);
  std::map<std::string, std::size_t> by_key;
  std::vector<std::size_t> none;
  for (std::size_t i = 0; i < csv.rows(); ++i) {
    cancel.check();
    try {
      t.rows[i] = read_e2e_row(csv, i);
      E2eCase what = read_e2e_case(csv, i, catalog);
      const auto [found, fresh] = by_key.try_emplace(what.key, t.tasks.size());
      if (fresh) t.tasks.push_back({std::move(what), {}});
      t.tasks[found->second].rows.push_back(i);
      t.task_of[i] = found->second;
    } catch (const Error& e) {
      t.rows[i].id = csv.at(i, "id");
      t.predictions[i].status = e.what();
      none.push_back(i);
    }
  }
  for (const std::size_t i : none)
    t.task_of[i] = t.tasks.size();
  return t;
}

Prediction predict(const Table& t, std::size_t i, std::size_t setting, const E2eWidths& widths) {
  if (t.task_of[i] == t.tasks.size()) return t.predictions[i];
  const E2eTask& task = t.tasks[t.task_of[i]];
  const E2eOutcome& outcome = t.outcomes[t.task_of[i]][setting];
  Prediction p;
  p.assumptions = task.what.assumptions + outcome.assumptions;
  if (!outcome.failure.empty()) {
    p.status = outcome.failure;
    return p;
  }
  const E2eMetric metric = t.rows[i].metric;
  p.value = outcome.value(metric, task.what.gpus);
  if (!(p.value > 0)) p.status = "the run has no such metric";
  const double width =
      base_width(task, outcome, metric) * widths.factor[static_cast<std::size_t>(class_of(metric))]
                                                       [static_cast<std::size_t>(task.what.kind)];
  p.low = p.value * std::exp(-width);
  p.high = p.value * std::exp(width);
  return p;
}

// log(measured / predicted) of an unflagged row that has a prediction.
std::optional<double> residual(const Table& t, std::size_t i, std::size_t setting) {
  if (t.task_of[i] == t.tasks.size() || !t.rows[i].flag.empty()) return std::nullopt;
  const E2eOutcome& outcome = t.outcomes[t.task_of[i]][setting];
  if (!outcome.failure.empty()) return std::nullopt;
  const double value = outcome.value(t.rows[i].metric, t.tasks[t.task_of[i]].what.gpus);
  if (!(value > 0)) return std::nullopt;
  return std::log(t.rows[i].measured / value);
}

// Widths that hold nine rows of ten, each class and kind by its own rows where it has 20; the
// pooled rows of the class elsewhere. `use` says which rows may be looked at, `setting` under
// which constants.
template <class Use, class Setting>
E2eWidths fit_widths(const Table& t, const Use& use, const Setting& setting) {
  std::array<std::array<std::vector<double>, 5>, 3> ratios; // the last kind: pooled
  for (std::size_t i = 0; i < t.rows.size(); ++i) {
    if (!use(i)) continue;
    const std::size_t s = setting(i);
    const auto error = residual(t, i, s);
    if (!error) continue;
    const E2eTask& task = t.tasks[t.task_of[i]];
    const double ratio =
        std::abs(*error) / base_width(task, t.outcomes[t.task_of[i]][s], t.rows[i].metric);
    auto& of_class = ratios[static_cast<std::size_t>(class_of(t.rows[i].metric))];
    of_class[static_cast<std::size_t>(task.what.kind)].push_back(ratio);
    of_class[4].push_back(ratio);
  }
  E2eWidths widths = fitted_widths();
  for (std::size_t c = 0; c < ratios.size(); ++c)
    for (std::size_t k = 0; k < 4; ++k) {
      auto& list = ratios[c][k].size() >= 20 ? ratios[c][k] : ratios[c][4];
      if (list.size() < 20) continue;
      std::sort(list.begin(), list.end());
      // The rank that split conformal prediction asks for.
      const auto rank =
          static_cast<std::size_t>(std::ceil(0.9 * static_cast<double>(list.size() + 1)));
      widths.factor[c][k] = list[std::min(rank, list.size()) - 1];
    }
  return widths;
}

struct Errors {
  std::vector<double> absolute;
  std::vector<double> ratio; // predicted / measured - 1
  std::size_t rows = 0;
  std::size_t covered = 0;

  void add(const E2eRow& row, const Prediction& p) {
    ++rows;
    if (p.status != "ok") return;
    ratio.push_back(p.value / row.measured - 1);
    absolute.push_back(std::abs(ratio.back()));
    covered += row.measured >= p.low && row.measured <= p.high;
  }
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

Json scores_json(std::map<std::string, Errors>& groups) {
  Json scores = Json::array();
  for (auto& [name, errors] : groups) {
    const auto bar = name.find('|');
    Json score = errors_json(name.substr(0, bar), errors);
    score["metric"] = name.substr(bar + 1);
    scores.push_back(std::move(score));
  }
  return scores;
}

// Every combination of three values of each constant; the first is the one in force.
std::vector<E2eConstants> settings_of(bool refit) {
  std::vector<E2eConstants> settings = {{}};
  if (!refit) return settings;
  for (const double host : {1.0, 0.7, 1.4})
    for (const double prefill : {1.0, 0.5, 2.0})
      for (const double request : {1.0, 0.5, 2.0})
        for (const double experts : {1.0, 0.5, 1.5})
          if (host != 1 || prefill != 1 || request != 1 || experts != 1)
            settings.push_back({host, prefill, request, experts});
  return settings;
}

// ln of a ratio beyond which a row says no more: it is not what the constants can mend.
constexpr double outlying = 0.5;

// Leaves each group of `by` out of the fit of every constant and predicts it with what the others
// give: for each engine the setting with the least sum of |log(measured / predicted)| up to
// `outlying`, and the widths of the intervals.
Json hold_out(const Table& t, const std::vector<E2eConstants>& settings, const std::string& by,
              const std::vector<Prediction>& in_force) {
  const auto group_of = [&](const E2eRow& row) {
    return by == "model" ? row.model : by == "gpu" ? row.gpu : row.engine + " " + row.version;
  };
  std::set<std::string> groups;
  // Loss by engine and setting, of all rows and of those of a group.
  std::map<std::string, std::vector<double>> all;
  std::map<std::string, std::map<std::string, std::vector<double>>> of_group;
  for (std::size_t i = 0; i < t.rows.size(); ++i) {
    if (!t.rows[i].flag.empty() || t.task_of[i] == t.tasks.size()) continue;
    const std::string group = group_of(t.rows[i]);
    groups.insert(group);
    auto& sum = all.try_emplace(t.rows[i].engine, settings.size(), 0.0).first->second;
    auto& part = of_group[group].try_emplace(t.rows[i].engine, settings.size(), 0.0).first->second;
    for (std::size_t s = 0; s < settings.size(); ++s)
      if (const auto error = residual(t, i, s)) {
        const double loss = std::min(std::abs(*error), outlying);
        sum[s] += loss;
        part[s] += loss;
      }
  }
  std::map<std::string, Errors> held, kept;
  Json folds = Json::array();
  for (const std::string& group : groups) {
    std::map<std::string, std::size_t> chosen;
    Json fold = {{"group", group}, {"constants", Json::array()}};
    for (const auto& [engine, losses] : all) {
      std::vector<double> left = losses;
      const auto part = of_group[group].find(engine);
      if (part != of_group[group].end())
        for (std::size_t s = 0; s < left.size(); ++s)
          left[s] -= part->second[s];
      // With no other rows of the engine there is nothing to fit to.
      const auto best =
          static_cast<std::size_t>(std::min_element(left.begin(), left.end()) - left.begin());
      chosen[engine] = left[best] < left[0] - 1e-9 ? best : 0;
      if (part == of_group[group].end()) continue;
      const E2eConstants& c = settings[chosen[engine]];
      fold["constants"].push_back({{"engine", engine},
                                   {"host", c.host},
                                   {"prefill_host", c.prefill_host},
                                   {"request", c.request},
                                   {"experts", c.experts}});
    }
    const auto setting = [&](std::size_t i) { return chosen[t.rows[i].engine]; };
    const E2eWidths widths = fit_widths(
        t, [&](std::size_t i) { return group_of(t.rows[i]) != group; }, setting);
    for (std::size_t i = 0; i < t.rows.size(); ++i) {
      if (!t.rows[i].flag.empty() || group_of(t.rows[i]) != group) continue;
      if (t.task_of[i] == t.tasks.size()) continue;
      const std::string name =
          std::string("held out by ") + by + "|" + metric_class(t.rows[i].metric);
      held[name].add(t.rows[i], predict(t, i, setting(i), widths));
      kept["in force|" + std::string(metric_class(t.rows[i].metric))].add(t.rows[i], in_force[i]);
    }
    folds.push_back(std::move(fold));
  }
  Json j = Json::object();
  j["by"] = by;
  j["scores"] = scores_json(held);
  for (const Json& score : scores_json(kept))
    j["scores"].push_back(score);
  j["folds"] = std::move(folds);
  return j;
}

} // namespace

E2eAnswer validate_e2e(const Json& request, std::string_view csv, const Catalog& base,
                       const Cancel& cancel) {
  std::optional<Catalog> own;
  const Catalog& catalog = request_catalog(request, base, own);
  Reader r(request, "");
  r.find("catalog");
  const auto jobs = static_cast<std::size_t>(r.integer("jobs", 1, 256, 1));
  const std::string by = r.has("hold_out") ? r.choice("hold_out", {"model", "gpu", "version"}) : "";
  r.done();
  const CsvTable table(csv, "/csv");
  for (const char* column :
       {"id", "engine", "model", "gpu", "scenario", "metric", "value", "notes"})
    if (!table.has(column))
      invalid_request("/csv", std::string("the header has no column ") + column);

  Table t = read_table(table, catalog, cancel);
  const std::vector<E2eConstants> settings = settings_of(!by.empty());
  std::size_t deployments = 0;
  t.outcomes = run_tasks(t.tasks, settings, jobs, cancel, deployments);
  std::vector<Prediction> predictions(t.rows.size());
  for (std::size_t i = 0; i < t.rows.size(); ++i)
    predictions[i] = predict(t, i, 0, fitted_widths());

  E2eAnswer answer;
  answer.predictions = "id,metric,measured,predicted,low,high,status,assumptions\n";
  std::map<std::string, Errors> groups;
  std::map<std::string, std::size_t> refused;
  for (std::size_t i = 0; i < t.rows.size(); ++i) {
    const Prediction& p = predictions[i];
    const E2eRow& row = t.rows[i];
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
    for (const std::string& name : names)
      groups[name].add(row, p);
  }
  Json report = Json::object();
  report["rows"] = t.rows.size();
  report["runs"] = t.tasks.size();
  report["deployments"] = deployments;
  report["scores"] = scores_json(groups);
  const E2eWidths refit = fit_widths(
      t, [](std::size_t) { return true; }, [](std::size_t) { return std::size_t{0}; });
  Json widths = Json::object();
  static constexpr const char* classes[] = {"ttft", "tpot", "rate"};
  static constexpr const char* kinds[] = {"closed_loop", "burst", "open_loop", "fixed_batch"};
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t k = 0; k < 4; ++k)
      widths[classes[c]][kinds[k]] = json::significant(refit.factor[c][k], 3);
  report["widths"] = std::move(widths);
  if (!by.empty()) report["hold_out"] = hold_out(t, settings, by, predictions);
  Json reasons = Json::array();
  for (const auto& [reason, count] : refused)
    reasons.push_back({{"reason", reason}, {"rows", count}});
  report["not_predicted"] = std::move(reasons);
  answer.report = std::move(report);
  return answer;
}

} // namespace dsk::plan
