// A TCP port of this machine that stays free for a listener of its test.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/// A bound socket that does not listen: a listener with SO_REUSEADDR gets the port as long as this
/// lives, and the system gives it to no connection and to no other test.
class ReservedPort {
public:
  ReservedPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof where;
    auto* const address = reinterpret_cast<sockaddr*>(&where);
    if (fd_ < 0 || setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd_, address, length) != 0 || getsockname(fd_, address, &length) != 0)
      throw std::runtime_error("no free TCP port");
    number_ = ntohs(where.sin_port);
  }
  ~ReservedPort() {
    if (fd_ >= 0) close(fd_);
  }
  ReservedPort(ReservedPort&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), number_(other.number_) {}
  ReservedPort& operator=(ReservedPort&&) = delete;

  std::uint16_t number() const { return number_; }

private:
  int fd_;
  std::uint16_t number_ = 0;
};
