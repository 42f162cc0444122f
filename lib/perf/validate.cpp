#include "perf/validate.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "perf/tables_rules.hpp"

namespace dsk::perf {
namespace {

// Everything that fixes a row's kernel, and the sizes that do not vary within a series.
std::string kernel_key(const KernelSpec& spec) {
  std::string key = std::string(spec.engine) + '|' + std::string(spec.kernel) + '|' +
                    std::string(spec.variant) + '|' + std::to_string(static_cast<int>(spec.op)) +
                    '|' + std::to_string(static_cast<int>(spec.type)) + '|' +
                    std::to_string(static_cast<int>(spec.kv));
  for (const double size : spec.size)
    key += '|' + std::to_string(size);
  return key;
}

// Prepared timers by everything that fixes them, since a file has thousands of rows a kernel.
class Timers {
public:
  Timers(const Device& device, HoldOut hold_out) : device_(device), rates_(rates_of(device)) {
    exclusion_.shape = hold_out == HoldOut::shape;
    exclusion_.beyond = hold_out == HoldOut::frontier;
    if (hold_out == HoldOut::gpu) exclusion_.family = device.family;
    if (hold_out == HoldOut::device) exclusion_.device = device.name;
  }

  KernelTime time(const KernelRow& row) {
    KernelTime time;
    if (row.exchange) {
      const CollectiveTime link = CollectiveTimer(device_, {}, *row.exchange).by_law(row.a);
      time.us = link.us;
      time.error = link.error;
    } else {
      time = of(row.spec).at(row.a, row.b);
    }
    time.us *= row.share;
    return time;
  }

private:
  const KernelTimer& of(const KernelSpec& spec) {
    std::string key = kernel_key(spec);
    const auto found = timers_.find(key);
    if (found != timers_.end()) return found->second;
    return timers_.emplace(std::move(key), KernelTimer(rates_, spec, exclusion_)).first->second;
  }

  const Device& device_;
  Rates rates_;
  Exclusion exclusion_;
  std::map<std::string, KernelTimer> timers_;
};

// Marks rows that stand out of their series (is_spike).
void flag_spikes(std::vector<KernelRow>& rows, const Rates& rates) {
  struct Point {
    double x, residual;
    KernelRow* row;
  };
  std::map<std::string, std::vector<Point>> series;
  for (KernelRow& row : rows) {
    if (row.status != "ok" || row.exchange) continue;
    const KernelTimer law = KernelTimer::law_only(rates, row.spec, law_of(row.spec.op));
    const double residual = std::log(row.measured_ms * 1e3 / (row.share * law.at(row.a, row.b).us));
    std::string key = kernel_key(row.spec) + '|' + std::to_string(row.share);
    if (row.b > 0) key += '@' + std::to_string(row.a);
    series[std::move(key)].push_back({row.b > 0 ? row.b : row.a, residual, &row});
  }
  for (auto& [key, points] : series) {
    std::sort(points.begin(), points.end(),
              [](const Point& l, const Point& r) { return l.x < r.x; });
    for (std::size_t i = 1; i + 1 < points.size(); ++i)
      if (points[i - 1].x < points[i].x && points[i].x < points[i + 1].x &&
          is_spike(points[i - 1].residual, points[i].residual, points[i + 1].residual))
        points[i].row->status = "flagged: spike";
  }
}

// Leaves the GEMM rows whose n or k is the largest of the file.
void keep_frontier(std::vector<KernelRow>& rows) {
  double n = 0, k = 0;
  for (const KernelRow& row : rows)
    if (row.predicted() && row.spec.op == KernelOp::gemm) {
      n = std::max(n, row.spec.size[0]);
      k = std::max(k, row.spec.size[1]);
    }
  for (KernelRow& row : rows)
    if (row.predicted() &&
        !(row.spec.op == KernelOp::gemm && (row.spec.size[0] >= n || row.spec.size[1] >= k)))
      row.status = "not modelled: inside the measured range";
}

struct Sample {
  double ratio; // predicted / measured
  bool covered;
};

KernelScore score(std::vector<Sample>& samples) {
  KernelScore s;
  s.rows = samples.size();
  std::vector<double> errors;
  double covered = 0;
  for (const Sample& sample : samples) {
    errors.push_back(std::abs(sample.ratio - 1));
    s.mean += errors.back() / static_cast<double>(samples.size());
    covered += sample.covered;
  }
  const auto quantile = [](std::vector<double>& values, double q) {
    const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1) + 0.5);
    std::nth_element(values.begin(), values.begin() + at, values.end());
    return values[static_cast<std::size_t>(at)];
  };
  s.median = quantile(errors, 0.5);
  s.p90 = quantile(errors, 0.9);
  std::vector<double> ratios;
  for (const Sample& sample : samples)
    ratios.push_back(sample.ratio);
  s.bias = quantile(ratios, 0.5);
  s.coverage = covered / static_cast<double>(samples.size());
  return s;
}

