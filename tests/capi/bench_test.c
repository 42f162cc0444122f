/* bench.h and calibrate.h from C11: options, callbacks that stop, NULL arguments, ownership. */
#include <stdlib.h>

#include "check.h"
#include "dsk/dsk.h"

static dsk_status steady(void* user, dsk_bench_sample* sample) {
  ++*(int*)user;
  sample->device_ns = 1000.0 * (double)sample->iterations;
  sample->prompt_tokens = 512.0 * (double)sample->iterations;
  return DSK_STATUS_OK;
}

static dsk_status slower(void* user, dsk_bench_sample* sample) {
  ++*(int*)user;
  sample->device_ns = 1500.0 * (double)sample->iterations;
  return DSK_STATUS_OK;
}

static dsk_status broken(void* user, dsk_bench_sample* sample) {
  (void)user;
  (void)sample;
  return DSK_STATUS_BACKEND;
}

static dsk_bench_options quick(void) {
  dsk_bench_options options = DSK_BENCH_OPTIONS_INIT;
  options.name = "step";
  options.flags = DSK_BENCH_FIXED_COUNT | DSK_BENCH_NO_WARMUP | DSK_BENCH_KEEP_SAMPLES;
  options.min_samples = 25;
  return options;
}

static void harness(void) {
  int calls = 0;
  char* line = NULL;
  size_t length = 0;
  dsk_error* error = NULL;
  dsk_bench_options options = quick();
  float zeros[64] = {0};
  options.data = zeros;
  options.data_len = sizeof zeros;
  CHECK(dsk_bench_run(&options, steady, &calls, &line, &length, &error) == DSK_STATUS_OK);
  CHECK(error == NULL && line != NULL && length == strlen(line));
  CHECK(calls >= 25);
  CHECK(line[length - 1] == '\n' && strchr(line, '\n') == line + length - 1);
  CHECK(strstr(line, "\"samples\":25,") != NULL);
  CHECK(strstr(line, "\"median_ns\":1000") != NULL);
  CHECK(strstr(line, "\"zeros_as_data\"") != NULL);
  CHECK(strstr(line, "\"prompt_tokens\":512") != NULL);
  dsk_free(line);

  options.data = NULL;
  options.data_len = 0;
  CHECK(dsk_bench_compare_run(&options, steady, &calls, slower, &calls, &line, NULL, &error) ==
        DSK_STATUS_OK);
  CHECK(strstr(line, "\"ratio\":1.5") != NULL);
  CHECK(strstr(line, "\"different\":true") != NULL);
  dsk_free(line);

  line = (char*)&calls;
  CHECK(dsk_bench_run(&options, broken, NULL, &line, NULL, &error) == DSK_STATUS_BACKEND);
  CHECK(line == NULL && error != NULL);
  dsk_error_destroy(error);
  CHECK(dsk_bench_run(&options, NULL, NULL, &line, NULL, NULL) == DSK_STATUS_INVALID_ARGUMENT);
  CHECK(dsk_bench_run(&options, steady, &calls, NULL, NULL, NULL) == DSK_STATUS_INVALID_ARGUMENT);
  options.max_noise = -1;
  CHECK(dsk_bench_run(&options, steady, &calls, &line, NULL, &error) ==
        DSK_STATUS_INVALID_ARGUMENT);
  CHECK(strstr(dsk_error_message(error), "max_noise") != NULL);
  dsk_error_destroy(error);

  /* A program of a later header asks for something that this library does not know. */
  struct {
    dsk_bench_options known;
    uint64_t later;
  } wide = {quick(), 0};
  wide.known.struct_size = sizeof wide;
  CHECK(dsk_bench_run(&wide.known, steady, &calls, &line, NULL, NULL) == DSK_STATUS_OK);
  dsk_free(line);
  wide.later = 1;
  CHECK(dsk_bench_run(&wide.known, steady, &calls, &line, NULL, NULL) == DSK_STATUS_UNSUPPORTED);

  dsk_cancel* cancel = NULL;
  CHECK(dsk_cancel_create(&cancel, NULL) == DSK_STATUS_OK);
  dsk_cancel_set(cancel);
  options = quick();
  options.cancel = cancel;
  CHECK(dsk_bench_run(&options, steady, &calls, &line, NULL, NULL) == DSK_STATUS_CANCELLED);
  dsk_cancel_destroy(cancel);
}

static void commands(void) {
  char* line = NULL;
  dsk_error* error = NULL;
  dsk_bench_options options = quick();
  options.min_samples = 3;
  const char* good[] = {"true"};
  CHECK(dsk_bench_command_run(&options, good, 1, &line, NULL, &error) == DSK_STATUS_OK);
  CHECK(strstr(line, "\"peak_memory_bytes\"") != NULL);
  dsk_free(line);
  const char* bad[] = {"false"};
  CHECK(dsk_bench_command_run(&options, bad, 1, &line, NULL, &error) == DSK_STATUS_BACKEND);
  CHECK(strstr(dsk_error_message(error), "code 1") != NULL);
  dsk_error_destroy(error);
  const char* none[] = {"/no/such/program"};
  CHECK(dsk_bench_command_run(&options, none, 1, &line, NULL, NULL) == DSK_STATUS_NOT_FOUND);
  none[0] = "no-program-of-this-name";
  CHECK(dsk_bench_command_run(&options, none, 1, &line, NULL, NULL) == DSK_STATUS_NOT_FOUND);
  none[0] = "/";
  CHECK(dsk_bench_command_run(&options, none, 1, &line, NULL, NULL) == DSK_STATUS_IO);
  CHECK(dsk_bench_command_run(&options, good, 0, &line, NULL, NULL) == DSK_STATUS_INVALID_ARGUMENT);
}

