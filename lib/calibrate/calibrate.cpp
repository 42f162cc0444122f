#include "calibrate/calibrate.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "calibrate/fit.hpp"
#include "calibrate/links.hpp"
#include "calibrate/measured.hpp"
#include "perf/ops_time.hpp"

namespace dsk::calibrate {
namespace {

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

/// Measurements say what was measured. All must be of one device, and of the one that is calibrated
/// where the catalogue knows the name; the driver's name of a device of the caller's own need not
/// be known.
class OneDevice {
public:
  explicit OneDevice(const Device& device)
      : device_(device), own_(canonical(device.name).empty()) {}

  void check(const Json& document, const std::string& path) {
    const auto found = document.find("device");
    if (found == document.end() || !found->is_string()) return;
    const std::string stated = found->get<std::string>();
    const std::string is = "device is " + json::preview(*found), at = json::pointer(path, "device");
    const std::string known = own_ ? std::string() : canonical(stated);
    if (!known.empty() && known != device_.name)
      invalid_request(at, is + " (" + known + "), must be " + device_.name +
                              ", whose calibration this is");
    if (first_.empty()) first_ = stated;
    if (stated != first_)
      invalid_request(at, is + ", must be \"" + first_ + "\" as in the measurements before it");
  }

private:
  /// In the built-in catalogue; empty when it is not there.
  std::string canonical(const std::string& name) const {
    try {
      return builtin_.device(name, "").name;
    } catch (const Error& e) {
      if (e.status() != DSK_STATUS_NOT_FOUND) throw;
      return {};
    }
  }

  Catalog builtin_;
  const Device& device_;
  bool own_;
  std::string first_;
};

} // namespace

Json calibrate(const Json& request, const Catalog& catalog, bool may_be_empty) {
  Reader reader(request, "");
  const Device device = catalog.device(reader.text("device", 128), "/device");
  const std::string as_of = reader.text("as_of", 32);
  const std::string name = reader.text("name", device.name + "-calibration", 128);
  const auto lines = reader.array("measurements", 100000);
  const auto unseen = reader.array("check", 100000);
  reader.done();
  Measured measured, held_out;
  OneDevice one(device);
  const auto read = [&](Measured& into, const std::vector<const Json*>& list, const char* member) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string path = json::pointer(member, i);
      one.check(*list[i], path);
      read_measurement(into, *list[i], path);
    }
  };
  read(measured, lines, "/measurements");
  read(held_out, unseen, "/check");

  Json out;
  out["kind"] = "calibration";
  out["schema"] = 1;
  out["name"] = name;
  out["device"] = device.name;
  out["source"] = "dsk calibrate, " + std::to_string(measured.used) + " measurements" +
                  (measured.device.empty() ? "" : " of " + measured.device);
  out["as_of"] = as_of;
  out["measurements_sha256"] =
      sha256_hex(json::dump_compact(request.value("measurements", Json::array())));
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
  Json links = links_document(device, measured, catalog);
  if (!links.empty()) out["links"] = std::move(links);
  Json launch = launch_document(measured);
  if (!launch.empty()) out["launch"] = std::move(launch);
  if (!may_be_empty && out["products"].empty() && !out.contains("links") && !out.contains("launch"))
    throw Error(DSK_STATUS_INVALID_REQUEST,
                "no format has four or more products measured in graphs, and there are no links "
                "and no launches; `dsk bench quick` on the device takes them",
                "/measurements");
  return out;
}

} // namespace dsk::calibrate
