/* Java's typemaps for the shared interface (../../swig/dsk.i): static methods over plain values, private to the package.
 *
 * Handles, addresses and C structs are long. A struct lies in memory of Java's (a direct buffer, see internal/Struct.java).
 * What comes out goes into arrays of the caller's: long[] for handles and counts, byte[][] for UTF-8 text (never a Java string,
 * whose JNI form is not UTF-8). A failure is thrown as ai.dsk.DskException. */
%include "enumsimple.swg"

%begin %{
#include <stdint.h>
#include <string.h>
%}
%{
#include "dsk_java.h"
%}

%pragma(java) moduleclassmodifiers = "public final class"
%pragma(java) jniclassclassmodifiers = "final class"

/* ------------------------------------------------------------- errors */
%ignore dsk_error_status;
%ignore dsk_error_message;
%ignore dsk_error_path;
%ignore dsk_error_where;
%ignore dsk_error_destroy;

%typemap(jni) dsk_status "jint"
%typemap(jtype) dsk_status "int"
%typemap(jstype) dsk_status "int"
%typemap(javain) dsk_status "$javainput"
%typemap(javaout) dsk_status { return $jnicall; }
%typemap(in) dsk_status "$1 = (dsk_status)$input;"
%typemap(out) dsk_status "$result = (jint)$1;"
%typemap(in, numinputs=0) dsk_error **error (dsk_error *failure = NULL) "$1 = &failure;"
%typemap(argout) dsk_error **error "if (*$1) dsk_java_throw(jenv, *$1);"

/* ------------------------------------------------------------- numbers, addresses, structs */
%define DSK_LONG(TYPE)
%typemap(jni) TYPE "jlong"
%typemap(jtype) TYPE "long"
%typemap(jstype) TYPE "long"
%typemap(javain) TYPE "$javainput"
%typemap(javaout) TYPE { return $jnicall; }
%typemap(javadirectorin) TYPE "$jniinput"
%enddef
DSK_LONG(uint64_t)
DSK_LONG(uint32_t)
DSK_LONG(size_t)
%typemap(in) uint64_t, uint32_t, size_t "$1 = ($1_ltype)$input;"
%typemap(out) uint64_t, uint32_t, size_t "$result = (jlong)$1;"

%define DSK_POINTER(TYPE)
DSK_LONG(TYPE *)
%typemap(in) TYPE * "$1 = ($1_ltype)(intptr_t)$input;"
%enddef
DSK_POINTER(dsk_plan_info)
DSK_POINTER(dsk_plan_batch)
DSK_POINTER(dsk_plan_step_time)
DSK_POINTER(dsk_request_times)
DSK_POINTER(dsk_bench_options)
DSK_POINTER(dsk_tp_device_info)
DSK_POINTER(dsk_tp_comm_options)
DSK_POINTER(dsk_tp_comm_info)
DSK_POINTER(dsk_tp_unique_id)
DSK_POINTER(dsk_tp_weight)
DSK_POINTER(dsk_tp_linear_desc)
DSK_POINTER(dsk_tp_mlp_desc)
DSK_POINTER(dsk_tp_plan_info)
DSK_POINTER(dsk_tp_args)
DSK_POINTER(dsk_tp_graph_info)
DSK_LONG(void *ADDRESS)
DSK_LONG(const void *ADDRESS)
%typemap(in) void *ADDRESS, const void *ADDRESS "$1 = (void *)(intptr_t)$input;"

/* Numbers and handles out: an array of the caller's, of the length that the function fills; null for NULL. */
%define DSK_LONGS_OUT(TYPE)
%typemap(jni) TYPE "jlongArray"
%typemap(jtype) TYPE "long[]"
%typemap(jstype) TYPE "long[]"
%typemap(javain) TYPE "$javainput"
%typemap(in) TYPE (dsk_java_longs longs) {
  $1 = ($1_ltype)dsk_java_longs_begin(jenv, $input, &longs);
  if ($input && !$1) return $null;
}
%typemap(freearg) TYPE "dsk_java_longs_end(jenv, $input, &longs$argnum);"
%typemap(argout) TYPE ""
%enddef
DSK_LONGS_OUT(uint64_t *)
DSK_LONGS_OUT(size_t *)
DSK_LONGS_OUT(void **ADDRESS)

