package dsk

/*
#include <stdlib.h>
#include <dsk/dsk.h>

extern dsk_status dskGoSample(uintptr_t user, dsk_bench_sample *sample);

static dsk_status dsk_go_sample(void *user, dsk_bench_sample *sample) { return dskGoSample((uintptr_t)user, sample); }
static dsk_status dsk_go_bench_run(const dsk_bench_options *options, uintptr_t user, char **out, size_t *out_len,
                                   dsk_error **error) {
  return dsk_bench_run(options, dsk_go_sample, (void *)user, out, out_len, error);
}
static dsk_status dsk_go_bench_compare_run(const dsk_bench_options *options, uintptr_t a, uintptr_t b, char **out,
                                           size_t *out_len, dsk_error **error) {
  return dsk_bench_compare_run(options, dsk_go_sample, (void *)a, dsk_go_sample, (void *)b, out, out_len, error);
}
*/
import "C"

import (
	"bytes"
	"context"
	"encoding/json"
	"runtime"
	"runtime/cgo"
	"time"
	"unsafe"
)

// BenchOptions is how to measure; zero means default.
type BenchOptions struct {
	Name        string
	MaxInterval float64       // stop once the interval of the median is at most this share of it on each side (0.005) ...
	MaxNoise    float64       // ... and the noise, 1.4826 MAD / median, is at most this (0.05)
	Confidence  float64       // of the interval (0.95)
	Warmup      time.Duration // at least this long before the first sample (100 ms)
	MinTime     time.Duration // sample at least this long (500 ms)
	MaxTime     time.Duration // sample at most this long (15 s)
	MinSamples  uint64        // (20)
	MaxSamples  uint64        // (100,000)
	Seed        uint64        // of the bootstrap (1)
	Bytes       float64       // moved by one iteration, for bytes/s
	Flops       float64       // done by one iteration, for flop/s
	Data        []byte        // the input that is measured: checked for zeros and constants, which run faster than real data
	FixedCount  bool          // take exactly MinSamples samples after the warm-up
	KeepSamples bool          // keep the samples themselves in the result
	NoWarmup    bool          // the first sample counts
}

// BenchSample is one sample: the work runs Iterations times and may set the other members, totals over those iterations.
type BenchSample struct {
	Iterations   uint64
	DeviceNs     float64 // time that a device clock measured; 0: the harness's own clock counts
	EnqueueNs    float64 // time until the host was free again; 0: not known
	PromptTokens float64 // tokens read
	OutputTokens float64 // tokens written
}

// BenchFunc does the work that is measured. Its error ends the measurement and is returned as it is.
type BenchFunc func(*BenchSample) error

// benchCall carries one callback through C.
type benchCall struct {
	work  BenchFunc
	err   error
	panic any
}

//export dskGoSample
func dskGoSample(user C.uintptr_t, sample *C.dsk_bench_sample) (status C.dsk_status) {
	call := cgo.Handle(user).Value().(*benchCall)
	defer func() {
		if call.panic = recover(); call.panic != nil { // no panic crosses C: it goes on after the call
			status = C.DSK_STATUS_CANCELLED
		}
	}()
	s := BenchSample{Iterations: uint64(sample.iterations)}
	if call.err = call.work(&s); call.err != nil {
		return C.DSK_STATUS_CANCELLED
	}
	sample.device_ns = C.double(s.DeviceNs)
	sample.enqueue_ns = C.double(s.EnqueueNs)
	sample.prompt_tokens = C.double(s.PromptTokens)
	sample.output_tokens = C.double(s.OutputTokens)
	return C.DSK_STATUS_OK
}

// outcome is what the callback left behind, before the library's own word for it.
func (c *benchCall) outcome() error {
	if c.panic != nil {
		panic(c.panic)
	}
	return c.err
}

// measure runs call with the options in C's form.
func measure(ctx context.Context, o BenchOptions, call func(*C.dsk_bench_options, *answer) C.dsk_status) ([]byte, error) {
	var out []byte
	err := cancellable(ctx, func(token *C.dsk_cancel) (err error) {
		var pinner runtime.Pinner
		defer pinner.Unpin()
		name := C.CString(o.Name)
		defer C.free(unsafe.Pointer(name))
		options := C.dsk_bench_options{
			name: name, max_interval: C.double(o.MaxInterval), max_noise: C.double(o.MaxNoise), confidence: C.double(o.Confidence),
			warmup_ns: C.uint64_t(o.Warmup), min_time_ns: C.uint64_t(o.MinTime), max_time_ns: C.uint64_t(o.MaxTime),
			min_samples: C.uint64_t(o.MinSamples), max_samples: C.uint64_t(o.MaxSamples), seed: C.uint64_t(o.Seed),
			bytes: C.double(o.Bytes), flops: C.double(o.Flops), cancel: token,
		}
		options.struct_size = C.uint32_t(unsafe.Sizeof(options))
		for flag, set := range map[C.uint32_t]bool{
			C.DSK_BENCH_FIXED_COUNT: o.FixedCount, C.DSK_BENCH_KEEP_SAMPLES: o.KeepSamples, C.DSK_BENCH_NO_WARMUP: o.NoWarmup,
		} {
			if set {
				options.flags |= flag
			}
		}
		if len(o.Data) > 0 {
			pinner.Pin(unsafe.SliceData(o.Data))
			options.data, options.data_len = unsafe.Pointer(unsafe.SliceData(o.Data)), C.size_t(len(o.Data))
		}
		var a answer
		out, err = a.bytes(call(&options, &a))
		return err
	})
	return out, err
}

