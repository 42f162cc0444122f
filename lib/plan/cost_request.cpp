#include "plan/cost_request.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"
#include "plan/request.hpp"

namespace dsk::plan {
namespace {

constexpr double max_usd = 1e12;

// A server draws power for processors, fans and network beside its accelerators; DGX H100 is rated
// 10.2 kW for eight boards of 700 W.
constexpr double server_power_factor = 1.8;

const Device& known_device(const CostRequest& request, const Reader& reader, const char* member,
                           const char* use) {
  if (!request.device)
    invalid_request(reader.path_of(member), std::string(member) +
                                                " is missing; give it, or a "
                                                "device whose " +
                                                use + " is known");
  return *request.device;
}

void read_residual(cost::OwnershipTerms& terms, Reader& r) {
  if (r.has("residual_fraction") && r.has("residual_usd"))
    r.fail("residual_usd", "must be absent when residual_fraction is given");
  if (const auto usd = r.optional_number("residual_usd", 0, max_usd)) {
    if (*usd > terms.hardware_usd)
      r.fail("residual_usd",
             "must be at most hardware_usd (" + number_text(terms.hardware_usd) + ")");
    terms.residual_fraction = *usd / terms.hardware_usd;
  } else {
    terms.residual_fraction = r.number("residual_fraction", 0, 1, 0);
  }
}

cost::OwnershipTerms read_ownership(CostRequest& request, Reader r, const Catalog& catalog) {
  cost::OwnershipTerms terms;
  if (r.has("hardware_usd")) {
    terms.hardware_usd = r.number("hardware_usd", min_purchase_usd, max_usd);
  } else {
    const Device& device = known_device(request, r, "hardware_usd", "purchase price");
    const auto price = catalog.purchase_price(device);
    if (!price)
      throw Error(DSK_STATUS_NOT_FOUND,
                  "no price list says what " + device.name + " costs to buy; give hardware_usd",
                  r.path_of("hardware_usd"));
    terms.hardware_usd = price->usd * request.devices;
    request.origins.push_back("hardware_usd: " + number_text(request.devices) + " x " +
                              number_text(price->usd) + " USD, " + price->source + ", " +
                              price->as_of);
  }
  terms.installation_usd = r.number("installation_usd", 0, max_usd, 0);
  terms.years = r.number("years", 0.25, 30, 3);
  if (!r.has("years")) request.assumptions.push_back("years: not stated, 3 taken");
  if (r.has("power_kw")) {
    terms.power_kw = r.number("power_kw", 0, 1e6);
  } else {
    const Device& device = known_device(request, r, "power_kw", "power");
    terms.power_kw = device.power_w / 1000 * request.devices * server_power_factor;
    request.assumptions.push_back("power_kw: " + number_text(request.devices) + " x " +
                                  number_text(device.power_w) + " W board limit x " +
                                  number_text(server_power_factor) +
                                  " for the rest of the server (DGX H100: 10.2 kW for 8 x 700 W)");
  }
  request.idle_power_kw = r.number("idle_power_kw", 0, 1e6, terms.power_kw);
  if (request.idle_power_kw > terms.power_kw)
    r.fail("idle_power_kw", "must be at most power_kw (" + number_text(terms.power_kw) + ")");
  if (!r.has("idle_power_kw"))
    request.assumptions.push_back("idle_power_kw: not stated, idle machines draw full power");
  terms.pue = r.number("pue", 1, 5, 1);
  if (!r.has("pue")) request.assumptions.push_back("pue: not stated, 1 taken: cooling is free");
  terms.usd_per_kwh = r.number("usd_per_kwh", 0, 10);
  terms.operations_fraction_per_year = r.number("operations_fraction_per_year", 0, 5, 0);
  terms.operations_usd_per_year = r.number("operations_usd_per_year", 0, max_usd, 0);
  if (!r.has("operations_fraction_per_year") && !r.has("operations_usd_per_year"))
    request.assumptions.push_back("operations: not stated, none counted");
  terms.space_usd_per_year = r.number("space_usd_per_year", 0, max_usd, 0);
  read_residual(terms, r);
  if (!r.has("residual_fraction") && !r.has("residual_usd"))
    request.assumptions.push_back("residual: not stated, the hardware is worth nothing at the end");
  terms.discount_rate = r.number("discount_rate", 0, 1, 0);
  request.quoted_total_usd = r.optional_number("quoted_total_usd", 0, max_usd);
  r.done();
  return terms;
}

PriceTerm read_cloud_term(Reader& r) {
  const std::string term = r.choice("term", {"on-demand", "reserved", "spot"}, "on-demand");
  if (term == "reserved") return PriceTerm::reserved;
  return term == "spot" ? PriceTerm::spot : PriceTerm::on_demand;
}

CloudOption read_option(Reader r) {
  CloudOption option;
  option.name = r.text("name", 64);
  option.term = read_cloud_term(r);
  option.usd_per_hour = r.number("usd_per_hour", min_usd_per_hour, max_usd_per_hour);
  if (option.term == PriceTerm::reserved)
    option.commitment_months = static_cast<int>(r.integer("commitment_months", 1, 120));
  option.provision_minutes = r.number("provision_minutes", 0, 43200, 0);
  option.network_ms = r.optional_number("network_ms", 0, 10000);
  if (option.term == PriceTerm::spot) option.availability = r.number("availability", 0, 1, 1);
  option.source = "request";
  r.done();
  return option;
}

std::vector<CloudOption> read_cloud(CostRequest& request, Reader& reader, const Catalog& catalog) {
  std::vector<CloudOption> options;
  const auto items = reader.array("cloud", 64);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string at = json::pointer(reader.path_of("cloud"), i);
    options.push_back(read_option(Reader(*items[i], at)));
    for (std::size_t j = 0; j < i; ++j)
      if (options[j].name == options[i].name)
        invalid_request(json::pointer(at, "name"),
                        "name is " + json::preview(options[i].name) +
                            ", must differ from the other options' names");
  }
  if (!items.empty() || !request.device) return options;
  for (const Catalog::Quote& quote : catalog.quotes(*request.device)) {
    if (quote.offer.term == PriceTerm::owned) continue;
    CloudOption option;
    option.name = quote.list + ": " + quote.offer.provider + ", " +
                  std::string(price_term_name(quote.offer.term));
    if (quote.offer.commitment_months > 0)
      option.name += " " + std::to_string(quote.offer.commitment_months) + " months";
    option.term = quote.offer.term;
    option.usd_per_hour = quote.offer.usd_per_hour;
    option.commitment_months = quote.offer.commitment_months;
    option.source = quote.source + ", " + quote.as_of;
    options.push_back(std::move(option));
  }
  return options;
}

cost::TokenRates read_tokens(Reader r, double utilisation) {
  cost::TokenRates rates;
  rates.input_tokens_per_s = r.number("input_tokens_per_s", 0, 1e12, 0);
  rates.output_tokens_per_s = r.number("output_tokens_per_s", 0, 1e12, 0);
  if (rates.input_tokens_per_s + rates.output_tokens_per_s <= 0)
    r.fail("output_tokens_per_s", "must be above 0 when input_tokens_per_s is not");
  rates.prefill_share = r.optional_number("prefill_share", 0, 1);
  rates.utilisation = utilisation;
  r.done();
  return rates;
}

LoadCurve read_load(Reader r) {
  LoadCurve load;
  const auto items = r.array("devices", 100000);
  for (std::size_t i = 0; i < items.size(); ++i)
    load.devices.push_back(
        number_of(*items[i], json::pointer(r.path_of("devices"), i), 0, 1000000));
  if (load.devices.empty() || *std::max_element(load.devices.begin(), load.devices.end()) <= 0)
    r.fail("devices", "must list the devices needed in each step, at least one above 0");
  load.step_hours = r.number("step_hours", 1.0 / 60, 744, 1);
  load.devices_per_unit = static_cast<double>(r.integer("devices_per_unit", 1, 100000, 1));
  r.done();
  return load;
}

} // namespace

