// What every fuzz target holds: a property that fails stops the run, and a refusal is one of the
// expected kinds.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"

namespace dsk::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// A refusal names a place below `path`, has a sentence, and blames the document or its names.
inline void require_refusal(const Error& e, std::string_view path) {
  require(e.status() == DSK_STATUS_INVALID_REQUEST || e.status() == DSK_STATUS_NOT_FOUND ||
              e.status() == DSK_STATUS_UNSUPPORTED,
          "the status blames the document");
  require(*e.what() != '\0', "the error has a sentence");
  require(std::string_view(e.path()).substr(0, path.size()) == path, "the path is in the document");
}

/// The document in the bytes; empty when it is refused.
inline std::optional<Json> parse(const std::uint8_t* data, std::size_t size) {
  try {
    return json::parse({reinterpret_cast<const char*>(data), size}, "document");
  } catch (const Error& e) {
    require_refusal(e, "");
    return std::nullopt;
  }
}

} // namespace dsk::fuzz
