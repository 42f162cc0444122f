#include "base/environment.hpp"

#include <cstdlib>

namespace dsk {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

} // namespace dsk
