package dsk

// #include <dsk/dsk.h>
import "C"

import (
	"context"
	"errors"
)

// Status is what a program branches on. It is an error itself, so that errors.Is(err, dsk.NotFound) works.
type Status int32

// Values of Status; docs/errors.md says what each means.
const (
	OK              Status = 0
	InvalidArgument Status = 1
	InvalidRequest  Status = 2
	NotFound        Status = 3
	Unsupported     Status = 5
	Unavailable     Status = 6
	Cancelled       Status = 7
	Deadline        Status = 8
	OutOfMemory     Status = 9
	Backend         Status = 10
	IO              Status = 11
	Internal        Status = 100
)

// String is the status's name in the C library, such as "invalid_request".
func (s Status) String() string { return C.GoString(C.dsk_status_name(C.dsk_status(s))) }

// Error makes a Status a target of errors.Is.
func (s Status) Error() string { return s.String() }

// ErrClosed is in the chain of the error that a closed handle gives.
var ErrClosed = errors.New("the handle is closed")

// Error is one failure of the library.
type Error struct {
	Status  Status
	Message string // one sentence: the field, its value and what is allowed
	Path    string // JSON pointer into the request, such as "/workload/input_tokens"; "" is the whole document, or none
	Where   string // the C function, for bug reports
	cause   error
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// Is reports whether target is this error's Status.
func (e *Error) Is(target error) bool {
	status, ok := target.(Status)
	return ok && status == e.Status
}

// Unwrap is the context's error, ErrClosed, or nil.
func (e *Error) Unwrap() error { return e.cause }

// failure turns the error of a C call into a Go one and frees it.
func failure(status C.dsk_status, err *C.dsk_error) error {
	if status == C.DSK_STATUS_OK {
		return nil
	}
	defer C.dsk_error_destroy(err)
	return &Error{
		Status:  Status(C.dsk_error_status(err)),
		Message: C.GoString(C.dsk_error_message(err)),
		Path:    C.GoString(C.dsk_error_path(err)),
		Where:   C.GoString(C.dsk_error_where(err)),
	}
}

func closedError(what string) error {
	return &Error{Status: InvalidArgument, Message: "the " + what + " is closed", cause: ErrClosed}
}

// stopped adds the context's own error to a failure that the context caused.
func stopped(ctx context.Context, err error) error {
	var e *Error
	if errors.As(err, &e) && e.Status == Cancelled && ctx.Err() != nil {
		e.cause = context.Cause(ctx)
	}
	return err
}
