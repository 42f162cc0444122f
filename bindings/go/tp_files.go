package dsk

// #include <dsk/dsk.h>
import "C"

import (
	"sync"
	"unsafe"
)

// Weights is a mapped safetensors file. Any number of goroutines may read it.
type Weights struct{ h *handle }

// OpenWeights maps a safetensors file and checks its header.
func OpenWeights(path string) (*Weights, error) {
	if err := check(); err != nil {
		return nil, err
	}
	var weights *C.dsk_tp_weights
	var cerr *C.dsk_error
	data, length := textIn(path)
	if status := C.dsk_tp_weights_create(data, length, &weights, &cerr); status != C.DSK_STATUS_OK {
		return nil, failure(status, cerr)
	}
	w := &Weights{}
	w.h = own(w, unsafe.Pointer(weights), "Weights", func(p unsafe.Pointer) { C.dsk_tp_weights_destroy((*C.dsk_tp_weights)(p)) })
	return w, nil
}

// Names are the tensors in file order.
func (w *Weights) Names() (names []string, err error) {
	err = w.h.inside(func(p unsafe.Pointer) error {
		count := uint64(C.dsk_tp_weights_count((*C.dsk_tp_weights)(p)))
		for i := range count {
			names = append(names, C.GoString(C.dsk_tp_weights_get_name((*C.dsk_tp_weights)(p), C.uint64_t(i))))
		}
		return nil
	})
	return names, err
}

// Get is the weight of one layer: the tensors prefix.weight (or .weight_packed), its scales and its bias. It reads the file's
// map when a layer is made, so Weights must be open then; Data, Scales and Bias stay nil.
func (w *Weights) Get(prefix string) (*Weight, error) {
	out := &Weight{file: w}
	err := w.h.inside(func(p unsafe.Pointer) error {
		var cerr *C.dsk_error
		name, length := textIn(prefix)
		out.whole.struct_size = C.uint32_t(unsafe.Sizeof(out.whole))
		return failure(C.dsk_tp_weights_get((*C.dsk_tp_weights)(p), name, length, &out.whole, &cerr), cerr)
	})
	if err != nil {
		return nil, err
	}
	out.DType, out.N, out.K = DType(out.whole.dtype), uint64(out.whole.n), uint64(out.whole.k)
	out.ScalesDType = DType(out.whole.scales_dtype)
	return out, nil
}

// Close unmaps the file.
func (w *Weights) Close() error {
	w.h.close()
	return nil
}

// Tuning is measured choices, kept in a small text file.
type Tuning struct{ h *handle }

// NewTuning is an empty table of choices (nil), or one from the text of Tuning.JSON.
func NewTuning(document []byte) (*Tuning, error) {
	if err := check(); err != nil {
		return nil, err
	}
	var tuning *C.dsk_tp_tuning
	var cerr *C.dsk_error
	data, length := bytesIn(document)
	if length == 0 {
		data = nil
	}
	if status := C.dsk_tp_tuning_create(data, length, &tuning, &cerr); status != C.DSK_STATUS_OK {
		return nil, failure(status, cerr)
	}
	t := &Tuning{}
	t.h = own(t, unsafe.Pointer(tuning), "Tuning", func(p unsafe.Pointer) { C.dsk_tp_tuning_destroy((*C.dsk_tp_tuning)(p)) })
	return t, nil
}

// JSON is the table as text to keep.
func (t *Tuning) JSON() (out []byte, err error) {
	err = t.h.inside(func(p unsafe.Pointer) error {
		var a answer
		out, err = a.bytes(C.dsk_tp_tuning_to_json((*C.dsk_tp_tuning)(p), &a.data, &a.length, &a.err))
		return err
	})
	return out, err
}

// Count is the number of entries.
func (t *Tuning) Count() (n uint64, err error) {
	err = t.h.inside(func(p unsafe.Pointer) error {
		n = uint64(C.dsk_tp_tuning_count((*C.dsk_tp_tuning)(p)))
		return nil
	})
	return n, err
}

// Close frees the table.
func (t *Tuning) Close() error {
	t.h.close()
	return nil
}

// Graph is a chain of layers, captured once and replayed.
type Graph struct {
	h      *handle
	held   *held
	shapes map[uint64]shape // of each step
}

// held is device memory that a chain points into: it stays until the chain goes, even when it is closed before.
type held struct {
	mu     sync.Mutex
	memory map[*handle]bool
}

func (k *held) keep(args LayerArgs) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range []Address{args.X, args.Y, args.Residual, args.ResidualOut, args.Workspace} {
		if a.memory != nil && !k.memory[a.memory.h] && a.memory.h.enter() {
			k.memory[a.memory.h] = true
		}
	}
}

func (k *held) release() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for h := range k.memory {
		h.leave()
	}
}

