// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_COST_ANSWER_HPP
#define DSK_SCHEMA_COST_ANSWER_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// A part of cost-answer documents.
struct CostAnswerOwnershipTerm {
  std::string name;
  /// As paid
  double usd = 0;
  /// Discounted to the start
  double present_usd = 0;
  std::string formula;

  static CostAnswerOwnershipTerm from_value(const JsonValue& j) {
    CostAnswerOwnershipTerm out;
    detail::get(j, "name", out.name);
    detail::get(j, "usd", out.usd);
    detail::get(j, "present_usd", out.present_usd);
    detail::get(j, "formula", out.formula);
    return out;
  }
};

/// What a quoted total implies.
struct CostAnswerOwnershipQuoted {
  double total_usd = 0;
  double implied_residual_usd = 0;
  /// Of hardware
  double implied_residual_fraction = 0;
  /// Whether it lies between none and all of the hardware
  bool possible = false;
  std::string meaning;

  static CostAnswerOwnershipQuoted from_value(const JsonValue& j) {
    CostAnswerOwnershipQuoted out;
    detail::get(j, "total_usd", out.total_usd);
    detail::get(j, "implied_residual_usd", out.implied_residual_usd);
    detail::get(j, "implied_residual_fraction", out.implied_residual_fraction);
    detail::get(j, "possible", out.possible);
    detail::get(j, "meaning", out.meaning);
    return out;
  }
};

/// Total cost of ownership.
struct CostAnswerOwnership {
  double years = 0;
  /// One line of the bill each; residual last, negative
  std::vector<CostAnswerOwnershipTerm> terms;
  double before_residual_usd = 0;
  double residual_usd = 0;
  /// before_residual_usd less residual_usd
  double total_usd = 0;
  /// Discounted to the start
  double present_total_usd = 0;
  double discount_rate = 0;
  /// Total over all hours of its life
  double usd_per_device_hour = 0;
  /// Total over the hours used
  double usd_per_used_device_hour = 0;
  /// What a quoted total implies
  std::optional<CostAnswerOwnershipQuoted> quoted;

  static CostAnswerOwnership from_value(const JsonValue& j) {
    CostAnswerOwnership out;
    detail::get(j, "years", out.years);
    detail::get(j, "terms", out.terms);
    detail::get(j, "before_residual_usd", out.before_residual_usd);
    detail::get(j, "residual_usd", out.residual_usd);
    detail::get(j, "total_usd", out.total_usd);
    detail::get(j, "present_total_usd", out.present_total_usd);
    detail::get(j, "discount_rate", out.discount_rate);
    detail::get(j, "usd_per_device_hour", out.usd_per_device_hour);
    detail::get(j, "usd_per_used_device_hour", out.usd_per_used_device_hour);
    detail::get(j, "quoted", out.quoted);
    return out;
  }
};

/// A part of cost-answer documents.
struct CostAnswerCloud {
  std::string name;
  std::string term;
  /// One device
  double usd_per_hour = 0;
  /// request, or the price list
  std::string source;
  double provision_minutes = 0;
  std::optional<double> commitment_months;
  std::optional<double> network_ms;
  bool meets_network = false;
  /// Present total of owning, at the utilisation
  std::optional<double> own_usd;
  /// Present total of renting over the same time
  std::optional<double> cloud_usd;
  /// Until what was paid for owning is below the rent, resale not counted; null: never
  std::optional<double> break_even_months;
  /// From which owning is cheaper over its life, resale counted; above 1: never; null under a
  /// commitment
  std::optional<double> break_even_utilisation;
  std::optional<std::string> meaning;

  static CostAnswerCloud from_value(const JsonValue& j) {
    CostAnswerCloud out;
    detail::get(j, "name", out.name);
    detail::get(j, "term", out.term);
    detail::get(j, "usd_per_hour", out.usd_per_hour);
    detail::get(j, "source", out.source);
    detail::get(j, "provision_minutes", out.provision_minutes);
    detail::get(j, "commitment_months", out.commitment_months);
    detail::get(j, "network_ms", out.network_ms);
    detail::get(j, "meets_network", out.meets_network);
    detail::get(j, "own_usd", out.own_usd);
    detail::get(j, "cloud_usd", out.cloud_usd);
    detail::get(j, "break_even_months", out.break_even_months);
    detail::get(j, "break_even_utilisation", out.break_even_utilisation);
    detail::get(j, "meaning", out.meaning);
    return out;
  }
};

/// A part of cost-answer documents.
struct CostAnswerProjectOption {
  std::string name;
  double usd = 0;
  std::string formula;

  static CostAnswerProjectOption from_value(const JsonValue& j) {
    CostAnswerProjectOption out;
    detail::get(j, "name", out.name);
    detail::get(j, "usd", out.usd);
    detail::get(j, "formula", out.formula);
    return out;
  }
};

/// A part of cost-answer documents.
struct CostAnswerProject {
  double months = 0;
  std::vector<CostAnswerProjectOption> options;
  std::string cheapest;

  static CostAnswerProject from_value(const JsonValue& j) {
    CostAnswerProject out;
    detail::get(j, "months", out.months);
    detail::get(j, "options", out.options);
    detail::get(j, "cheapest", out.cheapest);
    return out;
  }
};

/// A part of cost-answer documents.
struct CostAnswerToken {
  std::string name;
  /// All devices
  double usd_per_hour = 0;
  /// The prefill share of the bill over input tokens
  std::optional<double> usd_per_mtok_input;
  /// The rest over output tokens
  std::optional<double> usd_per_mtok_output;
  /// The whole bill over output tokens
  std::optional<double> usd_per_mtok_all_to_output;
  /// The whole bill over all tokens
  double usd_per_mtok_blended = 0;

