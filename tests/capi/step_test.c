/* Time of a step from C11: preparation, answers, refused batches, documents, threads, balance. */
#include <math.h>
#include <pthread.h>
#include <stddef.h>

#include "check.h"
#include "dsk/dsk.h"

static const char* const deployment =
    "{\"model\": \"llama-3.1-70b\", \"device\": \"h100-sxm\", \"parallel\": {\"tp\": 4}}";

static dsk_plan_batch decode(int64_t sequences, int64_t length) {
  dsk_plan_batch batch = DSK_PLAN_BATCH_INIT;
  batch.decode_sequences = sequences;
  batch.kv_sum_tokens = sequences * length;
  batch.kv_max_tokens = length;
  return batch;
}

static dsk_plan_step_model* prepared(void) {
  dsk_plan_step_model* model = NULL;
  CHECK(dsk_plan_step_create(deployment, strlen(deployment), &model, NULL) == DSK_STATUS_OK);
  return model;
}

static void answers(void) {
  dsk_plan_step_model* model = prepared();
  dsk_plan_batch batch = decode(64, 2048);
  dsk_plan_step_time time = DSK_PLAN_STEP_TIME_INIT;
  dsk_error* error = NULL;
  CHECK(dsk_plan_step(model, &batch, &time, &error) == DSK_STATUS_OK);
  CHECK(error == NULL);
  const double parts = time.compute_us + time.memory_us + time.scale_up_us + time.scale_out_us +
                       time.launch_us + time.host_us;
  CHECK(fabs(parts - time.total_us) < 1e-6 * time.total_us);
  CHECK(time.low_us < time.total_us && time.total_us < time.high_us);
  CHECK(time.communication_share > 0 && time.communication_share < 1);
  CHECK(time.binding <= DSK_RESOURCE_HOST);
  /* A caller compiled against a shorter struct gets what it knows. */
  struct {
    dsk_plan_step_time time;
    double guard;
  } old;
  old.time.struct_size = offsetof(dsk_plan_step_time, compute_us);
  old.time.compute_us = -1;
  CHECK(dsk_plan_step(model, &batch, &old.time, NULL) == DSK_STATUS_OK);
  CHECK(old.time.total_us == time.total_us);
  CHECK(old.time.compute_us == -1);
  dsk_plan_step_destroy(model);
  dsk_plan_step_destroy(NULL);
}

static void refuse(dsk_plan_batch batch, const char* path) {
  dsk_plan_step_model* model = prepared();
  dsk_plan_step_time time = DSK_PLAN_STEP_TIME_INIT;
  dsk_error* error = NULL;
  CHECK(dsk_plan_step(model, &batch, &time, &error) == DSK_STATUS_INVALID_REQUEST);
  CHECK_TEXT(dsk_error_path(error), path);
  dsk_error_destroy(error);
  dsk_plan_step_destroy(model);
}

static void refused_batches(void) {
  dsk_plan_batch batch = decode(0, 0);
  refuse(batch, "");
  batch = decode(-3, 100);
  refuse(batch, "/decode_sequences");
  batch = decode(8, 1000);
  batch.kv_sum_tokens = INT64_MAX;
  refuse(batch, "/kv_sum");
  batch = decode(8, 1 << 22);
  refuse(batch, "/kv_max");
  batch = decode(8, 1000);
  batch.chunk_count = 1;
  batch.chunks[0].new_tokens = -1;
  refuse(batch, "/prefill/0/new_tokens");
  batch.chunk_count = 0xffffffffu;
  refuse(batch, "/chunks");
}

