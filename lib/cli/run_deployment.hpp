// The deployment behind a request log, as a simulation request.
#pragma once

#include <string>

#include "dsk/dsk.hpp"

namespace dsk::cli {

/// What the log's meta.json says about the server. `device` and `model` replace its own when they
/// are not empty. Throws UsageError when nothing names the device.
JsonValue run_deployment(const JsonValue& meta, const std::string& device,
                         const std::string& model);

} // namespace dsk::cli
