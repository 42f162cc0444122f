// The module libdsk_load.so: many HTTP requests at once over libcurl's multi interface and epoll.
// It speaks to the one URL that it was opened with: no redirects, no proxies, no other protocol.
#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "load/transport.hpp"

namespace {

using dsk::load::Outcome;
using dsk::load::TransportApi;
using dsk::load::TransportEndpoint;
using dsk::load::TransportEvents;

double now_s() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Transport;

// One request under way; the easy handle is kept for the next request.
struct Slot {
  Transport* owner = nullptr;
  CURL* easy = nullptr;
  std::uint64_t id = 0;
  std::string body;
  bool stopped = false;
};

Outcome outcome_of(CURLcode code, CURL* easy, bool stopped) {
  if (stopped) return Outcome::stopped;
  switch (code) {
  case CURLE_OK:
    return Outcome::completed;
  case CURLE_COULDNT_CONNECT:
    return Outcome::refused;
  case CURLE_COULDNT_RESOLVE_HOST:
    return Outcome::resolve;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
    return Outcome::certificate;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
    return Outcome::tls;
  case CURLE_OPERATION_TIMEDOUT: {
    curl_off_t connected_us = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
    return connected_us > 0 ? Outcome::timeout : Outcome::connect_timeout;
  }
  default:
    return Outcome::network;
  }
}

struct Transport {
  TransportEvents events{};
  CURLM* multi = nullptr;
  curl_slist* headers = nullptr;
  int epoll = -1;
  int timer = -1;
  double wake_s = -1; // when libcurl wants to be called; negative: never
  std::string url;
  std::string ca_file;
  bool verify = true;
  long connect_timeout_ms = 0;
  long timeout_ms = 0;
  std::vector<std::unique_ptr<Slot>> slots;
  std::vector<Slot*> idle;

  ~Transport() {
    for (const auto& slot : slots) {
      if (!slot->easy) continue;
      curl_multi_remove_handle(multi, slot->easy);
      curl_easy_cleanup(slot->easy);
    }
    if (multi) curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    if (timer >= 0) ::close(timer);
    if (epoll >= 0) ::close(epoll);
  }

  static int on_socket(CURL*, curl_socket_t socket, int what, void* user, void* known) {
    auto* self = static_cast<Transport*>(user);
    if (what == CURL_POLL_REMOVE) {
      epoll_ctl(self->epoll, EPOLL_CTL_DEL, socket, nullptr);
      return 0;
    }
    epoll_event event{};
    event.events = (what & CURL_POLL_IN ? static_cast<std::uint32_t>(EPOLLIN) : 0u) |
                   (what & CURL_POLL_OUT ? static_cast<std::uint32_t>(EPOLLOUT) : 0u);
    event.data.fd = socket;
    if (known) {
      epoll_ctl(self->epoll, EPOLL_CTL_MOD, socket, &event);
    } else {
      epoll_ctl(self->epoll, EPOLL_CTL_ADD, socket, &event);
      curl_multi_assign(self->multi, socket, self);
    }
    return 0;
  }

  static int on_timer(CURLM*, long timeout_ms, void* user) {
    auto* self = static_cast<Transport*>(user);
    self->wake_s = timeout_ms < 0 ? -1 : now_s() + 1e-3 * static_cast<double>(timeout_ms);
    return 0;
  }

  static std::size_t on_data(char* bytes, std::size_t one, std::size_t size, void* user) {
    auto* slot = static_cast<Slot*>(user);
    long status = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    const TransportEvents& events = slot->owner->events;
    if (events.data(events.user, slot->id, static_cast<int>(status), bytes, one * size))
      return one * size;
    slot->stopped = true;
    return 0;
  }

