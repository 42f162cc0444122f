// Stress makes many calls from 64 goroutines: every error must be the caller's own, closing twice and use after closing must
// be answered, every sixteenth handle is left to the collector. At the end no object of the library may be alive, and the
// memory of the process must not have grown.
//
//	go run ./cmd/stress -calls 1000000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	dsk "dsk/bindings/go"
)

const goroutines = 64

var wrong atomic.Int64

func complain(format string, arguments ...any) {
	if wrong.Add(1) <= 10 {
		fmt.Printf(format+"\n", arguments...)
	}
}

// round makes four calls and returns how many.
func round(model *dsk.StepModel, g, i int) int {
	mine := strconv.Itoa(-(g*1_000_000_000 + i + 1))
	request := `{"schema": 1, "model": "deepseek-r1", "devices": ["h200-sxm"], "workload": {"input_tokens": ` + mine + `, "output_tokens": 1, "rate_per_s": 1}}`
	_, err := dsk.NewPlanJSON(context.Background(), []byte(request))
	var e *dsk.Error
	if !errors.As(err, &e) || e.Path != "/workload/input_tokens" || !strings.Contains(e.Message, mine[1:]) {
		complain("goroutine %d: a crossed error: %v", g, err)
	}
	_, err = model.Step(dsk.Batch{DecodeSequences: int64(-(g + 1))})
	if !errors.As(err, &e) || e.Status != dsk.InvalidRequest || !strings.Contains(e.Message, strconv.Itoa(-(g+1))) {
		complain("goroutine %d: a crossed error: %v", g, err)
	}
	if _, err = model.Step(dsk.Batch{DecodeSequences: 1, KVSumTokens: 1, KVMaxTokens: 1}); err != nil {
		complain("goroutine %d: a lost answer: %v", g, err)
	}
	tuning, err := dsk.NewTuning(nil)
	if err != nil {
		complain("goroutine %d: %v", g, err)
		return 4
	}
	if i%16 == 0 {
		return 4 // the collector's
	}
	tuning.Close()
	tuning.Close()
	if _, err := tuning.JSON(); !errors.Is(err, dsk.ErrClosed) {
		complain("goroutine %d: use after close: %v", g, err)
	}
	return 4
}

func residentMiB() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	return pages * float64(os.Getpagesize()) / (1 << 20)
}

func run(calls int) {
	model, err := dsk.NewStepModelJSON([]byte(`{"schema": 1, "model": "deepseek-r1", "device": "h200-sxm", "parallel": {"tp": 8}}`))
	if err != nil {
		complain("%v", err)
		return
	}
	defer model.Close()
	var all sync.WaitGroup
	for g := range goroutines {
		all.Add(1)
		go func() {
			defer all.Done()
			for i, done := 0, 0; done < calls/goroutines; i++ {
				done += round(model, g, i)
			}
		}()
	}
	all.Wait()
}

func main() {
	calls := flag.Int("calls", 1_000_000, "how many calls to make")
	flag.Parse()
	run(*calls / 5) // warm: the heap, the threads
	runtime.GC()
	before := residentMiB()
	began := time.Now()
	run(*calls)
	took := time.Since(began)
	for range 200 {
		runtime.GC()
		if dsk.LiveObjects() == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	after := residentMiB()
	fmt.Printf("%d calls from %d goroutines in %.1f s: %d wrong, %d objects alive, resident %.1f MiB before and %.1f MiB after\n",
		*calls, goroutines, took.Seconds(), wrong.Load(), dsk.LiveObjects(), before, after)
	if wrong.Load() != 0 || dsk.LiveObjects() != 0 || after > before+16 {
		os.Exit(1)
	}
}