void append_number(std::string& out, double value) {
  char buffer[32];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, 6);
  if (error == std::errc()) out.append(buffer, end);
}

} // namespace

KernelReport validate_kernels(std::string_view csv, const Device& device, HoldOut hold_out) {
  KernelReport report;
  report.rows = read_kernel_rows(csv, device);
  report.predictions.resize(report.rows.size());
  Timers timers(device, hold_out);
  std::map<std::string, std::size_t> not_predicted;
  std::map<std::string, std::size_t> flagged;
  struct Key {
    bool flagged;
    std::string op, engine, type, size_class;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, std::vector<Sample>> groups;
  flag_spikes(report.rows, rates_of(device));
  if (hold_out == HoldOut::frontier) keep_frontier(report.rows);
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    const KernelRow& row = report.rows[i];
    if (!row.predicted()) {
      ++not_predicted[row.status];
      continue;
    }
    const bool artefact = row.status != "ok";
    if (artefact) ++flagged[row.status];
    const KernelTime time = timers.time(row);
    const double spread = std::exp(time.error);
    report.predictions[i] = {time.us * 1e-3, time.us * 1e-3 / spread, time.us * 1e-3 * spread,
                             time.origin};
    const KernelPrediction& p = report.predictions[i];
    const Sample sample{p.ms / row.measured_ms,
                        row.measured_ms >= p.low_ms && row.measured_ms <= p.high_ms};
    const std::string op(row.op);
    const std::string engine(row.spec.engine);
    const char* size =
        size_class_name(row.spec.op, size_class(row.spec.op, row.spec.size, row.a, row.b));
    std::string type = precision_name(row.spec.type);
    if (row.spec.op >= KernelOp::context_attention && row.spec.op <= KernelOp::generation_mla)
      type += std::string("/kv-") + precision_name(row.spec.kv);
    groups[{artefact, "all", "all", "all", "all"}].push_back(sample);
    groups[{artefact, op, "all", "all", "all"}].push_back(sample);
    groups[{artefact, op, engine, type, "all"}].push_back(sample);
    groups[{artefact, op, engine, type, size}].push_back(sample);
  }
  for (auto& [key, samples] : groups) {
    KernelScore s = score(samples);
    s.flagged = key.flagged;
    s.op = key.op;
    s.engine = key.engine;
    s.type = key.type;
    s.size_class = key.size_class;
    report.scores.push_back(std::move(s));
  }
  report.not_predicted.assign(not_predicted.begin(), not_predicted.end());
  report.flagged.assign(flagged.begin(), flagged.end());
  return report;
}

std::string predictions_csv(const KernelReport& report) {
  std::string out = "row,op,measured_ms,predicted_ms,low_ms,high_ms,origin,status\n";
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    const KernelRow& row = report.rows[i];
    const KernelPrediction& p = report.predictions[i];
    out += std::to_string(row.number) + ',' + std::string(row.op) + ',';
    append_number(out, row.measured_ms);
    if (row.predicted()) {
      for (const double value : {p.ms, p.low_ms, p.high_ms}) {
        out += ',';
        append_number(out, value);
      }
      out += std::string(",") + origin_name(p.origin);
    } else {
      out += ",,,,";
    }
    out += ',' + row.status + '\n';
  }
  return out;
}

} // namespace dsk::perf
