#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "catalog/builtin.hpp"
#include "catalog/catalog.hpp"
#include "catalog/version.hpp"

using dsk::Catalog;
using dsk::Element;
using dsk::Json;

namespace {

Json document(const char* text) {
  return dsk::json::parse(text, "document");
}

Json link_doc(const std::string& name, const std::string& via) {
  Json value{
      {"kind", "link"},   {"name", name},    {"source", "us"},    {"as_of", "2026-11"},
      {"lane_gbs", 10.0}, {"max_lanes", 16}, {"latency_us", 1.0}, {"latency_origin", "assumed"}};
  if (!via.empty()) {
    value["via"] = via;
    value["via_lanes"] = 1;
  }
  return value;
}

Json device_doc(const std::string& name, std::vector<std::string> aliases = {},
                const std::string& up = "nvlink4") {
  return Json{{"kind", "device"},
              {"name", name},
              {"aliases", aliases},
              {"source", "us"},
              {"as_of", "2026-11"},
              {"vendor", "acme"},
              {"family", "x"},
              {"memory", {{"type", "HBM"}, {"datasheet_gb", 100}, {"bandwidth_gbs", 2000}}},
              {"compute", {{"dense_tflops", {{"bf16", 500}}}}},
              {"power", {{"limit_w", 500}}},
              {"links",
               {{"per_node", 8},
                {"host", {{"link", "pcie5"}, {"lanes", 16}}},
                {"scale_up", {{"link", up}, {"lanes", 4}, {"domain", 8}}}}}};
}

dsk::Error failure(Catalog& catalog, const Json& documents) {
  try {
    catalog.add(documents, "/catalog");
  } catch (const dsk::Error& e) {
    return e;
  }
  return dsk::Error(DSK_STATUS_OK, "accepted");
}

} // namespace

TEST_CASE("every built-in document loads, and its name scan agrees with the document") {
  const dsk::Builtin& builtin = dsk::Builtin::get();
  REQUIRE(builtin.records().size() > 50);
  Catalog catalog;
  for (std::size_t i = 0; i < builtin.records().size(); ++i) {
    const dsk::BuiltinRecord& record = builtin.records()[i];
    CAPTURE(record.name);
    const Json whole = builtin.document(i);
    CHECK(whole.at("kind") == record.kind);
    CHECK(whole.at("name") == record.name);
    CHECK(whole.value("version", "") == record.version);
    const auto aliases = whole.value("aliases", std::vector<std::string>());
    CHECK(aliases == record.aliases);
    CHECK_NOTHROW(builtin.parsed(i));
    // A name or an alias means one record only.
    for (const std::string& word : aliases)
      for (const std::size_t other : builtin.find(record.kind, dsk::folded_name(word)))
        CHECK(builtin.records()[other].name == record.name);
    for (const std::size_t other : builtin.find(record.kind, dsk::folded_name(record.name)))
      CHECK(builtin.records()[other].name == record.name);
  }
  for (const std::string& name : catalog.names("link")) {
    const dsk::LinkRecord link = catalog.link(name, "");
    if (!link.via.empty()) CHECK_NOTHROW(catalog.link(link.via, ""));
  }
}

TEST_CASE("built-in devices are physically coherent") {
  const Catalog catalog;
  for (const std::string& name : catalog.device_names()) {
    CAPTURE(name);
    const dsk::Device d = catalog.device(name, "");
    CHECK(d.host.bandwidth_gbs > 0);
    CHECK(d.host.bandwidth_gbs < d.bandwidth_gbs);
    CHECK(d.scale_up.bandwidth_gbs < d.bandwidth_gbs);
    // Narrower types never compute more slowly on the same chip, save int8 and fp16 where a maker
    // cut them.
    if (d.dense_peak(Element::fp8) > 0)
      CHECK(d.dense_peak(Element::fp8) >= d.dense_peak(Element::bf16));
    if (d.dense_peak(Element::fp4) > 0)
      CHECK(d.dense_peak(Element::fp4) >= d.dense_peak(Element::fp8));
    // Operations per byte of memory at the bf16 ridge: 30 to 700 over all accelerators known.
    const double ridge = d.dense_peak(Element::bf16) * 1000 / d.bandwidth_gbs;
    CHECK(ridge > 30);
    CHECK(ridge < 700);
    CHECK(d.power_w > d.idle_power_w);
    for (const auto& slice : d.mig)
      CHECK(slice.compute_fraction <= 1);
  }
}

