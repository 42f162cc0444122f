/* Nanoseconds of one dsk_plan_step in a loop of C, best of 15 rounds: what border.py compares with.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dsk/dsk.h"

static double now_ns(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char** argv) {
  dsk_plan_step_model* model = NULL;
  dsk_plan_batch batch = DSK_PLAN_BATCH_INIT;
  dsk_plan_step_time step = DSK_PLAN_STEP_TIME_INIT;
  if (argc != 2 || dsk_plan_step_create(argv[1], strlen(argv[1]), &model, NULL) != DSK_STATUS_OK) {
    fprintf(stderr, "usage: step_call REQUEST\n");
    return 2;
  }
  batch.decode_sequences = 32;
  batch.kv_sum_tokens = 65536;
  batch.kv_max_tokens = 2048;
  double best = 1e18;
  for (int round = 0; round < 15; ++round) {
    const double start = now_ns();
    for (int i = 0; i < 200000; ++i) {
      batch.kv_sum_tokens = 60000 + (i & 31);
      if (dsk_plan_step(model, &batch, &step, NULL) != DSK_STATUS_OK) return 1;
    }
    const double each = (now_ns() - start) / 200000;
    if (each < best) best = each;
  }
  dsk_plan_step_destroy(model);
  printf("%.1f\n", best);
  return 0;
}
