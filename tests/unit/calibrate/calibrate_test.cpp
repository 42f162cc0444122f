#include "calibrate/calibrate.hpp"

#include <cmath>
#include <random>

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "calibrate/fit.hpp"
#include "perf/ops_time.hpp"

using namespace dsk;
using namespace dsk::calibrate;

namespace {

// A device that obeys the law with known numbers, and noise of 1 %.
constexpr double launch = 2.5, flops = 7.5e8, bytes = 4.1e6;

double truth(double m, double n, double k) {
  const double c = 2 * m * n * k / flops;
  const double b = CalibratedProducts::bytes(m, n, k, 2, 2) / bytes;
  return launch + std::sqrt(c * c + b * b);
}

std::vector<MeasuredProduct> points() {
  std::mt19937_64 random(3);
  std::vector<MeasuredProduct> out;
  for (const double m : {1, 16, 64, 1024, 4096})
    for (const double n : {1024, 4096, 12288})
      for (const double k : {1024, 4096, 8192}) {
        const double noise = 0.01 * (static_cast<double>(random() >> 11) * 0x1p-52 - 1);
        out.push_back({m, n, k, truth(m, n, k) * (1 + noise)});
      }
  return out;
}

Json request_of(const std::vector<MeasuredProduct>& list) {
  Json out;
  out["device"] = "h200-sxm";
  out["as_of"] = "2026-11-24";
  out["measurements"] = Json::array();
  for (const MeasuredProduct& p : list)
    out["measurements"].push_back({{"kind", "measurement"},
                                   {"name", "g"},
                                   {"probe", "gemm"},
                                   {"dtype", "bf16"},
                                   {"launch", "graph"},
                                   {"m", p.m},
                                   {"n", p.n},
                                   {"k", p.k},
                                   {"median_ns", 1e3 * p.us},
                                   {"doubts", Json::array()}});
  return out;
}

} // namespace

TEST_CASE("calibrate: the fit finds the numbers that made the points") {
  const Fit fit = fit_products("bf16", points(), 989e6, 4.8e6);
  CHECK(fit.products.launch_us == doctest::Approx(launch).epsilon(0.1));
  CHECK(fit.products.flops_per_us == doctest::Approx(flops).epsilon(0.03));
  CHECK(fit.products.bytes_per_us == doctest::Approx(bytes).epsilon(0.03));
  CHECK(fit.outliers.empty());
  CHECK(fit.median_error < 0.02);
  // A shape that no point has.
  CHECK(fit.products.us(8, 5120, 5120) == doctest::Approx(truth(8, 5120, 5120)).epsilon(0.03));
}

TEST_CASE("calibrate: an outlier is named and does not bend the law") {
  std::vector<MeasuredProduct> bent = points();
  bent[7].us *= 3;
  bent[20].us *= 0.4;
  const Fit fit = fit_products("bf16", bent, 989e6, 4.8e6);
  REQUIRE(fit.outliers.size() == 2);
  CHECK(fit.outliers[0].factor == doctest::Approx(3).epsilon(0.05));
  CHECK(fit.outliers[1].factor == doctest::Approx(0.4).epsilon(0.05));
  CHECK(fit.products.bytes_per_us == doctest::Approx(bytes).epsilon(0.03));
}

TEST_CASE("calibrate: the document reads back, and the step model uses it and says so") {
  Catalog catalog;
  const Json document = calibrate::calibrate(request_of(points()), catalog);
  const Json& p = document["products"][0];
  CHECK(p["type"] == "bf16");
  CHECK(p["after"]["median_error_percent"].get<double>() < 2);
  CHECK(p["before"]["median_error_percent"].get<double>() > 2);
  CHECK(p["interval_narrowed_by"].get<double>() > 0);
  CHECK(p["valid_range"]["m"][1] == 4096);

  perf::KernelSpec spec;
  spec.op = perf::KernelOp::gemm;
  spec.type = perf::Precision::bf16;
  spec.size = {5120, 5120};
  const auto time = [&](const Catalog& c, double m) {
    const Device device = c.device("h200-sxm", "");
    return perf::KernelTimer(perf::rates_of(device), spec).at(m, 1);
  };
  const perf::KernelTime plain = time(catalog, 8);
  const std::string hash = catalog.sha256();
  catalog.add(Json::array({document}), "/catalog");
  const perf::KernelTime sharp = time(catalog, 8);
  CHECK(sharp.us == doctest::Approx(truth(8, 5120, 5120)).epsilon(0.03));
  CHECK(sharp.us != plain.us);
  CHECK(sharp.error < 0.05);
  CHECK(sharp.origin == perf::Origin::interpolated);
  CHECK(catalog.sha256() != hash);
  spec.size = {4096, 4096};
  CHECK(time(catalog, 16).origin == perf::Origin::measured);
  // Far outside of what was measured the interval is wide again.
  spec.size = {200000, 200000};
  CHECK(time(catalog, 16).error > 0.15);
  // Other formats keep their tables.
  spec.size = {5120, 5120};
  spec.type = perf::Precision::fp8;
  CHECK(time(catalog, 8).us == time(Catalog(), 8).us);
}

