/* A management library with one GPU, for machines without any: the figures are made up, the
 * interface is NVML's. */
#include <stdio.h>
#include <string.h>

typedef void* handle;
struct memory {
  unsigned long long total, free, used;
};
struct utilisation {
  unsigned gpu, memory;
};

/* nvmlFieldValue_t */
struct field_value {
  unsigned field, scope;
  long long timestamp, latency;
  unsigned type;
  int status;
  unsigned long long value;
};

int nvmlInit_v2(void) {
  return 0;
}
int nvmlSystemGetDriverVersion(char* text, unsigned size) {
  snprintf(text, size, "580.1.2");
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 1;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, handle* device) {
  *device = (handle)(size_t)(index + 1);
  return 0;
}
int nvmlDeviceGetName(handle device, char* text, unsigned size) {
  (void)device;
  snprintf(text, size, "Fake \"GPU\"");
  return 0;
}
int nvmlDeviceGetUUID(handle device, char* text, unsigned size) {
  (void)device;
  snprintf(text, size, "GPU-fake");
  return 0;
}
int nvmlDeviceGetMemoryInfo(handle device, struct memory* out) {
  (void)device;
  out->total = 1000;
  out->used = 250;
  out->free = 750;
  return 0;
}
int nvmlDeviceGetUtilizationRates(handle device, struct utilisation* out) {
  (void)device;
  out->gpu = 75;
  out->memory = 40;
  return 0;
}
int nvmlDeviceGetPowerUsage(handle device, unsigned* milliwatt) {
  (void)device;
  *milliwatt = 412500;
  return 0;
}
int nvmlDeviceGetClockInfo(handle device, int which, unsigned* mhz) {
  (void)device;
  *mhz = which == 1 ? 1980 : 3201;
  return 0;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(handle device, unsigned long long* bits) {
  (void)device;
  *bits = 0x44;
  return 0;
}
int nvmlDeviceGetTemperature(handle device, int sensor, unsigned* celsius) {
  (void)device;
  (void)sensor;
  *celsius = 61;
  return 0;
}
/* Payload over all links in KiB since the driver was loaded: 2 MiB more each time it is asked. */
int nvmlDeviceGetFieldValues(handle device, int count, struct field_value* fields) {
  static unsigned long long sent = 2048;
  (void)device;
  for (int i = 0; i < count; ++i) {
    const int known = fields[i].scope == ~0U && (fields[i].field == 138 || fields[i].field == 139);
    fields[i].status = known ? 0 : 3; /* NVML_ERROR_NOT_SUPPORTED */
    fields[i].type = 3;               /* unsigned long long */
    fields[i].value = fields[i].field == 138 ? sent : sent / 2;
  }
  sent += 2048;
  return 0;
}
