package dsk

// #include <dsk/dsk.h>
import "C"

import (
	"unsafe"
)

// Device is an opened accelerator, or the CPU.
type Device struct{ h *handle }

// DeviceInfo is what was opened; a text is "" when unknown.
type DeviceInfo struct {
	Multiprocessors            int
	ComputeMajor, ComputeMinor int
	MemoryBytes                uint64
	Backend, Name, UUID        string
	DriverVersion, BLASVersion string
	CollectiveVersion          string
}

// OpenDevice opens device `ordinal` of a backend, "cpu" or "cuda".
func OpenDevice(backend string, ordinal uint32) (*Device, error) {
	if err := check(); err != nil {
		return nil, err
	}
	var device *C.dsk_tp_device
	var cerr *C.dsk_error
	name, length := textIn(backend)
	if status := C.dsk_tp_device_create(name, length, C.uint32_t(ordinal), &device, &cerr); status != C.DSK_STATUS_OK {
		return nil, failure(status, cerr)
	}
	d := &Device{}
	d.h = own(d, unsafe.Pointer(device), "Device", func(p unsafe.Pointer) { C.dsk_tp_device_destroy((*C.dsk_tp_device)(p)) })
	return d, nil
}

// Close frees the caller's hold; communicators keep theirs.
func (d *Device) Close() error {
	d.h.close()
	return nil
}

// Info says what was opened.
func (d *Device) Info() (info DeviceInfo, err error) {
	err = d.h.inside(func(device unsafe.Pointer) error {
		var c C.dsk_tp_device_info
		var cerr *C.dsk_error
		c.struct_size = C.uint32_t(unsafe.Sizeof(c))
		if status := C.dsk_tp_device_get_info((*C.dsk_tp_device)(device), &c, &cerr); status != C.DSK_STATUS_OK {
			return failure(status, cerr)
		}
		info = DeviceInfo{
			Multiprocessors: int(c.multiprocessors), ComputeMajor: int(c.compute_major), ComputeMinor: int(c.compute_minor),
			MemoryBytes: uint64(c.memory_bytes), Backend: C.GoString(&c.backend[0]), Name: C.GoString(&c.name[0]),
			UUID: C.GoString(&c.uuid[0]), DriverVersion: C.GoString(&c.driver_version[0]),
			BLASVersion: C.GoString(&c.blas_version[0]), CollectiveVersion: C.GoString(&c.collective_version[0]),
		}
		return nil
	})
	return info, err
}

// DeviceMemory is memory of a device, 256-byte aligned. It must stay open while work that uses it is under way.
type DeviceMemory struct {
	h      *handle
	device *Device
	bytes  uint64
}

// NewMemory allocates memory of the device.
func (d *Device) NewMemory(bytes uint64) (*DeviceMemory, error) {
	m := &DeviceMemory{device: d, bytes: bytes}
	err := d.h.inside(func(device unsafe.Pointer) error {
		var memory unsafe.Pointer
		var cerr *C.dsk_error
		if status := C.dsk_tp_device_memory_create((*C.dsk_tp_device)(device), C.uint64_t(bytes), &memory, &cerr); status != C.DSK_STATUS_OK {
			return failure(status, cerr)
		}
		// Freeing needs the device, so the memory counts as a call inside it until it is freed.
		d.h.enter()
		parent := d.h
		m.h = own(m, memory, "DeviceMemory", func(p unsafe.Pointer) {
			C.dsk_tp_device_memory_destroy((*C.dsk_tp_device)(parent.pointer), p)
			parent.leave()
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Close frees the memory.
func (m *DeviceMemory) Close() error {
	m.h.close()
	return nil
}

// Size is its size in bytes.
func (m *DeviceMemory) Size() uint64 { return m.bytes }

// At is an address inside it.
func (m *DeviceMemory) At(offset uint64) Address { return Address{memory: m, offset: offset} }

// Write copies host memory to the device, after all work before it; complete when it returns.
func (m *DeviceMemory) Write(offset uint64, from []byte) error { return m.copy(offset, from, true) }

// Read copies device memory to the host, after all work before it; complete when it returns.
func (m *DeviceMemory) Read(offset uint64, to []byte) error { return m.copy(offset, to, false) }

func (m *DeviceMemory) copy(offset uint64, host []byte, write bool) error {
	if n := uint64(len(host)); offset > m.bytes || n > m.bytes-offset {
		return &Error{Status: InvalidArgument, Message: "the copy goes beyond the device memory", Where: "dsk.DeviceMemory"}
	}
	if len(host) == 0 {
		return nil
	}
	return m.h.inside(func(memory unsafe.Pointer) error {
		to, from := unsafe.Pointer(uintptr(memory)+uintptr(offset)), unsafe.Pointer(unsafe.SliceData(host))
		if !write {
			to, from = from, to
		}
		var cerr *C.dsk_error
		return failure(C.dsk_tp_device_memory_set((*C.dsk_tp_device)(m.device.h.pointer), to, from, C.uint64_t(len(host)), &cerr), cerr)
	})
}

// Address is a place in device memory: of a DeviceMemory, or of anybody else's, at the caller's own risk.
type Address struct {
	memory *DeviceMemory
	offset uint64
}

// RawAddress is a device pointer of the caller's, such as one from another CUDA library.
func RawAddress(pointer uintptr) Address { return Address{offset: uint64(pointer)} }

// Stream is a cudaStream_t; 0 on the CPU.
type Stream uintptr

// NewStream makes a stream of the device; 0 on the CPU. Give it back with FreeStream.
func (d *Device) NewStream() (Stream, error) {
	var stream unsafe.Pointer
	err := d.h.inside(func(device unsafe.Pointer) error {
		var cerr *C.dsk_error
		return failure(C.dsk_tp_stream_create((*C.dsk_tp_device)(device), &stream, &cerr), cerr)
	})
	return Stream(uintptr(stream)), err
}

// FreeStream frees a stream of NewStream.
func (d *Device) FreeStream(stream Stream) error {
	return d.h.inside(func(device unsafe.Pointer) error {
		C.dsk_tp_stream_destroy((*C.dsk_tp_device)(device), foreign(uintptr(stream)))
		return nil
	})
}

// foreign makes a pointer of a number that the C side or the caller answers for; Go's collector never owns what it points to.
func foreign(address uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}
