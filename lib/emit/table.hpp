// Plain text tables for people, in UTF-8 and without colours.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"

namespace dsk::emit {

/// Rows under a header, columns padded to their widest cell; cells that look like numbers are
/// flushed right. Every row has as many cells as the header.
std::string text_table(const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows);

/// A plan's answer document as a person wants to read it.
std::string plan_table(const Json& answer);

} // namespace dsk::emit
