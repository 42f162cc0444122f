// A dated list of what an hour of a device costs. Prices age in weeks: a list is a document that
// the user replaces, never a constant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dsk {

enum class PriceTerm { on_demand, reserved, spot, owned };

std::string_view price_term_name(PriceTerm term);

// What a price can be; outside of these a unit has slipped (cents, thousands, a whole rack).
inline constexpr double min_usd_per_hour = 0.01;
inline constexpr double max_usd_per_hour = 1000;
inline constexpr double min_purchase_usd = 100;
inline constexpr double max_purchase_usd = 1000000;

struct PriceOffer {
  std::string device; // name or alias in the catalogue
  std::string provider;
  PriceTerm term = PriceTerm::on_demand;
  int commitment_months = 0; // reserved only
  double usd_per_hour = 0;   // one device, one hour
  std::string note;
};

/// What one device costs to buy, its share of the server included where the note says so.
struct PurchasePrice {
  std::string device;
  double usd = 0;
  std::string note;
};

struct PriceList {
  std::string name;
  std::vector<std::string> aliases;
  std::string source;
  std::string as_of;
  std::vector<PriceOffer> offers;
  std::vector<PurchasePrice> purchases;
};

} // namespace dsk
