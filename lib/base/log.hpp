// Messages for the receiver that the program has set; nothing is formatted when there is none.
#pragma once

#include <string_view>

#include "dsk/base.h"

namespace dsk::log {

void set(dsk_log_level level, dsk_log_fn fn, void* user) noexcept;
bool enabled(dsk_log_level level) noexcept;
/// `module` and `message` must be NUL-terminated.
void write(dsk_log_level level, const char* module, const char* message) noexcept;

} // namespace dsk::log
