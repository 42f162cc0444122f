package dsk

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// settle waits for the collector to close what nobody holds, until the library has at most `want` objects: what tests before
// left to the collector may go too.
func settle(t *testing.T, want uint64) {
	t.Helper()
	for range 100 {
		runtime.GC()
		if LiveObjects() <= want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d objects are alive, at most %d expected", LiveObjects(), want)
}

func TestCloseTwiceAndUseAfterClose(t *testing.T) {
	plan := newPlan(t)
	for range 3 {
		if err := plan.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := plan.JSON(); !errors.Is(err, ErrClosed) || !errors.Is(err, InvalidArgument) {
		t.Errorf("JSON of a closed plan: %v", err)
	}
	if _, err := plan.Summary(); !errors.Is(err, ErrClosed) {
		t.Errorf("Summary of a closed plan: %v", err)
	}
	m := stepModel(t)
	m.Close()
	if _, err := m.Step(Batch{DecodeSequences: 1, KVSumTokens: 1, KVMaxTokens: 1}); !errors.Is(err, ErrClosed) {
		t.Errorf("Step of a closed model: %v", err)
	}
	for _, zero := range []func() error{
		func() error { _, err := (&Plan{}).Answer(); return err },
		func() error { _, err := (&StepModel{}).Step(Batch{}); return err },
		func() error { _, err := (&Monitor{}).Sample(MonitorJSON); return err },
		func() error { return (&Plan{}).Close() },
	} {
		if err := zero(); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("a zero value: %v", err)
		}
	}
}

func TestCloseWhileOthersRead(t *testing.T) {
	before := LiveObjects()
	for range 20 {
		plan, err := NewPlan(context.Background(), request())
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Add(1)
			go func() {
				defer all.Done()
				for range 50 {
					if _, err := plan.JSON(); err != nil && !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
				}
			}()
		}
		plan.Close()
		all.Wait()
	}
	settle(t, before)
}

func TestTheCollectorCloses(t *testing.T) {
	runtime.GC()
	before := LiveObjects()
	for range 50 {
		if _, err := NewPlan(context.Background(), request()); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, before)
}

// TestErrorsDoNotCross: each goroutine must see its own error, however they are scheduled.
func TestErrorsDoNotCross(t *testing.T) {
	before := LiveObjects()
	var all sync.WaitGroup
	for g := range 64 {
		all.Add(1)
		go func() {
			defer all.Done()
			name := fmt.Sprintf("no-model-%d-🚀", g)
			r := request()
			r.Model.Name = name
			for range 50 {
				_, err := NewPlan(context.Background(), r)
				var e *Error
				if !errors.As(err, &e) || e.Status != NotFound || e.Path != "/model" || !strings.Contains(e.Message, name) {
					t.Errorf("goroutine %d got %v", g, err)
					return
				}
			}
		}()
	}
	all.Wait()
	settle(t, before)
}

func TestNothingLeaks(t *testing.T) {
	before := LiveObjects()
	m := stepModel(t)
	for range 20_000 {
		if _, err := m.Step(Batch{DecodeSequences: 1, KVSumTokens: 1, KVMaxTokens: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Step(Batch{DecodeSequences: -1}); !errors.Is(err, InvalidRequest) {
			t.Fatal(err)
		}
	}
	m.Close()
	settle(t, before)
}
