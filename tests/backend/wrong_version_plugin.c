/* A plugin that serves no version of the table. */
#include "dsk/backend.h"
DSK_API const dsk_backend_api* dsk_backend_entry(uint32_t api_version);
const dsk_backend_api* dsk_backend_entry(uint32_t api_version) {
  (void)api_version;
  return NULL;
}
