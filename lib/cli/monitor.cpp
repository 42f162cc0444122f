#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "dsk/bench.hpp"

namespace dsk::cli {
namespace {

struct MonitorFlags {
  std::string engine;
  std::vector<std::string> hosts;
  double interval = 1;
  std::int64_t samples = 0;
  bool json = false;
  std::string listen;
};

Monitor monitor_of(const MonitorFlags& f) {
  JsonValue request = JsonValue::object();
  if (!f.engine.empty()) request.set("engine_metrics_url", f.engine);
  if (!f.hosts.empty()) detail::put(request, "hosts", f.hosts);
  return Monitor(request.dump());
}

void pause(double seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!interrupt().is_set() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

int watch(const MonitorFlags& f) {
  Monitor monitor = monitor_of(f);
  const bool screen = !f.json && isatty(STDOUT_FILENO);
  if (!f.json) { // a first sample, so that what is shown first has rates
    monitor.sample(DSK_BENCH_MONITOR_TABLE);
    pause(std::min(f.interval, 1.0));
  }
  for (std::int64_t i = 0; !interrupt().is_set() && (f.samples == 0 || i < f.samples); ++i) {
    if (i > 0) pause(f.interval);
    const std::string text =
        monitor.sample(f.json ? DSK_BENCH_MONITOR_JSON : DSK_BENCH_MONITOR_TABLE);
    print((screen ? "\033[H\033[2J" : "") + text);
  }
  return exit_answered;
}

/// The address to listen on, "HOST:PORT" or "PORT" (of the loopback).
sockaddr_in address_of(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const std::string host = colon == std::string::npos ? "127.0.0.1" : text.substr(0, colon);
  const int port = std::atoi(text.c_str() + (colon == std::string::npos ? 0 : colon + 1));
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(port));
  if (port < 0 || port > 65535 || inet_pton(AF_INET, host.c_str(), &out.sin_addr) != 1)
    throw UsageError("--listen is " + text + ", must be PORT or ADDRESS:PORT");
  return out;
}

// The head of a request, whole: closing while the client still writes would reset the connection.
std::string request_head(int client) {
  std::string head;
  char part[4096];
  pollfd one{client, POLLIN, 0};
  while (head.find("\r\n\r\n") == std::string::npos && head.size() < 65536) {
    if (::poll(&one, 1, 1000) <= 0) return {};
    const ssize_t got = ::recv(client, part, sizeof part, 0);
    if (got <= 0) return {};
    head.append(part, static_cast<std::size_t>(got));
  }
  return head;
}

void answer(int client, Monitor& monitor) {
  const std::string head = request_head(client);
  if (head.empty()) return;
  const bool wanted = head.rfind("GET /metrics", 0) == 0 || head.rfind("GET / ", 0) == 0;
  const std::string body =
      wanted ? monitor.sample(DSK_BENCH_MONITOR_PROMETHEUS) : std::string("see /metrics\n");
  const std::string text = std::string("HTTP/1.1 ") + (wanted ? "200 OK" : "404 Not Found") +
                           "\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: " +
                           std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t put = ::send(client, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (put <= 0) return;
    done += static_cast<std::size_t>(put);
  }
}

int serve(const MonitorFlags& f) {
  Monitor monitor = monitor_of(f);
  sockaddr_in address = address_of(f.listen);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 16) != 0)
    throw FileError("cannot listen on " + f.listen + ": " + std::strerror(errno));
  socklen_t size = sizeof address;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  print("metrics on port " + std::to_string(ntohs(address.sin_port)) + "\n");
  std::int64_t served = 0;
  while (!interrupt().is_set() && (f.samples == 0 || served < f.samples)) {
    pollfd one{listener, POLLIN, 0};
    if (::poll(&one, 1, 200) <= 0) continue;
    const int client = ::accept(listener, nullptr, nullptr);
    if (client < 0) continue;
    answer(client, monitor);
    ::close(client);
    ++served;
  }
  ::close(listener);
  return exit_answered;
}

} // namespace

void add_monitor(CLI::App& app, int& code) {
  auto f = std::make_shared<MonitorFlags>();
  CLI::App* sub = app.add_subcommand("monitor", "Watch GPUs, host, network and an engine");
  sub->add_option("--engine", f->engine,
                  "The engine's metrics, e.g. http://127.0.0.1:8000/metrics");
  sub->add_option("--host", f->hosts, "Measure the round trip to HOST:PORT; repeat for more")
      ->allow_extra_args(false);
  sub->add_option("--interval", f->interval, "Seconds between samples")
      ->check(CLI::Range(0.01, 3600.0));
  sub->add_option("--samples", f->samples, "Stop after so many");
  sub->add_flag("--json", f->json, "Print JSON lines");
  sub->add_option("--listen", f->listen, "Serve /metrics for Prometheus on PORT or ADDRESS:PORT");
  sub->callback([f, &code] { code = f->listen.empty() ? watch(*f) : serve(*f); });
}

} // namespace dsk::cli
