#include "tp/rendezvous.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "dsk/tp.h"

namespace dsk::tp {
namespace {

struct Hello {
  char magic[8];
  std::uint32_t rank, world;
};
constexpr char magic[8] = {'d', 's', 'k', '-', 't', 'p', '-', '1'};

class Socket {
public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

private:
  int fd_;
};

void set_option(int fd, int level, int option, int value) {
  (void)setsockopt(fd, level, option, &value,
                   sizeof value); // an option that is not there costs detection time only
}

/// Low latency, and a silent host is noticed within about 11 s.
void prepare(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 5);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 2);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

bool same_ends(int fd) {
  sockaddr_storage near{}, far{};
  socklen_t near_size = sizeof near, far_size = sizeof far;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&near), &near_size) == 0 &&
         getpeername(fd, reinterpret_cast<sockaddr*>(&far), &far_size) == 0 &&
         near_size == far_size && std::memcmp(&near, &far, near_size) == 0;
}

int wait_ms(Rendezvous::Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Rendezvous::Clock::now())
          .count();
  return left < 0 ? 0 : static_cast<int>(std::min<long long>(left, 1000));
}

/// 1 ready, 0 deadline, -1 error.
int wait_for(int fd, short events, Rendezvous::Clock::time_point deadline) {
  for (;;) {
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, wait_ms(deadline));
    if (ready > 0) return 1;
    if (ready < 0 && errno != EINTR) return -1;
    if (Rendezvous::Clock::now() >= deadline) return 0;
  }
}

/// Bytes moved before the end of the stream, an error or the deadline.
std::size_t move(int fd, void* bytes, std::size_t size, bool out,
                 Rendezvous::Clock::time_point deadline, bool& late) {
  std::size_t done = 0;
  late = false;
  while (done < size) {
    char* at = static_cast<char*>(bytes) + done;
    const ssize_t count = out ? ::send(fd, at, size - done, MSG_NOSIGNAL | MSG_DONTWAIT)
                              : ::recv(fd, at, size - done, MSG_DONTWAIT);
    if (count > 0) {
      done += static_cast<std::size_t>(count);
      continue;
    }
    if (count == 0) return done;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return done;
    const int ready = wait_for(fd, out ? POLLOUT : POLLIN, deadline);
    if (ready == 0) late = true;
    if (ready <= 0) return done;
  }
  return done;
}

} // namespace

Rendezvous::Rendezvous(const std::string& address, std::uint16_t port, std::uint32_t rank,
                       std::uint32_t world, std::uint64_t timeout_ms)
    : rank_(rank), world_(world), timeout_ms_(timeout_ms), sockets_(rank == 0 ? world : 1, -1),
      left_(world, false) {
  try {
    if (world_ > 1 && rank_ == 0) listen_for_all(port);
    if (world_ > 1 && rank_ != 0) connect_to(address, port);
  } catch (const Error& e) {
    for (const int fd : sockets_)
      if (fd >= 0) close(fd);
    throw Error(e.status(), std::string("the ranks did not meet: ") + e.what());
  }
}

