package dsk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// request is small enough to plan in milliseconds.
func request() PlanRequest {
	return PlanRequest{
		Model:    Model{Name: "llama-3.1-8b"},
		Devices:  []string{"h200-sxm"},
		Engines:  []string{"vllm"},
		Workload: Workload{RatePerS: 10, InputTokens: 1024, OutputTokens: 256},
		SLO:      SLO{TPOTMs: 50},
		Search:   PlanSearch{TP: []int64{1, 2}},
	}
}

func newPlan(t testing.TB) *Plan {
	t.Helper()
	plan, err := NewPlan(context.Background(), request())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plan.Close() })
	return plan
}

func TestVersionsAgree(t *testing.T) {
	want, err := os.ReadFile("../../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	if got := Version(); got != strings.TrimSpace(string(want)) {
		t.Errorf("the loaded library is %s, the tree is %s", got, want)
	}
	if err := Check(); err != nil {
		t.Error(err)
	}
}

func TestTypedAnswerAndSummaryAgree(t *testing.T) {
	plan := newPlan(t)
	answer, err := plan.Answer()
	if err != nil {
		t.Fatal(err)
	}
	summary, err := plan.Summary()
	if err != nil {
		t.Fatal(err)
	}
	if !answer.Feasible || answer.Best == nil || !summary.Feasible {
		t.Fatalf("infeasible: %+v", answer)
	}
	if answer.Best.Replicas != int64(summary.Replicas) || answer.Best.GPUs != int64(summary.GPUs) || answer.Best.Parallel.TP != int64(summary.TP) {
		t.Errorf("the answer says %+v, the summary %+v", answer.Best, summary)
	}
	if math.Abs(answer.Best.Performance.TPOTMs-summary.TPOTMs) > 1e-3*summary.TPOTMs {
		t.Errorf("TPOT: %v and %v", answer.Best.Performance.TPOTMs, summary.TPOTMs)
	}
	if summary.TPOTMs > 50 || summary.OutputTokensPerS < 10*256*0.99 {
		t.Errorf("the plan breaks its own SLA: %+v", summary)
	}
}

func TestTypedAnswerLosesNothing(t *testing.T) {
	document, err := newPlan(t).JSON()
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(new(PlanAnswer)); err != nil {
		t.Error(err)
	}
}

