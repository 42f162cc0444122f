// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_COST_REQUEST_HPP
#define DSK_SCHEMA_COST_REQUEST_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// What owning costs. Yearly costs are paid at the end of each year.
struct CostOwnership {
  /// All the hardware; from the price lists when absent
  std::optional<double> hardware_usd;
  /// Paid at the start, worth nothing later
  std::optional<double> installation_usd;
  /// Life; 3 when absent
  std::optional<double> years;
  /// Draw of all machines at load, before cooling; from the device when absent
  std::optional<double> power_kw;
  /// Draw when nothing runs; power_kw when absent, and at most that
  std::optional<double> idle_power_kw;
  /// Site power over machine power; 1 when absent
  std::optional<double> pue;
  double usd_per_kwh = 0;
  /// Of the hardware price
  std::optional<double> operations_fraction_per_year;
  /// Beside that
  std::optional<double> operations_usd_per_year;
  std::optional<double> space_usd_per_year;
  /// Of the hardware price, received at the end
  std::optional<double> residual_fraction;
  /// Instead of the fraction; at most hardware_usd
  std::optional<double> residual_usd;
  /// A year; 0: money later counts as money now
  std::optional<double> discount_rate;
  /// A total that somebody named: the answer says which residual it implies
  std::optional<double> quoted_total_usd;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "hardware_usd", hardware_usd);
    detail::put(out, "installation_usd", installation_usd);
    detail::put(out, "years", years);
    detail::put(out, "power_kw", power_kw);
    detail::put(out, "idle_power_kw", idle_power_kw);
    detail::put(out, "pue", pue);
    detail::put(out, "usd_per_kwh", usd_per_kwh);
    detail::put(out, "operations_fraction_per_year", operations_fraction_per_year);
    detail::put(out, "operations_usd_per_year", operations_usd_per_year);
    detail::put(out, "space_usd_per_year", space_usd_per_year);
    detail::put(out, "residual_fraction", residual_fraction);
    detail::put(out, "residual_usd", residual_usd);
    detail::put(out, "discount_rate", discount_rate);
    detail::put(out, "quoted_total_usd", quoted_total_usd);
    return out;
  }
};

/// One way to rent.
struct CostCloud {
  std::string name;
  /// on-demand when absent
  std::optional<std::string> term;
  /// One device, one hour
  double usd_per_hour = 0;
  /// Reserved only
  std::optional<std::int64_t> commitment_months;
  /// From asking to serving: capacity for a burst is paid that much earlier
  std::optional<double> provision_minutes;
  /// Round trip between users and this cloud
  std::optional<double> network_ms;
  /// Spot only: share of hours in which it can be had; the rest is bought on demand
  std::optional<double> availability;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "name", name);
    detail::put(out, "term", term);
    detail::put(out, "usd_per_hour", usd_per_hour);
    detail::put(out, "commitment_months", commitment_months);
    detail::put(out, "provision_minutes", provision_minutes);
    detail::put(out, "network_ms", network_ms);
    detail::put(out, "availability", availability);
    return out;
  }
};

/// What all devices serve at full load.
struct CostTokens {
  std::optional<double> input_tokens_per_s;
  std::optional<double> output_tokens_per_s;
  /// Share of device time that prompts take; without it input and output are not told apart
  std::optional<double> prefill_share;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "input_tokens_per_s", input_tokens_per_s);
    detail::put(out, "output_tokens_per_s", output_tokens_per_s);
    detail::put(out, "prefill_share", prefill_share);
    return out;
  }
};

/// A load curve, which repeats.
struct CostLoad {
  /// Devices needed in each step
  std::vector<double> devices;
  /// Length of a step; 1 when absent
  std::optional<double> step_hours;
  /// Devices of one replica; 1 when absent
  std::optional<std::int64_t> devices_per_unit;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "devices", devices);
    detail::put(out, "step_hours", step_hours);
    detail::put(out, "devices_per_unit", devices_per_unit);
    return out;
  }
};

/// The document of docs/schema/cost-request.schema.json. Ownership against rent. Give ownership,
/// cloud, or a device that a price list prices.
struct CostRequest {
  /// Version of this schema
  std::int64_t schema = 1;
  /// Your own documents: prices, devices, links, ...
  std::optional<std::vector<JsonValue>> catalog;
  /// Accelerator, for its prices and power
  std::optional<std::string> device;
  /// How many; 1 when absent
  std::optional<std::int64_t> devices;
  /// Hours used over all hours; 1 when absent
  std::optional<double> utilisation;
  /// What owning costs. Yearly costs are paid at the end of each year
  std::optional<CostOwnership> ownership;
  /// Ways to rent; the price lists' offers for the device when absent
  std::optional<std::vector<CostCloud>> cloud;
  /// No load goes to a cloud that is farther away
  std::optional<double> max_network_ms;
  /// Compare for a project of this length; at most the life of the hardware
  std::optional<double> project_months;
  /// What all devices serve at full load
  CostTokens tokens;
  /// A load curve, which repeats
  std::optional<CostLoad> load;

  JsonValue to_value() const {
    JsonValue out = JsonValue::object();
    detail::put(out, "schema", schema);
    detail::put(out, "catalog", catalog);
    detail::put(out, "device", device);
    detail::put(out, "devices", devices);
    detail::put(out, "utilisation", utilisation);
    detail::put(out, "ownership", ownership);
    detail::put(out, "cloud", cloud);
    detail::put(out, "max_network_ms", max_network_ms);
    detail::put(out, "project_months", project_months);
    detail::put_part(out, "tokens", tokens);
    detail::put(out, "load", load);
    return out;
  }
  std::string to_json() const { return to_value().dump(); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_COST_REQUEST_HPP
