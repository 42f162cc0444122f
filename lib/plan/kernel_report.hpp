// The validation of kernel predictions as a document.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "catalog/catalog.hpp"

namespace dsk::plan {

struct KernelAnswer {
  Json report;
  std::string predictions; // CSV
};

/// `request`: {"device": NAME, "hold_out": "none"|"shape"|"gpu"|"frontier", "catalog": [...]}.
KernelAnswer validate_kernels(const Json& request, std::string_view csv, const Catalog& catalog);

} // namespace dsk::plan