TEST_CASE("figures of published data sheets") {
  const Catalog catalog;
  // NVIDIA A100 80GB SXM: 312 dense, 624 with 2:4 sparsity, 2,039 GB/s, 300 GB/s NVLink one way.
  const dsk::Device a100 = catalog.device("A100-SXM4-80GB", "");
  CHECK(a100.name == "a100-sxm-80gb");
  CHECK(a100.dense_peak(Element::fp16) == 312);
  CHECK(a100.sparse_peak(Element::fp16) == 624);
  CHECK(a100.dense_peak(Element::fp8) == 0);
  CHECK(a100.bandwidth_gbs == 2039);
  CHECK(a100.scale_up.bandwidth_gbs == 300);
  // PCIe Gen4 x16: 31.5 GB/s one way, "64 GB/s" both ways in the trade.
  CHECK(a100.host.bandwidth_gbs == doctest::Approx(31.5).epsilon(0.01));
  // H800 and A800: the H100 and A100 with 400 GB/s NVLink both ways.
  CHECK(catalog.device("H800", "").scale_up.bandwidth_gbs == 200);
  CHECK(catalog.device("A800", "").scale_up.bandwidth_gbs == 200);
  // H200 SXM: 141 GB sold, 143,771 MiB reported by the driver, 143,155.9 MiB by cudaMemGetInfo
  // (read on one card, driver 580.159.04).
  const dsk::Device h200 = catalog.device("h200", "");
  CHECK(h200.memory_bytes == 143771LL * 1048576);
  CHECK(h200.runtime_bytes == 150109880320LL);
  CHECK(h200.memory_origin == "driver");
  CHECK(h200.scale_up.domain == 8);
  // GB200 NVL72: 72 GPUs in one NVLink domain, four a tray; the NIC, not its PCIe slot, is the
  // limit.
  const dsk::Device gb200 = catalog.device("GB200-NVL72-192GB", "");
  CHECK(gb200.scale_up.domain == 72);
  CHECK(gb200.per_node == 4);
  CHECK(gb200.scale_up.bandwidth_gbs == 900);
  CHECK(gb200.scale_out.bandwidth_gbs == 50);
}

TEST_CASE("names match whatever the case and the separators") {
  const Catalog catalog;
  const std::pair<const char*, const char*> spellings[] = {{"H100-SXM-80GB", "h100-sxm"},
                                                           {"h100_sxm 80gb", "h100-sxm"},
                                                           {"H100-80GB", "h100-sxm"},
                                                           {"A100-80GB", "a100-sxm-80gb"},
                                                           {"H200-SXM-141GB", "h200-sxm"},
                                                           {"B200-SXM-180GB", "b200-sxm"},
                                                           {"RTX-4090-24GB", "rtx-4090"},
                                                           {"rtx 4090", "rtx-4090"},
                                                           {"A100-SXM4-80GB", "a100-sxm-80gb"},
                                                           {"GB200-NVL72-192GB", "gb200"},
                                                           {"gb300 nvl72", "gb300"},
                                                           {"Ascend910B", "ascend-910b"},
                                                           {"Gaudi 3", "gaudi3"},
                                                           {"MI300X", "mi300x"},
                                                           {"NVIDIA H100 80GB HBM3", "h100-sxm"},
                                                           {"VR NVL72", "vr-nvl72"}};
  for (const auto& [spelling, name] : spellings)
    CHECK(catalog.device(spelling, "").name == name);
  try {
    catalog.device("H1000", "/device");
    FAIL("found a device that is not there");
  } catch (const dsk::Error& e) {
    CHECK(e.status() == DSK_STATUS_NOT_FOUND);
    CHECK(e.path() == "/device");
    CHECK(std::string(e.what()).find("H100") != std::string::npos);
  }
}

TEST_CASE("every accelerator that the issue names is there") {
  const Catalog catalog;
  for (const char* name : {"A100-SXM4-40GB",
                           "A100-SXM4-80GB",
                           "A100-PCIe",
                           "A800",
                           "A30",
                           "L4",
                           "L20",
                           "L40S",
                           "H100-SXM",
                           "H100-PCIe",
                           "H100-NVL",
                           "H800",
                           "H20",
                           "H20-3e",
                           "H200",
                           "H200-NVL",
                           "GH200-96GB",
                           "GH200-144GB",
                           "B200",
                           "GB200",
                           "B300",
                           "GB300",
                           "VR-NVL72",
                           "RTX-4090",
                           "RTX-PRO-4500",
                           "RTX-PRO-6000",
                           "RTX PRO 6000 Blackwell Workstation Edition",
                           "MI300X",
                           "MI325X",
                           "Gaudi3",
                           "Ascend-910B",
                           "Ascend-910C",
                           "TPU-v5e",
                           "TPU-v5p",
                           "TPU-v6",
                           "B60"})
    CHECK_NOTHROW_MESSAGE(catalog.device(name, ""), name);
}

