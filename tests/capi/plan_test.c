/* plan.h from C11: NULL arguments, ownership, struct sizes, cancel, threads. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "check.h"
#include "dsk/dsk.h"

static const char request[] =
    "{\"schema\":1,\"model\":\"deepseek-r1\",\"devices\":[\"h200-sxm\"],\"engines\":[\"sglang\"],"
    "\"workload\":{\"input_tokens\":2048,\"output_tokens\":512,\"rate_per_s\":2},"
    "\"slo\":{\"ttft_ms\":5000,\"tpot_ms\":100}}";

static dsk_plan* make_plan(void) {
  dsk_plan* plan = NULL;
  dsk_error* error = NULL;
  if (dsk_plan_create(request, sizeof request - 1, NULL, &plan, &error) != DSK_STATUS_OK)
    printf("%s: %s\n", dsk_error_path(error), dsk_error_message(error));
  dsk_error_destroy(error);
  return plan;
}

/* Each refuses a NULL and names the parameter. */
#define EXPECT_NULL(call, name)                                                                    \
  do {                                                                                             \
    CHECK((call) == DSK_STATUS_INVALID_ARGUMENT);                                                  \
    CHECK_TEXT(dsk_error_message(error), name " is NULL");                                         \
    dsk_error_destroy(error);                                                                      \
  } while (0)

static void nulls(void) {
  dsk_error* error = NULL;
  dsk_plan* plan = NULL;
  char* text = NULL;
  size_t length = 0;
  EXPECT_NULL(dsk_plan_create(NULL, 3, NULL, &plan, &error), "json");
  EXPECT_NULL(dsk_plan_create(request, 3, NULL, NULL, &error), "out");
  EXPECT_NULL(dsk_plan_to_json(NULL, &text, &length, &error), "plan");
  EXPECT_NULL(dsk_plan_emit(NULL, DSK_EMIT_TABLE, &text, &length, &error), "plan");
  EXPECT_NULL(dsk_plan_memory(NULL, 0, &text, &length, &error), "json");
  EXPECT_NULL(dsk_plan_memory(request, 0, NULL, &length, &error), "out");
  EXPECT_NULL(dsk_plan_cost(NULL, 0, &text, &length, &error), "json");
  EXPECT_NULL(dsk_plan_cost(request, 0, NULL, &length, &error), "out");
  EXPECT_NULL(dsk_catalog_get(DSK_CATALOG_MODEL, NULL, 0, &text, &length, &error), "name");
  EXPECT_NULL(dsk_catalog_to_json(DSK_CATALOG_MODEL, NULL, &length, &error), "out");
  dsk_plan_info info = DSK_PLAN_INFO_INIT;
  EXPECT_NULL(dsk_plan_summary(NULL, &info, &error), "plan");
  CHECK(dsk_plan_create(NULL, 0, NULL, &plan, NULL) == DSK_STATUS_INVALID_ARGUMENT);
  dsk_plan_destroy(NULL);

  plan = make_plan();
  CHECK(plan != NULL);
  EXPECT_NULL(dsk_plan_to_json(plan, NULL, &length, &error), "out");
  EXPECT_NULL(dsk_plan_summary(plan, NULL, &error), "out");
  EXPECT_NULL(dsk_plan_emit(plan, DSK_EMIT_TABLE, NULL, &length, &error), "out");
  CHECK(dsk_plan_emit(plan, (dsk_emit_format)77, &text, &length, &error) ==
        DSK_STATUS_INVALID_ARGUMENT);
  dsk_error_destroy(error);
  CHECK(dsk_catalog_to_json((dsk_catalog_kind)77, &text, &length, &error) ==
        DSK_STATUS_INVALID_ARGUMENT);
  dsk_error_destroy(error);
  dsk_plan_destroy(plan);
}

static void answers(void) {
  dsk_error* error = NULL;
  dsk_plan* plan = make_plan();
  CHECK(plan != NULL);
  char* text = NULL;
  size_t length = 0;
  CHECK(dsk_plan_to_json(plan, &text, &length, &error) == DSK_STATUS_OK);
  CHECK(text != NULL && strlen(text) == length && strstr(text, "\"feasible\": true") != NULL);
  dsk_free(text);
  CHECK(dsk_plan_to_json(plan, &text, NULL, &error) == DSK_STATUS_OK);
  dsk_free(text);
  for (int format = DSK_EMIT_TABLE; format <= DSK_EMIT_COMMAND; ++format) {
    text = NULL;
    CHECK(dsk_plan_emit(plan, (dsk_emit_format)format, &text, &length, &error) == DSK_STATUS_OK);
    CHECK(text != NULL && length > 20 && strlen(text) == length);
    dsk_free(text);
  }
  dsk_plan_destroy(plan);
}

static void summary_sizes(void) {
  dsk_error* error = NULL;
  dsk_plan* plan = make_plan();
  CHECK(plan != NULL);
  dsk_plan_info info = DSK_PLAN_INFO_INIT;
  CHECK(dsk_plan_summary(plan, &info, &error) == DSK_STATUS_OK);
  CHECK(info.struct_size == sizeof info);
  CHECK(info.feasible == 1 && info.replicas >= 1);
  CHECK(info.gpus == info.replicas * info.gpus_per_replica);
  CHECK(info.gpus_per_replica == info.tp * info.pp * info.dp);
  CHECK(info.ttft_ms > 0 && info.ttft_ms <= 5000 && info.tpot_ms > 0 && info.tpot_ms <= 100);
  CHECK(fabs(info.e2e_ms - (info.ttft_ms + 511 * info.tpot_ms)) < 1e-6 * info.e2e_ms);
  CHECK(info.utilisation > 0 && info.utilisation <= 1 + 1e-9);

  /* An older caller's struct ends earlier: nothing behind it is written. */
  dsk_plan_info older;
  memset(&older, 0x5a, sizeof older);
  older.struct_size = offsetof(dsk_plan_info, tpot_ms);
  CHECK(dsk_plan_summary(plan, &older, &error) == DSK_STATUS_OK);
  CHECK(older.gpus == info.gpus);
  unsigned char untouched[sizeof(double)];
  memset(untouched, 0x5a, sizeof untouched);
  CHECK(memcmp(&older.tpot_ms, untouched, sizeof untouched) == 0);

  older.struct_size = 0;
  CHECK(dsk_plan_summary(plan, &older, &error) == DSK_STATUS_INVALID_ARGUMENT);
  CHECK(strstr(dsk_error_message(error), "struct_size") != NULL);
  dsk_error_destroy(error);
  dsk_plan_destroy(plan);
}