  static CostAnswerToken from_value(const JsonValue& j) {
    CostAnswerToken out;
    detail::get(j, "name", out.name);
    detail::get(j, "usd_per_hour", out.usd_per_hour);
    detail::get(j, "usd_per_mtok_input", out.usd_per_mtok_input);
    detail::get(j, "usd_per_mtok_output", out.usd_per_mtok_output);
    detail::get(j, "usd_per_mtok_all_to_output", out.usd_per_mtok_all_to_output);
    detail::get(j, "usd_per_mtok_blended", out.usd_per_mtok_blended);
    return out;
  }
};

/// A part of cost-answer documents.
struct CostAnswerMixSplit {
  std::string name;
  double units = 0;
  double devices = 0;
  /// Hours used over hours held
  double utilisation = 0;
  double usd_per_month = 0;

  static CostAnswerMixSplit from_value(const JsonValue& j) {
    CostAnswerMixSplit out;
    detail::get(j, "name", out.name);
    detail::get(j, "units", out.units);
    detail::get(j, "devices", out.devices);
    detail::get(j, "utilisation", out.utilisation);
    detail::get(j, "usd_per_month", out.usd_per_month);
    return out;
  }
};

/// A part of cost-answer documents.
struct CostAnswerMixAlone {
  std::string name;
  double usd_per_month = 0;

  static CostAnswerMixAlone from_value(const JsonValue& j) {
    CostAnswerMixAlone out;
    detail::get(j, "name", out.name);
    detail::get(j, "usd_per_month", out.usd_per_month);
    return out;
  }
};

/// A part of cost-answer documents.
struct CostAnswerMixThreshold {
  std::string cheaper;
  std::string than;
  double above_utilisation = 0;

  static CostAnswerMixThreshold from_value(const JsonValue& j) {
    CostAnswerMixThreshold out;
    detail::get(j, "cheaper", out.cheaper);
    detail::get(j, "than", out.than);
    detail::get(j, "above_utilisation", out.above_utilisation);
    return out;
  }
};

/// The cheapest split of the load curve; null when nothing may carry it.
struct CostAnswerMix {
  /// Needed in every step
  double base_units = 0;
  double peak_units = 0;
  double devices_per_unit = 0;
  /// Of the curve
  double hours = 0;
  std::vector<CostAnswerMixSplit> split;
  double usd_per_month = 0;
  /// The whole curve on one of them
  std::vector<CostAnswerMixAlone> alone;
  /// Fraction
  double saving_against_best_single = 0;
  /// Utilisation of a unit above which one way is cheaper than another
  std::vector<CostAnswerMixThreshold> thresholds;
  std::string advice;

  static CostAnswerMix from_value(const JsonValue& j) {
    CostAnswerMix out;
    detail::get(j, "base_units", out.base_units);
    detail::get(j, "peak_units", out.peak_units);
    detail::get(j, "devices_per_unit", out.devices_per_unit);
    detail::get(j, "hours", out.hours);
    detail::get(j, "split", out.split);
    detail::get(j, "usd_per_month", out.usd_per_month);
    detail::get(j, "alone", out.alone);
    detail::get(j, "saving_against_best_single", out.saving_against_best_single);
    detail::get(j, "thresholds", out.thresholds);
    detail::get(j, "advice", out.advice);
    return out;
  }
};

/// A part of cost-answer documents.
struct CostAnswerProvenance {
  std::string library;
  std::string catalog_sha256;
  std::vector<std::string> prices;

  static CostAnswerProvenance from_value(const JsonValue& j) {
    CostAnswerProvenance out;
    detail::get(j, "library", out.library);
    detail::get(j, "catalog_sha256", out.catalog_sha256);
    detail::get(j, "prices", out.prices);
    return out;
  }
};

/// The document of docs/schema/cost-answer.schema.json. Answer to a cost request. Sections that the
/// request gives no ground for are absent. USD throughout.
struct CostAnswer {
  std::int64_t schema = 1;
  std::optional<std::string> device;
  /// How many
  double devices = 0;
  /// Hours used over all hours
  double utilisation = 0;
  /// Total cost of ownership
  std::optional<CostAnswerOwnership> ownership;
  std::vector<CostAnswerCloud> cloud;
  std::optional<CostAnswerProject> project;
  /// US dollars for each million tokens
  std::vector<CostAnswerToken> tokens;
  /// The cheapest split of the load curve; null when nothing may carry it
  std::optional<CostAnswerMix> mix;
  std::vector<std::string> assumptions;
  CostAnswerProvenance provenance;

  static CostAnswer from_value(const JsonValue& j) {
    CostAnswer out;
    detail::get(j, "schema", out.schema);
    detail::get(j, "device", out.device);
    detail::get(j, "devices", out.devices);
    detail::get(j, "utilisation", out.utilisation);
    detail::get(j, "ownership", out.ownership);
    detail::get(j, "cloud", out.cloud);
    detail::get(j, "project", out.project);
    detail::get(j, "tokens", out.tokens);
    detail::get(j, "mix", out.mix);
    detail::get(j, "assumptions", out.assumptions);
    detail::get(j, "provenance", out.provenance);
    return out;
  }
  static CostAnswer from_json(std::string_view text) { return from_value(JsonValue::parse(text)); }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_COST_ANSWER_HPP
