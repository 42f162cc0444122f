// clang-format off
//go:build !dsk_static

// clang-format on

// Opens libdsk when the program begins and forwards each of its functions to it. A program that the
// system's loader links to a library that is not there ends before it can say anything; this one
// goes on, and Check says which files were tried.
#define _GNU_SOURCE
#include "library.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dsk/dsk.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
static const char soname[] = "libdsk.so." TEXT(DSK_VERSION_MAJOR) "." TEXT(DSK_VERSION_MINOR);

// As tests/abi/exports.txt. A function that is missing here makes the linker ask for the library
// itself.
// clang-format off
#define FUNCTIONS(F) \
  F(dsk_abi_check) F(dsk_abi_version) F(dsk_bench_command_run) F(dsk_bench_compare_run) \
  F(dsk_bench_load_emit) F(dsk_bench_load_run) F(dsk_bench_machine_emit) \
  F(dsk_bench_machine_to_json) F(dsk_bench_monitor_create) F(dsk_bench_monitor_destroy) \
  F(dsk_bench_monitor_run) F(dsk_bench_probe) F(dsk_bench_run) F(dsk_cancel_create) \
  F(dsk_cancel_destroy) F(dsk_cancel_is_set) F(dsk_cancel_progress) F(dsk_cancel_set) \
  F(dsk_catalog_get) F(dsk_catalog_to_json) F(dsk_error_destroy) F(dsk_error_message) \
  F(dsk_error_path) F(dsk_error_status) F(dsk_error_where) F(dsk_free) F(dsk_live_objects) \
  F(dsk_log_set) F(dsk_plan_calibrate) F(dsk_plan_cost) F(dsk_plan_create) F(dsk_plan_destroy) \
  F(dsk_plan_emit) F(dsk_plan_explain) F(dsk_plan_fit) F(dsk_plan_memory) F(dsk_plan_simulate) \
  F(dsk_plan_step) F(dsk_plan_step_create) F(dsk_plan_step_destroy) F(dsk_plan_summary) \
  F(dsk_plan_to_json) F(dsk_plan_tune_batching) F(dsk_plan_validate_e2e) \
  F(dsk_plan_validate_kernels) F(dsk_plan_validate_requests) F(dsk_status_name) \
  F(dsk_tp_comm_abort) F(dsk_tp_comm_create) F(dsk_tp_comm_create_from_env) \
  F(dsk_tp_comm_create_local) F(dsk_tp_comm_destroy) F(dsk_tp_comm_get_info) \
  F(dsk_tp_comm_wait) F(dsk_tp_device_create) F(dsk_tp_device_destroy) \
  F(dsk_tp_device_get_info) F(dsk_tp_device_memory_create) F(dsk_tp_device_memory_destroy) \
  F(dsk_tp_device_memory_set) F(dsk_tp_graph_add_linear) F(dsk_tp_graph_add_mlp) \
  F(dsk_tp_graph_capture) F(dsk_tp_graph_create) F(dsk_tp_graph_destroy) \
  F(dsk_tp_graph_get_info) F(dsk_tp_graph_replay) F(dsk_tp_graph_set) F(dsk_tp_group_begin) \
  F(dsk_tp_group_end) F(dsk_tp_linear_create) F(dsk_tp_linear_destroy) \
  F(dsk_tp_linear_enqueue) F(dsk_tp_linear_get_info) F(dsk_tp_mlp_create) \
  F(dsk_tp_mlp_destroy) F(dsk_tp_mlp_enqueue) F(dsk_tp_mlp_get_info) F(dsk_tp_stream_create) \
  F(dsk_tp_stream_destroy) F(dsk_tp_tuning_count) F(dsk_tp_tuning_create) \
  F(dsk_tp_tuning_destroy) F(dsk_tp_tuning_to_json) F(dsk_tp_unique_id_create) \
  F(dsk_tp_weights_count) F(dsk_tp_weights_create) F(dsk_tp_weights_destroy) \
  F(dsk_tp_weights_get) F(dsk_tp_weights_get_name) F(dsk_version) F(dsk_version_string)
// clang-format on

#if defined(__x86_64__)
#define JUMP(name) "\tjmp *dsk_go_at_" #name "(%rip)\n"
#elif defined(__aarch64__)
#define JUMP(name)                                                                                 \
  "\tadrp x16, dsk_go_at_" #name "\n\tldr x16, [x16, :lo12:dsk_go_at_" #name "]\n\tbr x16\n"
#else
#error "no forwarding of calls for this processor: build with -tags dsk_static"
#endif
#define FORWARD(name)                                                                              \
  __attribute__((visibility("hidden"), used)) void* dsk_go_at_##name = 0;                          \
  __asm__(".text\n\t.p2align 4\n\t.globl " #name "\n\t.hidden " #name "\n\t.type " #name           \
          ", %function\n" #name ":\n" JUMP(name) "\t.size " #name ", .-" #name "\n");
FUNCTIONS(FORWARD)

static char* tried;
static char* opened;

// What a function that is not there answers: zero, an empty text. Check comes first and makes an
// error of it.
static uint64_t nothing(void) {
  return 0;
}

static void note_tried(void* program, const char* why) {
  Dl_serinfo size;
  Dl_serinfo* places = NULL;
  if (program && dlinfo(program, RTLD_DI_SERINFOSIZE, &size) == 0 &&
      (places = malloc(size.dls_size))) {
    *places = size;
    if (dlinfo(program, RTLD_DI_SERINFO, places) != 0) places->dls_cnt = 0;
  }
  size_t length = strlen(why) + sizeof " ()";
  for (unsigned i = 0; places && i < places->dls_cnt; ++i)
    length += strlen(places->dls_serpath[i].dls_name) + sizeof soname + 3;
  if ((tried = calloc(length, 1)))
    for (unsigned i = 0; places && i < places->dls_cnt; ++i) {
      if (i) strcat(tried, ", ");
      strcat(strcat(strcat(tried, places->dls_serpath[i].dls_name), "/"), soname);
    }
  if (tried) strcat(strcat(strcat(tried, " ("), why), ")");
  free(places);
}

__attribute__((constructor)) static void open_library(void) {
  void* library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* said = dlerror();
    char* why = strdup(said ? said : "");
    void* program = dlopen(NULL, RTLD_NOW);
    if (why) note_tried(program, why);
    if (program) dlclose(program);
    free(why);
  }
  Dl_info info;
  void* known = library ? dlsym(library, "dsk_version_string") : NULL;
  if (known && dladdr(known, &info)) opened = strdup(info.dli_fname);
#define FIND(name)                                                                                 \
  dsk_go_at_##name = library ? dlsym(library, #name) : NULL;                                       \
  if (!dsk_go_at_##name) dsk_go_at_##name = (void*)nothing;
  FUNCTIONS(FIND)
}

const char* dsk_go_library_file(void) {
  return opened;
}
const char* dsk_go_library_tried(void) {
  return tried;
}