static void probes(void) {
  char* lines = NULL;
  dsk_error* error = NULL;
  const char list[] = "{\"suite\": \"full\", \"list\": true}";
  CHECK(dsk_bench_probe(list, strlen(list), NULL, &lines, NULL, &error) == DSK_STATUS_OK);
  CHECK(strstr(lines, "host/memory_triad/threads1") != NULL);
  CHECK(strstr(lines, "device/gemm/bf16/1x8192x8192/graph") != NULL);
  dsk_free(lines);
  /* No plugin here, or no GPU: each probe says why it was not run. */
  const char before_after[] = "{\"suite\": \"before_after\", \"backend\": \"absent\"}";
  CHECK(dsk_bench_probe(before_after, strlen(before_after), NULL, &lines, NULL, &error) ==
        DSK_STATUS_OK);
  CHECK(strstr(lines, "\"kind\":\"machine\"") != NULL);
  CHECK(strstr(lines, "\"skipped\":\"") != NULL);

  char* page = NULL;
  CHECK(dsk_bench_machine_emit(lines, strlen(lines), &page, NULL, &error) == DSK_STATUS_OK);
  CHECK(strstr(page, "<!doctype html>") == page);
  CHECK(strstr(page, "before_after/graph") != NULL);
  dsk_free(page);
  dsk_free(lines);
  CHECK(dsk_bench_machine_emit("{}", 2, &page, NULL, NULL) == DSK_STATUS_INVALID_REQUEST);

  const char unknown[] = "{\"probes\": [\"host/memory_red\"]}";
  CHECK(dsk_bench_probe(unknown, strlen(unknown), NULL, &lines, NULL, &error) ==
        DSK_STATUS_NOT_FOUND);
  CHECK_TEXT(dsk_error_path(error), "/probes/0");
  dsk_error_destroy(error);
  CHECK(dsk_bench_probe("{}", 2, NULL, &lines, NULL, NULL) == DSK_STATUS_INVALID_REQUEST);
}

static void monitors(void) {
  dsk_bench_monitor* monitor = NULL;
  dsk_error* error = NULL;
  char* text = NULL;
  CHECK(dsk_bench_monitor_create("{}", 2, &monitor, &error) == DSK_STATUS_OK);
  CHECK(dsk_bench_monitor_run(monitor, DSK_BENCH_MONITOR_PROMETHEUS, &text, NULL, &error) ==
        DSK_STATUS_OK);
  CHECK(strstr(text, "# TYPE dsk_cpu_seconds_total counter\n") != NULL);
  CHECK(strstr(text, "dsk_memory_total_bytes ") != NULL);
  dsk_free(text);
  CHECK(dsk_bench_monitor_run(monitor, DSK_BENCH_MONITOR_JSON, &text, NULL, &error) ==
        DSK_STATUS_OK);
  CHECK(strstr(text, "\"per_s\":") != NULL);
  dsk_free(text);
  CHECK(dsk_bench_monitor_run(NULL, DSK_BENCH_MONITOR_JSON, &text, NULL, NULL) ==
        DSK_STATUS_INVALID_ARGUMENT);
  dsk_bench_monitor_destroy(monitor);
  dsk_bench_monitor_destroy(NULL);
  const char wrong[] = "{\"hosts\": [\"a:0\"]}";
  CHECK(dsk_bench_monitor_create(wrong, strlen(wrong), &monitor, &error) ==
        DSK_STATUS_INVALID_REQUEST);
  CHECK_TEXT(dsk_error_path(error), "/hosts/0");
  dsk_error_destroy(error);
}

static void loads(void) {
  char* text = NULL;
  dsk_error* error = NULL;
  const char wrong[] = "{\"endpoint\": {\"url\": \"ftp://x\", \"model\": \"m\"}, \"workload\": {}}";
  CHECK(dsk_bench_load_run(wrong, strlen(wrong), NULL, &text, NULL, &error) ==
        DSK_STATUS_INVALID_REQUEST);
  CHECK_TEXT(dsk_error_path(error), "/endpoint/url");
  dsk_error_destroy(error);
  const char* missing[] = {"journal:/no/such/file"};
  CHECK(dsk_bench_load_emit(missing, 1, DSK_BENCH_LOAD_JSON, &text, NULL, NULL) == DSK_STATUS_IO);
  const char* none[] = {"{\"kind\": \"load_report\"}"};
  CHECK(dsk_bench_load_emit(none, 1, DSK_BENCH_LOAD_JSON, &text, NULL, NULL) ==
        DSK_STATUS_INVALID_REQUEST);
  CHECK(dsk_bench_load_emit(none, 0, DSK_BENCH_LOAD_JSON, &text, NULL, NULL) ==
        DSK_STATUS_INVALID_ARGUMENT);
}

static void calibration(void) {
  char* text = NULL;
  dsk_error* error = NULL;
  const char request[] =
      "{\"device\": \"h200-sxm\", \"as_of\": \"2026-11-24\", \"measurements\": []}";
  CHECK(dsk_plan_calibrate(request, strlen(request), &text, NULL, &error) ==
        DSK_STATUS_INVALID_REQUEST);
  CHECK_TEXT(dsk_error_path(error), "/measurements");
  dsk_error_destroy(error);
  CHECK(dsk_plan_calibrate(NULL, 0, &text, NULL, NULL) == DSK_STATUS_INVALID_ARGUMENT);
}

int main(void) {
  const uint64_t before = dsk_live_objects();
  harness();
  commands();
  probes();
  monitors();
  loads();
  calibration();
  CHECK(dsk_live_objects() == before);
  return failures ? 1 : 0;
}
