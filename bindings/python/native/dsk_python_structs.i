/* Structs as tuples: one PyArg_ParseTuple or Py_BuildValue for each. The order of members is that of the C struct without
 * struct_size and reserved; the package's classes give them names. Addresses are integers, 0 for none. */

/* ------------------------------------------------------------- base.h */
%typemap(in) dsk_cancel *cancel {
  $1 = NULL;
  if ($input != Py_None && !($1 = (dsk_cancel *)dsk_py_handle($input, "dsk_cancel"))) SWIG_fail;
}
%typemap(in, numinputs=0) (uint64_t *done, uint64_t *total) (uint64_t done, uint64_t total) {
  done = total = 0;
  $1 = &done;
  $2 = &total;
}
%typemap(argout) (uint64_t *done, uint64_t *total) {
  Py_XDECREF($result);
  $result = Py_BuildValue("(KK)", (unsigned long long)*$1, (unsigned long long)*$2);
}

%{
/* Called with (status, message, path, where); gives the exception that a failure raises. */
static PyObject *set_error_factory(PyObject *factory) {
  Py_INCREF(factory);
  Py_XDECREF(dsk_py_error_factory);
  dsk_py_error_factory = factory;
  return dsk_py_none();
}
%}
%nothread set_error_factory;
PyObject *set_error_factory(PyObject *factory);

/* ------------------------------------------------------------- plan.h */
%typemap(in, numinputs=0) dsk_plan_info *out (dsk_plan_info value) {
  memset(&value, 0, sizeof value);
  value.struct_size = sizeof value;
  $1 = &value;
}
%typemap(argout) dsk_plan_info *out {
  Py_DECREF($result);
  $result = Py_BuildValue("(OIIIIIIIIdddddddd)", $1->feasible ? Py_True : Py_False, $1->replicas, $1->gpus,
                          $1->gpus_per_replica, $1->nodes_per_replica, $1->tp, $1->pp, $1->dp, $1->ep, $1->ttft_ms,
                          $1->tpot_ms, $1->e2e_ms, $1->requests_per_s, $1->output_tokens_per_s, $1->usd_per_hour,
                          $1->usd_per_mtok, $1->utilisation);
}
%typemap(in) const dsk_plan_batch *batch (dsk_plan_batch value) {
  if (!dsk_py_batch($input, &value)) SWIG_fail;
  $1 = &value;
}
%typemap(in, numinputs=0) dsk_plan_step_time *out (dsk_plan_step_time value) {
  memset(&value, 0, sizeof value);
  value.struct_size = sizeof value;
  $1 = &value;
}
%typemap(argout) dsk_plan_step_time *out {
  if (result == DSK_STATUS_OK) {
    Py_DECREF($result);
    $result = dsk_py_step_time($1);
  }
}
%typemap(in) (dsk_request_times *series, size_t capacity, size_t row_size) (unsigned long long address, unsigned long long rows) {
  address = rows = 0;
  if ($input != Py_None && !PyArg_ParseTuple($input, "KK", &address, &rows)) SWIG_fail;
  $1 = (dsk_request_times *)(uintptr_t)address;
  $2 = (size_t)rows;
  $3 = sizeof(dsk_request_times);
}
%typemap(in, numinputs=0) size_t *count (size_t value = 0) "$1 = &value;"
%typemap(argout) size_t *count {
  $result = dsk_py_append($result, PyLong_FromSize_t(*$1));
  if (!$result) SWIG_fail;
}
%constant unsigned REQUEST_TIMES_BYTES = sizeof(dsk_request_times);

/* ------------------------------------------------------------- bench.h */
%nothread bench_run;
%nothread bench_compare_run;
%nothread log_set;
%typemap(in) const dsk_bench_options *options (dsk_bench_options value) {
  if (!dsk_py_bench_options($input, &value)) SWIG_fail;
  $1 = &value;
}
PyObject *bench_run(const dsk_bench_options *options, PyObject *work);
PyObject *bench_compare_run(const dsk_bench_options *options, PyObject *a, PyObject *b);
PyObject *log_set(int level, PyObject *receiver);

/* ------------------------------------------------------------- tp.h */
%ignore dsk_tp_comm_create_local;
%nothread tp_comm_create_local;
%nothread dlpack_tensor;
PyObject *tp_comm_create_local(PyObject *devices, PyObject *options);
PyObject *dlpack_tensor(PyObject *capsule);

