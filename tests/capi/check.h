/* Checks for the C programs of this folder: a failed one prints its place, and the program ends
 * with 1. */
#ifndef DSK_TESTS_CAPI_CHECK_H
#define DSK_TESTS_CAPI_CHECK_H

#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      printf("%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                         \
      ++failures;                                                                                  \
    }                                                                                              \
  } while (0)
#define CHECK_TEXT(text, wanted)                                                                   \
  do {                                                                                             \
    const char* got_ = (text);                                                                     \
    if (strcmp(got_, (wanted)) != 0) {                                                             \
      printf("%s:%d: %s is \"%s\", wanted \"%s\"\n", __FILE__, __LINE__, #text, got_, (wanted));   \
      ++failures;                                                                                  \
    }                                                                                              \
  } while (0)

#endif
