/* What the typemaps of python.i call: text, handles, errors and callbacks between CPython and the C
 * ABI. Included once, by the generated module. */
#ifndef DSK_PYTHON_H
#define DSK_PYTHON_H

#include <stdlib.h>
#include <string.h>

#include "dsk/dsk.h"

/* ------------------------------------------------------------------ results */

static PyObject* dsk_py_none(void) {
  Py_INCREF(Py_None);
  return Py_None;
}

/* `result`, a first value or a tuple of several, with one more value behind. Takes both references;
 * NULL when either is NULL. */
static PyObject* dsk_py_append(PyObject* result, PyObject* value) {
  if (!result || !value) {
    Py_XDECREF(result);
    Py_XDECREF(value);
    return NULL;
  }
  if (result == Py_None) {
    Py_DECREF(result);
    return value;
  }
  PyObject* pair;
  if (PyTuple_Check(result)) {
    PyObject* one = Py_BuildValue("(O)", value);
    pair = one ? PySequence_Concat(result, one) : NULL;
    Py_XDECREF(one);
  } else {
    pair = Py_BuildValue("(OO)", result, value);
  }
  Py_DECREF(result);
  Py_DECREF(value);
  return pair;
}

/* ------------------------------------------------------------------- errors */

/* Called with (status, message, path, where); gives the exception. */
static PyObject* dsk_py_error_factory = NULL;

/* Sets the exception that `error` stands for, and destroys it. */
static void dsk_py_raise(dsk_error* error) {
  PyObject* exception =
      dsk_py_error_factory
          ? PyObject_CallFunction(dsk_py_error_factory, "isss", (int)dsk_error_status(error),
                                  dsk_error_message(error), dsk_error_path(error),
                                  dsk_error_where(error))
          : NULL;
  if (exception) {
    PyErr_SetObject((PyObject*)Py_TYPE(exception), exception);
    Py_DECREF(exception);
  } else if (!PyErr_Occurred()) {
    PyErr_SetString(PyExc_RuntimeError, dsk_error_message(error));
  }
  dsk_error_destroy(error);
}

/* --------------------------------------------------------------------- text */

/* UTF-8 of a str or bytes, borrowed from the object; None is no text. */
static int dsk_py_text(PyObject* object, const char** text, size_t* length) {
  Py_ssize_t size = 0;
  if (object == Py_None) {
    *text = NULL;
  } else if (PyUnicode_Check(object)) {
    *text = PyUnicode_AsUTF8AndSize(object, &size);
    if (!*text) return 0;
  } else {
    char* bytes = NULL;
    if (!PyBytes_Check(object)) {
      PyErr_SetString(PyExc_TypeError, "text or bytes is needed");
      return 0;
    }
    if (PyBytes_AsStringAndSize(object, &bytes, &size) < 0) return 0;
    *text = bytes;
  }
  *length = (size_t)size;
  return 1;
}

static PyObject* dsk_py_take_text(char* text, size_t length) {
  PyObject* object = PyUnicode_DecodeUTF8(text, (Py_ssize_t)length, "strict");
  dsk_free(text);
  return object;
}

/* An array of borrowed C strings of a list of str; free() it. */
static const char** dsk_py_texts(PyObject* list, size_t* count) {
  if (!PyList_Check(list)) {
    PyErr_SetString(PyExc_TypeError, "a list of text is needed");
    return NULL;
  }
  const Py_ssize_t size = PyList_Size(list);
  const char** texts = (const char**)calloc((size_t)size + 1, sizeof *texts);
  if (!texts) {
    PyErr_NoMemory();
    return NULL;
  }
  for (Py_ssize_t i = 0; i < size; ++i) {
    size_t length = 0;
    if (!dsk_py_text(PyList_GetItem(list, i), &texts[i], &length)) {
      free((void*)texts);
      return NULL;
    }
    if (!texts[i] || strlen(texts[i]) != length) {
      PyErr_SetString(PyExc_ValueError, "text with a zero byte in it");
      free((void*)texts);
      return NULL;
    }
  }
  *count = (size_t)size;
  return texts;
}

/* ------------------------------------------------------------------ handles */

#define DSK_HANDLE(TYPE, DESTROY)                                                                  \
  static void DESTROY##_capsule(PyObject* capsule) {                                               \
    DESTROY((TYPE*)PyCapsule_GetPointer(capsule, #TYPE));                                          \
  }
#include "handles.def"
#undef DSK_HANDLE

/* The C object of a capsule; a closed object of the package holds None instead. */
static void* dsk_py_handle(PyObject* object, const char* type) {
  if (PyCapsule_IsValid(object, type)) return PyCapsule_GetPointer(object, type);
  if (object == Py_None)
    PyErr_Format(PyExc_ValueError, "this object is closed (%s)", type);
  else
    PyErr_Format(PyExc_TypeError, "a handle of %s is needed", type);
  return NULL;
}

/* An array of the C objects of a list of capsules; free() it. */
static void** dsk_py_handles(PyObject* list, const char* type, uint32_t* count) {
  if (!PyList_Check(list)) {
    PyErr_SetString(PyExc_TypeError, "a list is needed");
    return NULL;
  }
  const Py_ssize_t size = PyList_Size(list);
  void** handles = (void**)calloc((size_t)size + 1, sizeof *handles);
  if (!handles) {
    PyErr_NoMemory();
    return NULL;
  }
  for (Py_ssize_t i = 0; i < size; ++i) {
    handles[i] = dsk_py_handle(PyList_GetItem(list, i), type);
    if (!handles[i]) {
      free(handles);
      return NULL;
    }
  }
  *count = (uint32_t)size;
  return handles;
}

/* ------------------------------------------------------------------- memory */

static int dsk_py_address(PyObject* object, void** address) {
  *address = object == Py_None ? NULL : PyLong_AsVoidPtr(object);
  return *address || !PyErr_Occurred();
}

#include "dsk_python_structs.h"

#endif /* DSK_PYTHON_H */
