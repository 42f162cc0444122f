#include "library.hpp"

#include <dlfcn.h>

namespace dsk::cuda {

Library::Library(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_) return;
    const char* reason = dlerror();
    if (missing_.empty()) missing_ = reason ? reason : name + " was not found";
  }
}

void* Library::symbol(const char* name) const {
  return handle_ ? dlsym(handle_, name) : nullptr;
}

} // namespace dsk::cuda
