// Shared libraries that are opened at run time, so that the plugin loads on any machine and names
// what is missing.
#pragma once

#include <string>
#include <vector>

namespace dsk::cuda {

class Library {
public:
  Library() = default;
  /// Opens the first of `names` that the dynamic loader finds; missing() says why there is none.
  explicit Library(const std::vector<std::string>& names);
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  bool is_open() const { return handle_ != nullptr; }
  const std::string& missing() const { return missing_; }
  /// NULL when the library or the symbol is not there.
  void* symbol(const char* name) const;
  template <class Function> bool bind(Function*& target, const char* name) const {
    target = reinterpret_cast<Function*>(symbol(name));
    return target != nullptr;
  }

private:
  void* handle_ = nullptr;
  std::string missing_;
};

} // namespace dsk::cuda
