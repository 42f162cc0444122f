#include "backend/loader.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <vector>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace dsk::backend {
namespace {

std::string own_folder() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<const void*>(&load), &info) || !info.dli_fname) return {};
  const std::string file = info.dli_fname;
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? std::string{} : file.substr(0, slash);
}

std::vector<std::string> search_folders() {
  std::vector<std::string> folders;
  const std::string path = environment("DSK_BACKEND_PATH");
  for (std::size_t from = 0; from <= path.size() && !path.empty();) {
    const std::size_t colon = std::min(path.find(':', from), path.size());
    if (colon > from) folders.push_back(path.substr(from, colon - from));
    from = colon + 1;
  }
  if (std::string own = own_folder(); !own.empty()) {
    folders.push_back(own + "/dsk");
    folders.push_back(std::move(own));
  }
  return folders;
}

const dsk_backend_api& open_file(const std::string& name, const std::string& file) {
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* reason = dlerror();
    throw Error(DSK_STATUS_UNAVAILABLE, "the backend plugin " + file + " cannot be opened: " +
                                            (reason ? reason : "no reason given"));
  }
  // A plugin that is refused stays open: unloading code that may have registered handlers is not
  // safe.
  void* symbol = dlsym(library, DSK_BACKEND_ENTRY);
  if (!symbol)
    throw Error(DSK_STATUS_UNAVAILABLE,
                file + " is no dsk backend: it does not export " DSK_BACKEND_ENTRY);
  const auto entry = reinterpret_cast<dsk_backend_entry_fn>(symbol);
  const dsk_backend_api* api = entry(DSK_BACKEND_API_VERSION);
  if (!api)
    throw Error(DSK_STATUS_UNAVAILABLE, "the backend plugin " + file + " cannot serve version " +
                                            std::to_string(DSK_BACKEND_API_VERSION) +
                                            " of the backend table");
  if (api->api_version != DSK_BACKEND_API_VERSION || api->struct_size < sizeof(dsk_backend_api))
    throw Error(DSK_STATUS_UNAVAILABLE, "the backend plugin " + file + " has version " +
                                            std::to_string(api->api_version) +
                                            " of the backend table, this library needs " +
                                            std::to_string(DSK_BACKEND_API_VERSION));
  if (name != api->name)
    throw Error(DSK_STATUS_UNAVAILABLE,
                file + " calls itself \"" + api->name + "\", not \"" + name + "\"");
  return *api;
}

} // namespace

const dsk_backend_api& load(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, const dsk_backend_api*, std::less<>> opened;
  if (name.empty() || name.size() > 32 ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string_view::npos)
    throw Error(DSK_STATUS_NOT_FOUND,
                "no backend is called \"" + preview_text(name) + "\"; known are cpu and cuda");
  const std::lock_guard lock(mutex);
  if (const auto it = opened.find(name); it != opened.end()) return *it->second;
  const std::string file = "libdsk_backend_" + std::string(name) + ".so";
  const std::vector<std::string> folders = search_folders();
  for (const std::string& folder : folders) {
    const std::string path = folder + "/" + file;
    if (access(path.c_str(), R_OK) != 0) continue;
    const dsk_backend_api& api = open_file(std::string(name), path);
    opened.emplace(std::string(name), &api);
    return api;
  }
  throw Error(DSK_STATUS_UNAVAILABLE, "there is no backend plugin " + file + " in " +
                                          list_text(folders) +
                                          "; set DSK_BACKEND_PATH to the folder that holds it");
}

void check(dsk_status status, const dsk_backend_error& error, std::string_view what) {
  if (status == DSK_STATUS_OK) return;
  std::string sentence(what);
  if (error.text[0]) sentence += (sentence.empty() ? "" : ": ") + std::string(error.text);
  throw Error(status, sentence);
}

} // namespace dsk::backend
