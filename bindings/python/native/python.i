/* Python's typemaps for the shared interface (../swig/dsk.i). Limited API of CPython 3.10.
 *
 * A handle is a capsule: its destructor frees the C object. Closing in Python drops one reference, and a call under way holds its
 * own, so neither a second close nor a close beside a call can touch freed memory. Structs are tuples of plain values. */
%begin %{
#define PY_SSIZE_T_CLEAN
%}

%{
#include "dsk_python.h"
%}

%include "dsk_python_structs.i"

/* ------------------------------------------------------------- lock: only work that is short keeps it */
%nothread dsk_version_string;
%nothread dsk_version;
%nothread dsk_abi_version;
%nothread dsk_status_name;
%nothread dsk_live_objects;
%nothread dsk_cancel_create;
%nothread dsk_cancel_set;
%nothread dsk_cancel_is_set;
%nothread dsk_cancel_progress;
%nothread dsk_plan_step;
%nothread dsk_plan_summary;
%nothread dsk_tp_comm_get_info;
%nothread dsk_tp_linear_get_info;
%nothread dsk_tp_mlp_get_info;
%nothread dsk_tp_graph_get_info;
%nothread dsk_tp_tuning_count;
%nothread dsk_tp_weights_count;
%nothread dsk_tp_weights_get_name;
%nothread dsk_tp_weights_get;

/* ------------------------------------------------------------- errors */
%ignore dsk_error_status;
%ignore dsk_error_message;
%ignore dsk_error_path;
%ignore dsk_error_where;
%ignore dsk_error_destroy;

%typemap(out) dsk_status "(void)$1; $result = dsk_py_none();"
%typemap(in, numinputs=0) dsk_error **error (dsk_error *failure = NULL) "$1 = &failure;"
%typemap(argout) dsk_error **error {
  if (*$1) {
    Py_XDECREF($result);
    $result = NULL;
    dsk_py_raise(*$1);
    SWIG_fail;
  }
}

/* ------------------------------------------------------------- text */
%typemap(in) (const char *TEXT, size_t LENGTH) {
  if (!dsk_py_text($input, (const char **)&$1, &$2)) SWIG_fail;
}
%typemap(in, numinputs=0) (char **TEXT, size_t *LENGTH) (char *text = NULL, size_t length = 0) {
  $1 = &text;
  $2 = &length;
}
%typemap(argout) (char **TEXT, size_t *LENGTH) {
  if (*$1) {
    $result = dsk_py_append($result, dsk_py_take_text(*$1, *$2));
    if (!$result) SWIG_fail;
  }
}
%typemap(in, numinputs=0) char **TEXT (char *text = NULL) "$1 = &text;"
%typemap(argout) char **TEXT {
  if (*$1) {
    $result = dsk_py_append($result, dsk_py_take_text(*$1, strlen(*$1)));
    if (!$result) SWIG_fail;
  }
}
%typemap(in) (const char *const *TEXTS, size_t COUNT) {
  $1 = (char **)dsk_py_texts($input, &$2);
  if (!$1) SWIG_fail;
}
%typemap(freearg) (const char *const *TEXTS, size_t COUNT) "free((void *)$1);"

/* ------------------------------------------------------------- handles */
%define DSK_HANDLE(TYPE, DESTROY)
%ignore DESTROY;
%typemap(in) TYPE * {
  $1 = (TYPE *)dsk_py_handle($input, #TYPE);
  if (!$1) SWIG_fail;
}
%typemap(in, numinputs=0) TYPE **out (TYPE *handle = NULL) "$1 = &handle;"
%typemap(argout) TYPE **out {
  if (*$1) {
    PyObject *capsule = PyCapsule_New(*$1, #TYPE, DESTROY ## _capsule);
    if (!capsule) DESTROY(*$1);
    $result = dsk_py_append($result, capsule);
    if (!$result) SWIG_fail;
  }
}
%typemap(in) (TYPE *const *HANDLES, uint32_t COUNT) {
  $1 = (TYPE **)dsk_py_handles($input, #TYPE, &$2);
  if (!$1) SWIG_fail;
}
%typemap(freearg) (TYPE *const *HANDLES, uint32_t COUNT) "free((void *)$1);"
%enddef

/* ------------------------------------------------------------- memory */
%typemap(in) void *ADDRESS, const void *ADDRESS {
  if (!dsk_py_address($input, (void **)&$1)) SWIG_fail;
}
%typemap(in, numinputs=0) void **ADDRESS (void *address = NULL) "$1 = &address;"
%typemap(argout) void **ADDRESS {
  $result = dsk_py_append($result, PyLong_FromVoidPtr(*$1));
  if (!$result) SWIG_fail;
}
