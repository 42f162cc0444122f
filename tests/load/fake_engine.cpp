// An OpenAI-compatible server that answers by rote, for tests and measurements of the load
// generator. One thread, epoll, loopback only; it ends with its parent. Prints its port.
//
// The model's name says what it does: "instant" gives one token at once; "stream:RATE" gives the
// tokens that are asked for at RATE a second; "http:CODE", "cut", "malformed", "long_line",
// "error", "endless", "silent", "document", "empty" and "reset" misbehave.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <queue>
#include <string>
#include <vector>

namespace {

double now_s() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Connection {
  int socket = -1;
  std::uint64_t serial = 0;
  std::string in;
  std::string out;
  double token_s = 0; // between tokens
  long left = 0;      // tokens still to come
  long total = 0;
  bool streaming = false;
  bool writable = true;
};

struct Due {
  double at;
  int socket;
  std::uint64_t serial;
  bool operator>(const Due& other) const { return at > other.at; }
};

std::string chunked(const std::string& body) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", body.size());
  return size + body + "\r\n";
}

const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n";
const std::string token =
    chunked("data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":1,\"model\":\"m\","
            "\"choices\":[{\"index\":0,\"text\":\" word\",\"logprobs\":null,"
            "\"finish_reason\":null}]}\n\n");

std::string ending(long tokens) {
  return chunked("data: {\"id\":\"cmpl-1\",\"choices\":[{\"index\":0,\"text\":\"\","
                 "\"finish_reason\":\"length\"}]}\n\ndata: {\"id\":\"cmpl-1\",\"choices\":[],"
                 "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":" +
                 std::to_string(tokens) + ",\"total_tokens\":" + std::to_string(tokens + 7) +
                 "}}\n\ndata: [DONE]\n\n") +
         "0\r\n\r\n";
}

std::string member(const std::string& body, const std::string& name) {
  const std::size_t at = body.find("\"" + name + "\":");
  if (at == std::string::npos) return {};
  std::size_t from = at + name.size() + 3;
  if (from < body.size() && body[from] == '"') {
    ++from;
    return body.substr(from, body.find('"', from) - from);
  }
  return body.substr(from, body.find_first_of(",}", from) - from);
}

class Server {
public:
  explicit Server(int port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int one = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_, 4096) != 0)
      std::exit(1);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    epoll_ = epoll_create1(0);
    watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    for (;;) {
      dropped_.clear();
      const double wait = due_.empty() ? 1.0 : std::max(0.0, due_.top().at - now_s());
      epoll_event ready[512];
      const int count =
          epoll_wait(epoll_, ready, 512, static_cast<int>(std::ceil(1e3 * std::min(wait, 1.0))));
      for (int i = 0; i < count; ++i) {
        if (ready[i].data.fd == listener_)
          accept_all();
        else if (Connection* c = find(ready[i].data.fd))
          serve(*c, ready[i].events);
      }
      for (const double now = now_s(); !due_.empty() && due_.top().at <= now;) {
        const Due due = due_.top();
        due_.pop();
        Connection* c = find(due.socket);
        if (c && c->serial == due.serial) next_token(*c, due.at);
      }
    }
  }

