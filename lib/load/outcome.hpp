#pragma once

#include <cstdint>

namespace dsk::load {

/// How a request ended. Values are written to journals and never change.
enum class Outcome : std::uint32_t {
  completed = 0,
  refused = 1,
  resolve = 2,
  certificate = 3,
  tls = 4,
  connect_timeout = 5,
  timeout = 6,
  network = 7,        // reset, or closed before the end
  malformed = 8,      // what came is no event stream or no JSON
  cut = 9,            // the stream ended without its end mark
  line_too_long = 10, // one event beyond the limit
  too_long = 11,      // more events or bytes than any answer has
  server_error = 12,  // an error object inside a response of status 200
  empty = 13,         // ended well and brought no token
  local = 14,         // this machine had no socket or memory for it
  stopped = 15,       // the receiver asked for it; in no journal
  http = 1000,        // + status
};

} // namespace dsk::load
