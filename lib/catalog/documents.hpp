// From one catalogue document to one typed record. Every loader checks each field and throws
// INVALID_REQUEST with the JSON pointer (`path` is where the document stands), the value and what
// is allowed; built-in documents and the user's go through the same code.
#pragma once

#include <string>
#include <vector>

#include "base/reader.hpp"
#include "catalog/dataset.hpp"
#include "catalog/device.hpp"
#include "catalog/engine.hpp"
#include "catalog/link.hpp"
#include "catalog/model.hpp"
#include "catalog/price.hpp"

namespace dsk {

/// What every document begins with.
struct RecordHead {
  std::string kind; // "model", "device", "link", "engine", "price" or "dataset"
  std::string name; // canonical: lower case, words joined by '-'
  std::vector<std::string> aliases;
  std::string source; // where the facts come from; not optional
  std::string as_of;  // YYYY-MM or YYYY-MM-DD; not optional
};

/// Reads kind, name, aliases, source and as_of. `kind` is the one expected.
RecordHead read_head(Reader& reader, const std::string& kind);

/// A date as YYYY-MM or YYYY-MM-DD, checked as a calendar date.
std::string read_date(Reader& reader, const std::string& member);

Model model_from_document(const Json& document, const std::string& path);
Engine engine_from_document(const Json& document, const std::string& path);

/// Links are named but not resolved: bandwidth and latency come from the catalogue's link
/// documents (Catalog::device), unless the document describes the link itself.
Device device_from_document(const Json& document, const std::string& path);

LinkRecord link_from_document(const Json& document, const std::string& path);
PriceList price_list_from_document(const Json& document, const std::string& path);
Dataset dataset_from_document(const Json& document, const std::string& path);

inline constexpr double mib = 1048576.0; // bytes
} // namespace dsk
