#include "calibrate/links.hpp"

#include <algorithm>
#include <cmath>

#include "calibrate/fit.hpp"
#include "perf/collectives.hpp"

namespace dsk::calibrate {
namespace {

Json narrowed(double before, double after) {
  return before > 0 ? Json(json::significant(1 - after / before, 3)) : Json(nullptr);
}

/// What the planner takes for the links without the measurements: 90 % half width of its law.
perf::CollectiveTimer planners(const Device& device, const Engine& engine,
                               perf::CollectiveOp::Kind kind, int ranks) {
  perf::CollectiveOp op;
  op.kind = kind;
  op.ranks = ranks;
  op.bytes_per_row = 1;
  return {device, engine, op};
}

Json peer_document(const Device& device, const Measured& measured, const Engine& engine) {
  std::vector<double> rates;
  for (const MeasuredPair& pair : measured.pairs)
    rates.push_back(pair.gb_per_s);
  const double middle = quantile_of(rates, 0.5);
  // A pair that is a fifth away from the typical one is on another kind of link, or broken.
  const auto off = [&](const MeasuredPair& pair) {
    return std::abs(std::log(pair.gb_per_s / middle)) > std::log(1.2);
  };
  std::vector<double> kept, spread;
  for (const MeasuredPair& pair : measured.pairs)
    if (!off(pair)) kept.push_back(pair.gb_per_s);
  const double typical = quantile_of(kept, 0.5);
  for (const double rate : kept)
    spread.push_back(std::abs(std::log(rate / typical)));
  const double error = std::max(0.02, quantile_of(spread, 0.9));
  // One copy of 256 MiB, as the probe makes it, by the planner's law of sends.
  constexpr double bytes = 256 * 1048576.0;
  const perf::CollectiveTime planned =
      planners(device, engine, perf::CollectiveOp::Kind::send, 2).at(bytes);
  const double before = std::abs(std::log(planned.us / (bytes / (1e3 * typical))));
  Json out;
  out["gb_per_s"] = json::significant(typical, 5);
  out["error"] = json::significant(error, 4);
  out["pairs"] = Json::array();
  out["outliers"] = Json::array();
  for (const MeasuredPair& pair : measured.pairs) {
    Json item = {{"from_device", pair.from},
                 {"to_device", pair.to},
                 {"gb_per_s", json::significant(pair.gb_per_s, 5)}};
    out["pairs"].push_back(item);
    if (!off(pair)) continue;
    item["times_the_typical"] = json::significant(pair.gb_per_s / typical, 3);
    out["outliers"].push_back(std::move(item));
  }
  out["before"] = {{"error_percent", percent(before)}};
  out["after"] = {{"error_percent", percent(error)}, {"of", "the pairs from the typical one"}};
  out["interval_narrowed_by"] = narrowed(planned.error, std::max(0.05, error));
  return out;
}

Json curve_document(const Device& device, const Engine& engine, const std::string& by, int ranks,
                    std::vector<MeasuredMessage> points) {
  const perf::CollectiveTimer planned =
      planners(device, engine, perf::CollectiveOp::Kind::all_reduce, ranks);
  std::vector<double> before, widths;
  for (const MeasuredMessage& p : points) {
    const perf::CollectiveTime time = planned.at(p.bytes);
    before.push_back(std::abs(std::log(time.us / p.us)));
    widths.push_back(time.error);
  }
  const CurveFit fit = fit_all_reduce(by, ranks, std::move(points));
  const CalibratedAllReduce& c = fit.curve;
  Json out;
  out["by"] = by;
  out["ranks"] = ranks;
  out["latency_us"] = json::significant(c.latency_us, 6);
  out["bytes_per_us"] = json::significant(c.bytes_per_us, 6);
  out["error"] = json::significant(c.error, 4);
  const double peak = std::max(1.0, device.scale_up.bandwidth_gbs) * 1e3;
  out["link_share_of_datasheet"] = json::significant(c.bytes_per_us / peak, 3);
  out["before"] = {{"median_error_percent", percent(quantile_of(before, 0.5))},
                   {"p90_error_percent", percent(quantile_of(before, 0.9))}};
  out["after"] = {{"median_error_percent", percent(fit.median_error)},
                  {"p90_error_percent", percent(fit.p90_error)},
                  {"of", "each message predicted from all others"}};
  out["interval_narrowed_by"] = narrowed(quantile_of(widths, 0.5), c.error);
  out["valid_range"] = {{"bytes", {c.points.front().bytes, c.points.back().bytes}}};
  out["outliers"] = Json::array();
  for (const MessageOutlier& o : fit.outliers)
    out["outliers"].push_back({{"bytes", o.point.bytes},
                               {"us", json::significant(o.point.us, 6)},
                               {"times_its_neighbours", json::significant(o.factor, 3)}});
  out["points"] = Json::array();
  for (const MeasuredMessage& p : c.points)
    out["points"].push_back({{"bytes", p.bytes}, {"us", json::significant(p.us, 6)}});
  return out;
}

} // namespace

Json links_document(const Device& device, const Measured& measured, const Catalog& catalog) {
  const Engine engine = catalog.engine("vllm", "", "/engine");
  Json out = Json::object();
  if (!measured.pairs.empty()) out["peer_copy"] = peer_document(device, measured, engine);
  for (const auto& [key, points] : measured.all_reduces) {
    if (points.size() < 3) continue; // two numbers need more than two points
    out["all_reduce"].push_back(curve_document(device, engine, key.first, key.second, points));
  }
  return out;
}

Json launch_document(const Measured& measured) {
  Json out = Json::object();
  const auto add = [&](const char* name, const std::vector<double>& us) {
    if (!us.empty()) out[name] = json::significant(quantile_of(us, 0.5), 4);
  };
  add("in_graph_us", measured.launch_us);
  add("programmatic_us", measured.programmatic_us);
  add("one_by_one_us", measured.eager_us);
  return out;
}

} // namespace dsk::calibrate
