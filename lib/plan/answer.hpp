// The answer document from an outcome: one member order, every number with its origin.
#pragma once

#include "plan/plan.hpp"

namespace dsk::plan {

/// The configuration of an option, on its own feet.
Chosen chosen_of(const Request& request, const Option& option);

/// One plan of the answer: configuration, performance, cost, scores and origins. `cheapest` is the
/// lowest cost rate among the feasible plans, for the cost score.
Json plan_json(const Request& request, const Option& option, double cheapest_usd_per_hour);

/// The whole answer.
Json answer_json(const Request& request, const Search& search, const Outcome& outcome,
                 const Json& readings, const std::string& catalog_sha256);

/// What each meaning of a bound "latency_ms" would allow, as an array; one entry per meaning.
Json reading_json(const Request& request, const char* meaning, const Outcome& outcome);

} // namespace dsk::plan