CostRequest read_cost_request(const Json& document, const Catalog& catalog) {
  Reader r(document, "");
  CostRequest request;
  r.integer("schema", 1, 1, 1);
  r.find("catalog");
  if (r.has("device")) request.device = catalog.device(r.text("device"), "/device");
  request.devices = static_cast<double>(r.integer("devices", 1, 10000000, 1));
  request.utilisation = r.number("utilisation", 0.001, 1, 1);
  if (auto own = r.optional_object("ownership"))
    request.own = read_ownership(request, std::move(*own), catalog);
  request.cloud = read_cloud(request, r, catalog);
  request.max_network_ms = r.optional_number("max_network_ms", 0, 10000);
  request.project_months = r.optional_number("project_months", 0.1, 1200);
  if (request.own && request.project_months && *request.project_months > request.own->years * 12)
    r.fail("project_months", "must be at most the life of the hardware (" +
                                 number_text(request.own->years * 12) + " months)");
  if (auto tokens = r.optional_object("tokens"))
    request.tokens = read_tokens(std::move(*tokens), request.utilisation);
  if (auto load = r.optional_object("load")) request.load = read_load(std::move(*load));
  if (!request.own && request.cloud.empty())
    invalid_request("/ownership", "ownership is missing; give it, cloud, or a device that a price "
                                  "list prices");
  r.done();
  return request;
}

} // namespace dsk::plan
