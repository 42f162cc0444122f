// base/json and base/reader: any bytes give a document that reads back as it was printed, or one
// Error.
#include "base/reader.hpp"
#include "require.hpp"

using namespace dsk;
using fuzz::require;

namespace {

// Asks for the member in every type; each answer is a value or an Error below the reader's path.
void read_all(const Json& value) {
  if (!value.is_object()) return;
  for (const auto& item : value.items()) {
    const std::string& name = item.key();
    const auto attempt = [&](auto&& read) {
      Reader reader(value, "/x");
      try {
        read(reader);
      } catch (const Error& e) {
        fuzz::require_refusal(e, "/x");
      }
    };
    attempt([&](Reader& r) { r.number(name, -1e6, 1e6); });
    attempt([&](Reader& r) { r.integer(name, -1000, 1000); });
    attempt([&](Reader& r) { r.boolean(name, false); });
    attempt([&](Reader& r) { r.text(name); });
    attempt([&](Reader& r) { r.choice(name, {"a", "b"}); });
    attempt([&](Reader& r) { r.integers(name, 0, 100, 10); });
    attempt([&](Reader& r) { r.texts(name, 10); });
    attempt([&](Reader& r) { r.object(name).done(); });
    attempt([&](Reader& r) { r.done(); });
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::optional<Json> value = fuzz::parse(data, size);
  if (!value) return 0;
  require(json::parse(json::dump(*value), "again") == *value, "printed with indent, reads back");
  require(json::parse(json::dump_compact(*value), "again") == *value,
          "printed compact, reads back");
  read_all(*value);
  return 0;
}