private:
  void watch(int socket, unsigned events, int how) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = socket;
    epoll_ctl(epoll_, how, socket, &event);
  }

  Connection* find(int socket) {
    const auto index = static_cast<std::size_t>(socket);
    return index < connections_.size() ? connections_[index].get() : nullptr;
  }

  void accept_all() {
    for (;;) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
      if (socket < 0) return;
      const int one = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      const auto index = static_cast<std::size_t>(socket);
      if (index >= connections_.size()) connections_.resize(index + 1);
      connections_[index] = std::make_unique<Connection>();
      connections_[index]->socket = socket;
      connections_[index]->serial = ++serial_;
      watch(socket, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  void drop(const Connection& c) {
    auto& slot = connections_[static_cast<std::size_t>(c.socket)];
    if (slot.get() != &c) return; // dropped already
    close(c.socket);
    dropped_.push_back(std::move(slot)); // its callers may still look at it
  }

  void serve(Connection& c, unsigned events) {
    if (events & EPOLLOUT) {
      flush(c);
      if (!find(c.socket)) return;
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    char buffer[65536];
    for (;;) {
      const ssize_t got = recv(c.socket, buffer, sizeof buffer, 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) return drop(c);
      if (got < 0) break;
      c.in.append(buffer, static_cast<std::size_t>(got));
    }
    const std::size_t end = c.in.find("\r\n\r\n");
    if (end == std::string::npos) return;
    const std::size_t length_at = c.in.find("Content-Length: ");
    const std::size_t length =
        length_at < end ? std::strtoul(c.in.c_str() + length_at + 16, nullptr, 10) : 0;
    if (c.in.size() < end + 4 + length) return;
    const std::string body = c.in.substr(end + 4, length);
    c.in.erase(0, end + 4 + length);
    answer(c, member(body, "model"), body);
  }

  void answer(Connection& c, const std::string& model, const std::string& body) {
    if (model == "instant") return send(c, head + token + ending(1));
    if (model == "document")
      return plain(c, "200 OK",
                   "{\"choices\":[{\"text\":\"a b c\",\"finish_reason\":\"length\"}],"
                   "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}");
    if (model.rfind("http:", 0) == 0)
      return plain(c, model.substr(5) + " Refused", "{\"error\":1}");
    if (model == "empty") return send(c, head + ending(0));
    if (model == "malformed") return send(c, head + chunked("data: {\"choices\":[}\n\n"));
    if (model == "error")
      return send(c, head + chunked("data: {\"error\":{\"message\":\"out of memory\"}}\n\n"));
    if (model == "silent") return;
    if (model == "reset") {
      const linger hard{1, 0};
      setsockopt(c.socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
      return drop(c);
    }
    if (model == "cut") {
      send(c, head + token + token + "0\r\n\r\n");
      return;
    }
    if (model == "long_line") return send(c, head + chunked("data: " + std::string(4 << 20, 'x')));
    const double rate = model.rfind("stream:", 0) == 0 ? std::atof(model.c_str() + 7) : 1000;
    const std::string wanted = member(body, "max_tokens");
    c.token_s = 1 / rate;
    c.total = c.left = model == "endless" ? 1L << 60 : std::max(1L, std::atol(wanted.c_str()));
    c.streaming = true;
    send(c, head);
    if (find(c.socket)) due_.push({now_s() + c.token_s, c.socket, c.serial});
  }

  void plain(Connection& c, const std::string& status, const std::string& body) {
    send(c, "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
  }

  void next_token(Connection& c, double at) {
    if (!c.streaming) return;
    --c.left;
    if (c.left == 0) {
      c.streaming = false;
      return send(c, token + ending(c.total));
    }
    due_.push({at + c.token_s, c.socket, c.serial});
    send(c, token);
  }

  void send(Connection& c, const std::string& bytes) {
    c.out += bytes;
    if (c.writable) flush(c);
  }

  void flush(Connection& c) {
    while (!c.out.empty()) {
      const ssize_t put = ::send(c.socket, c.out.data(), c.out.size(), MSG_NOSIGNAL);
      if (put < 0 && errno == EAGAIN) {
        c.writable = false;
        watch(c.socket, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        return;
      }
      if (put < 0) return drop(c);
      c.out.erase(0, static_cast<std::size_t>(put));
    }
    if (!c.writable) watch(c.socket, EPOLLIN, EPOLL_CTL_MOD);
    c.writable = true;
  }

  int listener_ = -1;
  int epoll_ = -1;
  std::uint64_t serial_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> dropped_; // in this round of the loop
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

} // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  Server(argc > 1 ? std::atoi(argv[1]) : 0).run();
}
