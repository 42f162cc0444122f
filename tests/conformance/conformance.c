/* Runs the vectors of a folder over the C ABI; see README.md beside this file. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsk/dsk.h"

typedef struct text {
  char* data;
  size_t length;
} text;

static int failures = 0;
static int cases = 0;

static void* allocate(size_t size) {
  void* memory = malloc(size);
  if (!memory) {
    fprintf(stderr, "out of memory\n");
    exit(2);
  }
  return memory;
}

static int read_text(const char* path, text* out) {
  FILE* file = fopen(path, "rb");
  if (!file) return 0;
  fseek(file, 0, SEEK_END);
  const long size = ftell(file);
  rewind(file);
  out->data = allocate((size_t)size + 1);
  out->length = fread(out->data, 1, (size_t)size, file);
  out->data[out->length] = '\0';
  fclose(file);
  return 1;
}

static void append(text* out, const char* part, size_t length) {
  char* larger = realloc(out->data, out->length + length + 1);
  if (!larger) {
    fprintf(stderr, "out of memory\n");
    exit(2);
  }
  memcpy(larger + out->length, part, length);
  out->data = larger;
  out->length += length;
  out->data[out->length] = '\0';
}

static void append_member(text* out, const char* name, const char* value, const char* tail) {
  append(out, "  \"", 3);
  append(out, name, strlen(name));
  append(out, "\": \"", 4);
  for (; *value; ++value) {
    const unsigned char byte = (unsigned char)*value;
    char escaped[8];
    if (byte == '"' || byte == '\\')
      snprintf(escaped, sizeof escaped, "\\%c", *value);
    else if (byte < 0x20)
      snprintf(escaped, sizeof escaped, "\\u%04x", byte);
    else
      snprintf(escaped, sizeof escaped, "%c", *value);
    append(out, escaped, strlen(escaped));
  }
  append(out, tail, strlen(tail));
}

enum call_kind { call_plan, call_memory, call_cost, call_fit };

/* `plan_request` is the plan that an inventory is for; the other kinds have none. */
static dsk_status call(enum call_kind kind, const text* plan_request, const text* request,
                       text* answer, dsk_error** error) {
  char* json = NULL;
  size_t length = 0;
  dsk_status status;
  if (kind == call_memory) {
    status = dsk_plan_memory(request->data, request->length, &json, &length, error);
  } else if (kind == call_cost) {
    status = dsk_plan_cost(request->data, request->length, &json, &length, error);
  } else {
    const text* source = kind == call_fit ? plan_request : request;
    dsk_plan* plan = NULL;
    status = dsk_plan_create(source->data, source->length, NULL, &plan, error);
    if (status == DSK_STATUS_OK)
      status = kind == call_fit
                   ? dsk_plan_fit(plan, request->data, request->length, &json, &length, error)
                   : dsk_plan_to_json(plan, &json, &length, error);
    dsk_plan_destroy(plan);
  }
  if (status == DSK_STATUS_OK) {
    append(answer, json, length);
    dsk_free(json);
  }
  return status;
}

static void run_case(const char* folder, const char* name, enum call_kind kind, int fails,
                     int update) {
  char path[4096];
  text request = {NULL, 0};
  text got = {NULL, 0};
  text expected = {NULL, 0};
  ++cases;
  snprintf(path, sizeof path, "%s/%s.request.json", folder, name);
  if (!read_text(path, &request)) {
    printf("%s: cannot be read\n", path);
    ++failures;
    return;
  }
  text plan_request = {NULL, 0};
  if (kind == call_fit) {
    snprintf(path, sizeof path, "%s/%s.plan.json", folder, name);
    if (!read_text(path, &plan_request)) {
      printf("%s: cannot be read\n", path);
      ++failures;
      free(request.data);
      return;
    }
  }
  dsk_error* error = NULL;
  const dsk_status status = call(kind, &plan_request, &request, &got, &error);
  if ((status != DSK_STATUS_OK) != fails) {
    printf("%s: %s: %s\n", path, dsk_status_name(status), dsk_error_message(error));
    ++failures;
  } else {
    if (fails) {
      append(&got, "{\n", 2);
      append_member(&got, "status", dsk_status_name(status), "\",\n");
      append_member(&got, "path", dsk_error_path(error), "\",\n");
      append_member(&got, "message", dsk_error_message(error), "\"\n}\n");
    }
    snprintf(path, sizeof path, "%s/%s.%s.json", folder, name, fails ? "error" : "answer");
    if (update) {
      FILE* file = fopen(path, "wb");
      if (!file || fwrite(got.data, 1, got.length, file) != got.length || fclose(file) != 0) {
        printf("%s: cannot be written\n", path);
        ++failures;
      }
    } else if (!read_text(path, &expected) || expected.length != got.length ||
               memcmp(expected.data, got.data, got.length) != 0) {
      size_t at = 0;
      while (expected.data && at < expected.length && at < got.length &&
             expected.data[at] == got.data[at])
        ++at;
      printf("%s: differs at byte %zu\n  expected: %.80s\n  got:      %.80s\n", path, at,
             expected.data ? expected.data + at : "(no file)", got.data + at);
      ++failures;
    }
  }
  dsk_error_destroy(error);
  free(plan_request.data);
  free(request.data);
  free(got.data);
  free(expected.data);
}

static void run_folder(const char* root, const char* sub, enum call_kind kind, int fails,
                       int update) {
  char folder[2048];
  snprintf(folder, sizeof folder, "%s/%s", root, sub);
  DIR* directory = opendir(folder);
  if (!directory) {
    printf("%s: cannot be opened\n", folder);
    ++failures;
    return;
  }
  const struct dirent* entry;
  while ((entry = readdir(directory))) {
    const char* end = strstr(entry->d_name, ".request.json");
    if (!end) continue;
    char name[512];
    snprintf(name, sizeof name, "%.*s", (int)(end - entry->d_name), entry->d_name);
    run_case(folder, name, kind, fails, update);
  }
  closedir(directory);
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: conformance FOLDER [--update]\n");
    return 2;
  }
  const int update = argc > 2 && strcmp(argv[2], "--update") == 0;
  const uint64_t alive = dsk_live_objects();
  run_folder(argv[1], "plan", call_plan, 0, update);
  run_folder(argv[1], "memory", call_memory, 0, update);
  run_folder(argv[1], "cost", call_cost, 0, update);
  run_folder(argv[1], "fit", call_fit, 0, update);
  run_folder(argv[1], "errors/plan", call_plan, 1, update);
  run_folder(argv[1], "errors/memory", call_memory, 1, update);
  run_folder(argv[1], "errors/cost", call_cost, 1, update);
  run_folder(argv[1], "errors/fit", call_fit, 1, update);
  if (dsk_live_objects() != alive) {
    printf("%llu objects leaked\n", (unsigned long long)(dsk_live_objects() - alive));
    ++failures;
  }
  printf("%d vectors, %d failed\n", cases, failures);
  return failures || cases == 0 ? 1 : 0;
}
