#include "plan/calibrate_runs.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "base/sha256.hpp"
#include "perf/tables.hpp"
#include "plan/engine_run.hpp"

namespace dsk::plan {
namespace {

constexpr std::size_t count = 4;
constexpr const char* names[count] = {"compute", "memory", "step_host", "prefill_host"};
constexpr double noise = 0.03;       // of a metric between two runs of one engine
constexpr double independent = 4;    // metrics of a run; its percentiles move together
constexpr double out_of_line = 0.20; // a metric so far off after the fit is named
constexpr double ninety = 1.645;

using Factors = std::array<double, count>; // natural logarithms

double huber(double x) {
  x = std::abs(x);
  return x <= 1 ? 0.5 * x * x : x - 0.5;
}

double quantile_of(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return sorted_quantile(values, q);
}

/// Of ln(factor), before the runs: what the step model may be off by its own 90 % intervals. Its
/// kernels less where this device was measured than where they are carried over from others.
Factors spreads_of(const Device& device, const Json& calibration) {
  const auto tables = perf::fact_devices();
  const bool known = !calibration["products"].empty() ||
                     std::any_of(tables.begin(), tables.end(), [&](const perf::FactDevice& other) {
                       return other.name == device.name;
                     });
  const double kernels = known ? 0.1 : 0.2;
  return {kernels, kernels, 0.25, 0.3};
}

class Fit {
public:
  Fit(const Json& calibration, std::vector<EngineRun> runs, const Json& documents,
      const Factors& spreads, const Cancel& cancel)
      : calibration_(calibration), runs_(std::move(runs)), documents_(documents), spreads_(spreads),
        cancel_(cancel) {}

  const std::vector<EngineRun>& runs() const { return runs_; }

  /// ln(simulated / measured) of each metric of a run.
  std::vector<double> residuals(const EngineRun& run, const Factors& x) const {
    const SimulatedRun is = simulate(run, x);
    std::vector<double> out;
    for (std::size_t i = 0; i < is.metrics.size(); ++i)
      out.push_back(std::log(is.metrics[i] / run.metrics[i].measured));
    return out;
  }
  SimulatedRun simulate(const EngineRun& run, const Factors& x) const {
    return simulated(run, with(x), cancel_);
  }

  double loss(const Factors& x) const {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i)
      sum += 0.5 * std::pow(x[i] / spreads_[i], 2);
    for (const EngineRun& run : runs_) {
      double of_run = 0;
      for (const double r : residuals(run, x))
        of_run += huber(r / noise);
      sum += of_run * weight(run);
    }
    return sum;
  }

  /// The best of descents from 1, and from each kernel factor and the engine's moved by what the
  /// runs are off: the loss is a staircase with many landings.
  Factors solve() const {
    std::vector<double> off;
    for (const EngineRun& run : runs_)
      for (const double r : residuals(run, {}))
        off.push_back(r);
    const double shift = -quantile_of(off, 0.5);
    Factors best{};
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t start = 0; start < count; ++start) {
      Factors x{};
      if (start > 0) x[start - 1] = shift;
      descend(x, 0.16, 0.08);
      if (const double now = loss(x); now < least) {
        least = now;
        best = x;
      }
    }
    descend(best, 0.04, 0.005);
    return best;
  }

