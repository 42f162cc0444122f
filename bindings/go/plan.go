package dsk

/*
#include <dsk/dsk.h>
#cgo noescape dsk_plan_summary
#cgo nocallback dsk_plan_summary
*/
import "C"

import (
	"context"
	"encoding/json"
	"unsafe"
)

// Plan is a finished plan. It does not change; any number of goroutines may read it.
type Plan struct{ h *handle }

// NewPlan plans for a request. An infeasible request is no error: see [Summary].Feasible and [PlanAnswer].
func NewPlan(ctx context.Context, request PlanRequest) (*Plan, error) {
	if request.Schema == 0 {
		request.Schema = 1
	}
	document, err := marshal(request)
	if err != nil {
		return nil, err
	}
	return NewPlanJSON(ctx, document)
}

// NewPlanJSON plans for a request document (docs/schema/plan-request.schema.json).
func NewPlanJSON(ctx context.Context, request []byte) (*Plan, error) {
	var plan *C.dsk_plan
	err := cancellable(ctx, func(token *C.dsk_cancel) error {
		var cerr *C.dsk_error
		data, length := bytesIn(request)
		return failure(C.dsk_plan_create(data, length, token, &plan, &cerr), cerr)
	})
	if err != nil {
		return nil, err
	}
	p := &Plan{}
	p.h = own(p, unsafe.Pointer(plan), "Plan", func(p unsafe.Pointer) { C.dsk_plan_destroy((*C.dsk_plan)(p)) })
	return p, nil
}

// Close frees the plan.
func (p *Plan) Close() error {
	p.h.close()
	return nil
}

// JSON is the whole answer (docs/schema/plan-answer.schema.json).
func (p *Plan) JSON() ([]byte, error) {
	var a answer
	var out []byte
	err := p.h.inside(func(plan unsafe.Pointer) (err error) {
		out, err = a.bytes(C.dsk_plan_to_json((*C.dsk_plan)(plan), &a.data, &a.length, &a.err))
		return err
	})
	return out, err
}

// Answer is the whole answer, typed.
func (p *Plan) Answer() (*PlanAnswer, error) {
	document, err := p.JSON()
	return decode[PlanAnswer](document, err)
}

// Summary has the numbers of the best plan, or of the nearest one when the request is infeasible. Means, not percentiles; a
// number that is not known is NaN.
type Summary struct {
	Feasible        bool
	Replicas        int
	GPUs            int // of all replicas
	GPUsPerReplica  int
	NodesPerReplica int
	TP, PP, DP, EP  int
	TTFTMs          float64
	TPOTMs          float64
	E2EMs           float64
	RequestsPerS    float64 // served by all replicas
	OutputTokensPerS,
	USDPerHour float64 // of all replicas
	USDPerMtok  float64 // US dollars per million output tokens
	Utilisation float64 // offered load over the largest load that keeps every constraint
}

// Summary reads the plan's numbers without a document.
func (p *Plan) Summary() (Summary, error) {
	if !p.h.enter() {
		return Summary{}, p.h.closed()
	}
	var info C.dsk_plan_info
	var cerr *C.dsk_error
	info.struct_size = C.uint32_t(unsafe.Sizeof(info))
	status := C.dsk_plan_summary((*C.dsk_plan)(p.h.pointer), &info, &cerr)
	p.h.leave()
	if status != C.DSK_STATUS_OK {
		return Summary{}, failure(status, cerr)
	}
	return Summary{
		Feasible: info.feasible != 0,
		Replicas: int(info.replicas), GPUs: int(info.gpus),
		GPUsPerReplica: int(info.gpus_per_replica), NodesPerReplica: int(info.nodes_per_replica),
		TP: int(info.tp), PP: int(info.pp), DP: int(info.dp), EP: int(info.ep),
		TTFTMs: float64(info.ttft_ms), TPOTMs: float64(info.tpot_ms), E2EMs: float64(info.e2e_ms),
		RequestsPerS: float64(info.requests_per_s), OutputTokensPerS: float64(info.output_tokens_per_s),
		USDPerHour: float64(info.usd_per_hour), USDPerMtok: float64(info.usd_per_mtok),
		Utilisation: float64(info.utilisation),
	}, nil
}

// EmitFormat is what Plan.Emit writes.
type EmitFormat int32

// Formats of Plan.Emit.
const (
	EmitTable      EmitFormat = 0 // the answer as a table for people
	EmitKubernetes EmitFormat = 1 // YAML manifests
	EmitCommand    EmitFormat = 2 // the engine's start command, one line for each node
)

// Emit writes text made from the plan. Manifests and commands of an infeasible plan are [Unsupported].
func (p *Plan) Emit(format EmitFormat) (string, error) {
	var a answer
	var out []byte
	err := p.h.inside(func(plan unsafe.Pointer) (err error) {
		out, err = a.bytes(C.dsk_plan_emit((*C.dsk_plan)(plan), C.dsk_emit_format(format), &a.data, &a.length, &a.err))
		return err
	})
	return string(out), err
}

// Fit says where the plan's replicas fit: the question of a scheduler. Too little room is no error: see [FitAnswer].Fits. An
// infeasible plan is [Unsupported].
func (p *Plan) Fit(inventory FitRequest) (*FitAnswer, error) {
	document, err := marshal(inventory)
	if err != nil {
		return nil, err
	}
	out, err := p.FitJSON(document)
	return decode[FitAnswer](out, err)
}

// FitJSON is Fit, document in (docs/schema/fit-request.schema.json), document out (fit-answer.schema.json).
func (p *Plan) FitJSON(inventory []byte) (out []byte, err error) {
	err = p.h.inside(func(plan unsafe.Pointer) (err error) {
		var a answer
		data, length := bytesIn(inventory)
		out, err = a.bytes(C.dsk_plan_fit((*C.dsk_plan)(plan), data, length, &a.data, &a.length, &a.err))
		return err
	})
	return out, err
}

// decode reads an answer of the library into its struct.
func decode[T any](document []byte, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	out := new(T)
	if err := json.Unmarshal(document, out); err != nil {
		return nil, &Error{Status: Internal, Message: "the library's answer does not fit its type: " + err.Error(), cause: err}
	}
	return out, nil
}
