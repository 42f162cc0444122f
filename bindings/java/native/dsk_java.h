/* What the wrapper that SWIG writes (java.i) calls. */
#ifndef DSK_JAVA_H
#define DSK_JAVA_H

#include <jni.h>
#include <stdlib.h>
#include <string.h>

#include "dsk/dsk.h"

typedef struct dsk_java_object {
  JNIEnv* env;
  jobject object;
} dsk_java_object;

/* A long[] seen as an array of C words: handles, addresses or counts. */
typedef struct dsk_java_longs {
  jlong* data;
  jsize count;
} dsk_java_longs;

_Static_assert(sizeof(void*) == sizeof(jlong) && sizeof(size_t) == sizeof(jlong),
               "a pointer and a count fit a Java long");

static jbyteArray dsk_java_bytes(JNIEnv* env, const char* text, size_t length) {
  const jbyteArray array = (*env)->NewByteArray(env, (jsize)length);
  if (array) (*env)->SetByteArrayRegion(env, array, 0, (jsize)length, (const jbyte*)text);
  return array;
}

/* Throws DskException(int, byte[], byte[], byte[]) and frees the error. An exception that a
 * callback threw goes first. */
static void dsk_java_throw(JNIEnv* env, dsk_error* error) {
  if (!(*env)->ExceptionCheck(env)) {
    const char* texts[3] = {dsk_error_message(error), dsk_error_path(error),
                            dsk_error_where(error)};
    jbyteArray arrays[3] = {NULL, NULL, NULL};
    const jclass type = (*env)->FindClass(env, "ai/dsk/DskException");
    const jmethodID make = type ? (*env)->GetMethodID(env, type, "<init>", "(I[B[B[B)V") : NULL;
    jobject thrown = NULL;
    if (make) {
      for (int i = 0; i < 3; ++i)
        if (!(arrays[i] = dsk_java_bytes(env, texts[i], strlen(texts[i])))) break;
      if (arrays[2])
        thrown = (*env)->NewObject(env, type, make, (jint)dsk_error_status(error), arrays[0],
                                   arrays[1], arrays[2]);
    }
    if (thrown) (*env)->Throw(env, (jthrowable)thrown);
  }
  dsk_error_destroy(error);
}

/* The elements for C to read and write; NULL for null, and with an exception pending when there is
 * no memory. */
static jlong* dsk_java_longs_begin(JNIEnv* env, jlongArray array, dsk_java_longs* out) {
  out->data = NULL;
  out->count = 0;
  if (array) {
    out->count = (*env)->GetArrayLength(env, array);
    out->data = (*env)->GetLongArrayElements(env, array, NULL);
  }
  return out->data;
}

static void dsk_java_longs_end(JNIEnv* env, jlongArray array, const dsk_java_longs* longs) {
  if (longs->data) (*env)->ReleaseLongArrayElements(env, array, longs->data, 0);
}

/* Puts a text of the library's into out[0] and frees it. */
static void dsk_java_take(JNIEnv* env, jobjectArray out, char* text, size_t length) {
  if (!text) return;
  if (out && !(*env)->ExceptionCheck(env)) {
    const jbyteArray array = dsk_java_bytes(env, text, length);
    if (array) (*env)->SetObjectArrayElement(env, out, 0, array);
  }
  dsk_free(text);
}

static void dsk_java_free_texts(char** texts, size_t count) {
  if (!texts) return;
  for (size_t i = 0; i < count; ++i)
    free(texts[i]);
  free(texts);
}

/* NUL-terminated copies of a byte[][]; NULL with an exception pending when there is no memory or an
 * element is null. */
static char** dsk_java_texts(JNIEnv* env, jobjectArray array, size_t* count) {
  const jsize length = array ? (*env)->GetArrayLength(env, array) : 0;
  char** texts = (char**)calloc((size_t)length + 1, sizeof *texts);
  *count = (size_t)length;
  for (jsize i = 0; texts && i < length; ++i) {
    const jbyteArray element = (jbyteArray)(*env)->GetObjectArrayElement(env, array, i);
    const jsize size = element ? (*env)->GetArrayLength(env, element) : 0;
    if (element) texts[i] = (char*)calloc((size_t)size + 1, 1);
    if (!texts[i]) {
      dsk_java_free_texts(texts, *count);
      texts = NULL;
    } else {
      (*env)->GetByteArrayRegion(env, element, 0, size, (jbyte*)texts[i]);
    }
    (*env)->DeleteLocalRef(env, element);
  }
  if (!texts) {
    const jclass type = (*env)->FindClass(env, "java/lang/OutOfMemoryError");
    if (type) (*env)->ThrowNew(env, type, "a list of texts for libdsk");
  }
  return texts;
}

