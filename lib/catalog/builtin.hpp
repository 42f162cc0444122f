// The embedded documents by name. The names are read once for each process, without parsing the
// documents: each begins with kind, name, version and aliases, and reading stops behind them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.hpp"
#include "catalog/record.hpp"

namespace dsk {

struct BuiltinRecord {
  std::string kind;
  std::string name;
  std::string version; // engines only
  std::vector<std::string> aliases;
  std::string_view body;
  std::string_view sha256;
};

class Builtin {
public:
  /// Built on first use; safe from any thread.
  static const Builtin& get();
  ~Builtin();

  const std::vector<BuiltinRecord>& records() const noexcept { return records_; }
  /// Records of `kind` whose name or alias folds to `folded`: one, save for engines, which have one
  /// for each version. Empty when there is none.
  std::vector<std::size_t> find(std::string_view kind, std::string_view folded) const;

  /// The whole document.
  Json document(std::size_t index) const;
  /// The typed record, parsed on first use and kept for the life of the process. Thread-safe.
  std::shared_ptr<const Record> parsed(std::size_t index) const;

private:
  Builtin();

  struct Slot;
  std::vector<BuiltinRecord> records_;
  std::unordered_multimap<std::string, std::size_t> names_; // "kind:folded"
  std::unique_ptr<Slot[]> slots_;
};

} // namespace dsk
