#include "plan/validate_requests.hpp"

#include <algorithm>
#include <string>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "plan/simulate_request.hpp"
#include "workload/trace.hpp"

namespace dsk::plan {
namespace {

struct Sample {
  std::vector<double> ttft, tpot, e2e;
  double end_s = 0;
  double tokens = 0;

  void add(double sent_s, double ttft_ms, double e2e_ms, std::int32_t output) {
    ttft.push_back(ttft_ms);
    e2e.push_back(e2e_ms);
    if (output > 1) tpot.push_back((e2e_ms - ttft_ms) / (output - 1));
    end_s = std::max(end_s, sent_s + e2e_ms / 1e3);
    tokens += output;
  }
};

Json compared(double measured, double simulated) {
  Json j = Json::object();
  j["measured"] = json::significant(measured, 5);
  j["simulated"] = json::significant(simulated, 5);
  j["error_percent"] = json::significant(measured > 0 ? 100 * (simulated / measured - 1) : 0, 4);
  return j;
}

Json times(std::vector<double> measured, std::vector<double> simulated) {
  Json j = Json::object();
  if (measured.empty() || simulated.empty()) return j;
  const auto mean = [](const std::vector<double>& v) {
    double sum = 0;
    for (const double x : v)
      sum += x;
    return sum / static_cast<double>(v.size());
  };
  j["mean"] = compared(mean(measured), mean(simulated));
  std::sort(measured.begin(), measured.end());
  std::sort(simulated.begin(), simulated.end());
  for (const auto& [name, q] : {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}})
    j[name] = compared(sorted_quantile(measured, q), sorted_quantile(simulated, q));
  return j;
}

} // namespace

Json validate_requests(const Json& request, std::string_view log, const Catalog& catalog,
                       const Cancel& cancel) {
  const workload::Trace trace =
      workload::read_trace(log, workload::TraceFormat::request_log, "/log");
  if (!request.is_object() || request.contains("workload"))
    invalid_request("/workload", "must be absent: the log gives the workload");
  Json whole = request;
  Json rows = Json::array();
  for (const workload::TraceRow& row : trace.rows)
    rows.push_back({row.at_s, row.input, row.output});
  whole["workload"] = {{"trace", {{"requests", std::move(rows)}}}};
  // The log's clock starts in the engine's queue and ends in the engine.
  Json policy = whole.contains("policy") ? whole["policy"] : Json::object();
  policy["request_overhead_ms"] = 0;
  policy["request_serial_ms"] = 0;
  if (!policy.contains("first_token_steps")) policy["first_token_steps"] = 0;
  whole["policy"] = std::move(policy);
  std::vector<sim::Done> series;
  Json answer = simulate_document(whole, catalog, cancel, &series);

  Sample measured;
  Sample simulated;
  for (std::size_t i = 0; i < trace.rows.size(); ++i)
    measured.add(trace.rows[i].at_s, trace.measured[i].ttft_ms, trace.measured[i].e2e_ms,
                 trace.rows[i].output);
  for (const sim::Done& d : series)
    simulated.add(d.sent_s, (d.first_s - d.sent_s) * 1e3, (d.last_s - d.sent_s) * 1e3, d.output);
  Json report = Json::object();
  report["requests"] = trace.rows.size();
  report["completed"] = series.size();
  report["ttft_ms"] = times(measured.ttft, simulated.ttft);
  report["tpot_ms"] = times(measured.tpot, simulated.tpot);
  report["e2e_ms"] = times(measured.e2e, simulated.e2e);
  report["output_tokens_per_s"] =
      compared(measured.tokens / measured.end_s,
               simulated.end_s > 0 ? simulated.tokens / simulated.end_s : 0);
  report["simulation"] = std::move(answer);
  return report;
}

} // namespace dsk::plan
