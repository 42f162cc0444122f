#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"
#include "base/json.hpp"
#include "catalog/documents.hpp"

using dsk::Json;

namespace {

// A compute-in-memory board that nobody sells: brief item B17 in one document.
Json unusual() {
  return dsk::json::parse(R"({
    "kind": "device", "name": "cim-1", "aliases": ["CIM One"],
    "source": "maker's sheet", "as_of": "2026-05-04", "vendor": "acme", "family": "cim",
    "memory": {"type": "SRAM", "datasheet_gb": 32, "bandwidth_gbs": 60000},
    "compute": {"dense_tflops": {"bf16": 100, "int8": 400}, "sparse_tflops": {"int8": 800}},
    "power": {"limit_w": 75, "idle_w": 5},
    "links": {"per_node": 4,
              "host": {"link": "pcie5", "lanes": 8},
              "scale_up": {"name": "ring", "bandwidth_gbs": 50, "latency_us": 1,
                           "latency_origin": "assumed", "domain": 4}}
  })",
                          "document");
}

struct Fault {
  const char* pointer;
  const char* value;
  const char* path;
  const char* message;
};

} // namespace

TEST_CASE("an unusual accelerator is one document") {
  const dsk::Device device = dsk::device_from_document(unusual(), "");
  CHECK(device.name == "cim-1");
  CHECK(device.memory_bytes == 32000000000);
  CHECK(device.memory_origin == "datasheet");
  CHECK(device.sparse_peak(dsk::Element::int8) == 800);
  CHECK(device.dense_peak(dsk::Element::fp8) == 0);
  CHECK(device.scale_up.domain == 4);
  CHECK(device.scale_up.bandwidth_gbs == 50);
  CHECK(device.scale_out.kind.empty());
  CHECK(device.memory_source.source == "maker's sheet");
}

TEST_CASE("every fault of a device document names the field, the value and what is allowed") {
  const Fault faults[] = {
      {"/memory/bandwidth_gbs", "10000000", "/d/memory/bandwidth_gbs",
       "bandwidth_gbs is 10000000, must be"},                                       // 10,000 TB/s
      {"/memory/bandwidth_gbs", "3.35", "/d/memory/bandwidth_gbs", "from 10 to 1"}, // TB/s
      {"/memory/datasheet_gb", "0", "/d/memory/datasheet_gb", "must be a number"},
      {"/memory/driver_mib", "32", "/d/memory/driver_mib", "must be in MiB"}, // GiB for MiB
      {"/memory/driver_mib", "34359738368", "/d/memory/driver_mib", "must be a number"},
      {"/compute/dense_tflops", "{}", "/d/compute/dense_tflops/bf16", "bf16 is missing"},
      {"/compute/sparse_tflops/int8", "900", "/d/compute/sparse_tflops/int8", "1 to 2 times"},
      {"/compute/sparse_tflops/fp8", "900", "/d/compute/sparse_tflops/fp8", "1 to 2 times"},
      {"/compute/dense_tflops/bf17", "1", "/d/compute/dense_tflops/bf17", "did you mean bf16"},
      {"/power/idle_w", "80", "/d/power/idle_w", "must be below limit_w (75)"},
      {"/power/limit_w", "\"75 W\"", "/d/power/limit_w", "must be a number"},
      {"/links/per_node", "0", "/d/links/per_node", "from 1 to"},
      {"/links/scale_up/domain", "1", "/d/links/scale_up/domain", "from 2 to"},
      {"/links/host", "null", "/d/links/host", "host is missing"},
      {"/source", "null", "/d/source", "source is missing"},
      {"/as_of", "null", "/d/as_of", "as_of is missing"},
      {"/as_of", "\"2026-02-30\"", "/d/as_of", "must be a date"},
      {"/as_of", "\"last May\"", "/d/as_of", "must be a date"},
      {"/name", "\"CIM 1\"", "/d/name", "must be lower-case"},
      {"/kind", "\"devise\"", "/d/kind", "must be device"},
      {"/aliases/0", "\"--\"", "/d/aliases/0", "must have a letter or digit"},
      {"/color", "\"red\"", "/d/color", "not a known member"},
  };
  for (const Fault& fault : faults) {
    Json document = unusual();
    document[Json::json_pointer(fault.pointer)] = dsk::json::parse(fault.value, "value");
    CAPTURE(fault.pointer);
    CAPTURE(fault.value);
    try {
      dsk::device_from_document(document, "/d");
      FAIL_CHECK("accepted");
    } catch (const dsk::Error& e) {
      CHECK(e.status() == DSK_STATUS_INVALID_REQUEST);
      CHECK(e.path() == fault.path);
      CHECK_MESSAGE(std::string(e.what()).find(fault.message) != std::string::npos, e.what());
    }
  }
}

