package dsk

// #include <dsk/dsk.h>
import "C"

import (
	"context"
	"sync"
	"unsafe"
)

// Progress follows a call: give it to [WithProgress] and read it from another goroutine.
type Progress struct {
	mu          sync.Mutex
	token       *C.dsk_cancel
	done, total uint64
}

// Get is how many steps of how many are done; both 0 before the work has begun.
func (p *Progress) Get() (done, total uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read()
	return p.done, p.total
}

func (p *Progress) read() {
	if p.token == nil {
		return
	}
	var done, total C.uint64_t
	C.dsk_cancel_progress(p.token, &done, &total)
	p.done, p.total = uint64(done), uint64(total)
}

func (p *Progress) follow(token *C.dsk_cancel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read()
	p.token = token
}

type progressKey struct{}

// WithProgress makes calls with the returned context report to p.
func WithProgress(ctx context.Context, p *Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, p)
}

// cancellable runs call with a token that the context sets. The token is NULL when nothing can set or read it.
func cancellable(ctx context.Context, call func(*C.dsk_cancel) error) error {
	if err := check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &Error{Status: Cancelled, Message: "the context was done before the call", cause: context.Cause(ctx)}
	}
	progress, _ := ctx.Value(progressKey{}).(*Progress)
	if ctx.Done() == nil && progress == nil {
		return call(nil)
	}
	var token *C.dsk_cancel
	var cerr *C.dsk_error
	if status := C.dsk_cancel_create(&token, &cerr); status != C.DSK_STATUS_OK {
		return failure(status, cerr)
	}
	defer C.dsk_cancel_destroy(token)
	if progress != nil {
		progress.follow(token)
		defer progress.follow(nil)
	}
	set := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		C.dsk_cancel_set(token)
		close(set)
	})
	defer func() {
		if !stop() {
			<-set // it holds the token
		}
	}()
	return stopped(ctx, call(token))
}

// answerOf runs a call with a document in and a document out.
func answerOf(call func(out **C.char, length *C.size_t, err **C.dsk_error) C.dsk_status) ([]byte, error) {
	if err := check(); err != nil {
		return nil, err
	}
	var a answer
	status := call(&a.data, &a.length, &a.err)
	return a.bytes(status)
}

// free gives memory of the library back.
func free(p *C.char) { C.dsk_free(unsafe.Pointer(p)) }