%typemap(in, numinputs=0) dsk_tp_device_info *out (dsk_tp_device_info value) {
  memset(&value, 0, sizeof value);
  value.struct_size = sizeof value;
  $1 = &value;
}
%typemap(argout) dsk_tp_device_info *out {
  Py_DECREF($result);
  $result = Py_BuildValue("(IIIKssssss)", $1->multiprocessors, $1->compute_major, $1->compute_minor,
                          (unsigned long long)$1->memory_bytes, $1->backend, $1->name, $1->uuid, $1->driver_version,
                          $1->blas_version, $1->collective_version);
}
%typemap(in) const dsk_tp_comm_options *options (dsk_tp_comm_options value) {
  if (!dsk_py_comm_options($input, &value)) SWIG_fail;
  $1 = &value;
}
%typemap(in, numinputs=0) dsk_tp_comm_info *out (dsk_tp_comm_info value) {
  memset(&value, 0, sizeof value);
  value.struct_size = sizeof value;
  $1 = &value;
}
%typemap(argout) dsk_tp_comm_info *out {
  Py_DECREF($result);
  $result = Py_BuildValue("(IIiOs)", $1->world, $1->rank, $1->lost_rank, $1->aborted ? Py_True : Py_False, $1->transport);
}
%typemap(in, numinputs=0) dsk_tp_unique_id *out (dsk_tp_unique_id value) "$1 = &value;"
%typemap(argout) dsk_tp_unique_id *out {
  Py_DECREF($result);
  $result = PyBytes_FromStringAndSize((const char *)$1->bytes, sizeof $1->bytes);
}
%typemap(in) const dsk_tp_unique_id *id (dsk_tp_unique_id value) {
  char *bytes = NULL;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize($input, &bytes, &size) < 0) SWIG_fail;
  if (size != (Py_ssize_t)sizeof value.bytes) {
    PyErr_Format(PyExc_ValueError, "a unique id has %d bytes", (int)sizeof value.bytes);
    SWIG_fail;
  }
  memcpy(value.bytes, bytes, sizeof value.bytes);
  $1 = &value;
}
%typemap(in) (dsk_tp_comm *const *comms, uint32_t count) {
  $1 = (dsk_tp_comm **)dsk_py_handles($input, "dsk_tp_comm", &$2);
  if (!$1) SWIG_fail;
}
%typemap(freearg) (dsk_tp_comm *const *comms, uint32_t count) "free((void *)$1);"

/* A group that was never ended is ended by its capsule; dsk_tp_group_end takes it out of the capsule first. */
%typemap(in, numinputs=0) dsk_tp_group **out (dsk_tp_group *handle = NULL) "$1 = &handle;"
%typemap(argout) dsk_tp_group **out {
  if (*$1) {
    PyObject *capsule = PyCapsule_New(*$1, "dsk_tp_group", dsk_py_group_capsule);
    if (!capsule) dsk_py_group_drop(*$1);
    $result = dsk_py_append($result, capsule);
    if (!$result) SWIG_fail;
  }
}
%typemap(in) dsk_tp_group *group {
  $1 = (dsk_tp_group *)dsk_py_handle($input, "dsk_tp_group");
  if (!$1 || PyCapsule_SetDestructor($input, NULL) != 0 || PyCapsule_SetName($input, "dsk_tp_group that has ended") != 0)
    SWIG_fail;
}

%typemap(in, numinputs=0) dsk_tp_weight *out (dsk_tp_weight value) {
  memset(&value, 0, sizeof value);
  value.struct_size = sizeof value;
  $1 = &value;
}
%typemap(argout) dsk_tp_weight *out {
  Py_DECREF($result);
  $result = Py_BuildValue("(iKKKKKKiK)", (int)$1->dtype, (unsigned long long)$1->n, (unsigned long long)$1->k,
                          (unsigned long long)(uintptr_t)$1->data, (unsigned long long)$1->data_bytes,
                          (unsigned long long)(uintptr_t)$1->scales, (unsigned long long)$1->scales_bytes,
                          (int)$1->scales_dtype, (unsigned long long)(uintptr_t)$1->bias);
}
%typemap(in) const dsk_tp_linear_desc *desc (dsk_tp_linear_desc value, dsk_tp_weight weights[3]) {
  if (!dsk_py_linear_desc($input, &value, weights)) SWIG_fail;
  $1 = &value;
}
%typemap(in) const dsk_tp_mlp_desc *desc (dsk_tp_mlp_desc value, dsk_tp_weight weights[3]) {
  if (!dsk_py_mlp_desc($input, &value, weights)) SWIG_fail;
  $1 = &value;
}
%typemap(in, numinputs=0) dsk_tp_plan_info *out (dsk_tp_plan_info value) {
  memset(&value, 0, sizeof value);
  value.struct_size = sizeof value;
  $1 = &value;
}
%typemap(argout) dsk_tp_plan_info *out {
  Py_DECREF($result);
  $result = Py_BuildValue("(IKKKKKKKKdd)", $1->measured, (unsigned long long)$1->n, (unsigned long long)$1->k,
                          (unsigned long long)$1->n_offset, (unsigned long long)$1->k_offset,
                          (unsigned long long)$1->input_columns, (unsigned long long)$1->output_columns,
                          (unsigned long long)$1->weight_bytes, (unsigned long long)$1->workspace_bytes, $1->create_ms,
                          $1->measure_ms);
}
%typemap(in) const dsk_tp_args *args (dsk_tp_args value) {
  if (!dsk_py_tp_args($input, &value)) SWIG_fail;
  $1 = &value;
}
%typemap(in, numinputs=0) uint64_t *step_out (uint64_t value = 0) "$1 = &value;"
%typemap(argout) uint64_t *step_out {
  $result = dsk_py_append($result, PyLong_FromUnsignedLongLong(*$1));
  if (!$result) SWIG_fail;
}
%typemap(in, numinputs=0) dsk_tp_graph_info *out (dsk_tp_graph_info value) {
  memset(&value, 0, sizeof value);
  value.struct_size = sizeof value;
  $1 = &value;
}
%typemap(argout) dsk_tp_graph_info *out {
  Py_DECREF($result);
  $result = Py_BuildValue("(OKKKd)", $1->captured ? Py_True : Py_False, (unsigned long long)$1->steps,
                          (unsigned long long)$1->nodes, (unsigned long long)$1->memory_bytes, $1->capture_ms);
}
