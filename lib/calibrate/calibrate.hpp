// From measurements to a document that makes plans of this device sharper.
#pragma once

#include "catalog/catalog.hpp"

namespace dsk::calibrate {

/// Request: {"device": catalogue name, "measurements": [measurement documents], "name", "as_of",
/// "check": [measurements that are predicted and not fitted]}.
/// Answer: a "calibration" document with the laws, their points, the outliers that were left out,
/// the error before and after, the valid range and where it comes from. Throws INVALID_REQUEST when
/// there is too little to fit, unless `may_be_empty`: something else will be added. Pure.
Json calibrate(const Json& request, const Catalog& catalog, bool may_be_empty = false);

} // namespace dsk::calibrate
