package dsk

// #include <dsk/dsk.h>
import "C"

import (
	"time"
	"unsafe"
)

// Transport is how ranks reach each other.
type Transport int32

// Transports of a communicator.
const (
	TransportAuto   Transport = 0 // threads on the CPU; on CUDA own protocol in one process, NCCL across
	TransportPeer   Transport = 1 // own protocol over peer memory (one process)
	TransportVendor Transport = 2 // NCCL 2.27 or newer
)

// CommOptions are a communicator's settings; zero means default.
type CommOptions struct {
	Transport Transport
	Timeout   time.Duration // bound of every wait for another rank; default 30 s, whole milliseconds
	MaxBytes  uint64        // largest message that goes through the own protocol in one piece; default 8 MiB
}

func (o CommOptions) c() C.dsk_tp_comm_options {
	var c C.dsk_tp_comm_options
	c.struct_size = C.uint32_t(unsafe.Sizeof(c))
	c.transport = C.dsk_tp_transport(o.Transport)
	c.timeout_ms = C.uint64_t(o.Timeout.Milliseconds())
	c.max_bytes = C.uint64_t(o.MaxBytes)
	return c
}

// Comm is one rank of a communicator.
type Comm struct{ h *handle }

// CommInfo says where a rank stands.
type CommInfo struct {
	World, Rank int
	LostRank    int // -1, or the rank that a bounded wait or the heartbeat found lost
	Aborted     bool
	Transport   string // "threads", "tcp", "peer", "nccl", "peer+nccl" or "none" (one rank)
}

func newComm(comm *C.dsk_tp_comm) *Comm {
	c := &Comm{}
	c.h = own(c, unsafe.Pointer(comm), "Comm", func(p unsafe.Pointer) { C.dsk_tp_comm_destroy((*C.dsk_tp_comm)(p)) })
	return c
}

// insideAll holds several handles open while call runs with their C objects.
func insideAll(handles []*handle, call func([]unsafe.Pointer) error) error {
	pointers := make([]unsafe.Pointer, 0, len(handles))
	for _, h := range handles {
		if !h.enter() {
			return h.closed()
		}
		defer h.leave()
		pointers = append(pointers, h.pointer)
	}
	return call(pointers)
}

// NewLocalComms makes all ranks of a communicator inside this process; devices[r] carries rank r, and one device may carry
// several.
func NewLocalComms(devices []*Device, options CommOptions) ([]*Comm, error) {
	var handles []*handle
	for _, d := range devices {
		handles = append(handles, d.h)
	}
	var comms []*Comm
	err := insideAll(handles, func(pointers []unsafe.Pointer) error {
		out := make([]*C.dsk_tp_comm, max(len(devices), 1))
		o := options.c()
		var cerr *C.dsk_error
		status := C.dsk_tp_comm_create_local((**C.dsk_tp_device)(unsafe.Pointer(unsafe.SliceData(pointers))), C.uint32_t(len(devices)), &o, unsafe.SliceData(out), &cerr)
		if status != C.DSK_STATUS_OK {
			return failure(status, cerr)
		}
		for _, comm := range out {
			comms = append(comms, newComm(comm))
		}
		return nil
	})
	return comms, err
}

// UniqueID is an opaque id that all ranks of one communicator share.
type UniqueID [128]byte

// NewUniqueID makes an id on one rank; the caller brings it to the others. [Unsupported] on the CPU.
func (d *Device) NewUniqueID() (id UniqueID, err error) {
	err = d.h.inside(func(device unsafe.Pointer) error {
		var c C.dsk_tp_unique_id
		var cerr *C.dsk_error
		status := C.dsk_tp_unique_id_create((*C.dsk_tp_device)(device), &c, &cerr)
		id = *(*UniqueID)(unsafe.Pointer(&c))
		return failure(status, cerr)
	})
	return id, err
}