/* ------------------------------------------------------------- text */
%typemap(jni) (const char *TEXT, size_t LENGTH) "jbyteArray"
%typemap(jtype) (const char *TEXT, size_t LENGTH) "byte[]"
%typemap(jstype) (const char *TEXT, size_t LENGTH) "byte[]"
%typemap(javain) (const char *TEXT, size_t LENGTH) "$javainput"
%typemap(in) (const char *TEXT, size_t LENGTH) {
  $1 = NULL;
  $2 = 0;
  if ($input) {
    $2 = (size_t)(*jenv)->GetArrayLength(jenv, $input);
    $1 = (char *)(*jenv)->GetByteArrayElements(jenv, $input, NULL);
    if (!$1) return $null;
  }
}
%typemap(freearg) (const char *TEXT, size_t LENGTH)
  "if ($1) (*jenv)->ReleaseByteArrayElements(jenv, $input, (jbyte *)$1, JNI_ABORT);"
%typemap(argout) (const char *TEXT, size_t LENGTH) ""

%typemap(jni) (char **TEXT, size_t *LENGTH) "jobjectArray"
%typemap(jtype) (char **TEXT, size_t *LENGTH) "byte[][]"
%typemap(jstype) (char **TEXT, size_t *LENGTH) "byte[][]"
%typemap(javain) (char **TEXT, size_t *LENGTH) "$javainput"
%typemap(in) (char **TEXT, size_t *LENGTH) (char *text = NULL, size_t length = 0) {
  $1 = &text;
  $2 = &length;
}
%typemap(freearg) (char **TEXT, size_t *LENGTH) ""
%typemap(argout) (char **TEXT, size_t *LENGTH) "dsk_java_take(jenv, $input, *$1, *$2);"

%typemap(jni) char **TEXT "jobjectArray"
%typemap(jtype) char **TEXT "byte[][]"
%typemap(jstype) char **TEXT "byte[][]"
%typemap(javain) char **TEXT "$javainput"
%typemap(in) char **TEXT (char *text = NULL) "$1 = &text;"
%typemap(argout) char **TEXT "dsk_java_take(jenv, $input, *$1, *$1 ? strlen(*$1) : 0);"

%typemap(jni) (const char *const *TEXTS, size_t COUNT) "jobjectArray"
%typemap(jtype) (const char *const *TEXTS, size_t COUNT) "byte[][]"
%typemap(jstype) (const char *const *TEXTS, size_t COUNT) "byte[][]"
%typemap(javain) (const char *const *TEXTS, size_t COUNT) "$javainput"
%typemap(in) (const char *const *TEXTS, size_t COUNT) {
  $1 = ($1_ltype)dsk_java_texts(jenv, $input, &$2);
  if (!$1) return $null;
}
%typemap(freearg) (const char *const *TEXTS, size_t COUNT) "dsk_java_free_texts((char **)$1, $2);"
%typemap(argout) (const char *const *TEXTS, size_t COUNT) ""

/* Text that belongs to the library. */
%typemap(jni) const char * "jbyteArray"
%typemap(jtype) const char * "byte[]"
%typemap(jstype) const char * "byte[]"
%typemap(javaout) const char * { return $jnicall; }
%typemap(out) const char * "$result = $1 ? dsk_java_bytes(jenv, $1, strlen($1)) : NULL;"

