// YAML 1.2 from a JSON document: block style, members in their order, every string double-quoted,
// so that no reader takes "no", "1.10" or "0o7" for something else. The same document is the same
// bytes.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"

namespace dsk::emit {

/// One document, with a final newline and without "---".
std::string yaml(const Json& value);

/// Several documents, each after a "---" line.
std::string yaml_stream(const std::vector<Json>& documents);

} // namespace dsk::emit