  /// Deviation of each factor's logarithm, the others free: what the runs and the spread before
  /// them leave.
  Factors deviations(const Factors& x) const {
    std::array<std::array<double, count>, count> h{};
    for (std::size_t i = 0; i < count; ++i)
      h[i][i] = 1 / (spreads_[i] * spreads_[i]);
    constexpr double step = 0.05;
    for (const EngineRun& run : runs_) {
      std::array<std::vector<double>, count> slopes;
      for (std::size_t i = 0; i < count; ++i) {
        Factors up = x, down = x;
        up[i] += step;
        down[i] -= step;
        const std::vector<double> high = residuals(run, up), low = residuals(run, down);
        for (std::size_t m = 0; m < high.size(); ++m)
          slopes[i].push_back((high[m] - low[m]) / (2 * step));
      }
      for (std::size_t i = 0; i < count; ++i)
        for (std::size_t j = 0; j < count; ++j)
          for (std::size_t m = 0; m < slopes[i].size(); ++m)
            h[i][j] += slopes[i][m] * slopes[j][m] * weight(run) / (noise * noise);
    }
    // Gauss-Jordan; the spreads make it positive definite.
    std::array<std::array<double, count>, count> inverse{};
    for (std::size_t i = 0; i < count; ++i)
      inverse[i][i] = 1;
    for (std::size_t i = 0; i < count; ++i) {
      const double pivot = h[i][i];
      for (std::size_t j = 0; j < count; ++j) {
        h[i][j] /= pivot;
        inverse[i][j] /= pivot;
      }
      for (std::size_t k = 0; k < count; ++k) {
        if (k == i) continue;
        const double factor = h[k][i];
        for (std::size_t j = 0; j < count; ++j) {
          h[k][j] -= factor * h[i][j];
          inverse[k][j] -= factor * inverse[i][j];
        }
      }
    }
    Factors out;
    for (std::size_t i = 0; i < count; ++i)
      out[i] = std::sqrt(inverse[i][i]);
    return out;
  }

private:
  // Pattern search: no derivatives of a staircase.
  void descend(Factors& x, double step, double least_step) const {
    double best = loss(x);
    for (; step >= least_step; step *= 0.5)
      for (bool better = true; better;) {
        better = false;
        for (std::size_t i = 0; i < count; ++i)
          for (const double move : {step, -step}) {
            cancel_.check();
            Factors next = x;
            next[i] = std::clamp(next[i] + move, -2.0, 2.0);
            if (const double now = loss(next); now < best - 1e-9) {
              best = now;
              x = next;
              better = true;
              break;
            }
          }
      }
  }

  static double weight(const EngineRun& run) {
    return std::min(1.0, independent / static_cast<double>(run.metrics.size()));
  }

  Json with(const Factors& x) const {
    Json document = calibration_;
    Json& engine = document["engine_runs"];
    engine["engine"] = runs_.front().engine;
    engine["error"] = 0;
    for (std::size_t i = 0; i < count; ++i)
      engine["factors"][names[i]] = {{"value", std::exp(x[i])}, {"error", 0}};
    Json documents = documents_;
    documents.push_back(std::move(document));
    return documents;
  }

  const Json& calibration_;
  std::vector<EngineRun> runs_;
  const Json& documents_;
  const Factors spreads_;
  const Cancel& cancel_;
};

Json percent(double log_error) {
  return json::significant(100 * std::expm1(log_error), 3);
}

std::vector<double> absolute(std::vector<double> values) {
  for (double& value : values)
    value = std::abs(value);
  return values;
}

Json summary(const std::vector<double>& errors) {
  return {{"median_error_percent", percent(quantile_of(absolute(errors), 0.5))},
          {"p90_error_percent", percent(quantile_of(absolute(errors), 0.9))}};
}

std::vector<EngineRun> read_runs(const Json& documents, const char* path, const std::string& device,
                                 const Catalog& catalog) {
  if (!documents.is_array() || documents.size() > 64)
    invalid_request(path, "must be an array of at most 64 runs");
  std::vector<EngineRun> out;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const std::string at = json::pointer(path, i);
    out.push_back(engine_run_from_document(documents[i], device, catalog, at));
    if (out.back().engine != out.front().engine)
      invalid_request(at + "/deployment/engine", "is " + out.back().engine + ", must be " +
                                                     out.front().engine +
                                                     " as in the first run: calibrate each engine "
                                                     "by itself");
  }
  return out;
}

// One run before and after, metric by metric.
Json run_json(const EngineRun& run, const std::vector<double>& before,
              const std::vector<double>& after) {
  Json out = {{"name", run.name}, {"model", run.model}, {"metrics", Json::array()}};
  for (std::size_t i = 0; i < run.metrics.size(); ++i)
    out["metrics"].push_back({{"name", run.metrics[i].name},
                              {"measured", json::significant(run.metrics[i].measured, 5)},
                              {"error_before_percent", percent(before[i])},
                              {"error_after_percent", percent(after[i])}});
  return out;
}

void append(std::vector<double>& to, const std::vector<double>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

} // namespace

