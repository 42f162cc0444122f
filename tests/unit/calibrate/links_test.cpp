#include <doctest/doctest.h>

#include "calibrate/calibrate.hpp"
#include "perf/collectives.hpp"
#include "plan/step_answer.hpp"

using namespace dsk;

namespace {

Json line(const char* probe, double us, Json more) {
  Json out = {{"kind", "measurement"}, {"name", probe},         {"probe", probe},
              {"launch", "graph"},     {"median_ns", 1e3 * us}, {"doubts", Json::array()}};
  out.update(more);
  return out;
}

Json link_request(const char* device) {
  return {{"device", device}, {"as_of", "2026-11-24"}, {"measurements", Json::array()}};
}

// Pairs of four devices at a rate, NCCL over four at a rate and 9 us.
Json links_of(const char* device, double gb_per_s) {
  Json request = link_request(device);
  for (int from = 0; from < 4; ++from)
    for (int to = 0; to < 4; ++to)
      request["measurements"].push_back(line("peer_copy", 268.4e3 / gb_per_s,
                                             {{"ordinal", from},
                                              {"peer", to},
                                              {"both_ways", false},
                                              {"gb_per_s", from == to ? 1500 : gb_per_s}}));
  for (double bytes = 4096; bytes <= 256e6; bytes *= 4)
    request["measurements"].push_back(
        line("all_reduce", 9 + 1.5 * bytes / (0.9e3 * gb_per_s),
             {{"by", "nccl"}, {"ranks", 4}, {"devices", 4}, {"bytes", bytes}}));
  return request;
}

perf::CollectiveTime collective(const Catalog& catalog, const char* device_name,
                                perf::CollectiveOp::Kind kind, int ranks, double bytes) {
  const Device device = catalog.device(device_name, "");
  perf::CollectiveOp op;
  op.kind = kind;
  op.ranks = ranks;
  op.bytes_per_row = bytes;
  return perf::CollectiveTimer(device, catalog.engine("vllm", "", ""), op).at(1);
}

Catalog with(const Json& request) {
  Catalog catalog;
  catalog.add(Json::array({calibrate::calibrate(request, catalog)}), "/catalog");
  return catalog;
}

} // namespace

TEST_CASE("calibrate: measured links are what the planner sends over") {
  using Kind = perf::CollectiveOp::Kind;
  const char* pcie = "l40s";
  const Catalog plain, half = with(links_of(pcie, 13)), full = with(links_of(pcie, 26));
  // A measured message, one between, and a width that was not measured.
  const auto truth = [](double bytes) { return 9 + 1.5 * bytes / (0.9e3 * 13); };
  const auto measured = collective(half, pcie, Kind::all_reduce, 4, 65536);
  CHECK(measured.us == doctest::Approx(truth(65536)).epsilon(1e-4));
  CHECK(measured.origin == perf::Origin::measured);
  CHECK(measured.calibrated);
  const auto between = collective(half, pcie, Kind::all_reduce, 4, 3e6);
  CHECK(between.us == doctest::Approx(truth(3e6)).epsilon(0.05));
  CHECK(between.origin == perf::Origin::interpolated);
  const auto two = collective(half, pcie, Kind::all_reduce, 2, 3e6);
  CHECK(two.us == doctest::Approx(9 + 3e6 / (0.9e3 * 13)).epsilon(0.05));
  CHECK(two.error > between.error);
  CHECK(between.error < collective(plain, pcie, Kind::all_reduce, 4, 3e6).error);
  // What has no curve goes by the rate of the copies.
  for (const Kind kind : {Kind::send, Kind::all_gather}) {
    const auto slow = collective(half, pcie, kind, 4, 1e9),
               fast = collective(full, pcie, kind, 4, 1e9);
    CHECK(slow.us / fast.us == doctest::Approx(2).epsilon(0.01));
    CHECK(slow.error < collective(plain, pcie, kind, 4, 1e9).error);
    CHECK(slow.calibrated);
  }
  // A device with tables of its own: its kernels at the measured rate of its links.
  const Catalog healthy = with(links_of("h200-sxm", 0.81 * 450)),
                broken = with(links_of("h200-sxm", 0.81 * 225));
  const auto before = collective(plain, "h200-sxm", Kind::all_gather, 4, 1e9);
  CHECK(collective(healthy, "h200-sxm", Kind::all_gather, 4, 1e9).us ==
        doctest::Approx(before.us).epsilon(1e-3));
  CHECK(collective(broken, "h200-sxm", Kind::all_gather, 4, 1e9).us / before.us ==
        doctest::Approx(2).epsilon(0.02));
}

