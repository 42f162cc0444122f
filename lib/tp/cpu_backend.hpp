// The CPU backend: the same table as a plugin's, linked in.
#pragma once

#include "dsk/backend.h"

namespace dsk::tp {

const dsk_backend_api& cpu_backend();

} // namespace dsk::tp
