#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "cost/breakeven.hpp"
#include "cost/mix.hpp"
#include "cost/ownership.hpp"
#include "cost/tokens.hpp"

using namespace dsk::cost;

namespace {

// The deployment brief's case: ten A100 nodes for 150,000 USD, 15 kW at 0.12 USD/kWh, operations 15
// % of hardware a year, three years.
OwnershipTerms brief() {
  OwnershipTerms terms;
  terms.hardware_usd = 150000;
  terms.power_kw = 15;
  terms.usd_per_kwh = 0.12;
  terms.operations_fraction_per_year = 0.15;
  terms.years = 3;
  return terms;
}

double cost_of(const Tariff& t, std::size_t used_steps, std::size_t steps) {
  return t.usd_per_hour_held * static_cast<double>(steps) +
         t.usd_per_hour_used * static_cast<double>(used_steps);
}

// The cheapest split by trying every assignment of units to tariffs.
double brute_force(const std::vector<double>& demand, const std::vector<Tariff>& tariffs) {
  const auto peak = static_cast<std::size_t>(*std::max_element(demand.begin(), demand.end()));
  std::size_t combinations = 1;
  for (std::size_t k = 0; k < peak; ++k)
    combinations *= tariffs.size();
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t code = 0; code < combinations; ++code) {
    double total = 0;
    std::size_t rest = code;
    for (std::size_t k = 1; k <= peak; ++k, rest /= tariffs.size()) {
      const Tariff& tariff = tariffs[rest % tariffs.size()];
      std::size_t used = 0;
      for (std::size_t t = 0; t < demand.size(); ++t) {
        bool on = false;
        for (std::size_t ahead = 0; ahead <= tariff.lead_steps; ++ahead)
          on = on || demand[(t + ahead) % demand.size()] >= static_cast<double>(k);
        used += on ? 1 : 0;
      }
      total += cost_of(tariff, used, demand.size());
    }
    best = std::min(best, total);
  }
  return best;
}

} // namespace

TEST_CASE("the brief's three years cost 264,804 USD, and its 210,000 imply a residual of 36.5 %") {
  const Ownership bill = own(brief());
  REQUIRE(bill.terms.size() == 4);
  CHECK(bill.terms[1].name == "power");
  CHECK(bill.terms[1].usd == doctest::Approx(3 * 15768));
  CHECK(bill.terms[2].usd == doctest::Approx(3 * 22500));
  CHECK(bill.before_residual_usd == doctest::Approx(264804));
  CHECK(bill.total_usd == bill.before_residual_usd);
  const double fraction = implied_residual_fraction(brief(), 210000);
  CHECK(fraction * 150000 == doctest::Approx(54804));
  CHECK(fraction == doctest::Approx(0.36536));
}

TEST_CASE("terms add up, and the implied residual gives back the total") {
  for (const double rate : {0.0, 0.03, 0.12}) {
    for (const double years : {0.5, 1.0, 3.0, 4.25}) {
      OwnershipTerms terms = brief();
      terms.installation_usd = 7000;
      terms.pue = 1.4;
      terms.space_usd_per_year = 1200;
      terms.operations_usd_per_year = 900;
      terms.residual_fraction = 0.2;
      terms.discount_rate = rate;
      terms.years = years;
      const Ownership bill = own(terms);
      double paid = 0;
      double present = 0;
      for (const CostTerm& term : bill.terms) {
        paid += term.usd;
        present += term.present_usd;
      }
      CHECK(paid == doctest::Approx(bill.total_usd));
      CHECK(present == doctest::Approx(bill.present_total_usd));
      CHECK(implied_residual_fraction(terms, bill.present_total_usd) == doctest::Approx(0.2));
      if (rate == 0) CHECK(bill.present_total_usd == doctest::Approx(bill.total_usd));
    }
  }
}

TEST_CASE("an annuity is its closed form, and shrinks as money later counts for less") {
  // (1 - (1 + r)^-n) / r, the textbook present value of 1 a year.
  CHECK(annuity(0.05, 10) == doctest::Approx((1 - std::pow(1.05, -10)) / 0.05));
  CHECK(annuity(0, 2.5) == 2.5);
  CHECK(annuity(0.05, 3) > annuity(0.06, 3));
  CHECK(annuity(0.05, 3.5) > annuity(0.05, 3));
}

TEST_CASE("at the break-even both bills are the same") {
  for (const double rate : {0.0, 0.08}) {
    for (const double price : {1.2, 2.8, 3.2}) {
      Rivals rivals;
      rivals.own = brief();
      rivals.own.discount_rate = rate;
      rivals.own.residual_fraction = 0.1;
      rivals.idle_power_kw = 4;
      rivals.devices = 10;
      rivals.cloud_usd_per_device_hour = price;
      rivals.utilisation = 0.7;
      const BreakEven first = break_even(rivals);
      REQUIRE(first.utilisation);
      REQUIRE(*first.utilisation < 1);
      rivals.utilisation = *first.utilisation;
      const BreakEven even = break_even(rivals);
      CHECK(even.own_usd == doctest::Approx(even.cloud_usd));
      CHECK(even.own_usd_per_used_device_hour == doctest::Approx(price));
      rivals.utilisation = std::min(1.0, *first.utilisation * 1.1);
      CHECK(break_even(rivals).own_usd < break_even(rivals).cloud_usd);
    }
  }
}