void add_engine_runs(Json& calibration, const Json& runs, const Json& check, const Json& documents,
                     const Catalog& catalog, const Cancel& cancel) {
  const std::string device = calibration["device"].get<std::string>();
  std::vector<EngineRun> fitted = read_runs(runs, "/runs", device, catalog);
  if (fitted.empty()) invalid_request("/runs", "runs is empty, must hold at least one run");
  const std::vector<EngineRun> unseen =
      check.is_null() ? std::vector<EngineRun>() : read_runs(check, "/check_runs", device, catalog);
  const Factors spreads = spreads_of(catalog.device(device, "/device"), calibration);
  const Fit fit(calibration, std::move(fitted), documents, spreads, cancel);
  const Factors plain{};
  const Factors x = fit.solve();
  const Factors deviation = fit.deviations(x);

  Json out;
  out["engine"] = fit.runs().front().engine;
  std::vector<double> before, after, steps;
  Json outliers = Json::array(), per_run = Json::array(), assumptions = Json::array();
  std::vector<std::string> models;
  std::vector<double> running;
  for (const EngineRun& run : fit.runs()) {
    running.push_back(fit.simulate(run, x).mean_running);
    const std::vector<double> was = fit.residuals(run, plain), is = fit.residuals(run, x);
    per_run.push_back(run_json(run, was, is));
    append(before, was);
    append(after, is);
    for (std::size_t i = 0; i < is.size(); ++i) {
      if (run.metrics[i].name.rfind("tpot_ms", 0) == 0) steps.push_back(std::abs(is[i]));
      if (std::abs(is[i]) > std::log1p(out_of_line))
        outliers.push_back({{"run", run.name},
                            {"metric", run.metrics[i].name},
                            {"times_the_measured", json::significant(std::exp(is[i]), 3)}});
    }
    if (std::find(models.begin(), models.end(), run.model) == models.end())
      models.push_back(run.model);
    for (const std::string& assumption : run.assumptions)
      assumptions.push_back(assumption);
  }
  // What is left of a step: the runs' own TPOT, and what the factors are not known to.
  const double known = ninety * std::hypot(deviation[0], deviation[1]) / 2;
  out["error"] = json::significant(std::hypot(std::max(0.05, quantile_of(steps, 0.9)), known), 4);
  out["models"] = models;
  for (std::size_t i = 0; i < count; ++i) {
    const double half = ninety * deviation[i];
    out["factors"][names[i]] = {
        {"value", json::significant(std::exp(x[i]), 4)},
        {"low", json::significant(std::exp(x[i] - half), 4)},
        {"high", json::significant(std::exp(x[i] + half), 4)},
        {"error", json::significant(half, 4)},
        {"said_by_runs", json::significant(1 - std::pow(deviation[i] / spreads[i], 2), 3)},
        {"holds_on", i < 2 ? "the device" : "any device under the engine"}};
  }
  out["before"] = summary(before);
  out["after"] = summary(after);
  out["interval_narrowed_by"] = json::significant(
      1 - quantile_of(absolute(after), 0.9) / std::max(1e-9, quantile_of(absolute(before), 0.9)),
      3);
  out["valid_range"] = {{"models", models},
                        {"mean_running",
                         {json::significant(quantile_of(running, 0), 4),
                          json::significant(quantile_of(running, 1), 4)}}};
  out["outliers"] = std::move(outliers);
  out["runs"] = std::move(per_run);
  if (!unseen.empty()) {
    Json checked = Json::array();
    for (const EngineRun& run : unseen)
      checked.push_back(run_json(run, fit.residuals(run, plain), fit.residuals(run, x)));
    out["check"] = std::move(checked);
  }
  if (!assumptions.empty()) out["assumptions"] = std::move(assumptions);
  const std::size_t number = fit.runs().size();
  calibration["source"] = calibration["source"].get<std::string>() + ", " + std::to_string(number) +
                          (number == 1 ? " run of " : " runs of ") +
                          out["engine"].get<std::string>();
  calibration["runs_sha256"] = sha256_hex(json::dump_compact(runs));
  calibration["engine_runs"] = std::move(out);
}

} // namespace dsk::plan
