#include "plan/plan.hpp"

#include "plan/answer.hpp"

namespace dsk::plan {

Plan make_plan(const Json& document, const Catalog& base_catalog, const Cancel& cancel) {
  std::optional<Catalog> own;
  const Catalog& catalog = request_catalog(document, base_catalog, own);
  Request request = read_request(document, catalog);
  const Search search(request, catalog, cancel);

  Json readings;
  if (request.slo.latency_ms) {
    // The user did not say which latency: the answer covers the three meanings, and the strictest,
    // end to end, decides.
    readings = Json::array();
    const auto read = [&](const char* meaning, std::optional<double> Slo::*bound) {
      Slo one;
      one.*bound = request.slo.latency_ms;
      readings.push_back(reading_json(request, meaning, search.run(one)));
    };
    read("ttft_ms", &Slo::ttft_ms);
    read("tpot_ms", &Slo::tpot_ms);
    read("e2e_ms", &Slo::e2e_ms);
    request.slo.e2e_ms = request.slo.latency_ms;
  }
  const Outcome outcome = search.run(request.slo);

  Plan plan;
  plan.feasible = outcome.best.has_value();
  if (outcome.best)
    plan.chosen = chosen_of(request, *outcome.best);
  else if (outcome.nearest)
    plan.chosen = chosen_of(request, *outcome.nearest);
  plan.answer = answer_json(request, search, outcome, readings, catalog.sha256());
  return plan;
}

} // namespace dsk::plan
