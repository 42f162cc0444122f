// The "policy" member of simulation requests: what differs from the engine's defaults.
#pragma once

#include "base/reader.hpp"
#include "sim/policy.hpp"

namespace dsk::plan {

sim::Policy read_policy(Reader reader, const sim::Policy& defaults);
Json policy_json(const sim::Policy& policy);

} // namespace dsk::plan
