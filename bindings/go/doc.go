// Package dsk plans, measures and runs DeepSeek-class models: which accelerators, split how, at what cost, serve a model
// within an SLA; does the hardware deliver it; and the split layers themselves. It is a thin layer over the C library libdsk,
// which pkg-config must find ("dsk.pc").
//
//	plan, err := dsk.NewPlan(ctx, dsk.PlanRequest{
//		Model:    dsk.Model{Name: "deepseek-r1"},
//		Devices:  []string{"h200-sxm"},
//		Workload: dsk.Workload{RatePerS: 10, InputTokens: 2048, OutputTokens: 512},
//		SLO:      dsk.SLO{TPOTMs: 50},
//	})
//	var e *dsk.Error
//	if errors.As(err, &e) {
//		return fmt.Errorf("%s: %w", e.Path, err)
//	}
//	defer plan.Close()
//
// Documents. A request is a struct made from the JSON schema of the C library, or JSON as bytes; an answer is the library's own
// JSON, and structs over it. In a request a zero number, an empty text or list, and a nil pointer say that the member is left
// out. The document is what decides: the same bytes give the same answer in every language.
//
// Errors. Every failure is an [*Error] with a status, a sentence and a JSON pointer into the request. [errors.Is] compares it
// with a [Status], with [ErrClosed], and with the context's error when that stopped the call.
//
// Contexts. A call that takes a context stops soon after it is done. Plans and step queries never block on I/O.
//
// Handles. Plan, StepModel, Monitor and the tensor-parallel types own memory of the C library. Close gives it back, may be
// called twice and at any time: a call that is under way in another goroutine ends first. What is never closed is closed by
// the garbage collector. A closed handle answers with [ErrClosed].
//
// Goroutines. Everything may be used by any number of goroutines at once, but for Monitor and the tensor-parallel types, which
// are the caller's to serialise.
package dsk