TEST_CASE("calibrate: a slow pair and a spoilt message are named and bend nothing") {
  Catalog catalog;
  Json request = links_of("l40s", 26);
  request["measurements"][2]["gb_per_s"] = 6;     // from 0 to 2
  Json& spoilt = request["measurements"][16 + 3]; // 256 KiB
  spoilt["median_ns"] = 4 * spoilt["median_ns"].get<double>();
  // Both directions at once, and ranks that share a device, are other things.
  request["measurements"].push_back(
      line("peer_copy", 5e3, {{"peer", 1}, {"both_ways", true}, {"gb_per_s", 50}}));
  request["measurements"].push_back(
      line("all_reduce", 3, {{"by", "own"}, {"ranks", 4}, {"devices", 1}, {"bytes", 4096}}));
  const Json document = calibrate::calibrate(request, catalog);
  const Json& peer = document["links"]["peer_copy"];
  CHECK(peer["gb_per_s"] == 26);
  CHECK(peer["pairs"].size() == 12);
  REQUIRE(peer["outliers"].size() == 1);
  CHECK(peer["outliers"][0]["from_device"] == 0);
  CHECK(peer["outliers"][0]["to_device"] == 2);
  CHECK(peer["before"]["error_percent"].get<double>() >
        peer["after"]["error_percent"].get<double>());
  CHECK(peer["interval_narrowed_by"].get<double>() > 0.5);
  REQUIRE(document["links"]["all_reduce"].size() == 1);
  const Json& curve = document["links"]["all_reduce"][0];
  REQUIRE(curve["outliers"].size() == 1);
  CHECK(curve["outliers"][0]["bytes"] == 262144);
  CHECK(curve["outliers"][0]["times_its_neighbours"].get<double>() ==
        doctest::Approx(4).epsilon(0.3));
  CHECK(curve["latency_us"].get<double>() == doctest::Approx(9).epsilon(0.05));
  CHECK(curve["bytes_per_us"].get<double>() == doctest::Approx(0.9 * 26e3).epsilon(0.03));
  CHECK(curve["valid_range"]["bytes"][0] == 4096);
  CHECK(curve["after"]["p90_error_percent"].get<double>() < 10);
  CHECK(curve["interval_narrowed_by"].get<double>() > 0);
}

TEST_CASE("calibrate: launches move the time between the kernels, and the answer says so") {
  const auto launches = [](double in_graph_us) {
    Json request = link_request("l40s");
    for (const double count : {1, 64, 512}) // one kernel shows the start of the graph
      request["measurements"].push_back(line("kernels", count * in_graph_us + (count == 1 ? 9 : 0),
                                             {{"count", count}, {"programmatic_launch", false}}));
    return request;
  };
  const Json step = {{"model", "llama-3.1-8b"},
                     {"device", "l40s"},
                     {"batch", {{"decode_sequences", 8}, {"kv_sum", 8000}}}};
  const auto answer = [&](const Catalog& catalog) { return plan::explain_step(step, catalog); };
  const auto total = [](const Json& a) { return a["step"]["total_us"].get<double>(); };
  const Json plain = answer(Catalog()), same = answer(with(launches(1.166))),
             slow = answer(with(launches(3.166)));
  CHECK(total(same) == doctest::Approx(total(plain)).epsilon(1e-5));
  // Five kernels between the products of each of 32 layers, and 32 x 5 + 1 products and attentions
  // whose laws hold a launch.
  const double more = total(slow) - total(same);
  CHECK(more > 2 * 32 * 5);
  CHECK(more < 2 * 32 * 12);
  CHECK(slow["calibration"]["name"] == "l40s-calibration");
  CHECK(slow["calibration"]["interval_narrowed_by"].get<double>() > 0);
  CHECK(slow["calibration"]["step_without"]["total_us"] == plain["step"]["total_us"]);
  CHECK(plain.contains("calibration") == false);
  for (const Json& op : slow["operators"])
    if (op["name"] == "engine/layers and sequences") CHECK(op["calibration"] == "l40s-calibration");
  // Blackwell's kernels start before the one before them ends: programmatic launches count there.
  Json request = launches(1.166);
  request["device"] = "b200-sxm";
  request["measurements"].push_back(
      line("kernels", 64 * 1.704, {{"count", 64}, {"programmatic_launch", true}}));
  Json blackwell = step;
  blackwell["device"] = "b200-sxm";
  CHECK(total(plan::explain_step(blackwell, with(request))) -
            total(plan::explain_step(blackwell, Catalog())) >
        32 * 4.9);
}
