/* Simulation over the C ABI: document in, document out, series in the caller's memory. */
#include "dsk/plan.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

static const char request[] = "{\"model\": \"llama-3.1-8b\", \"device\": \"h100-sxm\", "
                              "\"workload\": {\"input\": 512, \"output\": 64,"
                              " \"arrivals\": {\"rate_per_s\": 10}, \"requests\": 200}}";
static const char bad[] = "{\"model\": \"llama-3.1-8b\", \"device\": \"h100-sxm\", \"workload\": "
                          "{\"input\": 0, \"output\": 64,"
                          " \"arrivals\": {\"rate_per_s\": 10}}}";

int main(void) {
  const uint64_t alive = dsk_live_objects();
  dsk_request_times series[50];
  size_t count = 0;
  char* first = NULL;
  char* second = NULL;
  size_t length = 0;
  dsk_error* error = NULL;
  CHECK(dsk_plan_simulate(request, strlen(request), NULL, series, 50, sizeof series[0], &count,
                          &first, &length, &error) == DSK_STATUS_OK);
  CHECK(count == 200);
  CHECK(length == strlen(first));
  for (int i = 0; i < 50; ++i)
    CHECK(series[i].sent_ms <= series[i].admitted_ms &&
          series[i].admitted_ms < series[i].first_ms && series[i].first_ms < series[i].last_ms &&
          series[i].output_tokens == 64);
  CHECK(dsk_plan_simulate(request, strlen(request), NULL, NULL, 0, 0, NULL, &second, NULL, NULL) ==
        DSK_STATUS_OK);
  CHECK(strcmp(first, second) == 0);
  dsk_free(first);
  dsk_free(second);

  CHECK(dsk_plan_simulate(bad, strlen(bad), NULL, NULL, 0, 0, NULL, &first, NULL, &error) ==
        DSK_STATUS_INVALID_REQUEST);
  CHECK(first == NULL);
  CHECK(strcmp(dsk_error_path(error), "/workload/input") == 0);
  dsk_error_destroy(error);
  CHECK(dsk_plan_simulate(request, strlen(request), NULL, series, 50, 8, NULL, &first, NULL,
                          &error) == DSK_STATUS_INVALID_ARGUMENT);
  dsk_error_destroy(error);

  /* A token that is set before the call: the partial result says so. */
  dsk_cancel* cancel = NULL;
  CHECK(dsk_cancel_create(&cancel, NULL) == DSK_STATUS_OK);
  dsk_cancel_set(cancel);
  static const char large[] = "{\"model\": \"llama-3.1-8b\", \"device\": \"h100-sxm\", "
                              "\"workload\": {\"input\": 512, \"output\": 64,"
                              " \"arrivals\": {\"rate_per_s\": 10}, \"requests\": 1000000000}}";
  CHECK(dsk_plan_simulate(large, strlen(large), cancel, NULL, 0, 0, NULL, &first, NULL, NULL) ==
        DSK_STATUS_OK);
  CHECK(strstr(first, "\"stopped\": \"cancelled\"") != NULL);
  dsk_free(first);
  dsk_cancel_destroy(cancel);
  CHECK(dsk_live_objects() == alive);
  return failures ? 1 : 0;
}