static void refused_deployments(void) {
  static const struct {
    const char* json;
    dsk_status status;
    const char* path;
  } cases[] = {
      {"{\"model\": \"deepseek-v3\", \"device\": \"a100-sxm-80gb\", \"engine\": \"tensorrt-llm\"}",
       DSK_STATUS_UNSUPPORTED, "/device"},
      {"{\"model\": \"deepseek-v3\", \"device\": \"no-such-device\"}", DSK_STATUS_NOT_FOUND,
       "/device"},
      {"{\"model\": \"deepseek-v3\", \"device\": \"h200-sxm\", \"parallel\": {\"tp\": 3}}",
       DSK_STATUS_INVALID_REQUEST, "/parallel/tp"},
      {"{\"model\": \"deepseek-v3\", \"device\": \"h200-sxm\", \"parallel\": {\"tp\": 8, \"ep\": "
       "3}}",
       DSK_STATUS_INVALID_REQUEST, "/parallel/ep"},
      {"{\"model\": \"deepseek-v3\", \"device\": \"h200-sxm\", \"tensor_parallel\": 8}",
       DSK_STATUS_INVALID_REQUEST, "/tensor_parallel"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    dsk_plan_step_model* model = NULL;
    dsk_error* error = NULL;
    CHECK(dsk_plan_step_create(cases[i].json, strlen(cases[i].json), &model, &error) ==
          cases[i].status);
    CHECK(model == NULL);
    CHECK_TEXT(dsk_error_path(error), cases[i].path);
    dsk_error_destroy(error);
  }
  CHECK(dsk_plan_step(NULL, NULL, NULL, NULL) == DSK_STATUS_INVALID_ARGUMENT);
}

static void documents(void) {
  static const char request[] =
      "{\"model\": \"llama-3.1-70b\", \"device\": \"h100-sxm\", \"parallel\": {\"tp\": 4},"
      " \"batch\": {\"decode_sequences\": 8, \"kv_sum\": 8000, \"prefill\": [{\"new_tokens\": "
      "99}]}}";
  static const struct {
    dsk_explain_format format;
    const char* holds;
  } formats[] = {{DSK_EXPLAIN_JSON, "\"operators\""},
                 {DSK_EXPLAIN_TABLE, "attention/grouped/decode"},
                 {DSK_EXPLAIN_SVG, "</svg>"}};
  for (size_t i = 0; i < 3; ++i) {
    char* text = NULL;
    CHECK(dsk_plan_explain(request, strlen(request), formats[i].format, &text, NULL, NULL) ==
          DSK_STATUS_OK);
    CHECK(text && strstr(text, formats[i].holds) != NULL);
    dsk_free(text);
  }
  static const char options[] = "{\"device\": \"h200-sxm\", \"hold_out\": \"shape\"}";
  char* report = NULL;
  char* predictions = NULL;
  dsk_error* error = NULL;
  CHECK(dsk_plan_validate_kernels(options, strlen(options), "a,b\n", 4, &report, &predictions,
                                  &error) == DSK_STATUS_INVALID_REQUEST);
  CHECK(report == NULL && predictions == NULL);
  CHECK_TEXT(dsk_error_path(error), "/csv");
  dsk_error_destroy(error);
}

struct share {
  const dsk_plan_step_model* model;
  double expected;
  int equal;
};

static void* ask(void* argument) {
  struct share* share = argument;
  for (int i = 0; i < 2000; ++i) {
    const dsk_plan_batch batch = decode(33, 777);
    dsk_plan_step_time time = DSK_PLAN_STEP_TIME_INIT;
    if (dsk_plan_step(share->model, &batch, &time, NULL) == DSK_STATUS_OK &&
        time.total_us == share->expected)
      ++share->equal;
  }
  return NULL;
}

static void threads(void) {
  dsk_plan_step_model* model = prepared();
  const dsk_plan_batch batch = decode(33, 777);
  dsk_plan_step_time time = DSK_PLAN_STEP_TIME_INIT;
  CHECK(dsk_plan_step(model, &batch, &time, NULL) == DSK_STATUS_OK);
  pthread_t thread[4];
  struct share share[4];
  for (int i = 0; i < 4; ++i) {
    share[i] = (struct share){model, time.total_us, 0};
    pthread_create(&thread[i], NULL, ask, &share[i]);
  }
  for (int i = 0; i < 4; ++i) {
    pthread_join(thread[i], NULL);
    CHECK(share[i].equal == 2000);
  }
  dsk_plan_step_destroy(model);
}

int main(void) {
  const uint64_t before = dsk_live_objects();
  answers();
  refused_batches();
  refused_deployments();
  documents();
  threads();
  CHECK(dsk_live_objects() == before);
  return failures != 0;
}
