/**
 * @file base.h
 * Status, errors, memory, versions, logging and cancellation: what every other dsk header builds
 * on.
 *
 * Threads.   A `const` handle may be used by any number of threads at once. A handle passed without
 *            `const` is the caller's to serialise. No handle is tied to the thread that made it,
 * and the library keeps no thread-local state. Ownership. Handles come from `_create` through an
 * out-parameter and go with `_destroy`, which takes NULL. A child keeps its parent alive inside the
 * library, so any order of destruction is right. Text and arrays that a function allocates are
 * freed with dsk_free(). Pointers returned by getters belong to the handle and live as long as it
 * does. Errors.    Every function that can fail returns a dsk_status and takes `dsk_error **error`
 * last. Pass NULL to ignore the detail. On success `*error` is set to NULL; on failure it receives
 * an object that the caller destroys with dsk_error_destroy(). Text.      All text is UTF-8. Input
 * has an explicit length; output is NUL-terminated and has a length too. Silence.   The library
 * never writes to stdout or stderr, installs no signal handler, and never calls abort() or exit().
 */
#ifndef DSK_BASE_H
#define DSK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(SWIG) || defined(DSK_STATIC)
#define DSK_API
#elif defined(__GNUC__)
#define DSK_API __attribute__((visibility("default")))
#else
#define DSK_API
#endif

#if defined(__GNUC__) && !defined(SWIG)
#define DSK_NODISCARD __attribute__((warn_unused_result))
#else
#define DSK_NODISCARD
#endif

/* A struct of `type` with its struct_size set and everything else zero: what the *_INIT macros are.
 */
#ifdef __cplusplus
template <class Type> constexpr Type dsk_sized() {
  Type sized{};
  sized.struct_size = sizeof(Type);
  return sized;
}
#define DSK_STRUCT_INIT(type) dsk_sized<type>()
#else
#define DSK_STRUCT_INIT(type)                                                                      \
  { .struct_size = sizeof(type) }
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- versions */

/** Version of the headers that this program is compiled against. */
#define DSK_VERSION_MAJOR 0
#define DSK_VERSION_MINOR 1
#define DSK_VERSION_PATCH 0

/** Counts incompatible changes of the binary interface; part of the soname until 1.0. */
#define DSK_ABI_VERSION 1

/** Version of the library that is loaded, as "MAJOR.MINOR.PATCH". Never NULL. @since 0.1 */
DSK_API const char* dsk_version_string(void);

/** Version of the library that is loaded, as MAJOR * 1000000 + MINOR * 1000 + PATCH. @since 0.1 */
DSK_API uint32_t dsk_version(void);

/** ABI number of the library that is loaded. @since 0.1 */
DSK_API uint32_t dsk_abi_version(void);

/* ------------------------------------------------------------------ status */

/** What a program would branch on. Values never change; new ones are added. */
typedef enum dsk_status {
  DSK_STATUS_OK = 0,
  DSK_STATUS_INVALID_ARGUMENT =
      1, /**< the caller broke the contract of the call (a NULL, a size) */
  DSK_STATUS_INVALID_REQUEST =
      2,                      /**< the document is malformed or contradicts itself; see the path */
  DSK_STATUS_NOT_FOUND = 3,   /**< unknown model, device, link, engine or price */
  DSK_STATUS_UNSUPPORTED = 5, /**< understood, but this library cannot do it */
  DSK_STATUS_UNAVAILABLE = 6, /**< not on this machine, or not now (no GPU, no driver) */
  DSK_STATUS_CANCELLED = 7,   /**< a cancel token or a callback stopped the work */
  DSK_STATUS_DEADLINE = 8,    /**< the time limit of the request has passed */
  DSK_STATUS_OUT_OF_MEMORY = 9,
  DSK_STATUS_BACKEND = 10, /**< a driver or a device library reported an error */
  DSK_STATUS_IO = 11,      /**< a file or a socket could not be read or written */
  DSK_STATUS_INTERNAL = 100,
  DSK_STATUS_FORCE_32BIT = 0x7fffffff
} dsk_status;