static long long dsk_java_buffer_address(dsk_java_object buffer) {
  return (long long)(intptr_t)(*buffer.env)->GetDirectBufferAddress(buffer.env, buffer.object);
}

/* Calls Work.run(ByteBuffer) with the sample's memory. An exception stays pending, ends the
 * measurement, and is thrown when the call returns to Java. */
static dsk_status dsk_java_sample(void* user, dsk_bench_sample* sample) {
  const dsk_java_object* work = (const dsk_java_object*)user;
  JNIEnv* env = work->env;
  const jclass type = (*env)->GetObjectClass(env, work->object);
  const jmethodID run = (*env)->GetMethodID(env, type, "run", "(Ljava/nio/ByteBuffer;)V");
  (*env)->DeleteLocalRef(env, type);
  if (!run) return DSK_STATUS_CANCELLED;
  const jobject buffer = (*env)->NewDirectByteBuffer(env, sample, (jlong)sizeof *sample);
  if (!buffer) return DSK_STATUS_CANCELLED;
  (*env)->CallVoidMethod(env, work->object, run, buffer);
  if ((*env)->ExceptionCheck(env)) return DSK_STATUS_CANCELLED;
  (*env)->DeleteLocalRef(env, buffer);
  return DSK_STATUS_OK;
}

/* --------------------------------------------------------------------- log */
/* One static method of Java's receives the messages of every thread, so that no reference is held
 * while receivers change. */
static JavaVM* dsk_java_vm = NULL;
static jclass dsk_java_log_class = NULL;
static jmethodID dsk_java_log_method = NULL;

static void dsk_java_log(dsk_log_level level, const char* module, const char* message, void* user) {
  (void)user;
  JNIEnv* env = NULL;
  const jint here = (*dsk_java_vm)->GetEnv(dsk_java_vm, (void**)&env, JNI_VERSION_1_8);
  if (here == JNI_EDETACHED &&
      (*dsk_java_vm)->AttachCurrentThreadAsDaemon(dsk_java_vm, (void**)&env, NULL) != JNI_OK)
    return;
  if (env && !(*env)->ExceptionCheck(env)) {
    const jbyteArray from = dsk_java_bytes(env, module, strlen(module));
    const jbyteArray text = dsk_java_bytes(env, message, strlen(message));
    if (from && text)
      (*env)->CallStaticVoidMethod(env, dsk_java_log_class, dsk_java_log_method, (jint)level, from,
                                   text);
    if ((*env)->ExceptionCheck(env)) (*env)->ExceptionClear(env);
    (*env)->DeleteLocalRef(env, from);
    (*env)->DeleteLocalRef(env, text);
  }
  if (here == JNI_EDETACHED) (*dsk_java_vm)->DetachCurrentThread(dsk_java_vm);
}

/* `receiver` is the class with the static method receive(int, byte[], byte[]), or null. Java
 * serialises the calls. */
static void dsk_java_log_set(int level, dsk_java_object receiver) {
  JNIEnv* env = receiver.env;
  if (!receiver.object) {
    dsk_log_set(DSK_LOG_OFF, NULL, NULL);
    return;
  }
  if (!dsk_java_log_class) {
    if ((*env)->GetJavaVM(env, &dsk_java_vm) != JNI_OK) return;
    dsk_java_log_method =
        (*env)->GetStaticMethodID(env, (jclass)receiver.object, "receive", "(I[B[B)V");
    if (!dsk_java_log_method) return;
    dsk_java_log_class = (jclass)(*env)->NewGlobalRef(env, receiver.object);
  }
  if (dsk_java_log_class) dsk_log_set((dsk_log_level)level, dsk_java_log, NULL);
}

#endif /* DSK_JAVA_H */