/* ------------------------------------------------------------- handles */
%define DSK_HANDLES(TYPE, NAME, COUNT)
%typemap(jni) (TYPE *const *NAME, uint32_t COUNT) "jlongArray"
%typemap(jtype) (TYPE *const *NAME, uint32_t COUNT) "long[]"
%typemap(jstype) (TYPE *const *NAME, uint32_t COUNT) "long[]"
%typemap(javain) (TYPE *const *NAME, uint32_t COUNT) "$javainput"
%typemap(in) (TYPE *const *NAME, uint32_t COUNT) (dsk_java_longs longs) {
  $1 = ($1_ltype)dsk_java_longs_begin(jenv, $input, &longs);
  if ($input && !$1) return $null;
  $2 = (uint32_t)longs.count;
}
%typemap(freearg) (TYPE *const *NAME, uint32_t COUNT) "dsk_java_longs_end(jenv, $input, &longs$argnum);"
%typemap(argout) (TYPE *const *NAME, uint32_t COUNT) ""
%enddef
%define DSK_HANDLE(TYPE, DESTROY)
DSK_POINTER(TYPE)
DSK_LONGS_OUT(TYPE **out)
DSK_HANDLES(TYPE, comms, count)
DSK_HANDLES(TYPE, devices, world)
%enddef
DSK_HANDLE(dsk_tp_group, none)

/* ------------------------------------------------------------- what has no shape of the shared interface */
%typemap(jni) dsk_java_object "jobject"
%typemap(jtype) dsk_java_object "Object"
%typemap(jstype) dsk_java_object "Object"
%typemap(javain) dsk_java_object "$javainput"
%typemap(javaout) dsk_java_object { return $jnicall; }
%typemap(in) dsk_java_object { $1.env = jenv; $1.object = $input; }

%{
static long long buffer_address(dsk_java_object buffer) { return dsk_java_buffer_address(buffer); }
static dsk_status bench_run(const dsk_bench_options *options, dsk_java_object work, char **out, size_t *out_len, dsk_error **error) {
  return dsk_bench_run(options, dsk_java_sample, &work, out, out_len, error);
}
static dsk_status bench_compare_run(const dsk_bench_options *options, dsk_java_object a, dsk_java_object b, char **out,
                                    size_t *out_len, dsk_error **error) {
  return dsk_bench_compare_run(options, dsk_java_sample, &a, dsk_java_sample, &b, out, out_len, error);
}
static void log_set(int level, dsk_java_object receiver) { dsk_java_log_set(level, receiver); }
%}
%apply (char **TEXT, size_t *LENGTH) { (char **out, size_t *out_len) };
long long buffer_address(dsk_java_object buffer);
dsk_status bench_run(const dsk_bench_options *options, dsk_java_object work, char **out, size_t *out_len, dsk_error **error);
dsk_status bench_compare_run(const dsk_bench_options *options, dsk_java_object a, dsk_java_object b, char **out, size_t *out_len, dsk_error **error);
void log_set(int level, dsk_java_object receiver);

/* Sizes that Java's layout of the structs is held against. */
%define DSK_SIZE(TYPE)
%constant int SIZE_ ## TYPE = sizeof(TYPE);
%enddef
DSK_SIZE(dsk_plan_info)
DSK_SIZE(dsk_plan_batch)
DSK_SIZE(dsk_plan_step_time)
DSK_SIZE(dsk_request_times)
DSK_SIZE(dsk_bench_options)
DSK_SIZE(dsk_bench_sample)
DSK_SIZE(dsk_tp_device_info)
DSK_SIZE(dsk_tp_comm_options)
DSK_SIZE(dsk_tp_comm_info)
DSK_SIZE(dsk_tp_unique_id)
DSK_SIZE(dsk_tp_weight)
DSK_SIZE(dsk_tp_linear_desc)
DSK_SIZE(dsk_tp_mlp_desc)
DSK_SIZE(dsk_tp_plan_info)
DSK_SIZE(dsk_tp_args)
DSK_SIZE(dsk_tp_graph_info)