TEST_CASE("calibrate: the measured memory rate moves kernels that no table of the device has") {
  const auto time = [](const char* device_name, double share_of_datasheet) {
    Catalog catalog;
    if (share_of_datasheet > 0) {
      Json request = request_of(points());
      request["device"] = device_name;
      const double rate = 0.94 * share_of_datasheet * catalog.device(device_name, "").bandwidth_gbs;
      request["measurements"].push_back({{"kind", "measurement"},
                                         {"name", "memory"},
                                         {"probe", "memory_read"},
                                         {"gb_per_s", rate},
                                         {"median_ns", 2.5e5},
                                         {"doubts", Json::array()}});
      catalog.add(Json::array({calibrate::calibrate(request, catalog)}), "/catalog");
    }
    perf::KernelSpec spec;
    spec.op = perf::KernelOp::generation_attention;
    spec.size = {32, 8, 128, 0};
    const Device device = catalog.device(device_name, "");
    return perf::KernelTimer(perf::rates_of(device), spec).at(64, 8192);
  };
  const perf::KernelTime plain = time("rtx-4090", 0), full = time("rtx-4090", 1),
                         half = time("rtx-4090", 0.5);
  REQUIRE(plain.origin == perf::Origin::transferred);
  CHECK(full.us == doctest::Approx(plain.us).epsilon(0.01));
  CHECK((half.us - half.launch_us) / (plain.us - plain.launch_us) ==
        doctest::Approx(2).epsilon(0.05));
  CHECK(time("h200-sxm", 0.5).us == time("h200-sxm", 0).us); // its own tables say more
}

TEST_CASE("calibrate: what is not to be trusted is left out by name") {
  Catalog catalog;
  Json request = request_of(points());
  Json& zeros = request["measurements"][3];
  zeros["name"] = "gemm of zeros";
  zeros["median_ns"] = 1;
  zeros["doubts"] = Json::array({{{"name", "zeros_as_data"}, {"sentence", "x"}}});
  request["measurements"][4]["launch"] = "eager";
  request["measurements"][5]["skipped"] = "no GPU";
  const Json document = calibrate::calibrate(request, catalog);
  CHECK(document["not_trusted"] == Json::array({"gemm of zeros"}));
  CHECK(document["used"] == points().size() - 3);
  CHECK(document["not_used"] == 2);
  CHECK(document["products"][0]["points"].size() == points().size() - 3);
}

TEST_CASE("calibrate: the same request gives the same bytes, a poor one a sentence") {
  Catalog catalog;
  CHECK(calibrate::calibrate(request_of(points()), catalog).dump() ==
        calibrate::calibrate(request_of(points()), catalog).dump());
  const auto path_of = [&](const Json& request) -> std::string {
    try {
      calibrate::calibrate(request, catalog);
    } catch (const Error& e) {
      return e.path();
    }
    return "accepted";
  };
  Json request = request_of({points()[0], points()[1]});
  CHECK(path_of(request) == "/measurements");
  request["device"] = "h2000";
  CHECK(path_of(request) == "/device");
  request = request_of(points());
  request["measurements"][2]["m"] = -4;
  CHECK(path_of(request) == "/measurements/2/m");

  // Measurements of another device, or of two.
  request = request_of(points());
  for (Json& line : request["measurements"])
    line["device"] = "NVIDIA H200";
  CHECK(path_of(request) == "accepted");
  request["device"] = "a100-sxm-80gb";
  CHECK(path_of(request) == "/measurements/0/device");
  request["device"] = "h200-sxm";
  request["measurements"][3]["device"] = "NVIDIA H100 80GB HBM3";
  CHECK(path_of(request) == "/measurements/3/device");
  request["measurements"][3]["device"] = "NVIDIA something new";
  CHECK(path_of(request) == "/measurements/3/device");
  for (Json& line : request["measurements"])
    line["device"] = "NVIDIA something new"; // a name that no catalogue knows may be this device's
  CHECK(path_of(request) == "accepted");
}
