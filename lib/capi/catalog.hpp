// The built-in catalogue of the process: made at the first call that needs it, then only read.
#pragma once

#include "catalog/catalog.hpp"

namespace dsk::capi {

const Catalog& builtin_catalog();

} // namespace dsk::capi
