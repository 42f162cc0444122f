#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "plan/cost_request.hpp"
#include "plan/request.hpp"

namespace dsk::plan {
namespace {

// Money to the cent, ratios to six digits: what an answer knows.
Json usd(double value) {
  return std::round(value * 100) / 100 + 0.0; // no negative zero
}
Json ratio(double value) {
  return json::significant(value, 6);
}
Json optional_usd(const std::optional<double>& value) {
  return value ? Json(json::significant(*value, 6)) : Json(nullptr);
}
std::string shown_usd(double value) {
  return fixed_text(value, 0) + " USD";
}

Json ownership_json(const CostRequest& request) {
  cost::OwnershipTerms terms = *request.own;
  // The bill at the stated utilisation: idle hours draw idle power.
  terms.power_kw =
      request.idle_power_kw + (terms.power_kw - request.idle_power_kw) * request.utilisation;
  const cost::Ownership bill = cost::own(terms);
  Json lines = Json::array();
  for (const cost::CostTerm& term : bill.terms)
    lines.push_back({{"name", term.name},
                     {"usd", usd(term.usd)},
                     {"present_usd", usd(term.present_usd)},
                     {"formula", term.formula}});
  const double device_hours = request.devices * cost::hours_per_year * terms.years;
  Json out = {
      {"years", terms.years},
      {"terms", std::move(lines)},
      {"before_residual_usd", usd(bill.before_residual_usd)},
      {"residual_usd", usd(bill.residual_usd)},
      {"total_usd", usd(bill.total_usd)},
      {"present_total_usd", usd(bill.present_total_usd)},
      {"discount_rate", terms.discount_rate},
      {"usd_per_device_hour", ratio(bill.total_usd / device_hours)},
      {"usd_per_used_device_hour", ratio(bill.total_usd / (device_hours * request.utilisation))}};
  if (request.quoted_total_usd) {
    const double fraction = cost::implied_residual_fraction(terms, *request.quoted_total_usd);
    const double residual = fraction * terms.hardware_usd;
    std::string text = "a total of " + shown_usd(*request.quoted_total_usd) +
                       " implies a residual of " + shown_usd(residual) + " (" +
                       fixed_text(fraction * 100, 1) + " % of hardware)";
    if (fraction < 0 || fraction > 1)
      text += "; no residual value between none and all of the hardware explains it";
    out["quoted"] = {{"total_usd", *request.quoted_total_usd},
                     {"implied_residual_usd", usd(residual)},
                     {"implied_residual_fraction", ratio(fraction)},
                     {"possible", fraction >= 0 && fraction <= 1},
                     {"meaning", std::move(text)}};
  }
  return out;
}

cost::BreakEven against(const CostRequest& request, const CloudOption& option) {
  cost::Rivals rivals;
  rivals.own = *request.own;
  rivals.idle_power_kw = request.idle_power_kw;
  rivals.devices = request.devices;
  rivals.cloud_usd_per_device_hour = option.usd_per_hour;
  rivals.utilisation = request.utilisation;
  rivals.committed = option.term == PriceTerm::reserved;
  return cost::break_even(rivals);
}

std::string break_even_text(const CostRequest& request, const CloudOption& option,
                            const cost::BreakEven& b) {
  const double life = request.own->years * 12;
  std::string text;
  if (b.months && *b.months <= life)
    text = "owning has paid for itself against " + option.name + " after " +
           fixed_text(*b.months, 1) + " months";
  else
    text = "owning does not pay for itself against " + option.name + " within " +
           number_text(life) + " months";
  if (b.utilisation && *b.utilisation <= 1)
    text += "; it is cheaper over its life above " + fixed_text(*b.utilisation * 100, 1) +
            " % utilisation";
  else if (option.term != PriceTerm::reserved)
    text += "; no utilisation makes it cheaper over its life";
  return text;
}

// Rent and ownership of a project shorter than the life of the hardware. Hardware loses value in a
// straight line, from its price to its residual.
Json project_json(const CostRequest& request) {
  const double months = *request.project_months;
  const double hours = months * cost::hours_per_month * request.devices;
  std::string cheapest;
  double least = 0;
  Json options = Json::array();
  const auto add = [&](const std::string& name, double total, const std::string& formula) {
    options.push_back({{"name", name}, {"usd", usd(total)}, {"formula", formula}});
    if (cheapest.empty() || total < least) {
      least = total;
      cheapest = name;
    }
  };
  for (const CloudOption& option : request.cloud) {
    if (option.term == PriceTerm::reserved) {
      const double terms = std::ceil(months / option.commitment_months);
      add(option.name,
          option.usd_per_hour * request.devices * terms * option.commitment_months *
              cost::hours_per_month,
          number_text(terms) + " x " + std::to_string(option.commitment_months) +
              " months, used or not");
    } else {
      add(option.name, option.usd_per_hour * hours * request.utilisation, "hours used");
    }
  }
  if (request.own) {
    cost::OwnershipTerms terms = *request.own;
    const double share = months / (terms.years * 12);
    terms.power_kw =
        request.idle_power_kw + (terms.power_kw - request.idle_power_kw) * request.utilisation;
    const cost::Ownership bill = cost::own(terms);
    const double upfront = terms.hardware_usd + terms.installation_usd;
    const double depreciation = terms.hardware_usd * (1 - terms.residual_fraction) * share;
    add("own", terms.installation_usd + depreciation + (bill.before_residual_usd - upfront) * share,
        "straight-line loss of value, and running costs of " + number_text(months) + " months");
  }
  return {{"months", months}, {"options", std::move(options)}, {"cheapest", cheapest}};
}

bool near_enough(const CostRequest& request, const CloudOption& option) {
  return !request.max_network_ms || !option.network_ms ||
         *option.network_ms <= *request.max_network_ms;
}

Json cloud_json(const CostRequest& request) {
  Json options = Json::array();
  for (const CloudOption& option : request.cloud) {
    Json item = {{"name", option.name},
                 {"term", price_term_name(option.term)},
                 {"usd_per_hour", option.usd_per_hour},
                 {"source", option.source},
                 {"provision_minutes", option.provision_minutes}};
    if (option.commitment_months > 0) item["commitment_months"] = option.commitment_months;
    if (option.network_ms) item["network_ms"] = *option.network_ms;
    item["meets_network"] = near_enough(request, option);
    if (request.own) {
      const cost::BreakEven b = against(request, option);
      item["own_usd"] = usd(b.own_usd);
      item["cloud_usd"] = usd(b.cloud_usd);
      item["break_even_months"] = optional_usd(b.months);
      item["break_even_utilisation"] = optional_usd(b.utilisation);
      item["meaning"] = break_even_text(request, option, b);
    }
    options.push_back(std::move(item));
  }
  return options;
}

// Everything that may carry load, as tariffs for one unit.
std::vector<cost::Tariff> tariffs_of(const CostRequest& request) {
  const LoadCurve& load = *request.load;
  const double unit = load.devices_per_unit;
  std::vector<cost::Tariff> tariffs;
  if (request.own) {
    cost::OwnershipTerms idle = *request.own;
    idle.power_kw = request.idle_power_kw;
    const double held =
        cost::own(idle).total_usd / (request.devices * cost::hours_per_year * idle.years);
    const double used = (request.own->power_kw - request.idle_power_kw) * idle.pue *
                        idle.usd_per_kwh / request.devices;
    tariffs.push_back({"own", held * unit, used * unit, 0});
  }
  double on_demand = -1;
  for (const CloudOption& option : request.cloud)
    if (option.term == PriceTerm::on_demand && near_enough(request, option))
      on_demand = on_demand < 0 ? option.usd_per_hour : std::min(on_demand, option.usd_per_hour);
  for (const CloudOption& option : request.cloud) {
    if (!near_enough(request, option)) continue;
    const bool held = option.term == PriceTerm::reserved;
    double price = option.usd_per_hour;
    if (option.availability < 1) {
      // Hours without spot capacity are bought on demand; without that there is no such option.
      if (on_demand < 0) continue;
      price = option.availability * price + (1 - option.availability) * on_demand;
    }
    const auto lead =
        static_cast<std::size_t>(std::ceil(option.provision_minutes / 60 / load.step_hours));
    tariffs.push_back(
        {option.name, held ? price * unit : 0, held ? 0 : price * unit, held ? 0 : lead});
  }
  return tariffs;
}

Json mix_json(const CostRequest& request) {
  const LoadCurve& load = *request.load;
  const auto tariffs = tariffs_of(request);
  if (tariffs.empty()) return nullptr;
  std::vector<double> units;
  for (const double devices : load.devices)
    units.push_back(devices / load.devices_per_unit);
  const cost::Mix mix = cost::cheapest_mix(units, load.step_hours, tariffs);
  const double per_month = cost::hours_per_month / mix.hours;

  Json shares = Json::array();
  Json alone = Json::array();
  std::vector<std::string> words;
  double best_alone = mix.alone_usd.front();
  for (std::size_t i = 0; i < tariffs.size(); ++i) {
    const cost::MixShare& share = mix.shares[i];
    best_alone = std::min(best_alone, mix.alone_usd[i]);
    alone.push_back(
        {{"name", tariffs[i].name}, {"usd_per_month", usd(mix.alone_usd[i] * per_month)}});
    if (share.units == 0) continue;
    shares.push_back({{"name", share.name},
                      {"units", share.units},
                      {"devices", ratio(static_cast<double>(share.units) * load.devices_per_unit)},
                      {"utilisation", ratio(share.utilisation)},
                      {"usd_per_month", usd(share.usd * per_month)}});
    words.push_back(std::to_string(share.units) + " on " + share.name + " (busy " +
                    fixed_text(share.utilisation * 100, 0) + " % of the time)");
  }
  Json thresholds = Json::array();
  for (const cost::Tariff& held : tariffs)
    for (const cost::Tariff& used : tariffs) {
      if (held.usd_per_hour_held <= 0 || used.usd_per_hour_held > 0) continue;
      const double hours = cost::crossover_hours(used, held, mix.hours);
      if (!std::isfinite(hours)) continue;
      thresholds.push_back({{"cheaper", held.name},
                            {"than", used.name},
                            {"above_utilisation", ratio(std::max(0.0, hours / mix.hours))}});
    }
  return {{"base_units", mix.base_units},
          {"peak_units", mix.peak_units},
          {"devices_per_unit", load.devices_per_unit},
          {"hours", ratio(mix.hours)},
          {"split", std::move(shares)},
          {"usd_per_month", usd(mix.usd * per_month)},
          {"alone", std::move(alone)},
          {"saving_against_best_single", ratio(1 - mix.usd / best_alone)},
          {"thresholds", std::move(thresholds)},
          {"advice",
           "of " + std::to_string(mix.peak_units) + " units at the peak: " + list_text(words)}};
}

Json token_json(const cost::TokenRates& rates) {
  const cost::TokenCosts costs = cost::token_costs(rates);
  return {{"usd_per_hour", ratio(rates.usd_per_hour)},
          {"usd_per_mtok_input", optional_usd(costs.input)},
          {"usd_per_mtok_output", optional_usd(costs.output)},
          {"usd_per_mtok_all_to_output", optional_usd(costs.all_to_output)},
          {"usd_per_mtok_blended", ratio(costs.blended)}};
}

Json tokens_json(const CostRequest& request) {
  Json out = Json::array();
  cost::TokenRates rates = *request.tokens;
  if (request.own) {
    cost::OwnershipTerms terms = *request.own;
    terms.power_kw =
        request.idle_power_kw + (terms.power_kw - request.idle_power_kw) * request.utilisation;
    rates.usd_per_hour = cost::own(terms).total_usd / (cost::hours_per_year * terms.years);
    Json item = token_json(rates);
    item["name"] = "own";
    out.push_back(std::move(item));
  }
  for (const CloudOption& option : request.cloud) {
    rates.usd_per_hour = option.usd_per_hour * request.devices;
    // Rent by the hour stops when the work does, so only held capacity pays for idle hours.
    rates.utilisation = option.term == PriceTerm::reserved ? request.utilisation : 1;
    Json item = token_json(rates);
    item["name"] = option.name;
    out.push_back(std::move(item));
  }
  return out;
}

} // namespace

Json cost_document(const Json& document, const Catalog& base_catalog) {
  std::optional<Catalog> own;
  const Catalog& catalog = request_catalog(document, base_catalog, own);
  const CostRequest request = read_cost_request(document, catalog);
  Json answer;
  answer["schema"] = 1;
  if (request.device) answer["device"] = request.device->name;
  answer["devices"] = request.devices;
  answer["utilisation"] = request.utilisation;
  if (request.own) answer["ownership"] = ownership_json(request);
  if (!request.cloud.empty()) answer["cloud"] = cloud_json(request);
  if (request.project_months) answer["project"] = project_json(request);
  if (request.tokens) answer["tokens"] = tokens_json(request);
  if (request.load) answer["mix"] = mix_json(request);
  answer["assumptions"] = request.assumptions;
  answer["provenance"] = {{"library", DSK_VERSION_TEXT},
                          {"catalog_sha256", catalog.sha256()},
                          {"prices", request.origins}};
  return answer;
}

} // namespace dsk::plan