Rendezvous::~Rendezvous() {
  const Header goodbye{Frame::leaving, rank_, 0};
  for (const int fd : sockets_) {
    if (fd < 0) continue;
    if (lost_ < 0) (void)!::send(fd, &goodbye, sizeof goodbye, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
  }
}

void Rendezvous::listen_for_all(std::uint16_t port) {
  // One socket for both families where the machine has IPv6, else IPv4 alone.
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool six = fd >= 0;
  if (!six) fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const Socket listener(fd);
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  sockaddr_storage where{};
  socklen_t length = 0;
  if (six) {
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    auto* to = reinterpret_cast<sockaddr_in6*>(&where);
    to->sin6_family = AF_INET6;
    to->sin6_addr = in6addr_any;
    to->sin6_port = htons(port);
    length = sizeof *to;
  } else {
    auto* to = reinterpret_cast<sockaddr_in*>(&where);
    to->sin_family = AF_INET;
    to->sin_addr.s_addr = htonl(INADDR_ANY);
    to->sin_port = htons(port);
    length = sizeof *to;
  }
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&where), length) != 0 ||
      listen(fd, static_cast<int>(world_)) != 0)
    throw Error(DSK_STATUS_IO, "rank 0 cannot listen on port " + std::to_string(port) + ": " +
                                   std::strerror(errno));
  const auto until = deadline();
  for (std::uint32_t present = 1; present < world_;) {
    if (wait_for(fd, POLLIN, until) <= 0) {
      std::vector<std::string> missing;
      for (std::uint32_t r = 1; r < world_; ++r)
        if (sockets_[r] < 0) missing.push_back(std::to_string(r));
      throw Error(DSK_STATUS_DEADLINE, "after " + std::to_string(timeout_ms_) +
                                           " ms these ranks of " + std::to_string(world_) +
                                           " are missing: " + list_text(missing));
    }
    Socket peer(accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
    if (peer.get() < 0) continue;
    prepare(peer.get());
    Hello hello{};
    bool late = false;
    // A stranger that says nothing must not hold up the ranks.
    const auto soon = std::min(until, Clock::now() + std::chrono::seconds(2));
    if (move(peer.get(), &hello, sizeof hello, false, soon, late) != sizeof hello ||
        std::memcmp(hello.magic, magic, sizeof magic) != 0)
      continue;
    const bool fits =
        hello.world == world_ && hello.rank > 0 && hello.rank < world_ && sockets_[hello.rank] < 0;
    const Header answer{fits ? Frame::data : Frame::refused, world_, 0};
    move(peer.get(), const_cast<Header*>(&answer), sizeof answer, true, until, late);
    if (!fits)
      throw Error(DSK_STATUS_INVALID_ARGUMENT,
                  "a process came as rank " + std::to_string(hello.rank) + " of " +
                      std::to_string(hello.world) + "; this is rank 0 of " +
                      std::to_string(world_) +
                      (hello.world == world_ ? " and that rank is taken or out of range" : ""));
    sockets_[hello.rank] = peer.release();
    ++present;
  }
}

void Rendezvous::connect_to(const std::string& address, std::uint16_t port) {
  const auto until = deadline();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  std::string reason = "no answer";
  for (;;) {
    addrinfo* found = nullptr;
    const int failed = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (failed) reason = gai_strerror(failed);
    for (const addrinfo* it = found; it; it = it->ai_next) {
      Socket peer(socket(it->ai_family, it->ai_socktype | SOCK_CLOEXEC, it->ai_protocol));
      if (peer.get() < 0) continue;
      if (connect(peer.get(), it->ai_addr, it->ai_addrlen) != 0) {
        reason = std::strerror(errno);
        continue;
      }
      // Where nobody listens yet, a port of the range that connections are given from can be met by
      // this very connection's own end; it is then connected to itself.
      if (same_ends(peer.get())) {
        reason = "no answer";
        continue;
      }
      prepare(peer.get());
      Hello hello{};
      std::memcpy(hello.magic, magic, sizeof magic);
      hello.rank = rank_;
      hello.world = world_;
      Header answer{};
      bool late = false;
      if (move(peer.get(), &hello, sizeof hello, true, until, late) != sizeof hello ||
          move(peer.get(), &answer, sizeof answer, false, until, late) != sizeof answer) {
        reason = late ? "rank 0 does not answer" : "rank 0 closed the connection";
        continue;
      }
      freeaddrinfo(found);
      if (answer.kind != Frame::data)
        throw Error(DSK_STATUS_INVALID_ARGUMENT,
                    "rank 0, of a world of " + std::to_string(answer.value) + ", refused rank " +
                        std::to_string(rank_) + " of " + std::to_string(world_));
      sockets_[0] = peer.release();
      return;
    }
    if (found) freeaddrinfo(found);
    if (Clock::now() >= until)
      throw Error(DSK_STATUS_DEADLINE, "rank 0 at " + preview_text(address, 80) + ":" +
                                           std::to_string(port) + " cannot be reached within " +
                                           std::to_string(timeout_ms_) + " ms: " + reason);
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // rank 0 may not listen yet
  }
}

// What waits to be read from a peer, without waiting and without taking it; false: no whole header.
bool Rendezvous::peek(std::uint32_t peer, Header& header, bool& closed) const {
  const ssize_t count = ::recv(socket_of(peer), &header, sizeof header, MSG_PEEK | MSG_DONTWAIT);
  closed = count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
  return count == static_cast<ssize_t>(sizeof header);
}

