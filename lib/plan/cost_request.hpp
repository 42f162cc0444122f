// What a cost request asks (docs/schema/cost-request.schema.json), read and checked, and its
// answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "catalog/catalog.hpp"
#include "cost/breakeven.hpp"
#include "cost/mix.hpp"
#include "cost/ownership.hpp"
#include "cost/tokens.hpp"

namespace dsk::plan {

/// One way to rent.
struct CloudOption {
  std::string name;
  PriceTerm term = PriceTerm::on_demand;
  double usd_per_hour = 0; // one device
  int commitment_months = 0;
  double provision_minutes = 0; // from asking to serving
  std::optional<double> network_ms;
  double availability = 1; // spot: share of hours in which it can be had
  std::string source;      // "request", or the price list
};

struct LoadCurve {
  std::vector<double> devices; // needed in each step
  double step_hours = 1;
  double devices_per_unit = 1; // one replica
};

struct CostRequest {
  std::optional<Device> device;
  double devices = 1;
  std::optional<cost::OwnershipTerms> own;
  double idle_power_kw = 0;
  std::optional<double> quoted_total_usd; // a total that somebody named, to be explained
  std::vector<CloudOption> cloud;
  double utilisation = 1;
  std::optional<double> max_network_ms;
  std::optional<double> project_months;
  std::optional<cost::TokenRates> tokens; // without usd_per_hour
  std::optional<LoadCurve> load;
  std::vector<std::string> assumptions;
  std::vector<std::string> origins; // where the facts that the request did not give come from
};

CostRequest read_cost_request(const Json& document, const Catalog& catalog);

/// The whole answer to a cost request: total cost of ownership term by term, money for each million
/// tokens, rented against owned with both break-evens, and the split of a load curve. Sections that
/// the request gives no ground for are absent. Throws INVALID_REQUEST or NOT_FOUND.
Json cost_document(const Json& document, const Catalog& base_catalog);

} // namespace dsk::plan
