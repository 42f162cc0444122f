// From a plan to what is deployed: the engine's start command and Kubernetes manifests.
#pragma once

#include <string>

#include "plan/plan.hpp"

namespace dsk::emit {

/// Manifests of the recommended configuration as a YAML stream. Throws UNSUPPORTED for an
/// infeasible plan and for an engine that cannot be started so.
std::string plan_manifests(const plan::Plan& plan);

/// The start command as a shell script. Throws like plan_manifests.
std::string plan_command(const plan::Plan& plan);

} // namespace dsk::emit