static void infeasible_is_a_result(void) {
  static const char impossible[] =
      "{\"schema\":1,\"model\":\"deepseek-r1\",\"devices\":[\"l4\"],\"limits\":{\"max_gpus\":2},"
      "\"workload\":{\"input_tokens\":100,\"output_tokens\":100,\"rate_per_s\":1}}";
  dsk_error* error = NULL;
  dsk_plan* plan = NULL;
  char* text = NULL;
  size_t length = 0;
  CHECK(dsk_plan_create(impossible, sizeof impossible - 1, NULL, &plan, &error) == DSK_STATUS_OK);
  dsk_plan_info info = DSK_PLAN_INFO_INIT;
  CHECK(dsk_plan_summary(plan, &info, &error) == DSK_STATUS_OK);
  CHECK(info.feasible == 0 && info.gpus == 0 && isnan(info.ttft_ms));
  CHECK(dsk_plan_emit(plan, DSK_EMIT_KUBERNETES, &text, &length, &error) == DSK_STATUS_UNSUPPORTED);
  CHECK(text == NULL);
  dsk_error_destroy(error);
  CHECK(dsk_plan_emit(plan, DSK_EMIT_TABLE, &text, &length, &error) == DSK_STATUS_OK);
  dsk_free(text);
  dsk_plan_destroy(plan);
}

static void cancelled(void) {
  dsk_error* error = NULL;
  dsk_cancel* cancel = NULL;
  dsk_plan* plan = NULL;
  CHECK(dsk_cancel_create(&cancel, &error) == DSK_STATUS_OK);
  CHECK(dsk_plan_create(request, sizeof request - 1, cancel, &plan, &error) == DSK_STATUS_OK);
  uint64_t done = 0;
  uint64_t total = 0;
  dsk_cancel_progress(cancel, &done, &total);
  CHECK(total > 0 && done == total);
  dsk_plan_destroy(plan);
  dsk_cancel_set(cancel);
  CHECK(dsk_plan_create(request, sizeof request - 1, cancel, &plan, &error) ==
        DSK_STATUS_CANCELLED);
  CHECK(plan == NULL);
  dsk_error_destroy(error);
  dsk_cancel_destroy(cancel);
}

static void catalogue(void) {
  dsk_error* error = NULL;
  char* text = NULL;
  size_t length = 0;
  CHECK(dsk_catalog_to_json(DSK_CATALOG_DEVICE, &text, &length, &error) == DSK_STATUS_OK);
  CHECK(text != NULL && strstr(text, "h200-sxm") != NULL);
  dsk_free(text);
  CHECK(dsk_catalog_get(DSK_CATALOG_DEVICE, "H200 SXM", 8, &text, &length, &error) ==
        DSK_STATUS_OK);
  CHECK(text != NULL && strstr(text, "as_of") != NULL);
  dsk_free(text);
  CHECK(dsk_catalog_get(DSK_CATALOG_DEVICE, "h2000", 5, &text, &length, &error) ==
        DSK_STATUS_NOT_FOUND);
  CHECK(strstr(dsk_error_message(error), "h200") != NULL);
  dsk_error_destroy(error);
}

/* Threads share one plan, and each fails in its own way: no answer or error is another's. */
static dsk_plan* shared;

static void* reader(void* argument) {
  const unsigned seed = (unsigned)(size_t)argument;
  size_t bad = 0;
  for (unsigned i = 0; i < 20; ++i) {
    char* text = NULL;
    if (dsk_plan_to_json(shared, &text, NULL, NULL) != DSK_STATUS_OK) ++bad;
    dsk_free(text);
    char broken[64];
    snprintf(broken, sizeof broken, "{\"schema\":%u}", 100 + seed * 100 + i);
    char wanted[16];
    snprintf(wanted, sizeof wanted, "is %u,", 100 + seed * 100 + i);
    dsk_plan* plan = NULL;
    dsk_error* error = NULL;
    if (dsk_plan_create(broken, strlen(broken), NULL, &plan, &error) !=
            DSK_STATUS_INVALID_REQUEST ||
        !strstr(dsk_error_message(error), wanted))
      ++bad;
    dsk_error_destroy(error);
  }
  return (void*)bad;
}

static void threads(void) {
  shared = make_plan();
  CHECK(shared != NULL);
  pthread_t handles[8];
  for (size_t i = 0; i < 8; ++i)
    CHECK(pthread_create(&handles[i], NULL, reader, (void*)i) == 0);
  for (size_t i = 0; i < 8; ++i) {
    void* bad = NULL;
    pthread_join(handles[i], &bad);
    CHECK(bad == NULL);
  }
  dsk_plan_destroy(shared);
}

int main(void) {
  const uint64_t alive = dsk_live_objects();
  nulls();
  answers();
  summary_sizes();
  infeasible_is_a_result();
  cancelled();
  catalogue();
  threads();
  CHECK(dsk_live_objects() == alive);
  return failures ? 1 : 0;
}
