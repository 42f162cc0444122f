/* How long the library takes to open, and a plan to make: dlopen to first look-up, first plan, and
 * the median of further plans for a request document.
 *
 *     plan_bench REQUEST.json [RUNS]
 */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dsk/dsk.h"

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int ascending(const void* a, const void* b) {
  const double x = *(const double*)a;
  const double y = *(const double*)b;
  return (x > y) - (x < y);
}

static void* symbol(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (!found) {
    fprintf(stderr, "%s\n", dlerror());
    exit(2);
  }
  return found;
}

int main(int argc, char** argv) {
  static char request[1 << 20];
  FILE* file = argc > 1 ? fopen(argv[1], "rb") : NULL;
  if (!file) {
    fprintf(stderr, "usage: plan_bench REQUEST.json [RUNS]\n");
    return 2;
  }
  const size_t length = fread(request, 1, sizeof request, file);
  fclose(file);
  const int runs = argc > 2 ? atoi(argv[2]) : 21;
  double* taken = malloc((size_t)(runs > 0 ? runs : 1) * sizeof *taken);
  if (runs < 1 || !taken) return 2;

  double start = now_ms();
  void* library = dlopen(DSK_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  /* A function pointer through memcpy: ISO C has no cast from void*. */
  dsk_status (*create)(const char*, size_t, dsk_cancel*, dsk_plan**, dsk_error**);
  dsk_status (*get)(dsk_catalog_kind, const char*, size_t, char**, size_t*, dsk_error**);
  void (*destroy)(dsk_plan*);
  void (*release)(void*);
  const char* (*version)(void);
  void* found = symbol(library, "dsk_plan_create");
  memcpy(&create, &found, sizeof create);
  found = symbol(library, "dsk_catalog_get");
  memcpy(&get, &found, sizeof get);
  found = symbol(library, "dsk_plan_destroy");
  memcpy(&destroy, &found, sizeof destroy);
  found = symbol(library, "dsk_free");
  memcpy(&release, &found, sizeof release);
  found = symbol(library, "dsk_version_string");
  memcpy(&version, &found, sizeof version);
  const double opened = now_ms() - start;
  char* text = NULL;
  if (get(DSK_CATALOG_DEVICE, "h200-sxm", 8, &text, NULL, NULL) != DSK_STATUS_OK) return 2;
  release(text);
  const double looked_up = now_ms() - start;

  for (int i = 0; i <= runs; ++i) {
    dsk_plan* plan = NULL;
    start = now_ms();
    if (create(request, length, NULL, &plan, NULL) != DSK_STATUS_OK) return 2;
    const double once = now_ms() - start;
    destroy(plan);
    if (i == 0)
      printf("libdsk %s: opened in %.2f ms, with the first look-up %.2f ms\nfirst plan %.1f ms\n",
             version(), opened, looked_up, once);
    else
      taken[i - 1] = once;
  }
  qsort(taken, (size_t)runs, sizeof *taken, ascending);
  printf("median of %d plans %.1f ms, from %.1f to %.1f ms\n", runs, taken[runs / 2], taken[0],
         taken[runs - 1]);
  free(taken);
  return 0;
}
