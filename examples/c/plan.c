/* Plans for a request document and shows how errors, summaries and infeasible answers look in C.
 *
 *     plan REQUEST.json
 */
#include <stdio.h>
#include <stdlib.h>

#include "dsk/dsk.h"

static char* read_file(const char* path, size_t* length) {
  FILE* file = fopen(path, "rb");
  if (!file) return NULL;
  char* text = NULL;
  size_t size = 0;
  size_t capacity = 0;
  int byte;
  while ((byte = fgetc(file)) != EOF) {
    if (size == capacity) {
      char* larger = realloc(text, capacity = capacity ? 2 * capacity : 4096);
      if (!larger) {
        free(text);
        fclose(file);
        return NULL;
      }
      text = larger;
    }
    text[size++] = (char)byte;
  }
  fclose(file);
  *length = size;
  return text;
}

static int complain(dsk_error* error) {
  fprintf(stderr, "%s at \"%s\": %s\n", dsk_status_name(dsk_error_status(error)),
          dsk_error_path(error), dsk_error_message(error));
  dsk_error_destroy(error);
  return 2;
}

int main(int argc, char** argv) {
  dsk_error* error = NULL;
  if (DSK_ABI_CHECK(&error) != DSK_STATUS_OK) return complain(error);
  size_t length = 0;
  char* request = argc == 2 ? read_file(argv[1], &length) : NULL;
  if (!request) {
    fprintf(stderr, "usage: plan REQUEST.json (a readable file)\n");
    return 2;
  }

  dsk_plan* plan = NULL;
  const dsk_status status = dsk_plan_create(request, length, NULL, &plan, &error);
  free(request);
  if (status != DSK_STATUS_OK) return complain(error);

  dsk_plan_info info = DSK_PLAN_INFO_INIT;
  if (dsk_plan_summary(plan, &info, &error) != DSK_STATUS_OK) {
    dsk_plan_destroy(plan);
    return complain(error);
  }
  printf("%s: %u GPUs in %u replicas of TP%u PP%u DP%u EP%u, TTFT %.0f ms, TPOT %.1f ms, "
         "%.0f output tokens/s, $%.2f an hour\n",
         info.feasible ? "feasible" : "nearest", info.gpus, info.replicas, info.tp, info.pp,
         info.dp, info.ep, info.ttft_ms, info.tpot_ms, info.output_tokens_per_s, info.usd_per_hour);

  char* table = NULL;
  if (dsk_plan_emit(plan, DSK_EMIT_TABLE, &table, NULL, &error) != DSK_STATUS_OK) {
    dsk_plan_destroy(plan);
    return complain(error);
  }
  fputs(table, stdout);
  dsk_free(table);
  dsk_plan_destroy(plan);
  return info.feasible ? 0 : 1;
}
