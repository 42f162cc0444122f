// The facts that plans rest on: models, devices, engines and prices, built in or given by the user.
// Names match whatever the case and the separators; an alias names one thing only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "catalog/device.hpp"
#include "catalog/engine.hpp"
#include "catalog/model.hpp"

namespace dsk {

class Catalog {
public:
  /// The embedded documents. Parses nothing until a record is asked for.
  Catalog();
  ~Catalog();
  Catalog(Catalog&&) noexcept;
  Catalog& operator=(Catalog&&) noexcept;

  /// Adds or replaces records from a user document of the same form as the built-in ones.
  /// `path` is where it stands in the request. Throws INVALID_REQUEST.
  void add(const Json& document, const std::string& path);

  // Look-ups throw NOT_FOUND at `path`, with the nearest names.
  Model model(const std::string& name, const std::string& path) const;
  Device device(const std::string& name, const std::string& path) const;
  Engine engine(const std::string& name, const std::string& version, const std::string& path) const;
  /// On-demand price of one device-hour in USD with its source; throws NOT_FOUND when there is
  /// none.
  struct Price {
    double usd_per_hour = 0;
    std::string source;
    std::string as_of;
  };
  Price price(const Device& device, const std::string& path) const;
  bool has_price(const Device& device) const;

  std::vector<std::string> model_names() const;
  std::vector<std::string> device_names() const;
  std::vector<std::string> engine_names() const;

  /// One record as its document says it, for dsk_catalog_*: kind is "model", "device", "engine" or
  /// "price".
  Json record(const std::string& kind, const std::string& name, const std::string& path) const;

  /// SHA-256 over every document in force, in a fixed order.
  std::string sha256() const;

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace dsk
