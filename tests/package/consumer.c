/* A program of somebody else, in C11: links the library, makes an error on purpose, cleans up. */
#include <dsk/dsk.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  dsk_error* error = NULL;
  if (DSK_ABI_CHECK(&error) != DSK_STATUS_OK) return 1;
  if (dsk_abi_check(DSK_ABI_VERSION + 1, &error) != DSK_STATUS_UNSUPPORTED) return 2;
  if (strstr(dsk_error_message(error), "ABI") == NULL) return 3;
  dsk_error_destroy(error);
  if (dsk_live_objects() != 0) return 4;
  printf("libdsk %s from C\n", dsk_version_string());
  return 0;
}