TEST_CASE("a user's document replaces a record and keeps its aliases") {
  Catalog catalog;
  const std::string before = catalog.sha256();
  CHECK(before == Catalog().sha256());
  catalog.add(device_doc("h100-sxm"), "/catalog");
  CHECK(catalog.device("H100-SXM-80GB", "").vendor == "acme");
  CHECK(catalog.sha256() != before);
  CHECK(catalog.record("device", "NVIDIA H100 80GB HBM3", "") == device_doc("h100-sxm"));
  CHECK(Catalog().device("h100", "").vendor == "nvidia");
  const auto names = catalog.device_names();
  CHECK(std::count(names.begin(), names.end(), "h100-sxm") == 1);
}

TEST_CASE("an alias names one thing only") {
  Catalog catalog;
  const dsk::Error taken = failure(catalog, device_doc("mine", {"my card", "h100 sxm 80gb"}));
  CHECK(taken.path() == "/catalog/aliases/1");
  CHECK(std::string(taken.what()).find("already names the device h100-sxm") != std::string::npos);
  CHECK(failure(catalog, device_doc("h100")).path() == "/catalog/name");
  CHECK(failure(catalog, Json::array({device_doc("a", {"twin"}), device_doc("b", {"Twin"})}))
            .path() == "/catalog/1/aliases/0");
  CHECK(failure(catalog, Json::array({device_doc("a"), device_doc("a")})).path() ==
        "/catalog/1/name");
  CHECK(catalog.sha256() == Catalog().sha256()); // nothing of a refused request stays behind
}

TEST_CASE("links resolve in any order, and a circle is refused") {
  Catalog catalog;
  catalog.add(Json::array({device_doc("mine", {}, "top"), link_doc("top", "base"),
                           link_doc("base", "pcie3")}),
              "/catalog");
  // One lane of PCIe 3 below everything: 0.985 GB/s for each lane above it.
  CHECK(catalog.device("mine", "").scale_up.bandwidth_gbs == doctest::Approx(4 * 0.985));

  Catalog fresh;
  const dsk::Error circle =
      failure(fresh, Json::array({link_doc("a", "b"), link_doc("b", "c"), link_doc("c", "a")}));
  CHECK(circle.status() == DSK_STATUS_INVALID_REQUEST);
  CHECK(circle.path() == "/catalog/0/via");
  CHECK(std::string(circle.what()).find("leads back to itself") != std::string::npos);
  CHECK(failure(fresh, link_doc("a", "a")).path() == "/catalog/via");
  // Replacing a built-in link can close a circle as well.
  CHECK(failure(fresh, link_doc("pcie5", "ib-ndr")).path() == "/catalog/via");
  const dsk::Error unknown = failure(fresh, device_doc("mine", {}, "nvlnk4"));
  CHECK(unknown.status() == DSK_STATUS_INVALID_REQUEST);
  CHECK(unknown.path() == "/catalog/links/scale_up/link");
  Json lanes = device_doc("mine");
  lanes["links"]["scale_up"]["lanes"] = 19;
  CHECK(failure(fresh, lanes).path() == "/catalog/links/scale_up/lanes");
}

TEST_CASE("a document of no known kind is refused") {
  Catalog catalog;
  CHECK(failure(catalog, document(R"({"kind": "gpu"})")).path() == "/catalog/kind");
  CHECK(failure(catalog, document(R"({})")).path() == "/catalog/kind");
  CHECK(failure(catalog, document("[1]")).path() == "/catalog/0");
  CHECK_THROWS_AS(catalog.record("gpu", "h100", ""), dsk::Error);
}

TEST_CASE("the user's price counts before the built-in one, and says where it is from") {
  Catalog catalog;
  catalog.add(document(R"({"kind": "price", "name": "contract", "source": "our contract",
    "as_of": "2026-11-01", "currency": "USD", "offers": [
      {"device": "H100", "provider": "a", "term": "on-demand", "usd_per_hour": 2.5},
      {"device": "h100-sxm", "provider": "b", "term": "on-demand", "usd_per_hour": 1.5},
      {"device": "h100-sxm", "provider": "c", "term": "on-demand", "usd_per_hour": 9},
      {"device": "h100-sxm", "provider": "c", "term": "spot", "usd_per_hour": 0.5}]})"),
              "/prices");
  const dsk::Device h100 = catalog.device("h100", "");
  const Catalog::Price price = catalog.price(h100, "");
  CHECK(price.usd_per_hour == 2.5); // the median of the three
  CHECK(price.source == "contract: a, on demand (our contract)");
  CHECK(price.as_of == "2026-11-01");
  catalog.add(device_doc("nobody-sells"), "");
  CHECK(!catalog.has_price(catalog.device("nobody-sells", "")));
  CHECK_THROWS_AS(catalog.price(catalog.device("nobody-sells", ""), "/devices/0"), dsk::Error);
  const dsk::Error stranger = failure(
      catalog, document(R"({"kind": "price", "name": "x", "source": "us", "as_of": "2026-11",
    "currency": "USD", "offers": [{"device": "h100x", "provider": "a", "term": "spot",
    "usd_per_hour": 1}]})"));
  CHECK(stranger.path() == "/catalog/offers/0/device");
}

