// The facts that plans rest on: models, devices, engines and prices, built in or given by the user.
// Names match whatever the case and the separators; an alias names one thing only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "catalog/dataset.hpp"
#include "catalog/device.hpp"
#include "catalog/engine.hpp"
#include "catalog/link.hpp"
#include "catalog/model.hpp"
#include "catalog/price.hpp"

namespace dsk {

class Catalog {
public:
  /// The embedded documents. Parses nothing until a record is asked for.
  Catalog();
  ~Catalog();
  Catalog(Catalog&&) noexcept;
  Catalog& operator=(Catalog&&) noexcept;

  /// Adds or replaces records from user documents of the same form as the built-in ones: one
  /// document or an array of them, in any order within the array. A record that takes the name of
  /// another replaces it and keeps its aliases; an alias that already names something else, a link
  /// that leads back to itself and a name that nothing has are refused. All or nothing.
  /// `path` is where the documents stand in the request. Throws INVALID_REQUEST.
  void add(const Json& documents, const std::string& path);

  // Look-ups throw NOT_FOUND at `path`, with the nearest names. Safe from several threads at once.
  Model model(const std::string& name, const std::string& path) const;
  /// With its links resolved.
  Device device(const std::string& name, const std::string& path) const;
  /// The record of exactly `version`, else of the newest version before it, else of the oldest;
  /// an empty version asks for the newest.
  Engine engine(const std::string& name, const std::string& version, const std::string& path) const;
  LinkRecord link(const std::string& name, const std::string& path) const;
  Dataset dataset(const std::string& name, const std::string& path) const;
  PriceList price_list(const std::string& name, const std::string& path) const;

  /// On-demand price of one device-hour in USD with its source: the median offer of the list that
  /// counts. The user's lists come before the built-in ones, the newest first. Throws NOT_FOUND
  /// when no list has one.
  struct Price {
    double usd_per_hour = 0;
    std::string source;
    std::string as_of;
  };
  Price price(const Device& device, const std::string& path) const;
  bool has_price(const Device& device) const;

  /// What one device costs to buy, of the first list that says so; absent when none does.
  struct PurchaseQuote {
    double usd = 0;
    std::string source;
    std::string as_of;
  };
  std::optional<PurchaseQuote> purchase_price(const Device& device) const;

  /// One offer with the list that it stands in.
  struct Quote {
    PriceOffer offer;
    std::string list;
    std::string source;
    std::string as_of;
  };
  /// Every offer for the device, of the lists in the order that price() takes them.
  std::vector<Quote> quotes(const Device& device) const;

  /// Canonical names, sorted. `kind` is "model", "device", "link", "engine", "price" or "dataset".
  std::vector<std::string> names(const std::string& kind) const;
  std::vector<std::string> model_names() const { return names("model"); }
  std::vector<std::string> device_names() const { return names("device"); }
  std::vector<std::string> engine_names() const { return names("engine"); }

  /// One record as its document says it, for dsk_catalog_*. An engine may be asked for as
  /// "name@version". Throws NOT_FOUND, also for an unknown kind.
  Json record(const std::string& kind, const std::string& name, const std::string& path) const;

  /// SHA-256 over every document in force, in a fixed order.
  std::string sha256() const;

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace dsk
