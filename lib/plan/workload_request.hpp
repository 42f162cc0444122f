// The "workload" member of simulation requests.
#pragma once

#include <string>
#include <vector>

#include "base/reader.hpp"
#include "catalog/catalog.hpp"
#include "workload/workload.hpp"

namespace dsk::plan {

/// A number of tokens or a distribution: 512, {"uniform": [low, high]}, {"lognormal": {"mean",
/// "std", "min", "max"}}, {"quantiles": [[p, tokens], ...]} or {"values": [tokens, ...]}.
workload::Lengths read_lengths(const Json& value, const std::string& path);

/// Throws INVALID_REQUEST or NOT_FOUND; what was assumed is added to `assumptions`.
workload::WorkloadSpec read_workload_spec(Reader reader, const Catalog& catalog,
                                          std::vector<std::string>& assumptions);

} // namespace dsk::plan
