#include "catalog/calibration.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/reader.hpp"

namespace dsk {

double CalibratedProducts::law_us(double m, double n, double k) const {
  const double compute = 2 * m * n * k / flops_per_us;
  const double memory = bytes(m, n, k, element_bytes(), output_bytes()) / bytes_per_us;
  return launch_us + std::sqrt(compute * compute + memory * memory);
}

// Shepard's interpolation of the residuals: weights fall with the fourth power of the distance in
// octaves, so that a measured point keeps its own time and far ones hardly count.
double CalibratedProducts::us(double m, double n, double k, int leave_out) const {
  double weights = 0;
  double sum = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (static_cast<int>(i) == leave_out) continue;
    const MeasuredProduct& p = points[i];
    const double dm = std::log2(m / p.m);
    const double dn = std::log2(n / p.n);
    const double dk = std::log2(k / p.k);
    const double distance = dm * dm + dn * dn + dk * dk;
    const double weight = 1 / (distance * distance + 1e-9);
    weights += weight;
    sum += weight * std::log(p.us / law_us(p.m, p.n, p.k));
  }
  // A weight of a point four octaves away: far from all points the law stands alone.
  constexpr double of_the_law = 1.0 / 256;
  return law_us(m, n, k) * std::exp(sum / (weights + of_the_law));
}

bool CalibratedProducts::measured(double m, double n, double k) const {
  return std::any_of(points.begin(), points.end(),
                     [&](const MeasuredProduct& p) { return p.m == m && p.n == n && p.k == k; });
}

bool CalibratedProducts::inside(double m, double n, double k) const {
  const auto within = [&](double MeasuredProduct::*axis, double value) {
    double low = INFINITY, high = 0;
    for (const MeasuredProduct& p : points) {
      low = std::min(low, p.*axis);
      high = std::max(high, p.*axis);
    }
    return low <= value && value <= high;
  };
  return within(&MeasuredProduct::m, m) && within(&MeasuredProduct::n, n) &&
         within(&MeasuredProduct::k, k);
}

double CalibratedAllReduce::us(double bytes, int leave_out) const {
  const auto residual = [&](const MeasuredMessage& p) { return std::log(p.us / law_us(p.bytes)); };
  const MeasuredMessage* below = nullptr;
  const MeasuredMessage* above = nullptr;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (static_cast<int>(i) == leave_out) continue;
    if (points[i].bytes <= bytes) below = &points[i];
    if (points[i].bytes >= bytes && !above) above = &points[i];
  }
  if (!below && !above) return law_us(bytes);
  if (!below) below = above;
  if (!above) above = below;
  double value = residual(*below);
  if (above->bytes > below->bytes)
    value += (residual(*above) - value) * std::log(bytes / below->bytes) /
             std::log(above->bytes / below->bytes);
  return law_us(bytes) * std::exp(value);
}

bool CalibratedAllReduce::measured(double bytes) const {
  return std::any_of(points.begin(), points.end(),
                     [&](const MeasuredMessage& p) { return p.bytes == bytes; });
}

bool CalibratedAllReduce::inside(double bytes) const {
  return !points.empty() && points.front().bytes <= bytes && bytes <= points.back().bytes;
}

double RunFactors::step_host_on(const std::string& other) const {
  return other == device ? step_host : std::pow(step_host, step_host_said);
}

double RunFactors::prefill_host_on(const std::string& other) const {
  return other == device ? prefill_host : std::pow(prefill_host, prefill_host_said);
}

const CalibratedProducts* Calibration::find(const std::string& type) const {
  for (const CalibratedProducts& p : products)
    if (p.type == type) return &p;
  return nullptr;
}

