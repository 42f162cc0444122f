// A program of somebody else, in C++17.
#if __has_include(<dsk/dsk.hpp>)
#include <dsk/dsk.hpp>
#endif
#include <dsk/dsk.h>

#include <cstdio>
#include <string_view>

int main() {
  dsk_error* error = nullptr;
  if (DSK_ABI_CHECK(&error) != DSK_STATUS_OK) return 1;
  dsk_cancel* cancel = nullptr;
  if (dsk_cancel_create(&cancel, &error) != DSK_STATUS_OK) return 2;
  dsk_cancel_set(cancel);
  const bool set = dsk_cancel_is_set(cancel);
  dsk_cancel_destroy(cancel);
  if (!set || dsk_live_objects() != 0) return 3;
  std::printf("libdsk %s from C++\n", dsk_version_string());
  return std::string_view(dsk_version_string()).empty() ? 4 : 0;
}
