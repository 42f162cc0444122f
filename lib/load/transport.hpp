// How requests reach a server: a table that the module libdsk_load.so fills (libcurl), and the
// interface that the generator sees. Plain C types cross the border, so that neither side frees
// what the other allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "load/outcome.hpp"

namespace dsk::load {

inline constexpr std::uint32_t transport_version = 2;
inline constexpr const char* transport_entry = "dsk_load_entry";

struct TransportEndpoint {
  const char* url;
  const char* const* headers; // "Name: value"
  std::size_t header_count;
  const char* ca_file; // NULL: the system's
  std::uint32_t verify;
  std::uint32_t max_connections;
  std::int64_t connect_timeout_ms;
  std::int64_t timeout_ms; // of one request, first byte to last
};

struct TransportEvents {
  void* user;
  /// Bytes of the response body as they come; 0 ends the request with Outcome::stopped.
  std::uint32_t (*data)(void* user, std::uint64_t id, int http_status, const char* bytes,
                        std::size_t size);
  /// `how`: completed when there was a whole response, else what the transport met.
  void (*done)(void* user, std::uint64_t id, int http_status, Outcome how);
};

struct TransportApi {
  std::uint32_t version;
  std::uint32_t struct_size;
  const char* library; // "libcurl/7.88.1 OpenSSL/3.0.19 ..."
  /// NULL when it cannot be opened; `why` then has a sentence.
  void* (*open)(const TransportEndpoint* endpoint, const TransportEvents* events, char* why,
                std::size_t why_size);
  /// Copies the body. 0: this machine has no room for another request now.
  std::uint32_t (*start)(void* transport, std::uint64_t id, const char* body, std::size_t size);
  /// Sends and receives until `until_s` of CLOCK_MONOTONIC at the latest; calls the events.
  void (*poll)(void* transport, double until_s);
  /// Ends every request without a `done`, and frees.
  void (*close)(void* transport);
};

using TransportEntry = const TransportApi* (*)();

/// What receives a transport's events.
class Receiver {
public:
  virtual ~Receiver() = default;
  virtual bool data(std::uint64_t id, int http_status, const char* bytes, std::size_t size) = 0;
  virtual void done(std::uint64_t id, int http_status, Outcome how) = 0;
};

/// One server, seen by the generator. It also keeps the time, so that a simulated one can.
class Transport {
public:
  virtual ~Transport() = default;
  virtual double now_s() = 0;
  virtual bool start(std::uint64_t id, const std::string& body) = 0;
  virtual void poll(double until_s) = 0;
  virtual std::string library() const = 0;
};

struct Endpoint {
  std::string url;
  std::vector<std::string> headers;
  std::string ca_file;
  bool verify = true;
  double connect_timeout_s = 10;
  double timeout_s = 600;
  int max_connections = 10000;
};

/// Opens the module. Throws UNAVAILABLE with what is missing. `receiver` must outlive the
/// transport.
std::unique_ptr<Transport> open_http(const Endpoint& endpoint, Receiver& receiver);

} // namespace dsk::load
