// clang-format off
//go:build dsk_static

// clang-format on

// The library is in the program itself.
#include "library.h"

#include <stddef.h>

const char* dsk_go_library_file(void) {
  return NULL;
}
const char* dsk_go_library_tried(void) {
  return NULL;
}
