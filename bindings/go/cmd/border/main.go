// Border measures what the Go package adds to the C library's step query: the same question asked from C in a loop, from C
// through a bare cgo call, and through the package.
package main

import (
	"fmt"
	"os"
	"sort"
	"time"

	dsk "dsk/bindings/go"
	"dsk/bindings/go/internal/direct"
)

const request = `{"schema": 1, "model": "deepseek-r1", "device": "h200-sxm", "parallel": {"tp": 8}}`

// perCall is the best of several rounds in nanoseconds: what the machine does besides only adds.
func perCall(calls int, round func(calls int)) float64 {
	var times []float64
	for range 15 {
		began := time.Now()
		round(calls)
		times = append(times, float64(time.Since(began).Nanoseconds())/float64(calls))
	}
	sort.Float64s(times)
	return times[0]
}

func main() {
	model, err := dsk.NewStepModelJSON([]byte(request))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer model.Close()
	bare := direct.New(request)
	defer bare.Close()
	batch := dsk.Batch{DecodeSequences: 32, KVSumTokens: 65536, KVMaxTokens: 4096}
	const calls = 200_000
	c := perCall(calls, func(n int) { bare.Loop(n) })
	cgo := perCall(calls, func(n int) {
		for range n {
			bare.Once()
		}
	})
	pkg := perCall(calls, func(n int) {
		for range n {
			if _, err := model.Step(batch); err != nil {
				panic(err)
			}
		}
	})
	fmt.Printf("step query, ns a call, best of 15 rounds of %d\n", calls)
	fmt.Printf("  C in a loop        %7.1f\n  one cgo call       %7.1f\n  StepModel.Step     %7.1f\n", c, cgo, pkg)
	fmt.Printf("border of the package: %.1f ns above C\n", pkg-c)
}
