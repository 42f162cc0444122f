/* Structs and callbacks between CPython and the C ABI: what the typemaps of dsk_python_structs.i
 * call. Included once, by dsk_python.h. */
#ifndef DSK_PYTHON_STRUCTS_H
#define DSK_PYTHON_STRUCTS_H

/* ------------------------------------------------------------------ planning */

/* (decode_sequences, kv_sum_tokens, kv_max_tokens, ((new_tokens, context_tokens), ...)). Read
 * member by member: this is the one call whose own time is below a microsecond. */
static int dsk_py_batch(PyObject* tuple, dsk_plan_batch* batch) {
  if (!PyTuple_Check(tuple) || PyTuple_Size(tuple) != 4) {
    PyErr_SetString(PyExc_TypeError, "a batch is a tuple of four");
    return 0;
  }
  batch->struct_size = sizeof *batch;
  batch->decode_sequences = PyLong_AsLongLong(PyTuple_GetItem(tuple, 0));
  batch->kv_sum_tokens = PyLong_AsLongLong(PyTuple_GetItem(tuple, 1));
  batch->kv_max_tokens = PyLong_AsLongLong(PyTuple_GetItem(tuple, 2));
  PyObject* chunks = PyTuple_GetItem(tuple, 3);
  const Py_ssize_t count = PySequence_Size(chunks);
  const Py_ssize_t room = (Py_ssize_t)(sizeof batch->chunks / sizeof batch->chunks[0]);
  batch->chunk_count = 0;
  if (count > room) {
    PyErr_Format(PyExc_ValueError, "a step has at most %d chunks", (int)room);
    return 0;
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    long long new_tokens = 0;
    long long context_tokens = 0;
    PyObject* chunk = PySequence_GetItem(chunks, i);
    const int good = chunk && PyTuple_Check(chunk) &&
                     PyArg_ParseTuple(chunk, "LL", &new_tokens, &context_tokens);
    Py_XDECREF(chunk);
    if (!good) {
      if (!PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "a chunk is a tuple of new_tokens and context_tokens");
      return 0;
    }
    batch->chunks[i].new_tokens = new_tokens;
    batch->chunks[i].context_tokens = context_tokens;
    batch->chunk_count = (uint32_t)(i + 1);
  }
  return !PyErr_Occurred();
}

static PyObject* dsk_py_step_time(const dsk_plan_step_time* time) {
  const double values[] = {time->total_us,           time->low_us,    time->high_us,
                           time->compute_us,         time->memory_us, time->scale_up_us,
                           time->scale_out_us,       time->launch_us, time->host_us,
                           time->communication_share};
  const Py_ssize_t count = (Py_ssize_t)(sizeof values / sizeof values[0]);
  PyObject* tuple = PyTuple_New(count + 1);
  if (!tuple) return NULL;
  for (Py_ssize_t i = 0; i <= count; ++i) {
    PyObject* value =
        i ? PyFloat_FromDouble(values[i - 1]) : PyLong_FromUnsignedLong(time->binding);
    if (!value || PyTuple_SetItem(tuple, i, value) != 0) {
      Py_DECREF(tuple);
      return NULL;
    }
  }
  return tuple;
}

/* ------------------------------------------------------------------ measuring */

/* (flags, name, max_interval, max_noise, confidence, warmup_ns, min_time_ns, max_time_ns,
 * min_samples, max_samples, seed, bytes, flops, data, data_len, cancel). */
static int dsk_py_bench_options(PyObject* tuple, dsk_bench_options* o) {
  unsigned flags = 0;
  const char* name = NULL;
  unsigned long long warmup, least, most, min_samples, max_samples, seed, data, data_len;
  PyObject* cancel = NULL;
  memset(o, 0, sizeof *o);
  o->struct_size = sizeof *o;
  if (!PyArg_ParseTuple(tuple, "IzdddKKKKKKddKKO", &flags, &name, &o->max_interval, &o->max_noise,
                        &o->confidence, &warmup, &least, &most, &min_samples, &max_samples, &seed,
                        &o->bytes, &o->flops, &data, &data_len, &cancel))
    return 0;
  o->flags = flags;
  o->name = name;
  o->warmup_ns = warmup;
  o->min_time_ns = least;
  o->max_time_ns = most;
  o->min_samples = min_samples;
  o->max_samples = max_samples;
  o->seed = seed;
  o->data = (const void*)(uintptr_t)data;
  o->data_len = (size_t)data_len;
  return cancel == Py_None ||
         (o->cancel = (dsk_cancel*)dsk_py_handle(cancel, "dsk_cancel")) != NULL;
}

/* What a callback raised, kept until the call has returned: the C harness runs without the lock in
 * between. */
typedef struct dsk_py_raised {
  PyObject *type, *value, *traceback;
} dsk_py_raised;

