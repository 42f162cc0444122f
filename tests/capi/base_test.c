/* base.h from C11: NULL arguments, ownership, errors, log receiver, cancel tokens, threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "check.h"
#include "dsk/dsk.h"

static void versions(void) {
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", DSK_VERSION_MAJOR, DSK_VERSION_MINOR, DSK_VERSION_PATCH);
  CHECK_TEXT(dsk_version_string(), text);
  CHECK(dsk_version() ==
        DSK_VERSION_MAJOR * 1000000u + DSK_VERSION_MINOR * 1000u + DSK_VERSION_PATCH);
  CHECK(dsk_abi_version() == DSK_ABI_VERSION);
  CHECK(DSK_ABI_CHECK(NULL) == DSK_STATUS_OK);

  dsk_error* error = (dsk_error*)&text; /* a success clears what was there */
  CHECK(DSK_ABI_CHECK(&error) == DSK_STATUS_OK);
  CHECK(error == NULL);
}

static void errors(void) {
  dsk_error* error = NULL;
  CHECK(dsk_abi_check(DSK_ABI_VERSION + 41, &error) == DSK_STATUS_UNSUPPORTED);
  CHECK(error != NULL);
  CHECK(dsk_error_status(error) == DSK_STATUS_UNSUPPORTED);
  char wanted[16];
  snprintf(wanted, sizeof wanted, "ABI %d", DSK_ABI_VERSION + 41);
  CHECK(strstr(dsk_error_message(error), wanted) != NULL);
  CHECK(strstr(dsk_error_message(error), dsk_version_string()) != NULL);
  CHECK_TEXT(dsk_error_path(error), "");
  CHECK_TEXT(dsk_error_where(error), "dsk_abi_check");
  dsk_error_destroy(error);

  /* The detail is optional. */
  CHECK(dsk_abi_check(DSK_ABI_VERSION + 1, NULL) == DSK_STATUS_UNSUPPORTED);

  CHECK(dsk_error_status(NULL) == DSK_STATUS_OK);
  CHECK_TEXT(dsk_error_message(NULL), "");
  CHECK_TEXT(dsk_error_path(NULL), "");
  CHECK_TEXT(dsk_error_where(NULL), "");
  dsk_error_destroy(NULL);

  CHECK_TEXT(dsk_status_name(DSK_STATUS_OK), "ok");
  CHECK_TEXT(dsk_status_name(DSK_STATUS_INVALID_REQUEST), "invalid_request");
  CHECK_TEXT(dsk_status_name(DSK_STATUS_INTERNAL), "internal");
  CHECK_TEXT(dsk_status_name((dsk_status)4), "unknown");
  CHECK_TEXT(dsk_status_name((dsk_status)12345), "unknown");
  CHECK_TEXT(dsk_status_name(DSK_STATUS_FORCE_32BIT), "unknown");
}

static void cancel_tokens(void) {
  dsk_error* error = NULL;
  CHECK(dsk_cancel_create(NULL, &error) == DSK_STATUS_INVALID_ARGUMENT);
  CHECK(error != NULL && strstr(dsk_error_message(error), "out") != NULL);
  dsk_error_destroy(error);

  dsk_cancel* cancel = NULL;
  CHECK(dsk_cancel_create(&cancel, &error) == DSK_STATUS_OK);
  CHECK(error == NULL && cancel != NULL);
  CHECK(!dsk_cancel_is_set(cancel));
  uint64_t done = 7, total = 7;
  dsk_cancel_progress(cancel, &done, &total);
  CHECK(done == 0 && total == 0);
  dsk_cancel_progress(cancel, NULL, NULL);
  dsk_cancel_set(cancel);
  dsk_cancel_set(cancel);
  CHECK(dsk_cancel_is_set(cancel));
  dsk_cancel_destroy(cancel);

  dsk_cancel_set(NULL);
  CHECK(!dsk_cancel_is_set(NULL));
  done = total = 7;
  dsk_cancel_progress(NULL, &done, &total);
  CHECK(done == 0 && total == 0);
  dsk_cancel_destroy(NULL);
  dsk_free(NULL);
}

static void count_message(dsk_log_level level, const char* module, const char* message,
                          void* user) {
  (void)level;
  (void)module;
  (void)message;
  atomic_fetch_add((atomic_int*)user, 1);
}

enum { thread_count = 8, rounds = 2000 };

/* Every thread makes, sets and drops its own tokens and errors, changes the log receiver, and sets
 * one shared token. */
static void* work(void* shared) {
  static atomic_int messages;
  for (int i = 0; i < rounds; ++i) {
    dsk_cancel* own = NULL;
    if (dsk_cancel_create(&own, NULL) != DSK_STATUS_OK) return NULL;
    dsk_error* error = NULL;
    uint32_t wrong = DSK_ABI_VERSION + 1 + (uint32_t)i;
    dsk_status status = dsk_abi_check(wrong, &error);
    char wanted[32];
    snprintf(wanted, sizeof wanted, "ABI %u", (unsigned)wrong);
    int good = status == DSK_STATUS_UNSUPPORTED && strstr(dsk_error_message(error), wanted) != NULL;
    dsk_error_destroy(error);
    dsk_log_set(i % 2 ? DSK_LOG_DEBUG : DSK_LOG_OFF, i % 2 ? count_message : NULL, &messages);
    dsk_cancel_set(own);
    good = good && dsk_cancel_is_set(own);
    dsk_cancel_destroy(own);
    dsk_cancel_set((dsk_cancel*)shared);
    good = good && dsk_cancel_is_set((const dsk_cancel*)shared);
    if (!good) return NULL;
  }
  return shared;
}

static void threads(void) {
  dsk_cancel* shared = NULL;
  CHECK(dsk_cancel_create(&shared, NULL) == DSK_STATUS_OK);
  pthread_t thread[thread_count];
  for (int i = 0; i < thread_count; ++i)
    CHECK(pthread_create(&thread[i], NULL, work, shared) == 0);
  for (int i = 0; i < thread_count; ++i) {
    void* result = NULL;
    CHECK(pthread_join(thread[i], &result) == 0);
    CHECK(result == shared);
  }
  dsk_log_set(DSK_LOG_OFF, NULL, NULL);
  dsk_cancel_destroy(shared);
}

int main(void) {
  const uint64_t before = dsk_live_objects();
  versions();
  errors();
  cancel_tokens();
  threads();

  /* A handle that is alive shows in the count, and so does an error. */
  dsk_cancel* cancel = NULL;
  dsk_error* error = NULL;
  CHECK(dsk_cancel_create(&cancel, NULL) == DSK_STATUS_OK);
  CHECK(dsk_abi_check(DSK_ABI_VERSION + 1, &error) != DSK_STATUS_OK);
  CHECK(dsk_live_objects() == before + 2);
  dsk_cancel_destroy(cancel);
  dsk_error_destroy(error);
  CHECK(dsk_live_objects() == before);
  return failures ? 1 : 0;
}
