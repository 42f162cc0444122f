// The device record: what measurements were taken on.
#pragma once

#include "base/json.hpp"

namespace dsk::bench {

/// {"kind": "machine", ...}. Reads /proc, /sys, NVML and the backends; makes no device context.
Json machine_record();

} // namespace dsk::bench
