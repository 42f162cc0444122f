#include <dlfcn.h>

#include <ctime>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "load/transport.hpp"

namespace dsk::load {
namespace {

std::string own_folder() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<const void*>(&open_http), &info) || !info.dli_fname) return {};
  const std::string file = info.dli_fname;
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? std::string() : file.substr(0, slash + 1);
}

// Opened once and kept: libcurl and its TLS library do not survive being unloaded.
const TransportApi& module_api() {
  static const TransportApi* const api = [] {
    std::string why;
    for (const std::string& folder : {own_folder() + "dsk/", own_folder(), std::string()}) {
      void* library = dlopen((folder + "libdsk_load.so").c_str(), RTLD_NOW | RTLD_LOCAL);
      if (!library) {
        const char* reason = dlerror();
        // The first place where the file exists has the reason that matters.
        if (reason && (why.empty() || !std::string(reason).ends_with("No such file or directory")))
          why = reason;
        continue;
      }
      const auto entry = reinterpret_cast<TransportEntry>(dlsym(library, transport_entry));
      const TransportApi* found = entry ? entry() : nullptr;
      if (found && found->version == transport_version &&
          found->struct_size >= sizeof(TransportApi))
        return found;
      why = folder + "libdsk_load.so is of another version";
    }
    throw Error(DSK_STATUS_UNAVAILABLE,
                "the load generator's module cannot be opened (it needs libcurl): " + why);
  }();
  return *api;
}

class Http : public Transport {
public:
  Http(const Endpoint& endpoint, Receiver& receiver) : api_(module_api()), receiver_(receiver) {
    std::vector<const char*> headers;
    for (const std::string& header : endpoint.headers)
      headers.push_back(header.c_str());
    TransportEndpoint plain{};
    plain.url = endpoint.url.c_str();
    plain.headers = headers.data();
    plain.header_count = headers.size();
    plain.ca_file = endpoint.ca_file.empty() ? nullptr : endpoint.ca_file.c_str();
    plain.verify = endpoint.verify;
    plain.max_connections = static_cast<std::uint32_t>(endpoint.max_connections);
    plain.connect_timeout_ms = static_cast<std::int64_t>(1e3 * endpoint.connect_timeout_s);
    plain.timeout_ms = static_cast<std::int64_t>(1e3 * endpoint.timeout_s);
    TransportEvents events{};
    events.user = &receiver_;
    events.data = [](void* user, std::uint64_t id, int status, const char* bytes,
                     std::size_t size) -> std::uint32_t {
      return static_cast<Receiver*>(user)->data(id, status, bytes, size) ? 1 : 0;
    };
    events.done = [](void* user, std::uint64_t id, int status, Outcome how) {
      static_cast<Receiver*>(user)->done(id, status, how);
    };
    char why[512] = "";
    handle_ = api_.open(&plain, &events, why, sizeof why);
    if (!handle_) throw Error(DSK_STATUS_UNAVAILABLE, why);
  }
  ~Http() override { api_.close(handle_); }
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  double now_s() override {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  }
  bool start(std::uint64_t id, const std::string& body) override {
    return api_.start(handle_, id, body.data(), body.size()) != 0;
  }
  void poll(double until_s) override { api_.poll(handle_, until_s); }
  std::string library() const override { return api_.library; }

private:
  const TransportApi& api_;
  Receiver& receiver_;
  void* handle_ = nullptr;
};

} // namespace

std::unique_ptr<Transport> open_http(const Endpoint& endpoint, Receiver& receiver) {
  return std::make_unique<Http>(endpoint, receiver);
}

} // namespace dsk::load