typedef struct dsk_py_work {
  PyObject* function;
  dsk_py_raised* raised;
} dsk_py_work;

/* Calls function(iterations); None, or (device_ns, enqueue_ns, prompt_tokens, output_tokens). */
static dsk_status dsk_py_sample(void* user, dsk_bench_sample* sample) {
  dsk_py_work* work = (dsk_py_work*)user;
  const PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* result =
      PyObject_CallFunction(work->function, "K", (unsigned long long)sample->iterations);
  if (result && result != Py_None &&
      !(PyTuple_Check(result) &&
        PyArg_ParseTuple(result, "dddd", &sample->device_ns, &sample->enqueue_ns,
                         &sample->prompt_tokens, &sample->output_tokens))) {
    if (!PyErr_Occurred())
      PyErr_SetString(PyExc_TypeError, "a measured function returns None or (device_ns, "
                                       "enqueue_ns, prompt_tokens, output_tokens)");
    Py_DECREF(result);
    result = NULL;
  }
  /* A measurement is long and runs on the caller's thread: an interrupt counts after each sample.
   */
  if (result && PyErr_CheckSignals() != 0) {
    Py_DECREF(result);
    result = NULL;
  }
  const int good = result != NULL;
  Py_XDECREF(result);
  if (!good) PyErr_Fetch(&work->raised->type, &work->raised->value, &work->raised->traceback);
  PyGILState_Release(lock);
  return good ? DSK_STATUS_OK : DSK_STATUS_CANCELLED;
}

static PyObject* dsk_py_measured(dsk_py_raised* raised, char* text, size_t length,
                                 dsk_error* error) {
  if (raised->type) {
    PyErr_Restore(raised->type, raised->value, raised->traceback);
    dsk_error_destroy(error);
    dsk_free(text);
    return NULL;
  }
  if (error) {
    dsk_py_raise(error);
    return NULL;
  }
  return dsk_py_take_text(text, length);
}

static PyObject* bench_run(const dsk_bench_options* options, PyObject* function) {
  dsk_py_raised raised = {NULL, NULL, NULL};
  dsk_py_work work = {function, &raised};
  char* text = NULL;
  size_t length = 0;
  dsk_error* error = NULL;
  Py_BEGIN_ALLOW_THREADS;
  (void)!dsk_bench_run(options, dsk_py_sample, &work, &text, &length, &error);
  Py_END_ALLOW_THREADS;
  return dsk_py_measured(&raised, text, length, error);
}

static PyObject* bench_compare_run(const dsk_bench_options* options, PyObject* a, PyObject* b) {
  dsk_py_raised raised = {NULL, NULL, NULL};
  dsk_py_work work_a = {a, &raised};
  dsk_py_work work_b = {b, &raised};
  char* text = NULL;
  size_t length = 0;
  dsk_error* error = NULL;
  Py_BEGIN_ALLOW_THREADS;
  (void)!dsk_bench_compare_run(options, dsk_py_sample, &work_a, dsk_py_sample, &work_b, &text,
                               &length, &error);
  Py_END_ALLOW_THREADS;
  return dsk_py_measured(&raised, text, length, error);
}

/* ------------------------------------------------------------------ log */

/* The receiver stays alive for good: a message that is under way may still reach a former one
 * (base.h). */
static void dsk_py_log(dsk_log_level level, const char* module, const char* message, void* user) {
  if (!Py_IsInitialized()) return;
  const PyGILState_STATE lock = PyGILState_Ensure();
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyObject* result = PyObject_CallFunction((PyObject*)user, "iss", (int)level, module, message);
  if (!result) PyErr_WriteUnraisable((PyObject*)user);
  Py_XDECREF(result);
  PyErr_Restore(type, value, traceback);
  PyGILState_Release(lock);
}

static PyObject* log_set(int level, PyObject* receiver) {
  const int off = receiver == Py_None;
  if (!off) Py_INCREF(receiver);
  Py_BEGIN_ALLOW_THREADS;
  dsk_log_set(off ? DSK_LOG_OFF : (dsk_log_level)level, off ? NULL : dsk_py_log, receiver);
  Py_END_ALLOW_THREADS;
  return dsk_py_none();
}

/* ------------------------------------------------------------------ layers */

static void dsk_py_group_drop(dsk_tp_group* group) {
  (void)!dsk_tp_group_end(group, NULL);
}

static void dsk_py_group_capsule(PyObject* capsule) {
  dsk_py_group_drop((dsk_tp_group*)PyCapsule_GetPointer(capsule, "dsk_tp_group"));
}

