package dsk

/*
#cgo pkg-config: dsk
// cgo does not ask pkg-config for the static set, and puts these before what it was told.
#cgo dsk_static CFLAGS: -DDSK_STATIC
#cgo dsk_static LDFLAGS: -ldsk -lstdc++ -lm -lpthread
// The library is opened by library.c, not by the system's loader.
#cgo !dsk_static LDFLAGS: -Wl,--as-needed
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include <dsk/dsk.h>
#include "library.h"

#if DSK_ABI_VERSION != 1
#error "this Go package is for ABI 1 of libdsk; the headers that pkg-config names are of another: install the matching libdsk"
#endif
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// Version is the version of the loaded library, as "MAJOR.MINOR.PATCH".
func Version() string { return C.GoString(C.dsk_version_string()) }

// ABIVersion is the ABI number of the loaded library.
func ABIVersion() uint32 { return uint32(C.dsk_abi_version()) }

// LiveObjects counts the handles and errors of the C library that are alive in this process.
func LiveObjects() uint64 { return uint64(C.dsk_live_objects()) }

// Check says whether the loaded library is one that this package was compiled for. Every call that makes something checks it
// first, so a program needs this only to fail early.
func Check() error { return check() }

var check = sync.OnceValue(func() error {
	header := fmt.Sprintf("%d.%d.%d", C.DSK_VERSION_MAJOR, C.DSK_VERSION_MINOR, C.DSK_VERSION_PATCH)
	if C.dsk_abi_version() == C.DSK_ABI_VERSION {
		return nil
	}
	if tried := C.dsk_go_library_tried(); tried != nil {
		return &Error{
			Status:  Unavailable,
			Message: fmt.Sprintf("libdsk %s (ABI %d) was not found: tried what /etc/ld.so.cache lists, %s", header, C.DSK_ABI_VERSION, C.GoString(tried)),
			Where:   "dsk.Check",
		}
	}
	file := "the program itself"
	if name := C.dsk_go_library_file(); name != nil {
		file = C.GoString(name)
	}
	return &Error{
		Status: Unsupported,
		Message: fmt.Sprintf("libdsk %s (ABI %d) was loaded from %s, but this program was built for libdsk %s (ABI %d)",
			Version(), ABIVersion(), file, header, C.DSK_ABI_VERSION),
		Where: "dsk.Check",
	}
})

// nothing stands for the memory of an empty text: the C library takes no NULL.
var nothing byte

func bytesIn(b []byte) (*C.char, C.size_t) {
	if len(b) == 0 {
		return (*C.char)(unsafe.Pointer(&nothing)), 0
	}
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))), C.size_t(len(b))
}

func textIn(s string) (*C.char, C.size_t) {
	if s == "" {
		return (*C.char)(unsafe.Pointer(&nothing)), 0
	}
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

// answer receives a text of the library's.
type answer struct {
	data   *C.char
	length C.size_t
	err    *C.dsk_error
}

// bytes copies the text and frees the library's, or turns the failure into an error.
func (a *answer) bytes(status C.dsk_status) ([]byte, error) {
	if status != C.DSK_STATUS_OK {
		return nil, failure(status, a.err)
	}
	defer C.dsk_free(unsafe.Pointer(a.data))
	return C.GoBytes(unsafe.Pointer(a.data), C.int(a.length)), nil
}