TEST_CASE("MIG slices fit into their device, and nothing is measured above the datasheet") {
  Json document = unusual();
  document["mig"] = dsk::json::parse(R"([{"profile": "1g", "instances": 5, "compute_fraction": 0.25,
                            "memory_fraction": 0.2}])",
                                     "mig");
  CHECK_THROWS_WITH_AS(dsk::device_from_document(document, ""),
                       doctest::Contains("must fit into the whole device"), dsk::Error);
  document.erase("mig");
  document["measured"] = dsk::json::parse(
      R"([{"quantity": "memory_read_gbs", "value": 60001, "source": "us", "as_of": "2026-11"}])",
      "measured");
  CHECK_THROWS_WITH_AS(dsk::device_from_document(document, ""),
                       doctest::Contains("must be at most the datasheet's"), dsk::Error);
}

TEST_CASE("price documents refuse prices that are a slip of units") {
  const auto list = [](const char* items) {
    return dsk::json::parse(std::string(R"({"kind": "price", "name": "mine", "source": "us",
      "as_of": "2026-11", "currency": "USD", )") +
                                items + "}",
                            "document");
  };
  const auto path_of = [](const Json& document) {
    try {
      dsk::price_list_from_document(document, "");
    } catch (const dsk::Error& e) {
      return e.path();
    }
    return std::string("accepted");
  };
  CHECK(path_of(list(R"("purchases": [{"device": "h100-sxm", "usd": 5}])")) == "/purchases/0/usd");
  CHECK(path_of(list(R"("purchases": [{"device": "h100-sxm", "usd": 25000}])")) == "accepted");
  CHECK(path_of(list(R"("offers": [{"device": "h100-sxm", "provider": "a", "term": "on-demand",
                      "usd_per_hour": 3200}])")) == "/offers/0/usd_per_hour");
  CHECK(path_of(list(R"("offers": [{"device": "h100-sxm", "provider": "a", "term": "reserved",
                      "usd_per_hour": 2}])")) == "/offers/0/commitment_months");
  CHECK(path_of(list(R"("offers": [])")) == "/offers");
}

TEST_CASE("data set documents refuse distributions that contradict themselves") {
  const auto path_of = [](const char* input) {
    Json document = dsk::json::parse(R"({"kind": "dataset", "name": "mine", "source": "us",
      "as_of": "2026-11", "tokenizer": "llama-2", "origin": "published",
      "output": {"shape": "fixed", "mean_tokens": 128}})",
                                     "document");
    document["input"] = dsk::json::parse(input, "input");
    try {
      dsk::dataset_from_document(document, "");
    } catch (const dsk::Error& e) {
      return e.path();
    }
    return std::string("accepted");
  };
  CHECK(path_of(R"({"shape": "uniform", "mean_tokens": 900, "min_tokens": 800,
                    "max_tokens": 1000})") == "accepted");
  CHECK(path_of(R"({"shape": "uniform", "mean_tokens": 900, "min_tokens": 950,
                    "max_tokens": 1000})") == "/input/min_tokens");
  CHECK(path_of(R"({"shape": "quantiles", "mean_tokens": 9, "quantiles": [
                    {"probability": 0.5, "tokens": 10}, {"probability": 0.9, "tokens": 20}]})") ==
        "/input/mean_tokens");
  CHECK(path_of(R"({"shape": "quantiles", "mean_tokens": 15, "quantiles": [
                    {"probability": 0.5, "tokens": 10}, {"probability": 0.5, "tokens": 20}]})") ==
        "/input/quantiles/1/probability");
  CHECK(path_of(R"({"shape": "quantiles", "mean_tokens": 15, "quantiles": [
                    {"probability": 0.5, "tokens": 10}, {"probability": 0.9, "tokens": 5}]})") ==
        "/input/quantiles/1/tokens");
}
