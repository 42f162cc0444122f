// The one exception of the library. lib/capi turns it into a dsk_error; nothing else catches it,
// save a module that adds context and throws again.
#pragma once

#include <stdexcept>
#include <string>

#include "dsk/base.h"

namespace dsk {

class Error : public std::runtime_error {
public:
  /// `path` is a JSON pointer into the request ("" when there is none).
  Error(dsk_status status, std::string message, std::string path = {})
      : std::runtime_error(std::move(message)), status_(status), path_(std::move(path)) {}

  dsk_status status() const noexcept { return status_; }
  const std::string& path() const noexcept { return path_; }

private:
  dsk_status status_;
  std::string path_;
};

/// The document is malformed or contradicts itself at `path`.
[[noreturn]] inline void invalid_request(std::string path, std::string message) {
  throw Error(DSK_STATUS_INVALID_REQUEST, std::move(message), std::move(path));
}

/// For an argument of the C ABI that is not a document.
[[noreturn]] inline void invalid_argument(std::string message) {
  throw Error(DSK_STATUS_INVALID_ARGUMENT, std::move(message));
}

} // namespace dsk
