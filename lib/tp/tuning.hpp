// Choices that were measured once, as a small text document.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace dsk::tp {

class Tuning {
public:
  Tuning() = default;
  /// Throws INVALID_REQUEST for a document that is not one.
  explicit Tuning(std::string_view json);

  std::string to_json() const;
  std::string find(const std::string& key) const; // "" when there is none
  void put(const std::string& key, std::string choices);
  std::uint64_t size() const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> choices_;
};

} // namespace dsk::tp