func TestRequestSaysWhatItMeans(t *testing.T) {
	document, err := marshal(request())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"model":"llama-3.1-8b","devices":["h200-sxm"],"engines":["vllm"],"workload":{"input_tokens":1024,"output_tokens":256,"rate_per_s":10},"slo":{"tpot_ms":50},"search":{"tp":[1,2]}}`
	if string(document) != want {
		t.Errorf("got %s", document)
	}
	sized, _ := json.Marshal(Model{ParamsB: 70})
	if string(sized) != `{"params_b":70}` {
		t.Errorf("a model by size is %s", sized)
	}
	var back Model
	if err := json.Unmarshal([]byte(`"deepseek-r1"`), &back); err != nil || back.Name != "deepseek-r1" {
		t.Errorf("the short form reads as %+v, %v", back, err)
	}
}

func TestWhatJSONCannotSayIsRefusedWithItsPlace(t *testing.T) {
	for path, change := range map[string]func(*PlanRequest){
		"/workload/input_tokens": func(r *PlanRequest) { r.Workload.InputTokens = math.NaN() },
		"/slo/tpot_ms":           func(r *PlanRequest) { r.SLO.TPOTMs = math.Inf(1) },
		"/devices/1":             func(r *PlanRequest) { r.Devices = append(r.Devices, "h\xff") },
		"/catalog/0":             func(r *PlanRequest) { r.Catalog = []json.RawMessage{json.RawMessage("{")} },
	} {
		r := request()
		change(&r)
		_, err := NewPlan(context.Background(), r)
		var e *Error
		if !errors.As(err, &e) || e.Path != path || e.Status != InvalidRequest {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestFit(t *testing.T) {
	plan := newPlan(t)
	answer, err := plan.Fit(FitRequest{Nodes: []FitNode{
		{Name: "empty", Device: "NVIDIA-H200", GPUs: 8, FreeGPUs: []int64{}},
		{Name: "größe-🚀", Device: "NVIDIA-H200", GPUs: 8},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !answer.Fits || answer.Nodes[0].Fits || answer.Nodes[0].Reasons[0].Code != "free_gpus" || !answer.Nodes[1].Fits || answer.Replicas[0].Pods[0].Node != "größe-🚀" {
		t.Errorf("%+v", answer)
	}
	if _, err := plan.Fit(FitRequest{}); !errors.Is(err, InvalidRequest) {
		t.Errorf("an inventory of nothing: %v", err)
	}
}

func TestEmit(t *testing.T) {
	plan := newPlan(t)
	for format, part := range map[EmitFormat]string{EmitTable: "h200", EmitKubernetes: `kind: "Deployment"`, EmitCommand: "vllm serve"} {
		out, err := plan.Emit(format)
		if err != nil || !strings.Contains(out, part) {
			t.Errorf("format %d has no %q: %v\n%s", format, part, err, out)
		}
	}
}

func TestContextStopsAPlan(t *testing.T) {
	done, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("the user left")
	cancel(reason)
	if _, err := NewPlan(done, request()); !errors.Is(err, Cancelled) || !errors.Is(err, reason) {
		t.Errorf("a context that is done gives %v", err)
	}
	// A search over everything takes far longer than a millisecond.
	r := request()
	r.Model, r.Engines, r.Search = Model{Name: "deepseek-r1"}, nil, PlanSearch{}
	r.Devices = []string{"h200-sxm", "h100-sxm", "h20", "b200-sxm"}
	late, cancelLate := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancelLate()
	if _, err := NewPlan(late, r); !errors.Is(err, Cancelled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a deadline in the middle gives %v", err)
	}
}

func TestProgressIsReported(t *testing.T) {
	var p Progress
	plan, err := NewPlan(WithProgress(context.Background(), &p), request())
	if err != nil {
		t.Fatal(err)
	}
	plan.Close()
	if done, total := p.Get(); total == 0 || done == 0 {
		t.Errorf("progress is %d of %d", done, total)
	}
}

func stepModel(t testing.TB) *StepModel {
	t.Helper()
	m, err := NewStepModel(StepRequest{Model: Model{Name: "deepseek-r1"}, Device: "h200-sxm", Parallel: Parallel{TP: 8}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func TestStep(t *testing.T) {
	m := stepModel(t)
	batch := Batch{DecodeSequences: 32, KVSumTokens: 65536, KVMaxTokens: 4096}
	s, err := m.Step(batch)
	if err != nil {
		t.Fatal(err)
	}
	parts := s.ComputeUs + s.MemoryUs + s.ScaleUpUs + s.ScaleOutUs + s.LaunchUs + s.HostUs
	if math.Abs(parts-s.TotalUs) > 1e-6*s.TotalUs || s.LowUs > s.TotalUs || s.HighUs < s.TotalUs {
		t.Errorf("the parts do not add up: %+v", s)
	}
	batch.Chunks[0], batch.ChunkCount = Chunk{NewTokens: 2048}, 1
	if more, err := m.Step(batch); err != nil || more.TotalUs <= s.TotalUs {
		t.Errorf("a prefill chunk costs nothing: %+v, %v", more, err)
	}
	batch.ChunkCount = 5
	var e *Error
	if _, err := m.Step(batch); !errors.As(err, &e) || e.Status != InvalidRequest || e.Path == "" {
		t.Errorf("five chunks give %v", err)
	}
}

func TestDocuments(t *testing.T) {
	memory, err := MemoryOf(MemoryRequest{Model: Model{Name: "deepseek-r1"}, Device: "h200-sxm", Parallel: Parallel{TP: 8}})
	if err != nil || !memory.Fits || memory.WeightsBytes < 50e9 {
		t.Errorf("memory: %+v, %v", memory, err)
	}
	cost, err := CostOf(CostRequest{Device: "h200-sxm", Devices: 8, Ownership: CostOwnership{USDPerKwh: 0.1, HardwareUSD: 400000, Years: 3, PowerKw: Ptr(8.0)}})
	if err != nil || cost.Ownership == nil || cost.Ownership.TotalUSD < 400000 {
		t.Errorf("cost: %+v, %v", cost, err)
	}
	if _, err := Explain(StepRequest{Model: Model{Name: "deepseek-r1"}, Device: "h200-sxm", Parallel: Parallel{TP: 8}, Batch: StepBatch{DecodeSequences: Ptr[int64](8), KVSum: 8192, KVMax: 1024}}, ExplainTable); err != nil {
		t.Error(err)
	}
	for kind := CatalogModel; kind <= CatalogDataset; kind++ {
		names, err := CatalogNames(kind)
		if err != nil || len(names) == 0 {
			t.Errorf("kind %d: %v, %v", kind, names, err)
			continue
		}
		if record, err := CatalogRecord(kind, names[0]); err != nil || !json.Valid(record) {
			t.Errorf("%s: %v", names[0], err)
		}
	}
	if _, err := CatalogRecord(CatalogModel, "深度求索🚀"); !errors.Is(err, NotFound) || !strings.Contains(err.Error(), "深度求索🚀") {
		t.Errorf("a name that is not there: %v", err)
	}
	if _, err := Calibrate(CalibrateRequest{Device: "h200-sxm", AsOf: "2026-11-24"}); !errors.Is(err, InvalidRequest) {
		t.Errorf("a calibration of nothing: %v", err)
	}
	if _, err := ValidateKernels([]byte(`{"device":"h200-sxm"}`), []byte("nothing")); err == nil {
		t.Error("a table without columns is taken")
	}
	if _, err := ValidateE2E(context.Background(), []byte(`{}`), []byte("nothing")); err == nil {
		t.Error("a table without columns is taken")
	}
}

func simulation() SimulateRequest {
	return SimulateRequest{
		Model: Model{Name: "llama-3.1-8b"}, Device: "h200-sxm",
		Workload: SimulateWorkload{Requests: 200, Input: json.RawMessage("512"), Output: json.RawMessage("32"), Concurrency: 16},
	}
}

func TestSimulate(t *testing.T) {
	run, err := Simulate(context.Background(), simulation(), 50)
	if err != nil {
		t.Fatal(err)
	}
	if typed, err := run.Typed(); err != nil || typed.Requests.Completed != int64(run.Completed) {
		t.Fatal(typed, err)
	}
	if run.Completed != 200 || len(run.Series) != 50 || !json.Valid(run.Answer) {
		t.Fatalf("%d completed, %d rows", run.Completed, len(run.Series))
	}
	for _, r := range run.Series {
		if r.SentMs > r.AdmittedMs || r.AdmittedMs > r.FirstMs || r.FirstMs > r.LastMs || r.InputTokens != 512 {
			t.Fatalf("a request out of order: %+v", r)
		}
	}
	long := simulation()
	long.Workload.Requests = 100_000_000
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	part, err := Simulate(ctx, long, 0)
	if !errors.Is(err, Cancelled) || !errors.Is(err, context.DeadlineExceeded) || part == nil || !bytes.Contains(part.Answer, []byte(`"cancelled"`)) {
		t.Errorf("an early end gives %v", err)
	}
	if _, err := ValidateRequests(context.Background(), []byte(`{}`), nil); err == nil {
		t.Error("an empty request is taken")
	}
	if _, err := TuneBatching(context.Background(), []byte(`{}`)); !errors.Is(err, InvalidRequest) {
		t.Errorf("tuning nothing: %v", err)
	}
}
