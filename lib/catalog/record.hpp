// One catalogue record of any kind, as its loader returned it.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <variant>

#include "base/json.hpp"
#include "catalog/documents.hpp"

namespace dsk {

using Record = std::variant<Model, Device, LinkRecord, Engine, PriceList, Dataset>;

inline constexpr std::array<std::string_view, 6> record_kinds{"model",  "device", "link",
                                                              "engine", "price",  "dataset"};

/// Loads a document of the given kind with that kind's loader.
Record record_from_document(const std::string& kind, const Json& document, const std::string& path);

} // namespace dsk