namespace {

constexpr double largest_rate = 1e15;

void read_links(Reader links, Calibration& out) {
  if (auto peer = links.optional_object("peer_copy")) {
    out.peer_bytes_per_us = 1e3 * peer->number("gb_per_s", 1e-3, 1e6);
    out.peer_error = peer->number("error", 0, 10);
    peer->ignore_rest();
  }
  const auto curves = links.array("all_reduce", 32);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    Reader item(*curves[i], json::pointer(links.path_of("all_reduce"), i));
    CalibratedAllReduce c;
    c.by = item.choice("by", {"nccl", "own"});
    c.ranks = static_cast<int>(item.integer("ranks", 2, 4096));
    c.latency_us = item.number("latency_us", 0, 1e6);
    c.bytes_per_us = item.number("bytes_per_us", 1, largest_rate);
    c.error = item.number("error", 0, 10);
    const auto points = item.array("points", 1000);
    for (std::size_t j = 0; j < points.size(); ++j) {
      Reader point(*points[j], json::pointer(item.path_of("points"), j));
      c.points.push_back({point.number("bytes", 1, largest_rate), point.number("us", 1e-3, 1e9)});
      if (j > 0 && c.points[j].bytes <= c.points[j - 1].bytes)
        point.fail("bytes", "must be more than the point before it");
      point.done();
    }
    if (c.points.empty()) item.fail("points", "must hold at least one point");
    item.ignore_rest();
    out.all_reduces.push_back(std::move(c));
  }
  links.ignore_rest();
}

RunFactors read_runs(Reader runs, const Calibration& document) {
  RunFactors f;
  f.engine = runs.text("engine", 128);
  f.device = document.device;
  f.name = document.name;
  f.source = document.source;
  f.as_of = document.as_of;
  f.error = runs.number("error", 0, 10);
  f.models = runs.texts("models", 64);
  Reader factors = runs.object("factors");
  for (const auto& [member, value] : {std::pair{"compute", &f.compute},
                                      {"memory", &f.memory},
                                      {"step_host", &f.step_host},
                                      {"prefill_host", &f.prefill_host}}) {
    if (!factors.has(member)) continue;
    Reader factor = factors.object(member);
    *value = factor.number("value", 0.05, 20);
    if (value == &f.step_host) f.engine_error = factor.number("error", 0, 10);
    const double said = factor.number("said_by_runs", 0, 1, 1);
    if (value == &f.step_host) f.step_host_said = said;
    if (value == &f.prefill_host) f.prefill_host_said = said;
    factor.ignore_rest();
  }
  factors.done();
  runs.ignore_rest();
  return f;
}

} // namespace

Calibration calibration_from_document(const Json& document, const std::string& path) {
  Reader reader(document, path);
  reader.choice("kind", {"calibration"});
  Calibration out;
  out.name = reader.text("name", 128);
  out.device = reader.text("device", 128);
  out.source = reader.text("source", 1024);
  out.as_of = reader.text("as_of", 32);
  const auto products = reader.array("products", 8);
  for (std::size_t i = 0; i < products.size(); ++i) {
    Reader item(*products[i], json::pointer(reader.path_of("products"), i));
    CalibratedProducts p;
    p.type = item.choice("type", {"bf16", "fp8", "int8"});
    p.launch_us = item.number("launch_us", 0, 1e6);
    p.flops_per_us = item.number("flops_per_us", 1, largest_rate);
    p.bytes_per_us = item.number("bytes_per_us", 1, largest_rate);
    p.error = item.number("error", 0, 10);
    const auto points = item.array("points", 100000);
    for (std::size_t j = 0; j < points.size(); ++j) {
      Reader point(*points[j], json::pointer(item.path_of("points"), j));
      p.points.push_back({point.number("m", 1, 1e9), point.number("n", 1, 1e9),
                          point.number("k", 1, 1e9), point.number("us", 1e-3, 1e9)});
      point.done();
    }
    if (p.points.empty()) item.fail("points", "must hold at least one point");
    item.ignore_rest(); // how it was fitted: for people
    out.products.push_back(std::move(p));
  }
  if (reader.has("rates_gb_per_s")) {
    Reader rates = reader.object("rates_gb_per_s");
    out.memory_bytes_per_us = 1e3 * rates.number("memory_read", 0, 1e6, 0);
    rates.ignore_rest();
  }
  if (reader.has("links")) read_links(reader.object("links"), out);
  if (auto launch = reader.optional_object("launch")) {
    out.launch.in_graph_us = launch->number("in_graph_us", 0, 1e4, 0);
    out.launch.programmatic_us = launch->number("programmatic_us", 0, 1e4, 0);
    launch->ignore_rest();
  }
  if (reader.has("engine_runs"))
    out.runs = std::make_shared<const RunFactors>(read_runs(reader.object("engine_runs"), out));
  reader.ignore_rest();
  return out;
}

} // namespace dsk
