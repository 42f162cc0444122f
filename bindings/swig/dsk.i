/* The low-level module of every language: SWIG reads the public headers themselves, so a function that is added to the C ABI is
 * wrapped by that alone when its parameters have the shapes below.
 *
 * A language's own file (python.i, java.i in its folder, found by -I) comes first. It defines
 *   DSK_HANDLE(TYPE, DESTROY)       macro: typemaps of `TYPE *` (in) and `TYPE **out` (a new, owned handle)
 *   (const char *TEXT, size_t LENGTH)    UTF-8 in, with its length; never applied from SWIG's library, whose meaning changes
 *   (char **TEXT, size_t *LENGTH)        owned text out, freed by dsk_free()
 *   char **TEXT                          the same without a length
 *   dsk_error **error                    the failure: thrown or returned, and always destroyed
 *   dsk_status (result)                  dropped: the error says it
 *   void *ADDRESS, void **ADDRESS        memory that the caller answers for, as an integer
 *   (const char *const *TEXTS, size_t COUNT), (TYPE *const *HANDLES, uint32_t COUNT)   lists in
 * and typemaps of its own for structs, which become plain values of the language.
 *
 * Cancel.     Long calls take a token; a language's own way to stop (a context, a future, an interrupt) sets it from another
 *             thread while the call runs without any lock of the language's runtime.
 * Callbacks.  No directors. The three functions that take a C callback are left out here: a language that offers them has a
 *             small C function that carries its callable through `user`.
 */
%module dsk_native

%{
#include "dsk/dsk.h"
%}

%include <stdint.i>

#if defined(SWIGPYTHON)
%include "python.i"
#elif defined(SWIGJAVA)
%include "java.i"
#endif

/* Text in. */
%apply (const char *TEXT, size_t LENGTH) {
  (const char *json, size_t json_len),
  (const char *csv, size_t csv_len),
  (const char *log, size_t log_len),
  (const char *lines, size_t lines_len),
  (const char *name, size_t name_len),
  (const char *path, size_t path_len),
  (const char *prefix, size_t prefix_len),
  (const char *backend, size_t backend_len)
};
%apply (const char *const *TEXTS, size_t COUNT) {
  (const char *const *argv, size_t argc),
  (const char *const *reports, size_t count)
};

/* Text out. */
%apply (char **TEXT, size_t *LENGTH) { (char **out, size_t *out_len) };
%apply char **TEXT { char **report, char **predictions };

/* Handles. */
%include "handles.def"

/* Memory. */
%apply void *ADDRESS { void *stream, void *memory, void *to, const void *from };
%apply void **ADDRESS { void **out };

/* Structs are typemaps' work; names that mean nothing outside C. */
%rename("$ignore", %$isclass) "";
%rename("$ignore", %$isenumitem, regextarget=1) "_FORCE_32BIT$";
%rename("$ignore", %$isconstant, regextarget=1) "_INIT$|^DSK_[A-Z_]*_H$";
%ignore DSK_API;
%ignore DSK_NODISCARD;
%ignore DSK_ABI_CHECK;
%ignore dsk_free;

/* Callbacks. */
%ignore dsk_log_set;
%ignore dsk_bench_run;
%ignore dsk_bench_compare_run;

%include "dsk/base.h"
%include "dsk/dtype.h"
%include "dsk/plan.h"
%include "dsk/calibrate.h"
%include "dsk/bench.h"
%include "dsk/tp.h"
