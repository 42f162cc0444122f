package dsk

// #include <dsk/dsk.h>
import "C"

import (
	"context"
	"encoding/json"
	"unsafe"
)

// RequestTimes is what became of one simulated request, in milliseconds of the simulated clock.
type RequestTimes struct {
	Index        int64   // of the request in the workload
	SentMs       float64 // the client sent it
	AdmittedMs   float64 // the scheduler took it out of the queue
	FirstMs      float64 // its first token reached the client
	LastMs       float64 // its last token did
	InputTokens  int32
	OutputTokens int32
	CachedTokens int32 // input tokens found in the prefix cache or loaded from a colder tier
	Preemptions  int32
}

// RequestTimes has the C struct's layout, so that the library writes a slice of them itself.
var _ [unsafe.Sizeof(C.dsk_request_times{})]byte = [unsafe.Sizeof(RequestTimes{})]byte{}

// Simulation is a simulated run.
type Simulation struct {
	Answer    json.RawMessage // TTFT, TPOT, ITL, E2E and queueing at every percentile
	Series    []RequestTimes  // the first requests to complete, in order of completion
	Completed int             // how many completed; 0 when no series was asked for
}

// Typed is the answer as a struct.
func (s *Simulation) Typed() (*SimulateAnswer, error) {
	return decode[SimulateAnswer](s.Answer, nil)
}

// Simulate runs a deployment under a workload, request by request. The series holds at most `series` requests.
//
// A context that is done ends the run early: the simulation then has what was done until then, says `"stopped": "cancelled"`,
// and comes with an error of status Cancelled.
func Simulate(ctx context.Context, request SimulateRequest, series int) (*Simulation, error) {
	document, err := marshal(request)
	if err != nil {
		return nil, err
	}
	return SimulateJSON(ctx, document, series)
}

// SimulateJSON is Simulate for a request document (docs/schema/simulate-request.schema.json).
func SimulateJSON(ctx context.Context, request []byte, series int) (*Simulation, error) {
	if series < 0 {
		return nil, &Error{Status: InvalidArgument, Message: "series must be 0 or more", Where: "dsk.Simulate"}
	}
	var out *Simulation
	err := cancellable(ctx, func(token *C.dsk_cancel) error {
		var a answer
		var count C.size_t
		rows := make([]RequestTimes, series)
		data, length := bytesIn(request)
		status := C.dsk_plan_simulate(data, length, token, (*C.dsk_request_times)(unsafe.Pointer(unsafe.SliceData(rows))),
			C.size_t(series), C.size_t(unsafe.Sizeof(RequestTimes{})), &count, &a.data, &a.length, &a.err)
		document, err := a.bytes(status)
		if err != nil {
			return err
		}
		out = &Simulation{Answer: document, Series: rows[:min(int(count), series)], Completed: int(count)}
		return endedEarly(token, document)
	})
	return out, err
}

// endedEarly is for runs that give what they have when they are cancelled.
func endedEarly(token *C.dsk_cancel, document []byte) error {
	if token == nil || !C.dsk_cancel_is_set(token) {
		return nil
	}
	var said struct{ Stopped, Ended string }
	if json.Unmarshal(document, &said) == nil && said.Stopped != "cancelled" && said.Ended != "cancelled" {
		return nil // it was complete before the context was done
	}
	return &Error{Status: Cancelled, Message: "the context ended the run early"}
}

// TuneBatching tries policies of a small grid: each with the fewest replicas that keep the bounds of "slo", cheapest first.
// The request is a simulation request with "slo" and "tune".
func TuneBatching(ctx context.Context, request []byte) (json.RawMessage, error) {
	var out []byte
	err := cancellable(ctx, func(token *C.dsk_cancel) (err error) {
		var a answer
		data, length := bytesIn(request)
		out, err = a.bytes(C.dsk_plan_tune_batching(data, length, token, &a.data, &a.length, &a.err))
		return err
	})
	return out, err
}

// ValidateRequests replays the arrivals of a request log (JSON lines) under the settings of a simulation request without its
// workload, and compares measured with simulated times.
func ValidateRequests(ctx context.Context, request, log []byte) (json.RawMessage, error) {
	var out []byte
	err := cancellable(ctx, func(token *C.dsk_cancel) error {
		var report *C.char
		var cerr *C.dsk_error
		data, length := bytesIn(request)
		lines, size := bytesIn(log)
		if status := C.dsk_plan_validate_requests(data, length, lines, size, token, &report, &cerr); status != C.DSK_STATUS_OK {
			return failure(status, cerr)
		}
		defer free(report)
		out = []byte(C.GoString(report))
		return nil
	})
	return out, err
}