TEST_CASE("versions compare as people mean them") {
  CHECK(dsk::compare_versions("0.9", "0.11") < 0);
  CHECK(dsk::compare_versions("0.11.0", "0.11") > 0);
  CHECK(dsk::compare_versions("1.0rc1", "1.0") < 0);
  CHECK(dsk::compare_versions("1.0rc2", "1.0rc10") < 0);
  CHECK(dsk::compare_versions("0.5.4", "0.5.4") == 0);
  CHECK(dsk::better_version("0.11", "0.9", ""));
  CHECK(dsk::better_version("0.9", "0.11", "0.10.2"));
  CHECK(!dsk::better_version("0.22", "0.11", "0.12"));
  CHECK(dsk::better_version("0.8", "0.9", "0.5")); // older than all: the oldest
}

TEST_CASE("threads may read one catalogue at once") {
  const Catalog catalog;
  std::vector<std::thread> threads;
  std::vector<double> sums(4, 0);
  for (std::size_t t = 0; t < sums.size(); ++t)
    threads.emplace_back([&, t] {
      for (const std::string& name : catalog.device_names())
        sums[t] += catalog.device(name, "").bandwidth_gbs;
    });
  for (auto& thread : threads)
    thread.join();
  for (const double sum : sums)
    CHECK(sum == sums[0]);
}

TEST_CASE("built-in price lists price devices that exist, and say when") {
  const Catalog catalog;
  for (const std::string& name : catalog.names("price")) {
    CAPTURE(name);
    const dsk::PriceList list = catalog.price_list(name, "");
    for (const auto& offer : list.offers)
      CHECK_NOTHROW(catalog.device(offer.device, ""));
    for (const auto& purchase : list.purchases)
      CHECK_NOTHROW(catalog.device(purchase.device, ""));
  }
  // llm-d-planner@e50305af: H100 4.5, H200 5.75, B200 7.25 USD an hour.
  CHECK(catalog.price(catalog.device("h100", ""), "").usd_per_hour == 4.5);
  CHECK(catalog.price(catalog.device("h200", ""), "").usd_per_hour == 5.75);
  CHECK(catalog.price(catalog.device("b200", ""), "").usd_per_hour == 7.25);
  CHECK(catalog.price(catalog.device("h100", ""), "").as_of == "2026-04-27");
  const auto quotes = catalog.quotes(catalog.device("h100", ""));
  CHECK(std::count_if(quotes.begin(), quotes.end(), [](const Catalog::Quote& q) {
          return q.offer.term == dsk::PriceTerm::reserved;
        }) == 2);
}

TEST_CASE("built-in data sets are distributions whose mean fits their quantiles") {
  const Catalog catalog;
  REQUIRE(catalog.names("dataset").size() >= 10);
  for (const std::string& name : catalog.names("dataset")) {
    CAPTURE(name);
    const dsk::Dataset set = catalog.dataset(name, "");
    for (const dsk::LengthFacts& side : {set.input, set.output}) {
      if (side.shape != dsk::LengthFacts::Shape::quantiles) continue;
      // The mean lies between the two step functions through the quantiles.
      double low = 0;
      double high = 0;
      for (std::size_t i = 1; i < side.quantiles.size(); ++i) {
        const double weight = side.quantiles[i].probability - side.quantiles[i - 1].probability;
        low += weight * side.quantiles[i - 1].tokens;
        high += weight * side.quantiles[i].tokens;
      }
      CHECK(side.mean_tokens >= low);
      CHECK(side.mean_tokens <= high);
    }
  }
  // vLLM's ShareGPT benchmark prints 215,196 input and 198,343 output tokens for 1,000 prompts.
  CHECK(catalog.dataset("ShareGPT", "").input.mean_tokens == 215.196);
  CHECK(catalog.dataset("ShareGPT", "").output.mean_tokens == 198.343);
  CHECK(catalog.dataset("CNN/DailyMail", "").name == "cnn-dailymail");
  CHECK(catalog.dataset("OpenOrca", "").output.mean_tokens == 294.45);
}