/* (transport, timeout_ms, max_bytes). */
static int dsk_py_comm_options(PyObject* tuple, dsk_tp_comm_options* o) {
  int transport = 0;
  unsigned long long timeout_ms = 0;
  unsigned long long max_bytes = 0;
  memset(o, 0, sizeof *o);
  o->struct_size = sizeof *o;
  if (!PyArg_ParseTuple(tuple, "iKK", &transport, &timeout_ms, &max_bytes)) return 0;
  o->transport = (dsk_tp_transport)transport;
  o->timeout_ms = timeout_ms;
  o->max_bytes = max_bytes;
  return 1;
}

/* All ranks of a communicator of this process, as a list. */
static PyObject* tp_comm_create_local(PyObject* devices, PyObject* options) {
  dsk_tp_comm_options settings;
  uint32_t world = 0;
  if (!dsk_py_comm_options(options, &settings)) return NULL;
  void** handles = dsk_py_handles(devices, "dsk_tp_device", &world);
  if (!handles) return NULL;
  dsk_tp_comm** comms = (dsk_tp_comm**)calloc((size_t)world + 1, sizeof *comms);
  PyObject* list = NULL;
  dsk_error* error = NULL;
  if (!comms) {
    PyErr_NoMemory();
  } else {
    Py_BEGIN_ALLOW_THREADS;
    (void)!dsk_tp_comm_create_local((dsk_tp_device* const*)handles, world, &settings, comms,
                                    &error);
    Py_END_ALLOW_THREADS;
    if (error) {
      dsk_py_raise(error);
    } else {
      list = PyList_New(0);
      for (uint32_t rank = 0; rank < world; ++rank) {
        PyObject* capsule =
            list ? PyCapsule_New(comms[rank], "dsk_tp_comm", dsk_tp_comm_destroy_capsule) : NULL;
        if (!capsule) dsk_tp_comm_destroy(comms[rank]);
        if (!capsule || PyList_Append(list, capsule) != 0) {
          Py_XDECREF(list);
          list = NULL;
        }
        Py_XDECREF(capsule);
      }
    }
  }
  free((void*)comms);
  free(handles);
  return list;
}

/* (dtype, n, k, data, data_bytes, scales, scales_bytes, scales_dtype, bias). */
static int dsk_py_weight(PyObject* tuple, dsk_tp_weight* w) {
  int dtype = 0;
  int scales_dtype = 0;
  unsigned long long n, k, data, data_bytes, scales, scales_bytes, bias;
  memset(w, 0, sizeof *w);
  w->struct_size = sizeof *w;
  if (!PyArg_ParseTuple(tuple, "iKKKKKKiK", &dtype, &n, &k, &data, &data_bytes, &scales,
                        &scales_bytes, &scales_dtype, &bias))
    return 0;
  w->dtype = (dsk_dtype)dtype;
  w->n = n;
  w->k = k;
  w->data = (const void*)(uintptr_t)data;
  w->data_bytes = data_bytes;
  w->scales = (const void*)(uintptr_t)scales;
  w->scales_bytes = scales_bytes;
  w->scales_dtype = (dsk_dtype)scales_dtype;
  w->bias = (const void*)(uintptr_t)bias;
  return 1;
}

static int dsk_py_tuning(PyObject* object, dsk_tp_tuning** tuning) {
  *tuning = NULL;
  return object == Py_None ||
         (*tuning = (dsk_tp_tuning*)dsk_py_handle(object, "dsk_tp_tuning")) != NULL;
}

/* (flags, split, activation_dtype, max_m, q_heads, kv_heads, head_dim, norm_eps, gamma, (weight,
 * ...), tuning). */
static int dsk_py_linear_desc(PyObject* tuple, dsk_tp_linear_desc* d, dsk_tp_weight weights[3]) {
  int split = 0;
  int dtype = 0;
  unsigned long long max_m, gamma;
  PyObject *list, *tuning;
  memset(d, 0, sizeof *d);
  d->struct_size = sizeof *d;
  if (!PyArg_ParseTuple(tuple, "IiiKIIIfKOO", &d->flags, &split, &dtype, &max_m, &d->q_heads,
                        &d->kv_heads, &d->head_dim, &d->norm_eps, &gamma, &list, &tuning))
    return 0;
  d->split = (dsk_tp_split)split;
  d->activation_dtype = (dsk_dtype)dtype;
  d->max_m = max_m;
  d->gamma = (const void*)(uintptr_t)gamma;
  const Py_ssize_t count = PyTuple_Size(list);
  if (count < 0) return 0;
  if (count > 3) {
    PyErr_SetString(PyExc_ValueError, "a layer has one weight, or three");
    return 0;
  }
  for (Py_ssize_t i = 0; i < count; ++i)
    if (!dsk_py_weight(PyTuple_GetItem(list, i), &weights[i])) return 0;
  d->weights = weights;
  d->weight_count = (uint32_t)count;
  return dsk_py_tuning(tuning, &d->tuning);
}