// Bench measures a function: warm-up, batches of short work, samples until interval and noise are within bounds, and checks
// for what makes timings lie. It returns one line (docs/schema/bench-measurement.schema.json); [ParseMeasurement] reads it.
func Bench(ctx context.Context, options BenchOptions, work BenchFunc) ([]byte, error) {
	call := &benchCall{work: work}
	h := cgo.NewHandle(call)
	defer h.Delete()
	line, err := measure(ctx, options, func(o *C.dsk_bench_options, a *answer) C.dsk_status {
		return C.dsk_go_bench_run(o, C.uintptr_t(h), &a.data, &a.length, &a.err)
	})
	if mine := call.outcome(); mine != nil {
		return nil, mine
	}
	return line, err
}

// BenchCompare measures two functions in turn, A B B A. It returns three lines: A, B, and the ratio B / A with its interval.
func BenchCompare(ctx context.Context, options BenchOptions, a, b BenchFunc) ([]byte, error) {
	first, second := &benchCall{work: a}, &benchCall{work: b}
	ha, hb := cgo.NewHandle(first), cgo.NewHandle(second)
	defer ha.Delete()
	defer hb.Delete()
	lines, err := measure(ctx, options, func(o *C.dsk_bench_options, out *answer) C.dsk_status {
		return C.dsk_go_bench_compare_run(o, C.uintptr_t(ha), C.uintptr_t(hb), &out.data, &out.length, &out.err)
	})
	for _, call := range []*benchCall{first, second} {
		if mine := call.outcome(); mine != nil {
			return nil, mine
		}
	}
	return lines, err
}

// texts are C strings in C memory.
func texts(all []string) (pointers []*C.char, release func()) {
	for _, s := range all {
		pointers = append(pointers, C.CString(s))
	}
	return pointers, func() {
		for _, p := range pointers {
			C.free(unsafe.Pointer(p))
		}
	}
}

// BenchCommand measures a command: wall time of each run, its user and system time and peak memory. No shell is involved.
func BenchCommand(ctx context.Context, options BenchOptions, argv ...string) ([]byte, error) {
	arguments, release := texts(argv)
	defer release()
	return measure(ctx, options, func(o *C.dsk_bench_options, a *answer) C.dsk_status {
		return C.dsk_bench_command_run(o, unsafe.SliceData(arguments), C.size_t(len(arguments)), &a.data, &a.length, &a.err)
	})
}

// ParseMeasurement reads one line of a measurement.
func ParseMeasurement(line []byte) (*Measurement, error) {
	return decode[Measurement](bytes.TrimSpace(line), nil)
}

// Probe measures what this machine's memory, devices and links reach. It returns JSON lines: the machine, then each
// measurement.
func Probe(ctx context.Context, request BenchProbeRequest) ([]byte, error) {
	document, err := marshal(request)
	if err != nil {
		return nil, err
	}
	return ProbeJSON(ctx, document)
}

// ProbeJSON is Probe for a request document (docs/schema/bench-probe-request.schema.json).
func ProbeJSON(ctx context.Context, request []byte) ([]byte, error) {
	var out []byte
	err := cancellable(ctx, func(token *C.dsk_cancel) (err error) {
		var a answer
		data, length := bytesIn(request)
		out, err = a.bytes(C.dsk_bench_probe(data, length, token, &a.data, &a.length, &a.err))
		return err
	})
	return out, err
}

// Machine says what this machine is: processor, memory, kernel, devices, driver, clocks, links, libraries.
func Machine() (json.RawMessage, error) {
	return answerOf(func(out **C.char, n *C.size_t, err **C.dsk_error) C.dsk_status {
		return C.dsk_bench_machine_to_json(out, n, err)
	})
}

// MachineReport is one HTML page of the machine and the measurements in JSON lines.
func MachineReport(lines []byte) (string, error) {
	data, length := bytesIn(lines)
	page, err := answerOf(func(out **C.char, n *C.size_t, err **C.dsk_error) C.dsk_status {
		return C.dsk_bench_machine_emit(data, length, out, n, err)
	})
	return string(page), err
}
