// base/json and base/reader: any bytes give a document that reads back as it was printed, or one
// Error.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/reader.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// Asks for the member in every type; each answer is a value or an Error below the reader's path.
void read_all(const dsk::Json& value) {
  if (!value.is_object()) return;
  for (const auto& item : value.items()) {
    const std::string& name = item.key();
    const auto attempt = [&](auto&& read) {
      dsk::Reader reader(value, "/x");
      try {
        read(reader);
      } catch (const dsk::Error& e) {
        require(e.status() == DSK_STATUS_INVALID_REQUEST && e.path().rfind("/x", 0) == 0);
      }
    };
    attempt([&](dsk::Reader& r) { r.number(name, -1e6, 1e6); });
    attempt([&](dsk::Reader& r) { r.integer(name, -1000, 1000); });
    attempt([&](dsk::Reader& r) { r.boolean(name, false); });
    attempt([&](dsk::Reader& r) { r.text(name); });
    attempt([&](dsk::Reader& r) { r.choice(name, {"a", "b"}); });
    attempt([&](dsk::Reader& r) { r.integers(name, 0, 100, 10); });
    attempt([&](dsk::Reader& r) { r.texts(name, 10); });
    attempt([&](dsk::Reader& r) { r.object(name).done(); });
    attempt([&](dsk::Reader& r) { r.done(); });
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dsk::Json value;
  try {
    value = dsk::json::parse({reinterpret_cast<const char*>(data), size}, "document");
  } catch (const dsk::Error& e) {
    require(e.status() == DSK_STATUS_INVALID_REQUEST && *e.what() != '\0');
    return 0;
  }
  require(dsk::json::parse(dsk::json::dump(value), "again") == value);
  require(dsk::json::parse(dsk::json::dump_compact(value), "again") == value);
  read_all(value);
  return 0;
}