  Slot* free_slot() {
    if (!idle.empty()) {
      Slot* slot = idle.back();
      idle.pop_back();
      return slot;
    }
    auto slot = std::make_unique<Slot>();
    slot->owner = this;
    slot->easy = curl_easy_init();
    if (!slot->easy) return nullptr;
    CURL* e = slot->easy;
    curl_easy_setopt(e, CURLOPT_URL, url.c_str());
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    if (!ca_file.empty()) curl_easy_setopt(e, CURLOPT_CAINFO, ca_file.c_str());
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, &Transport::on_data);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, slot.get());
    curl_easy_setopt(e, CURLOPT_PRIVATE, slot.get());
    slots.push_back(std::move(slot));
    return slots.back().get();
  }

  void collect() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      const CURLcode code = message->data.result;
      Slot* slot = nullptr;
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &slot);
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      const Outcome how = outcome_of(code, easy, slot->stopped);
      curl_multi_remove_handle(multi, easy);
      idle.push_back(slot);
      events.done(events.user, slot->id, static_cast<int>(status), how);
    }
  }

  void arm(double until_s) const {
    const double at = std::max(until_s, 1e-9); // 0 would disarm it
    itimerspec spec{};
    spec.it_value.tv_sec = static_cast<time_t>(at);
    spec.it_value.tv_nsec = static_cast<long>(1e9 * (at - std::floor(at)));
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, nullptr);
  }

  void poll(double until_s) {
    int running = 0;
    const double wake = wake_s >= 0 ? std::min(wake_s, until_s) : until_s;
    const bool at_once = wake <= now_s();
    if (!at_once) arm(wake);
    // Few at a time: a request that ends costs tens of microseconds, and meanwhile nothing is sent.
    // What is ready and was not returned comes first the next time.
    constexpr int most_at_once = 32;
    epoll_event ready[most_at_once];
    const int count = epoll_wait(epoll, ready, most_at_once, at_once ? 0 : -1);
    for (int i = 0; i < count; ++i) {
      if (ready[i].data.fd == timer) {
        std::uint64_t ticks = 0;
        [[maybe_unused]] const ssize_t got = ::read(timer, &ticks, sizeof ticks);
        continue;
      }
      const int flags = (ready[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                        (ready[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                        (ready[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
      curl_multi_socket_action(multi, ready[i].data.fd, flags, &running);
    }
    if (wake_s >= 0 && wake_s <= now_s()) {
      wake_s = -1;
      curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    collect();
  }
};

void* open_transport(const TransportEndpoint* endpoint, const TransportEvents* events, char* why,
                     std::size_t why_size) {
  try {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
      std::snprintf(why, why_size, "libcurl cannot be initialised");
      return nullptr;
    }
    auto t = std::make_unique<Transport>();
    t->events = *events;
    t->url = endpoint->url;
    t->ca_file = endpoint->ca_file ? endpoint->ca_file : "";
    t->verify = endpoint->verify != 0;
    t->connect_timeout_ms = static_cast<long>(endpoint->connect_timeout_ms);
    t->timeout_ms = static_cast<long>(endpoint->timeout_ms);
    for (std::size_t i = 0; i < endpoint->header_count; ++i)
      t->headers = curl_slist_append(t->headers, endpoint->headers[i]);
    // An answer of "100 Continue" before each long prompt would be a round trip more.
    t->headers = curl_slist_append(t->headers, "Expect:");
    t->multi = curl_multi_init();
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = t->timer;
    if (!t->multi || t->epoll < 0 || t->timer < 0 ||
        epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->timer, &event) != 0) {
      std::snprintf(why, why_size, "no further file descriptor is free in this process");
      return nullptr;
    }
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, &Transport::on_socket);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t.get());
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, &Transport::on_timer);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t.get());
    curl_multi_setopt(t->multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
    curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, static_cast<long>(endpoint->max_connections));
    return t.release();
  } catch (const std::bad_alloc&) {
    std::snprintf(why, why_size, "out of memory");
    return nullptr;
  }
}

std::uint32_t start_request(void* transport, std::uint64_t id, const char* body, std::size_t size) {
  auto* t = static_cast<Transport*>(transport);
  try {
    Slot* slot = t->free_slot();
    if (!slot) return 0;
    slot->id = id;
    slot->stopped = false;
    slot->body.assign(body, size);
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, slot->body.data());
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
    if (curl_multi_add_handle(t->multi, slot->easy) == CURLM_OK) return 1;
    t->idle.push_back(slot);
  } catch (const std::bad_alloc&) {
  }
  return 0;
}

} // namespace

extern "C" __attribute__((visibility("default"))) const TransportApi* dsk_load_entry() {
  static const TransportApi table = [] {
    TransportApi api{};
    api.version = dsk::load::transport_version;
    api.struct_size = sizeof api;
    api.library = curl_version();
    api.open = open_transport;
    api.start = start_request;
    api.poll = [](void* transport, double until_s) {
      static_cast<Transport*>(transport)->poll(until_s);
    };
    api.close = [](void* transport) { delete static_cast<Transport*>(transport); };
    return api;
  }();
  return &table;
}
