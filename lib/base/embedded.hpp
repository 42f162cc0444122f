// The shape of data that the build embeds (lib/cmake/DskEmbed.cmake).
#pragma once

#include <cstddef>
#include <string_view>

namespace dsk::embedded {

struct File {
  std::string_view name; // path relative to the data folder, with forward slashes
  std::string_view body;
  std::string_view sha256; // of the body, computed at build time
};

} // namespace dsk::embedded
