package dsk

// #include <dsk/dsk.h>
import "C"

import (
	"context"
	"unsafe"
)

// Load sends requests to an OpenAI-compatible server and measures time to first token, between tokens and end to end. It
// needs the module libdsk_load.so beside the library; without it the error is [Unavailable].
//
// A context that is done ends the run early: the report then has what was done until then and comes with an error of status
// Cancelled.
func Load(ctx context.Context, request LoadRequest) (*LoadReport, error) {
	document, err := marshal(request)
	if err != nil {
		return nil, err
	}
	out, failed := LoadJSON(ctx, document)
	if out == nil {
		return nil, failed
	}
	report, err := decode[LoadReport](out, nil)
	if err != nil {
		return nil, err
	}
	return report, failed
}

// LoadJSON is Load, document in (docs/schema/load-request.schema.json), document out (load-report.schema.json).
func LoadJSON(ctx context.Context, request []byte) ([]byte, error) {
	var out []byte
	err := cancellable(ctx, func(token *C.dsk_cancel) (err error) {
		var a answer
		data, length := bytesIn(request)
		if out, err = a.bytes(C.dsk_bench_load_run(data, length, token, &a.data, &a.length, &a.err)); err != nil {
			return err
		}
		return endedEarly(token, out)
	})
	return out, err
}

// LoadFormat is how a load report is written.
type LoadFormat int32

// Formats of LoadEmit.
const (
	LoadJSONFormat LoadFormat = 0 // the product's report
	LoadVLLM       LoadFormat = 1 // the result format of `vllm bench serve`
	LoadTable      LoadFormat = 2 // for people
)

// LoadEmit makes one report from several, merged by histogram. Each is a report, or "journal:FILE".
func LoadEmit(reports []string, format LoadFormat) (string, error) {
	pointers, release := texts(reports)
	defer release()
	out, err := answerOf(func(text **C.char, n *C.size_t, err **C.dsk_error) C.dsk_status {
		return C.dsk_bench_load_emit(unsafe.SliceData(pointers), C.size_t(len(pointers)), C.dsk_bench_load_format(format), text, n, err)
	})
	return string(out), err
}

// Monitor samples GPUs, the host, its network and an engine's metrics. Not for several goroutines at once.
type Monitor struct{ h *handle }

// NewMonitor opens what the request names; a zero request samples this machine alone.
func NewMonitor(request MonitorRequest) (*Monitor, error) {
	document, err := marshal(request)
	if err != nil {
		return nil, err
	}
	return NewMonitorJSON(document)
}

// NewMonitorJSON is NewMonitor for a request document (docs/schema/monitor-request.schema.json).
func NewMonitorJSON(request []byte) (*Monitor, error) {
	if err := check(); err != nil {
		return nil, err
	}
	var monitor *C.dsk_bench_monitor
	var cerr *C.dsk_error
	data, length := bytesIn(request)
	if status := C.dsk_bench_monitor_create(data, length, &monitor, &cerr); status != C.DSK_STATUS_OK {
		return nil, failure(status, cerr)
	}
	m := &Monitor{}
	m.h = own(m, unsafe.Pointer(monitor), "Monitor", func(p unsafe.Pointer) { C.dsk_bench_monitor_destroy((*C.dsk_bench_monitor)(p)) })
	return m, nil
}

// MonitorFormat is how a sample is written.
type MonitorFormat int32

// Formats of Monitor.Sample.
const (
	MonitorJSON       MonitorFormat = 0 // one line
	MonitorPrometheus MonitorFormat = 1 // text exposition format 0.0.4
	MonitorTable      MonitorFormat = 2 // for people
)

// Sample takes one sample; rates are those since the sample before.
func (m *Monitor) Sample(format MonitorFormat) (string, error) {
	var out []byte
	err := m.h.inside(func(monitor unsafe.Pointer) (err error) {
		var a answer
		out, err = a.bytes(C.dsk_bench_monitor_run((*C.dsk_bench_monitor)(monitor), C.dsk_bench_monitor_format(format), &a.data, &a.length, &a.err))
		return err
	})
	return string(out), err
}

// Close frees the monitor.
func (m *Monitor) Close() error {
	m.h.close()
	return nil
}
