// usage: open_device BACKEND STATUS TEXT... : opens device 0 and expects a refusal with that status
// name whose sentence holds every TEXT. A process each, because what a plugin learns of its driver
// is learnt once.
#include <cstdio>
#include <cstring>
#include <string>

#include "backend/loader.hpp"
#include "base/error.hpp"

extern "C" const char* dsk_status_name(dsk_status status);

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  std::string sentence;
  dsk_status status = DSK_STATUS_OK;
  try {
    const dsk_backend_api& api = dsk::backend::load(argv[1]);
    dsk_backend_error error{};
    dsk_backend_probe probe{};
    probe.struct_size = sizeof probe;
    dsk::backend::check(api.probe(&probe, &error), error, "probe");
    dsk_backend_device* device = nullptr;
    dsk::backend::check(api.device_open(0, &device, &error), error, "");
    api.device_close(device);
  } catch (const dsk::Error& e) {
    status = e.status();
    sentence = e.what();
  }
  std::printf("%s: %s\n", dsk_status_name(status), sentence.c_str());
  if (std::strcmp(dsk_status_name(status), argv[2]) != 0) return 1;
  for (int i = 3; i < argc; ++i)
    if (sentence.find(argv[i]) == std::string::npos) {
      std::printf("the sentence does not say \"%s\"\n", argv[i]);
      return 1;
    }
  return 0;
}
