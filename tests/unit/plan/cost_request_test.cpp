#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"
#include "base/json.hpp"
#include "plan/cost_request.hpp"

using dsk::Json;

namespace {

Json brief() {
  return dsk::json::parse(R"({
    "device": "A100-SXM4-80GB", "devices": 10,
    "ownership": {"hardware_usd": 150000, "power_kw": 15, "usd_per_kwh": 0.12,
                  "operations_fraction_per_year": 0.15, "years": 3, "quoted_total_usd": 210000},
    "cloud": [{"name": "cloud A", "usd_per_hour": 3.2}, {"name": "cloud B", "usd_per_hour": 2.8}]
  })",
                          "request");
}

Json answer(const Json& request) {
  static const dsk::Catalog catalog;
  return dsk::plan::cost_document(request, catalog);
}

std::string path_of(const Json& request) {
  try {
    answer(request);
  } catch (const dsk::Error& e) {
    return e.path();
  }
  return "answered";
}

} // namespace

TEST_CASE("the brief's case shows every term, the total and what the quoted total implies") {
  const Json out = answer(brief());
  const Json& own = out["ownership"];
  CHECK(own["before_residual_usd"] == 264804);
  CHECK(own["terms"][0]["usd"] == 150000);
  CHECK(own["terms"][1]["usd"] == 47304); // 3 x 15,768
  CHECK(own["terms"][2]["usd"] == 67500);
  CHECK(own["quoted"]["implied_residual_usd"] == 54804);
  CHECK(own["quoted"]["meaning"].get<std::string>().find("54804 USD (36.5 % of hardware)") !=
        std::string::npos);
  REQUIRE(out["cloud"].size() == 2);
  // 150,000 / (10 x 2.8 x 8760 - 38,268) years.
  CHECK(out["cloud"][1]["break_even_months"].get<double>() == doctest::Approx(8.69515));
  CHECK(out["cloud"][1]["break_even_utilisation"].get<double>() ==
        doctest::Approx(264804 / (3 * 245280.0)));
  CHECK(out["provenance"]["catalog_sha256"].get<std::string>().size() == 64);
}

TEST_CASE("what is not given is taken from the catalogue or named as assumed") {
  Json request = brief();
  request["ownership"] = Json{{"usd_per_kwh", 0.1}};
  request.erase("cloud");
  const Json out = answer(request);
  // purchase-estimates: 15,000 USD an A100, ten of them.
  CHECK(out["ownership"]["terms"][0]["usd"] == 150000);
  CHECK(out["provenance"]["prices"].size() == 1);
  CHECK(out["assumptions"].size() == 6);
  CHECK(out["cloud"].size() >= 5); // every rented offer that the price lists have
  for (const Json& option : out["cloud"])
    CHECK(!option["source"].get<std::string>().empty());
}

TEST_CASE("short projects rent, long ones own") {
  Json request = brief();
  request["project_months"] = 1;
  request["utilisation"] = 0.1;
  CHECK(answer(request)["project"]["cheapest"] == "cloud B");
  request["project_months"] = 36;
  request["utilisation"] = 1;
  CHECK(answer(request)["project"]["cheapest"] == "own");
}

TEST_CASE("a load curve is split between base and burst") {
  Json request = brief();
  Json day = Json::array();
  for (int hour = 0; hour < 24; ++hour)
    day.push_back(hour >= 9 && hour < 12 ? 64 : 16);
  request["load"] = Json{{"devices", day}, {"devices_per_unit", 8}};
  const Json mix = answer(request)["mix"];
  CHECK(mix["base_units"] == 2);
  CHECK(mix["peak_units"] == 8);
  REQUIRE(mix["split"].size() == 2);
  CHECK(mix["split"][0]["name"] == "own");
  CHECK(mix["split"][0]["units"] == 2);
  CHECK(mix["split"][1]["name"] == "cloud B");
  CHECK(mix["split"][1]["units"] == 6);
  CHECK(mix["saving_against_best_single"].get<double>() > 0);
  // A cloud too far away takes no load.
  request["cloud"][1]["network_ms"] = 80;
  request["max_network_ms"] = 20;
  CHECK(answer(request)["mix"]["split"][1]["name"] == "cloud A");
}

TEST_CASE("tokens are priced apart") {
  Json request = brief();
  request["tokens"] =
      Json{{"input_tokens_per_s", 40000}, {"output_tokens_per_s", 10000}, {"prefill_share", 0.4}};
  const Json tokens = answer(request)["tokens"];
  REQUIRE(tokens.size() == 3);
  // Cloud A: 32 USD/h; 40 % over 144 Mtok in, 60 % over 36 Mtok out.
  CHECK(tokens[1]["usd_per_mtok_input"].get<double>() == doctest::Approx(12.8 / 144).epsilon(1e-5));
  CHECK(tokens[1]["usd_per_mtok_output"].get<double>() == doctest::Approx(19.2 / 36).epsilon(1e-5));
}

TEST_CASE("bad cost requests name the field") {
  struct Fault {
    const char* pointer;
    const char* value;
    const char* path;
  };
  const Fault faults[] = {
      {"/ownership/hardware_usd", "5", "/ownership/hardware_usd"},
      {"/ownership/usd_per_kwh", "null", "/ownership/usd_per_kwh"},
      {"/ownership/pue", "0.9", "/ownership/pue"},
      {"/ownership/residual_fraction", "36.5", "/ownership/residual_fraction"},
      {"/ownership/residual_usd", "150001", "/ownership/residual_usd"},
      {"/ownership/years", "0", "/ownership/years"},
      {"/ownership/powr_kw", "1", "/ownership/powr_kw"},
      {"/cloud/0/usd_per_hour", "3200", "/cloud/0/usd_per_hour"},
      {"/cloud/0/term", "\"reserved\"", "/cloud/0/commitment_months"},
      {"/cloud/1/name", "\"cloud A\"", "/cloud/1/name"},
      {"/utilisation", "0", "/utilisation"},
      {"/utilisation", "85", "/utilisation"},
      {"/device", "\"A1000\"", "/device"},
      {"/project_months", "37", "/project_months"},
      {"/load", "{\"devices\": []}", "/load/devices"},
      {"/load", "{\"devices\": [1, -1]}", "/load/devices/1"},
      {"/load", "{\"devices\": [0, 0]}", "/load/devices"},
      {"/tokens", "{}", "/tokens/output_tokens_per_s"},
      {"/tokens", "{\"output_tokens_per_s\": 1, \"prefill_share\": 40}", "/tokens/prefill_share"},
  };
  for (const Fault& fault : faults) {
    Json request = brief();
    request[Json::json_pointer(fault.pointer)] = dsk::json::parse(fault.value, "value");
    CAPTURE(std::string(fault.pointer));
    CAPTURE(std::string(fault.value));
    CHECK(path_of(request) == fault.path);
  }
  CHECK(path_of(Json::object()) == "/ownership");
  CHECK(path_of(Json{{"ownership", {{"usd_per_kwh", 0.1}}}}) == "/ownership/hardware_usd");
}