/* (flags, activation, activation_dtype, max_m, norm_eps, gamma, gate, up, down, tuning). */
static int dsk_py_mlp_desc(PyObject* tuple, dsk_tp_mlp_desc* d, dsk_tp_weight weights[3]) {
  int activation = 0;
  int dtype = 0;
  unsigned long long max_m, gamma;
  PyObject *gate, *up, *down, *tuning;
  memset(d, 0, sizeof *d);
  d->struct_size = sizeof *d;
  if (!PyArg_ParseTuple(tuple, "IiiKfKOOOO", &d->flags, &activation, &dtype, &max_m, &d->norm_eps,
                        &gamma, &gate, &up, &down, &tuning) ||
      !dsk_py_weight(gate, &weights[0]) || !dsk_py_weight(up, &weights[1]) ||
      !dsk_py_weight(down, &weights[2]))
    return 0;
  d->activation = (dsk_tp_activation)activation;
  d->activation_dtype = (dsk_dtype)dtype;
  d->max_m = max_m;
  d->gamma = (const void*)(uintptr_t)gamma;
  d->gate = &weights[0];
  d->up = &weights[1];
  d->down = &weights[2];
  return dsk_py_tuning(tuning, &d->tuning);
}

/* (m, x, y, residual, residual_out, workspace, workspace_bytes). */
static int dsk_py_tp_args(PyObject* tuple, dsk_tp_args* a) {
  unsigned long long m, x, y, residual, residual_out, workspace, workspace_bytes;
  memset(a, 0, sizeof *a);
  a->struct_size = sizeof *a;
  if (!PyArg_ParseTuple(tuple, "KKKKKKK", &m, &x, &y, &residual, &residual_out, &workspace,
                        &workspace_bytes))
    return 0;
  a->m = m;
  a->x = (const void*)(uintptr_t)x;
  a->y = (void*)(uintptr_t)y;
  a->residual = (const void*)(uintptr_t)residual;
  a->residual_out = (void*)(uintptr_t)residual_out;
  a->workspace = (void*)(uintptr_t)workspace;
  a->workspace_bytes = workspace_bytes;
  return 1;
}

/* ------------------------------------------------------------------ DLPack */

/* The head of DLPack's tensor, the same in its versions 0 and 1 (dlpack.h of
 * https://dmlc.github.io/dlpack, 2024). */
typedef struct dsk_py_dltensor {
  void* data;
  int32_t device_type, device_id;
  int32_t ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
} dsk_py_dltensor;

typedef struct dsk_py_dlversioned {
  uint32_t major, minor;
  void* manager;
  void (*deleter)(struct dsk_py_dlversioned*);
  uint64_t flags;
  dsk_py_dltensor tensor;
} dsk_py_dlversioned;

/* (address, device_type, device_id, code, bits, lanes, shape, strides or None, read_only) of a
 * capsule that `__dlpack__` gave. The capsule is not consumed: its owner keeps the memory as long
 * as the capsule lives. */
static PyObject* dlpack_tensor(PyObject* capsule) {
  const dsk_py_dltensor* t = NULL;
  int read_only = 0;
  if (PyCapsule_IsValid(capsule, "dltensor")) {
    t = (const dsk_py_dltensor*)PyCapsule_GetPointer(capsule, "dltensor");
  } else if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
    const dsk_py_dlversioned* v =
        (const dsk_py_dlversioned*)PyCapsule_GetPointer(capsule, "dltensor_versioned");
    if (v->major != 1) {
      PyErr_Format(PyExc_BufferError, "DLPack version %u.%u is not known", v->major, v->minor);
      return NULL;
    }
    t = &v->tensor;
    read_only = (int)(v->flags & 1u);
  } else {
    PyErr_SetString(PyExc_TypeError, "a DLPack capsule is needed");
    return NULL;
  }
  PyObject* shape = PyTuple_New(t->ndim);
  PyObject* strides = t->strides ? PyTuple_New(t->ndim) : dsk_py_none();
  for (int32_t i = 0; shape && strides && i < t->ndim; ++i) {
    PyTuple_SetItem(shape, i, PyLong_FromLongLong(t->shape[i]));
    if (t->strides) PyTuple_SetItem(strides, i, PyLong_FromLongLong(t->strides[i]));
  }
  if (!shape || !strides) {
    Py_XDECREF(shape);
    Py_XDECREF(strides);
    return NULL;
  }
  return Py_BuildValue("(KiiiiiNNO)", (unsigned long long)((uintptr_t)t->data + t->byte_offset),
                       (int)t->device_type, (int)t->device_id, (int)t->code, (int)t->bits,
                       (int)t->lanes, shape, strides, read_only ? Py_True : Py_False);
}

#endif /* DSK_PYTHON_STRUCTS_H */