// NewComm joins a communicator of several processes by id; it returns when all ranks have called.
func (d *Device) NewComm(id UniqueID, world, rank uint32, options CommOptions) (*Comm, error) {
	var comm *C.dsk_tp_comm
	err := d.h.inside(func(device unsafe.Pointer) error {
		c, o := *(*C.dsk_tp_unique_id)(unsafe.Pointer(&id)), options.c()
		var cerr *C.dsk_error
		return failure(C.dsk_tp_comm_create((*C.dsk_tp_device)(device), &c, C.uint32_t(world), C.uint32_t(rank), &o, &comm, &cerr), cerr)
	})
	if err != nil {
		return nil, err
	}
	return newComm(comm), nil
}

// NewCommFromEnv joins the communicator that the launcher (torchrun, mpirun, srun, LeaderWorkerSet) describes in the
// environment.
func NewCommFromEnv(backend string, options CommOptions) (*Comm, error) {
	if err := check(); err != nil {
		return nil, err
	}
	var comm *C.dsk_tp_comm
	var cerr *C.dsk_error
	name, length := textIn(backend)
	o := options.c()
	if status := C.dsk_tp_comm_create_from_env(name, length, &o, &comm, &cerr); status != C.DSK_STATUS_OK {
		return nil, failure(status, cerr)
	}
	return newComm(comm), nil
}

// Info says where the rank stands.
func (c *Comm) Info() (info CommInfo, err error) {
	err = c.h.inside(func(comm unsafe.Pointer) error {
		var i C.dsk_tp_comm_info
		var cerr *C.dsk_error
		i.struct_size = C.uint32_t(unsafe.Sizeof(i))
		status := C.dsk_tp_comm_get_info((*C.dsk_tp_comm)(comm), &i, &cerr)
		info = CommInfo{
			World: int(i.world), Rank: int(i.rank), LostRank: int(i.lost_rank), Aborted: i.aborted != 0,
			Transport: C.GoString(&i.transport[0]),
		}
		return failure(status, cerr)
	})
	return info, err
}

// Wait waits until the work of the stream is done, a rank is lost, or the communicator's timeout has passed.
func (c *Comm) Wait(stream Stream) error {
	return c.h.inside(func(comm unsafe.Pointer) error {
		var cerr *C.dsk_error
		return failure(C.dsk_tp_comm_wait((*C.dsk_tp_comm)(comm), foreign(uintptr(stream)), &cerr), cerr)
	})
}

// Abort ends all waits of the communicator; every later call on it fails with [Cancelled]. From any goroutine.
func (c *Comm) Abort() error {
	return c.h.inside(func(comm unsafe.Pointer) error {
		C.dsk_tp_comm_abort((*C.dsk_tp_comm)(comm))
		return nil
	})
}

// Close frees the caller's hold; plans and graphs keep theirs.
func (c *Comm) Close() error {
	c.h.close()
	return nil
}

// Group runs enqueue on several ranks of a local communicator from one goroutine: what it enqueues is kept, checked, and run
// together when it returns without an error.
func Group(comms []*Comm, enqueue func() error) error {
	var handles []*handle
	for _, c := range comms {
		handles = append(handles, c.h)
	}
	return insideAll(handles, func(pointers []unsafe.Pointer) error {
		var group *C.dsk_tp_group
		var cerr *C.dsk_error
		if status := C.dsk_tp_group_begin((**C.dsk_tp_comm)(unsafe.Pointer(unsafe.SliceData(pointers))), C.uint32_t(len(pointers)), &group, &cerr); status != C.DSK_STATUS_OK {
			return failure(status, cerr)
		}
		// The group has to end, whatever enqueue does: ranks that have unequal work to do are refused, and nothing runs.
		ended := false
		end := func() error {
			ended = true
			var cerr *C.dsk_error
			return failure(C.dsk_tp_group_end(group, &cerr), cerr)
		}
		defer func() {
			if !ended {
				_ = end()
			}
		}()
		if err := enqueue(); err != nil {
			_ = end()
			return err
		}
		return end()
	})
}
