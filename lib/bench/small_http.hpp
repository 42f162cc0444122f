// One plain HTTP GET, for an engine's metrics on the same network; anything more is libcurl's.
#pragma once

#include <string>

namespace dsk::bench {

/// The body of a 200 answer of at most 16 MiB. Throws INVALID_REQUEST for another scheme than
/// http, IO with the reason otherwise.
std::string http_get(const std::string& url, double timeout_s);

/// Seconds that a TCP handshake with the host takes: one round trip. Throws IO.
double round_trip_s(const std::string& host, int port, double timeout_s);

} // namespace dsk::bench