/** Name of a status in lower case, e.g. "invalid_request"; "unknown" for any other value. Never
 * NULL.
 *  @since 0.1 */
DSK_API const char* dsk_status_name(dsk_status status);

/* ------------------------------------------------------------------ errors */

/** One failure: a status, a sentence, and where in the request it lies. Immutable. */
typedef struct dsk_error dsk_error;

/** Status of the failure; DSK_STATUS_OK for NULL. @since 0.1 */
DSK_API dsk_status dsk_error_status(const dsk_error* error);

/** A sentence in English that names the field, its value and what is allowed. Never NULL. Lives as
 *  long as the error. @since 0.1 */
DSK_API const char* dsk_error_message(const dsk_error* error);

/** JSON pointer (RFC 6901) into the request document, e.g. "/workload/input_tokens"; "" is the
 * whole document or no document at all. Never NULL. @since 0.1 */
DSK_API const char* dsk_error_path(const dsk_error* error);

/** Function that reported the failure, for bug reports. Never NULL. @since 0.1 */
DSK_API const char* dsk_error_where(const dsk_error* error);

/** Frees an error; NULL is allowed. @since 0.1 */
DSK_API void dsk_error_destroy(dsk_error* error);

/* ------------------------------------------------------------------ memory */

/** Frees text or an array that the library allocated; NULL is allowed. @since 0.1 */
DSK_API void dsk_free(void* memory);

/** Number of handles and error objects alive in this process; a test that balances its calls sees
 * it return to where it began. @since 0.1 */
DSK_API uint64_t dsk_live_objects(void);

/** Checks that the loaded library can serve a program compiled against `abi_version`. Use the macro
 *  DSK_ABI_CHECK() at start.
 *  @return DSK_STATUS_UNSUPPORTED with a sentence that names both versions when it cannot. @since
 * 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_abi_check(uint32_t abi_version, dsk_error** error);
#define DSK_ABI_CHECK(error) dsk_abi_check(DSK_ABI_VERSION, (error))

/* ----------------------------------------------------------------- logging */

typedef enum dsk_log_level {
  DSK_LOG_OFF = 0,
  DSK_LOG_ERROR = 1,
  DSK_LOG_WARNING = 2,
  DSK_LOG_INFO = 3,
  DSK_LOG_DEBUG = 4,
  DSK_LOG_FORCE_32BIT = 0x7fffffff
} dsk_log_level;

/** Receives one message. May come from any library thread, and must not call the library. */
typedef void (*dsk_log_fn)(dsk_log_level level, const char* module, const char* message,
                           void* user);

/** Sets the process-wide log receiver; the library is silent without one. A NULL `fn` turns logging
 *  off. Safe from any thread; a message under way may still reach the former receiver. @since 0.1
 */
DSK_API void dsk_log_set(dsk_log_level level, dsk_log_fn fn, void* user);

/* ------------------------------------------------------- cancel and progress */

/** A flag that stops long work, with the work's progress in it. */
typedef struct dsk_cancel dsk_cancel;

/** Creates a token that is not set. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_cancel_create(dsk_cancel** out, dsk_error** error);

/** Asks every call that was given this token to return soon with DSK_STATUS_CANCELLED. Safe from
 * any thread and from a signal handler; NULL is allowed. A token that is set stays set. @since 0.1
 */
DSK_API void dsk_cancel_set(dsk_cancel* cancel);

/** Whether the token is set. @since 0.1 */
DSK_API bool dsk_cancel_is_set(const dsk_cancel* cancel);

/** Progress of the call that holds the token: `done` of `total` steps, both 0 before it has begun.
 *  Safe from any thread. Either out-pointer may be NULL. @since 0.1 */
DSK_API void dsk_cancel_progress(const dsk_cancel* cancel, uint64_t* done, uint64_t* total);

/** Frees the caller's hold on a token; NULL is allowed, and a call under way keeps its own. @since
 * 0.1 */
DSK_API void dsk_cancel_destroy(dsk_cancel* cancel);

#ifdef __cplusplus
}
#endif

#endif /* DSK_BASE_H */
