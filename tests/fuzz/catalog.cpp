// A user's catalogue document: taken, and its record given back under its name, or one Error with a
// place in the document.
#include "catalog/catalog.hpp"
#include "require.hpp"

using namespace dsk;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::optional<Json> document = fuzz::parse(data, size);
  if (!document) return 0;
  Catalog catalog;
  try {
    catalog.add(*document, "/catalog/0");
  } catch (const Error& e) {
    fuzz::require_refusal(e, "/catalog/0");
    return 0;
  }
  if (!document->is_object()) return 0;
  const auto text = [&](const char* member) {
    const auto at = document->find(member);
    return at != document->end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  const std::string kind = text("kind");
  const std::string name = text("name");
  fuzz::require(!kind.empty() && !name.empty(), "what was taken has a kind and a name");
  try {
    catalog.record(kind, name, "/name");
  } catch (const Error&) {
    fuzz::require(false, "what was taken can be found");
  }
  return 0;
}
