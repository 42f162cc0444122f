/* A libcuda.so.1 new enough for the plugin, on a machine whose devices are all taken: cuInit says
 * "no device". */
#include <stddef.h>
#define EXPORT __attribute__((visibility("default")))
EXPORT int cuInit(unsigned int flags) {
  return flags == 0 ? 100 : 1;
}
EXPORT int cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}
EXPORT int cuDeviceGetCount(int* count) {
  return count ? 100 : 1;
}
EXPORT int cuDeviceGet(int* device, int ordinal) {
  return device && ordinal >= 0 ? 101 : 1;
}
EXPORT int cuDeviceGetName(char* name, int length, int device) {
  return name && length && !device ? 101 : 1;
}
EXPORT int cuDeviceGetAttribute(int* value, int which, int device) {
  return value && which && !device ? 101 : 1;
}
EXPORT int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  return bytes && !device ? 101 : 1;
}
EXPORT int cuDeviceGetUuid_v2(void* uuid, int device) {
  return uuid && !device ? 101 : 1;
}
EXPORT int cuDeviceGetPCIBusId(char* text, int length, int device) {
  return text && length && !device ? 101 : 1;
}
EXPORT int cuCtxGetCurrent(void** context) {
  *context = NULL;
  return 0;
}
EXPORT int cuCtxSetCurrent(void* context) {
  return context ? 201 : 0;
}
EXPORT int cuGetErrorName(int status, const char** name) {
  *name = status == 100 ? "CUDA_ERROR_NO_DEVICE" : "CUDA_ERROR_UNKNOWN";
  return 0;
}
