#include "bench/small_http.hpp"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.hpp"
#include "bench/clock.hpp"

namespace dsk::bench {
namespace {

class Socket {
public:
  Socket(const std::string& host, int port, double deadline_s) : deadline_s_(deadline_s) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found))
      throw Error(DSK_STATUS_IO, host + ": " + gai_strerror(code));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
    descriptor_ = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    began_s_ = now_s();
    if (descriptor_ < 0) fail(host, errno);
    if (::connect(descriptor_, found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS)
      close_and_fail(host, errno);
    if (!wait(POLLOUT)) close_and_fail(host, ETIMEDOUT);
    connected_s_ = now_s();
    int why = 0;
    socklen_t size = sizeof why;
    if (getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &why, &size) != 0) why = errno;
    // A refusal is an answer too, but of a host that does not serve; the caller hears of it.
    if (why != 0) close_and_fail(host, why);
  }
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  double handshake_s() const { return connected_s_ - began_s_; }

  void send(const std::string& text) const {
    for (std::size_t done = 0; done < text.size();) {
      if (!wait(POLLOUT)) fail("the server", ETIMEDOUT);
      const ssize_t put = ::send(descriptor_, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (put < 0 && errno == EAGAIN) continue;
      if (put < 0) fail("the server", errno);
      done += static_cast<std::size_t>(put);
    }
  }
  std::string receive_all(std::size_t most) const {
    std::string out;
    char buffer[65536];
    for (;;) {
      if (!wait(POLLIN)) fail("the server", ETIMEDOUT);
      const ssize_t got = ::recv(descriptor_, buffer, sizeof buffer, 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got < 0) fail("the server", errno);
      if (got == 0) return out;
      out.append(buffer, static_cast<std::size_t>(got));
      if (out.size() > most) throw Error(DSK_STATUS_IO, "the answer is longer than 16 MiB");
    }
  }

private:
  bool wait(short events) const {
    for (;;) {
      const double left = deadline_s_ - now_s();
      pollfd one{descriptor_, events, 0};
      const int count = ::poll(&one, 1, left > 0 ? static_cast<int>(std::ceil(1e3 * left)) : 0);
      if (count > 0) return true;
      if (count == 0 || errno != EINTR) return false;
    }
  }
  [[noreturn]] static void fail(const std::string& host, int code) {
    throw Error(DSK_STATUS_IO, host + ": " + std::strerror(code));
  }
  [[noreturn]] void close_and_fail(const std::string& host, int code) const {
    ::close(descriptor_);
    fail(host, code);
  }

  int descriptor_ = -1;
  double deadline_s_;
  double began_s_ = 0;
  double connected_s_ = 0;
};

std::string unchunked(const std::string& body) {
  std::string out;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = body.find("\r\n", at);
    if (end == std::string::npos) break;
    const std::size_t size = std::strtoul(body.c_str() + at, nullptr, 16);
    if (size == 0 || end + 2 + size > body.size()) break;
    out.append(body, end + 2, size);
    at = end + 2 + size + 2;
  }
  return out;
}

} // namespace

double round_trip_s(const std::string& host, int port, double timeout_s) {
  return Socket(host, port, now_s() + timeout_s).handshake_s();
}

std::string http_get(const std::string& url, double timeout_s) {
  const std::string scheme = "http://";
  if (url.compare(0, scheme.size(), scheme) != 0)
    invalid_request("/engine_metrics_url", "engine_metrics_url must begin with http://");
  const std::size_t slash = std::min(url.find('/', scheme.size()), url.size());
  const std::string authority = url.substr(scheme.size(), slash - scheme.size());
  const std::string path = slash < url.size() ? url.substr(slash) : "/metrics";
  const std::size_t colon = authority.rfind(':');
  const std::string host = authority.substr(0, colon);
  const int port = colon == std::string::npos ? 80 : std::atoi(authority.c_str() + colon + 1);
  if (host.empty() || port < 1 || port > 65535)
    invalid_request("/engine_metrics_url", "engine_metrics_url needs a host and a port");
  const Socket socket(host, port, now_s() + timeout_s);
  socket.send("GET " + path + " HTTP/1.1\r\nHost: " + authority + "\r\nConnection: close\r\n\r\n");
  const std::string answer = socket.receive_all(std::size_t{16} << 20);
  const std::size_t end = answer.find("\r\n\r\n");
  if (answer.compare(0, 5, "HTTP/") != 0 || end == std::string::npos)
    throw Error(DSK_STATUS_IO, "the server's answer is no HTTP");
  const std::string head = answer.substr(0, end);
  if (head.find(" 200") != head.find(' '))
    throw Error(DSK_STATUS_IO, "the server answered " + head.substr(0, head.find('\r')));
  const std::string body = answer.substr(end + 4);
  return head.find("hunked") != std::string::npos ? unchunked(body) : body;
}

} // namespace dsk::bench
