package dsk

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// handle owns one object of the C library. Calls count themselves in and out, so that the object is destroyed when it is
// closed and no call is inside, whichever comes last: neither Close in another goroutine nor the collector can pull it away.
type handle struct {
	pointer unsafe.Pointer
	what    string
	destroy func(unsafe.Pointer)
	state   atomic.Int64 // calls inside, and the closed bit
}

const closedBit = 1 << 62

// own ties a C object to its Go owner: what the owner does not close, the collector does.
func own[T any](owner *T, pointer unsafe.Pointer, what string, destroy func(unsafe.Pointer)) *handle {
	h := &handle{pointer: pointer, what: what, destroy: destroy}
	runtime.AddCleanup(owner, (*handle).close, h)
	return h
}

func (h *handle) enter() bool {
	if h == nil { // the zero value of a public type
		return false
	}
	for {
		s := h.state.Load()
		if s&closedBit != 0 {
			return false
		}
		if h.state.CompareAndSwap(s, s+1) {
			return true
		}
	}
}

func (h *handle) leave() {
	if h.state.Add(-1) == closedBit {
		h.destroy(h.pointer)
	}
}

func (h *handle) close() {
	if h == nil {
		return
	}
	for {
		s := h.state.Load()
		if s&closedBit != 0 {
			return
		}
		if h.state.CompareAndSwap(s, s|closedBit) {
			if s == 0 {
				h.destroy(h.pointer)
			}
			return
		}
	}
}

func (h *handle) closed() error {
	if h == nil {
		return closedError("zero value of a handle")
	}
	return closedError(h.what)
}

// inside runs call with the C object, unless the handle is closed.
func (h *handle) inside(call func(unsafe.Pointer) error) error {
	if !h.enter() {
		return h.closed()
	}
	defer h.leave()
	return call(h.pointer)
}
