/* Time of a step query from C, in a loop: what the language packages are compared with. Prints
 * nanoseconds a call, best of 15 rounds. */
#include <stdio.h>
#include <time.h>

#include "dsk/dsk.h"

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

int main(void) {
  static const char request[] = "{\"schema\": 1, \"model\": \"deepseek-r1\", \"device\": "
                                "\"h200-sxm\", \"parallel\": {\"tp\": 8}}";
  dsk_plan_step_model* model = NULL;
  if (dsk_plan_step_create(request, sizeof request - 1, &model, NULL) != DSK_STATUS_OK) return 1;
  dsk_plan_batch batch = DSK_PLAN_BATCH_INIT;
  batch.decode_sequences = 32;
  batch.kv_sum_tokens = 65536;
  batch.kv_max_tokens = 4096;
  double best = 1e9;
  double sum = 0;
  for (int round = 0; round < 15; ++round) {
    const double began = now_ns();
    for (int i = 0; i < 200000; ++i) {
      dsk_plan_step_time time = DSK_PLAN_STEP_TIME_INIT;
      if (dsk_plan_step(model, &batch, &time, NULL) != DSK_STATUS_OK) return 1;
      sum += time.total_us;
    }
    const double each = (now_ns() - began) / 200000;
    if (each < best) best = each;
  }
  dsk_plan_step_destroy(model);
  printf("%.1f\n", best);
  return sum > 0 ? 0 : 1;
}
