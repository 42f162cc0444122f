// Package direct asks the C library without the package, for the border benchmark.
package direct

/*
#cgo pkg-config: dsk
// The package's own forwarding (library.c) stands for the library.
#cgo !dsk_static LDFLAGS: -Wl,--as-needed
#cgo noescape dsk_direct_step
#cgo nocallback dsk_direct_step
#include <dsk/dsk.h>

static dsk_plan_step_model *dsk_direct_create(_GoString_ json) {
  dsk_plan_step_model *model = NULL;
  return dsk_plan_step_create(_GoStringPtr(json), _GoStringLen(json), &model, NULL) == DSK_STATUS_OK ? model : NULL;
}

static double dsk_direct_step(const dsk_plan_step_model *model, int64_t calls) {
  dsk_plan_batch batch = DSK_PLAN_BATCH_INIT;
  batch.decode_sequences = 32;
  batch.kv_sum_tokens = 65536;
  batch.kv_max_tokens = 4096;
  dsk_plan_step_time time = DSK_PLAN_STEP_TIME_INIT;
  double sum = 0;
  for (int64_t i = 0; i < calls; ++i) {
    if (dsk_plan_step(model, &batch, &time, NULL) != DSK_STATUS_OK) return -1;
    sum += time.total_us;
  }
  return sum;
}
*/
import "C"

// Model is a prepared deployment.
type Model struct{ pointer *C.dsk_plan_step_model }

// New prepares a deployment; it panics when the request is not right.
func New(request string) Model {
	m := Model{C.dsk_direct_create(request)}
	if m.pointer == nil {
		panic("the request of the benchmark is not right")
	}
	return m
}

// Loop asks n times inside one call.
func (m Model) Loop(n int) float64 { return float64(C.dsk_direct_step(m.pointer, C.int64_t(n))) }

// Once asks once.
func (m Model) Once() float64 { return float64(C.dsk_direct_step(m.pointer, 1)) }

// Close frees the model.
func (m Model) Close() { C.dsk_plan_step_destroy(m.pointer) }