TEST_CASE("months to break even is price over saving, and none when rent is cheaper") {
  Rivals rivals;
  rivals.own = brief();
  rivals.idle_power_kw = rivals.own.power_kw;
  rivals.devices = 10;
  rivals.cloud_usd_per_device_hour = 2.8;
  // Rent of ten for a year 245,280 against 38,268 of power and operations: 150,000 / 207,012 years.
  CHECK(*break_even(rivals).months == doctest::Approx(150000.0 / (245280 - 38268) * 12));
  rivals.committed = true;
  rivals.utilisation = 0.01;
  CHECK(*break_even(rivals).months == doctest::Approx(150000.0 / (245280 - 38268) * 12));
  CHECK(!break_even(rivals).utilisation);
  rivals.committed = false;
  CHECK(!break_even(rivals).months);
}

TEST_CASE("the split of a load curve is what trying everything finds") {
  const std::vector<std::vector<double>> curves = {
      {4, 4, 4, 4}, {0, 0, 5, 0}, {1, 2, 3, 5, 5, 3, 1, 0}, {2, 2, 2, 2, 2, 4, 5, 2}};
  const std::vector<Tariff> tariffs = {
      {"own", 0.8, 0.1, 0}, {"reserved", 1.4, 0, 0}, {"on-demand", 0, 2.8, 1}, {"spot", 0, 2.9, 0}};
  for (const auto& curve : curves) {
    const Mix mix = cheapest_mix(curve, 1, tariffs);
    CHECK(mix.usd == doctest::Approx(brute_force(curve, tariffs)));
    std::size_t units = 0;
    double usd = 0;
    for (const MixShare& share : mix.shares) {
      units += share.units;
      usd += share.usd;
      CHECK(share.utilisation <= 1);
    }
    CHECK(units == mix.peak_units);
    CHECK(usd == doctest::Approx(mix.usd));
    for (const double alone : mix.alone_usd)
      CHECK(alone >= mix.usd - 1e-9);
  }
}

TEST_CASE("base load is owned and the burst is rented, and slow scaling costs money") {
  const std::vector<double> day = {2, 2, 2, 2, 2, 2, 2, 2, 3, 8, 8, 3,
                                   2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
  std::vector<Tariff> tariffs = {{"own", 1.0, 0, 0}, {"on-demand", 0, 3.0, 0}};
  const Mix mix = cheapest_mix(day, 1, tariffs);
  CHECK(mix.base_units == 2);
  CHECK(mix.peak_units == 8);
  CHECK(mix.shares[0].units == 2); // unit 3 runs 4 of 24 hours: 12 USD rented, 24 owned
  CHECK(mix.shares[1].units == 6);
  CHECK(mix.shares[0].utilisation == 1);
  // Owned 2 x 24 x 1; rented 4 h x 3 for the third unit, 2 h x 3 for the other five.
  CHECK(mix.usd == doctest::Approx(48 + 12 + 30));
  tariffs[1].lead_steps = 2;
  // Two hours earlier: 6 h for the third unit, 4 h for the five.
  CHECK(cheapest_mix(day, 1, tariffs).usd == doctest::Approx(48 + 18 + 60));
  // A finer step changes nothing when the curve is the same.
  tariffs[1].lead_steps = 0;
  std::vector<double> halves;
  for (const double d : day)
    halves.insert(halves.end(), 2, d);
  CHECK(cheapest_mix(halves, 0.5, tariffs).usd == doctest::Approx(mix.usd));
}

TEST_CASE("the crossover is where both tariffs cost the same") {
  const Tariff rented{"on-demand", 0, 2.8, 0};
  const Tariff owned{"own", 0.8, 0.1, 0};
  const double hours = crossover_hours(rented, owned, 730);
  CHECK(0.8 * 730 + 0.1 * hours == doctest::Approx(2.8 * hours));
  CHECK(std::isinf(crossover_hours(owned, rented, 730)));
  CHECK(crossover_hours(rented, {"free", 0, 2.8, 0}, 730) == -1);
}

TEST_CASE("money for tokens adds up to the bill") {
  TokenRates rates;
  rates.usd_per_hour = 40;
  rates.input_tokens_per_s = 20000;
  rates.output_tokens_per_s = 5000;
  rates.utilisation = 0.5;
  rates.prefill_share = 0.3;
  const TokenCosts costs = token_costs(rates);
  // One hour at half load: 36 M input and 9 M output tokens.
  CHECK(*costs.input * 36 + *costs.output * 9 == doctest::Approx(40));
  CHECK(costs.blended * 45 == doctest::Approx(40));
  CHECK(*costs.all_to_output * 9 == doctest::Approx(40));
  rates.prefill_share.reset();
  CHECK(!token_costs(rates).input);
  // $/Mtok = ms per token x $/h / 3.6 for one stream (InferenceX's identity): 10 ms, 3.6 $/h.
  TokenRates stream;
  stream.usd_per_hour = 3.6;
  stream.output_tokens_per_s = 100;
  CHECK(*token_costs(stream).all_to_output == doctest::Approx(10));
}
