// The little of regular expressions that checkpoints' ignore lists use: literals, ., [..], \d \w,
// groups with |, * + ?, ^ and $. Private to lib/catalog.
#pragma once

#include <string_view>

namespace dsk {

/// Whether `expression` matches `text` from its start (Python's re.match: the end stays open unless
/// $ closes it). An expression that is malformed, or that backtracks without end, does not match.
bool expression_matches(std::string_view expression, std::string_view text);

} // namespace dsk