void Rendezvous::told(std::uint32_t lost) {
  lost_ = static_cast<std::int32_t>(lost);
  throw Error(DSK_STATUS_BACKEND, "rank " + std::to_string(lost) + " is lost: rank 0 says so");
}

void Rendezvous::lose(std::uint32_t peer, const std::string& how) {
  if (lost_ >= 0) throw Error(DSK_STATUS_BACKEND, "rank " + std::to_string(lost_) + " is lost");
  // Rank 0 ends its own connections after it has said whom it lost; a rank that comes late to its
  // next call cannot send any more, and the news is there to be read.
  Header news{};
  bool closed = false;
  if (rank_ != 0 && peek(0, news, closed) && news.kind == Frame::lost) told(news.value);
  lost_ = static_cast<std::int32_t>(peer);
  if (rank_ == 0) {
    news = {Frame::lost, peer, 0};
    for (std::uint32_t r = 1; r < world_; ++r)
      if (r != peer) (void)!::send(sockets_[r], &news, sizeof news, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  throw Error(DSK_STATUS_BACKEND, "rank " + std::to_string(peer) + " is lost: " + how);
}

void Rendezvous::write_all(std::uint32_t peer, const void* bytes, std::size_t size,
                           Clock::time_point until) {
  bool late = false;
  if (move(socket_of(peer), const_cast<void*>(bytes), size, true, until, late) != size)
    lose(peer, late ? "it does not take data for " + std::to_string(timeout_ms_) + " ms"
                    : "its connection is closed");
}

void Rendezvous::read_all(std::uint32_t peer, void* bytes, std::size_t size,
                          Clock::time_point until) {
  bool late = false;
  if (move(socket_of(peer), bytes, size, false, until, late) != size)
    lose(peer, late ? "it has been silent for " + std::to_string(timeout_ms_) + " ms"
                    : "its connection is closed");
}

void Rendezvous::send(std::uint32_t peer, std::uint32_t tag, const void* bytes, std::size_t size) {
  const Header header{Frame::data, tag, size};
  const auto until = deadline();
  write_all(peer, &header, sizeof header, until);
  write_all(peer, bytes, size, until);
}

void Rendezvous::receive(std::uint32_t peer, std::uint32_t tag, void* bytes, std::size_t size) {
  const auto until = deadline();
  Header header{};
  read_all(peer, &header, sizeof header, until);
  if (header.kind == Frame::lost) told(header.value);
  if (header.kind == Frame::leaving) lose(peer, "it has left the communicator");
  if (header.kind != Frame::data || header.value != tag || header.length != size) {
    lost_ = static_cast<std::int32_t>(peer);
    throw Error(DSK_STATUS_INVALID_ARGUMENT,
                "the ranks' calls do not match: rank " + std::to_string(rank_) + " is at call " +
                    std::to_string(tag) + " with " + std::to_string(size) + " bytes, rank " +
                    std::to_string(peer) + " at call " + std::to_string(header.value) + " with " +
                    std::to_string(header.length));
  }
  read_all(peer, bytes, size, until);
}

void Rendezvous::broadcast(void* bytes, std::size_t size) {
  constexpr std::uint32_t tag = 0xb0adca57u;
  if (rank_ != 0) return receive(0, tag, bytes, size);
  for (std::uint32_t r = 1; r < world_; ++r)
    send(r, tag, bytes, size);
}

void Rendezvous::poll() {
  if (lost_ >= 0) throw Error(DSK_STATUS_BACKEND, "rank " + std::to_string(lost_) + " is lost");
  for (std::uint32_t peer = 0; peer < world_; ++peer) {
    if (peer == rank_ || (rank_ != 0 && peer != 0) || left_[peer]) continue;
    Header header{};
    bool closed = false;
    const bool whole = peek(peer, header, closed);
    if (closed) lose(peer, "its connection is closed");
    if (!whole) continue;
    if (header.kind == Frame::leaving) left_[peer] = true;
    if (header.kind == Frame::lost) told(header.value);
  }
}

void Rendezvous::abort() noexcept {
  for (const int fd : sockets_)
    if (fd >= 0) (void)shutdown(fd, SHUT_RDWR);
}

} // namespace dsk::tp