// NewGraph is an empty chain for ranks of one communicator: one rank with its own goroutine, or several ranks of a local
// communicator.
func NewGraph(comms []*Comm) (*Graph, error) {
	var handles []*handle
	for _, c := range comms {
		handles = append(handles, c.h)
	}
	var graph *C.dsk_tp_graph
	err := insideAll(handles, func(pointers []unsafe.Pointer) error {
		var cerr *C.dsk_error
		return failure(C.dsk_tp_graph_create((**C.dsk_tp_comm)(unsafe.Pointer(unsafe.SliceData(pointers))), C.uint32_t(len(pointers)), &graph, &cerr), cerr)
	})
	if err != nil {
		return nil, err
	}
	k := &held{memory: map[*handle]bool{}}
	g := &Graph{held: k, shapes: map[uint64]shape{}}
	g.h = own(g, unsafe.Pointer(graph), "Graph", func(p unsafe.Pointer) {
		C.dsk_tp_graph_destroy((*C.dsk_tp_graph)(p))
		k.release()
	})
	return g, nil
}

// add appends a layer.
func (g *Graph) add(layer *handle, s shape, args LayerArgs, call func(graph *C.dsk_tp_graph, layer unsafe.Pointer, args *C.dsk_tp_args, step *C.uint64_t, cerr **C.dsk_error) C.dsk_status) (uint64, error) {
	var step C.uint64_t
	err := g.h.inside(func(graph unsafe.Pointer) error {
		return layer.inside(func(l unsafe.Pointer) error {
			return args.inside(s, func(c *C.dsk_tp_args) error {
				var cerr *C.dsk_error
				if status := call((*C.dsk_tp_graph)(graph), l, c, &step, &cerr); status != C.DSK_STATUS_OK {
					return failure(status, cerr)
				}
				g.held.keep(args)
				g.shapes[uint64(step)] = s
				return nil
			})
		})
	})
	return uint64(step), err
}

// AddLinear appends a layer to its rank's chain and returns its step's number for Set.
func (g *Graph) AddLinear(l *Linear, args LayerArgs) (uint64, error) {
	return g.add(l.h, l.shape, args, func(graph *C.dsk_tp_graph, p unsafe.Pointer, c *C.dsk_tp_args, step *C.uint64_t, cerr **C.dsk_error) C.dsk_status {
		return C.dsk_tp_graph_add_linear(graph, (*C.dsk_tp_linear)(p), c, step, cerr)
	})
}

// AddMLP appends a block to its rank's chain and returns its step's number for Set.
func (g *Graph) AddMLP(m *MLP, args LayerArgs) (uint64, error) {
	return g.add(m.h, m.shape, args, func(graph *C.dsk_tp_graph, p unsafe.Pointer, c *C.dsk_tp_args, step *C.uint64_t, cerr **C.dsk_error) C.dsk_status {
		return C.dsk_tp_graph_add_mlp(graph, (*C.dsk_tp_mlp)(p), c, step, cerr)
	})
}

func (g *Graph) call(run func(*C.dsk_tp_graph, **C.dsk_error) C.dsk_status) error {
	return g.h.inside(func(graph unsafe.Pointer) error {
		var cerr *C.dsk_error
		return failure(run((*C.dsk_tp_graph)(graph), &cerr), cerr)
	})
}

// Capture captures the chain, or captures it again after Set.
func (g *Graph) Capture() error {
	return g.call(func(graph *C.dsk_tp_graph, cerr **C.dsk_error) C.dsk_status {
		return C.dsk_tp_graph_capture(graph, cerr)
	})
}

// Set changes pointers or m of one step; it counts from the next Capture.
func (g *Graph) Set(step uint64, args LayerArgs) error {
	return args.inside(g.shapes[step], func(c *C.dsk_tp_args) error {
		return g.call(func(graph *C.dsk_tp_graph, cerr **C.dsk_error) C.dsk_status {
			status := C.dsk_tp_graph_set(graph, C.uint64_t(step), c, cerr)
			if status == C.DSK_STATUS_OK {
				g.held.keep(args)
			}
			return status
		})
	})
}

// Replay runs the chain on a stream; on the CPU the work is done when it returns.
func (g *Graph) Replay(stream Stream) error {
	return g.call(func(graph *C.dsk_tp_graph, cerr **C.dsk_error) C.dsk_status {
		return C.dsk_tp_graph_replay(graph, foreign(uintptr(stream)), cerr)
	})
}

// GraphInfo says what a graph is.
type GraphInfo struct {
	Captured    bool
	Steps       uint64 // layers in the chain, over all ranks
	Nodes       uint64 // device nodes; 0 before capture
	MemoryBytes uint64 // device memory that the captured graph takes, an upper bound
	CaptureMs   float64
}

// Info says what the graph is.
func (g *Graph) Info() (GraphInfo, error) {
	var i C.dsk_tp_graph_info
	i.struct_size = C.uint32_t(unsafe.Sizeof(i))
	err := g.call(func(graph *C.dsk_tp_graph, cerr **C.dsk_error) C.dsk_status {
		return C.dsk_tp_graph_get_info(graph, &i, cerr)
	})
	return GraphInfo{
		Captured: i.captured != 0, Steps: uint64(i.steps), Nodes: uint64(i.nodes), MemoryBytes: uint64(i.memory_bytes),
		CaptureMs: float64(i.capture_ms),
	}, err
}

// Close frees the graph.
func (g *Graph) Close() error {
	g.h.close()
	return nil
}
