// Flags that several subcommands share, and the request members that they become.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"

namespace dsk::cli {

/// --model, --model-config, --params and their company.
class ModelFlags {
public:
  void add(CLI::App& app);
  /// Throws UsageError unless exactly one way was chosen.
  Model model() const;

private:
  std::string name_;
  std::string config_;
  std::string quantization_;
  std::string params_;
  std::string active_;
  std::optional<std::int64_t> layers_;
  std::optional<std::int64_t> hidden_;
};

/// Sets the member of a flag that was given; one that was not leaves the object as it is.
template <typename T> void put(JsonValue& object, const char* name, const std::optional<T>& value) {
  if (value) object.set(name, JsonValue(*value));
}
inline void put(JsonValue& object, const char* name, const std::string& value) {
  if (!value.empty()) object.set(name, JsonValue(value));
}

/// "13B", "671b", "0.5B", "1.6T", "13000000000": a parameter count in 1e9. Throws UsageError.
double billions(const std::string& text, const std::string& flag);

/// The documents of --catalog files, in an array; a file may hold one, or an array of them.
JsonValue catalog_of(const std::vector<std::string>& files);

/// Sets them as the member `catalog` of a request, if there are any.
void put_catalog(JsonValue& request, const std::vector<std::string>& files);

} // namespace dsk::cli
