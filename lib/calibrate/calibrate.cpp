#include "calibrate/calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "calibrate/fit.hpp"
#include "perf/ops_time.hpp"

namespace dsk::calibrate {
namespace {

struct Measured {
  std::map<std::string, std::vector<MeasuredProduct>> products; // by type
  std::map<std::string, std::vector<double>> rates;             // memory_read, from_host, ...: GB/s
  std::vector<double> kernel_gap_us;                            // between kernels of a graph
  std::size_t used = 0;
  std::size_t skipped = 0;
  std::vector<std::string> doubted; // measurements that their own checks do not trust
  std::string device;
};

constexpr const char* rate_probes[] = {"memory_read",  "memory_write", "memory_copy",
                                       "memory_triad", "driver_copy",  "l2_read",
                                       "from_host",    "to_host",      "peer_copy"};

std::string precision_of_probe(const std::string& dtype) {
  if (dtype == "bf16" || dtype == "fp16") return "bf16";
  if (dtype == "fp8" || dtype == "int8") return dtype;
  return {};
}

bool is_wrong(const Json& line) {
  // A wide interval is still a measurement; these say that it is of something else.
  const auto doubts = line.find("doubts");
  if (doubts == line.end() || !doubts->is_array()) return false;
  for (const Json& doubt : *doubts) {
    const std::string name = doubt.is_object() ? doubt.value("name", "") : "";
    if (name == "zeros_as_data" || name == "throttled" || name == "host_bound" ||
        name == "shared_gpu" || name == "no_samples")
      return true;
  }
  return false;
}

void read_measurement(Measured& out, const Json& document, const std::string& path) {
  Reader line(document, path);
  const std::string kind = line.text("kind", 64);
  if (kind != "measurement") return; // the machine record, comparisons
  const Json* probe = line.find("probe");
  if (document.contains("skipped") || !probe || !probe->is_string()) {
    ++out.skipped;
    return;
  }
  const std::string name = line.text("name", 512);
  if (is_wrong(document)) {
    out.doubted.push_back(name);
    return;
  }
  const std::string what = probe->get<std::string>();
  const double us = 1e-3 * line.number("median_ns", 1e-3, 1e15);
  if (out.device.empty()) out.device = line.text("device", "", 256);
  if (what == "gemm") {
    const std::string type = precision_of_probe(line.text("dtype", 16));
    // Eager times hold the host's launches; an engine's decode runs in graphs.
    if (type.empty() || line.text("launch", 16) != "graph") {
      ++out.skipped;
      return;
    }
    out.products[type].push_back(
        {line.number("m", 1, 1e9), line.number("n", 1, 1e9), line.number("k", 1, 1e9), us});
  } else if (what == "kernels" && line.text("launch", 16) == "graph" &&
             !line.boolean("programmatic_launch", false)) {
    out.kernel_gap_us.push_back(us / line.number("count", 1, 1e9));
  } else if (std::find(std::begin(rate_probes), std::end(rate_probes), what) !=
             std::end(rate_probes)) {
    out.rates[what].push_back(line.number("gb_per_s", 1e-6, 1e9));
  } else {
    ++out.skipped;
    return;
  }
  ++out.used;
}

perf::Precision precision_named(const std::string& type) {
  if (type == "fp8") return perf::Precision::fp8;
  return type == "int8" ? perf::Precision::int8 : perf::Precision::bf16;
}

/// What the planner says without the measurements.
std::vector<double> errors_before(const Device& device, const CalibratedProducts& products) {
  std::vector<double> errors;
  for (const MeasuredProduct& p : products.points) {
    perf::KernelSpec spec;
    spec.op = perf::KernelOp::gemm;
    spec.type = precision_named(products.type);
    spec.size = {p.n, p.k};
    const double predicted = perf::KernelTimer(perf::rates_of(device), spec).at(p.m, 1).us;
    errors.push_back(std::abs(std::log(predicted / p.us)));
  }
  return errors;
}

Json percent(double log_error) {
  return json::significant(100 * std::expm1(log_error), 3);
}

Json product_document(const Device& device, const Fit& fit) {
  const CalibratedProducts& p = fit.products;
  Json out;
  out["type"] = p.type;
  out["launch_us"] = json::significant(p.launch_us, 6);
  out["flops_per_us"] = json::significant(p.flops_per_us, 6);
  out["bytes_per_us"] = json::significant(p.bytes_per_us, 6);
  out["error"] = json::significant(p.error, 4);
  const Element math = perf::math_element(precision_named(p.type));
  const double peak = device.dense_peak(math) * 1e6;
  out["compute_share_of_datasheet"] =
      peak > 0 ? Json(json::significant(p.flops_per_us / peak, 3)) : Json(nullptr);
  out["memory_share_of_datasheet"] =
      json::significant(p.bytes_per_us / (device.bandwidth_gbs * 1e3), 3);
  const std::vector<double> before = errors_before(device, p);
  const double before_p90 = quantile_of(before, 0.9);
  out["before"] = {{"median_error_percent", percent(quantile_of(before, 0.5))},
                   {"p90_error_percent", percent(before_p90)}};
  out["after"] = {{"median_error_percent", percent(fit.median_error)},
                  {"p90_error_percent", percent(fit.p90_error)},
                  {"of", "each product predicted from all others"}};
  out["interval_narrowed_by"] =
      before_p90 > 0 ? Json(json::significant(1 - p.error / before_p90, 3)) : Json(nullptr);
  Json range;
  const auto axis = [&](const char* name, double MeasuredProduct::*member) {
    double low = INFINITY, high = 0;
    for (const MeasuredProduct& point : p.points) {
      low = std::min(low, point.*member);
      high = std::max(high, point.*member);
    }
    range[name] = {low, high};
  };
  axis("m", &MeasuredProduct::m);
  axis("n", &MeasuredProduct::n);
  axis("k", &MeasuredProduct::k);
  out["valid_range"] = std::move(range);
  out["outliers"] = Json::array();
  for (const Outlier& o : fit.outliers)
    out["outliers"].push_back({{"m", o.point.m},
                               {"n", o.point.n},
                               {"k", o.point.k},
                               {"us", json::significant(o.point.us, 6)},
                               {"times_the_law", json::significant(o.factor, 3)}});
  out["points"] = Json::array();
  for (const MeasuredProduct& point : p.points)
    out["points"].push_back(
        {{"m", point.m}, {"n", point.n}, {"k", point.k}, {"us", json::significant(point.us, 6)}});
  return out;
}

/// Products that the fit has not seen.
Json check_document(const Fit& fit, const std::vector<MeasuredProduct>& unseen) {
  std::vector<double> errors;
  for (const MeasuredProduct& p : unseen)
    errors.push_back(std::abs(std::log(fit.products.us(p.m, p.n, p.k) / p.us)));
  return {{"products", unseen.size()},
          {"median_error_percent", percent(quantile_of(errors, 0.5))},
          {"p90_error_percent", percent(quantile_of(errors, 0.9))}};
}

} // namespace

Json calibrate(const Json& request, const Catalog& catalog) {
  Reader reader(request, "");
  const Device device = catalog.device(reader.text("device", 128), "/device");
  const std::string as_of = reader.text("as_of", 32);
  const std::string name = reader.text("name", device.name + "-calibration", 128);
  const auto lines = reader.array("measurements", 100000);
  const auto unseen = reader.array("check", 100000);
  reader.done();
  Measured measured;
  for (std::size_t i = 0; i < lines.size(); ++i)
    read_measurement(measured, *lines[i], json::pointer("/measurements", i));
  Measured held_out;
  for (std::size_t i = 0; i < unseen.size(); ++i)
    read_measurement(held_out, *unseen[i], json::pointer("/check", i));

  Json out;
  out["kind"] = "calibration";
  out["schema"] = 1;
  out["name"] = name;
  out["device"] = device.name;
  out["source"] = "dsk calibrate, " + std::to_string(measured.used) + " measurements" +
                  (measured.device.empty() ? "" : " of " + measured.device);
  out["as_of"] = as_of;
  out["measurements_sha256"] = sha256_hex(json::dump_compact(request["measurements"]));
  out["used"] = measured.used;
  out["not_used"] = measured.skipped;
  out["not_trusted"] = measured.doubted;
  out["products"] = Json::array();
  for (auto& [type, points] : measured.products) {
    if (points.size() < 4) continue; // three numbers need more than three points
    const double peak = device.dense_peak(perf::math_element(precision_named(type)));
    const Fit fit = fit_products(type, std::move(points), 1e6 * std::max(1.0, peak),
                                 1e3 * device.bandwidth_gbs);
    out["products"].push_back(product_document(device, fit));
    if (const auto it = held_out.products.find(type); it != held_out.products.end())
      out["products"].back()["check"] = check_document(fit, it->second);
  }
  out["rates_gb_per_s"] = Json::object();
  for (const auto& [probe, rates] : measured.rates)
    out["rates_gb_per_s"][probe] = json::significant(quantile_of(rates, 0.5), 5);
  if (!measured.kernel_gap_us.empty())
    out["kernel_in_graph_us"] = json::significant(quantile_of(measured.kernel_gap_us, 0.5), 4);
  if (out["products"].empty())
    throw Error(DSK_STATUS_INVALID_REQUEST,
                "no format has four or more products measured in graphs; `dsk bench quick` on the "
                "device takes them",
                "/measurements");
  return out;
}

} // namespace dsk::calibrate
