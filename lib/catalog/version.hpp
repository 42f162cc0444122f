// Versions of engines compared as people mean them: 0.9 is before 0.11.
#pragma once

#include <string_view>

namespace dsk {

/// Negative, zero or positive as `a` is before, equal to or behind `b`. Numbers compare as numbers,
/// anything else as text; a longer version is behind its own beginning, save for pre-releases
/// (1.0rc1 is before 1.0).
int compare_versions(std::string_view a, std::string_view b);

/// Whether `candidate` answers a request for `wanted` better than `best`: the newest one that is
/// not behind it, else the oldest; the newest for an empty `wanted`.
bool better_version(std::string_view candidate, std::string_view best, std::string_view wanted);

} // namespace dsk
