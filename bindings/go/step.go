package dsk

/*
#include <dsk/dsk.h>
#cgo noescape dsk_plan_step
#cgo nocallback dsk_plan_step
*/
import "C"

import (
	"unsafe"
)

// StepModel is a deployment prepared for questions about single steps. Any number of goroutines may ask.
type StepModel struct{ h *handle }

// NewStepModel prepares a deployment; the request's Batch is not used.
func NewStepModel(request StepRequest) (*StepModel, error) {
	document, err := marshal(request)
	if err != nil {
		return nil, err
	}
	return NewStepModelJSON(document)
}

// NewStepModelJSON prepares a deployment (docs/schema/step-request.schema.json).
func NewStepModelJSON(request []byte) (*StepModel, error) {
	if err := check(); err != nil {
		return nil, err
	}
	var model *C.dsk_plan_step_model
	var cerr *C.dsk_error
	data, length := bytesIn(request)
	if status := C.dsk_plan_step_create(data, length, &model, &cerr); status != C.DSK_STATUS_OK {
		return nil, failure(status, cerr)
	}
	m := &StepModel{}
	m.h = own(m, unsafe.Pointer(model), "StepModel", func(p unsafe.Pointer) { C.dsk_plan_step_destroy((*C.dsk_plan_step_model)(p)) })
	return m, nil
}

// Close frees the model.
func (m *StepModel) Close() error {
	m.h.close()
	return nil
}

// Chunk is the new tokens of one request that prefill in a step.
type Chunk struct {
	NewTokens     int64 // 1 or more
	ContextTokens int64 // already in the KV cache before them
}

// Batch is the work of one step of a whole replica.
type Batch struct {
	DecodeSequences int64 // each brings 1 + MTP tokens
	KVSumTokens     int64 // sum of their KV lengths
	KVMaxTokens     int64 // the longest of them
	Chunks          [4]Chunk
	ChunkCount      int // used entries of Chunks
}

// Resource is what time goes to.
type Resource uint32

// Resources of a step.
const (
	Compute  Resource = 0 // arithmetic
	Memory   Resource = 1 // device memory bandwidth
	ScaleUp  Resource = 2 // links within the domain: NVLink or PCIe
	ScaleOut Resource = 3 // links between domains: InfiniBand, RoCE
	Launch   Resource = 4 // fixed times of kernels and gaps between them
	Host     Resource = 5 // scheduling and sampling on the host
)

// StepTime is one step of a replica in microseconds; the six parts add up to TotalUs.
type StepTime struct {
	Binding            Resource // the one with the largest part
	TotalUs            float64
	LowUs, HighUs      float64 // 90 % interval
	ComputeUs          float64
	MemoryUs           float64
	ScaleUpUs          float64
	ScaleOutUs         float64
	LaunchUs           float64
	HostUs             float64
	CommunicationShare float64 // (ScaleUpUs + ScaleOutUs) / TotalUs
}

// Step is the time of one step: no allocation, no lock.
func (m *StepModel) Step(batch Batch) (StepTime, error) {
	if !m.h.enter() {
		return StepTime{}, m.h.closed()
	}
	var in C.dsk_plan_batch
	var out C.dsk_plan_step_time
	var cerr *C.dsk_error
	in.struct_size = C.uint32_t(unsafe.Sizeof(in))
	in.chunk_count = C.uint32_t(batch.ChunkCount)
	in.decode_sequences = C.int64_t(batch.DecodeSequences)
	in.kv_sum_tokens = C.int64_t(batch.KVSumTokens)
	in.kv_max_tokens = C.int64_t(batch.KVMaxTokens)
	for i := range batch.Chunks {
		in.chunks[i].new_tokens = C.int64_t(batch.Chunks[i].NewTokens)
		in.chunks[i].context_tokens = C.int64_t(batch.Chunks[i].ContextTokens)
	}
	out.struct_size = C.uint32_t(unsafe.Sizeof(out))
	status := C.dsk_plan_step((*C.dsk_plan_step_model)(m.h.pointer), &in, &out, &cerr)
	m.h.leave()
	if status != C.DSK_STATUS_OK {
		return StepTime{}, failure(status, cerr)
	}
	return StepTime{
		Binding: Resource(out.binding),
		TotalUs: float64(out.total_us), LowUs: float64(out.low_us), HighUs: float64(out.high_us),
		ComputeUs: float64(out.compute_us), MemoryUs: float64(out.memory_us),
		ScaleUpUs: float64(out.scale_up_us), ScaleOutUs: float64(out.scale_out_us),
		LaunchUs: float64(out.launch_us), HostUs: float64(out.host_us),
		CommunicationShare: float64(out.communication_share),
	}, nil
}

// ExplainFormat is what Explain writes.
type ExplainFormat int32

// Formats of Explain.
const (
	ExplainJSON  ExplainFormat = 0
	ExplainTable ExplainFormat = 1 // for people
	ExplainSVG   ExplainFormat = 2 // stacked bars: the step and its variants by resource
)

// Explain takes one step apart: every operator with its work, time, interval, binding resource and origin, and what another
// link, weight format, width or sparsity would change.
func Explain(request StepRequest, format ExplainFormat) (string, error) {
	document, err := marshal(request)
	if err != nil {
		return "", err
	}
	return ExplainJSONRequest(document, format)
}

// ExplainJSONRequest is Explain for a request document.
func ExplainJSONRequest(request []byte, format ExplainFormat) (string, error) {
	data, length := bytesIn(request)
	out, err := answerOf(func(text **C.char, n *C.size_t, cerr **C.dsk_error) C.dsk_status {
		return C.dsk_plan_explain(data, length, C.dsk_explain_format(format), text, n, cerr)
	})
	return string(out), err
}
