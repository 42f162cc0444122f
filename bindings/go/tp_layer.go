package dsk

// #include <dsk/dsk.h>
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

// DType is the element type of a tensor.
type DType int32

// Element types.
const (
	NoDType DType = 0
	F32     DType = 1
	BF16    DType = 2
	F16     DType = 3
	F8E4M3  DType = 4 // OCP E4M3
	I8      DType = 5
	I4      DType = 6 // two per byte along the last dimension, low nibble first, stored as value + 8
	I32     DType = 7
)

// Split says which dimension of a weight the ranks share.
type Split int32

// Splits of a linear layer.
const (
	Replicated  Split = 0 // every rank has all of W
	ColumnSplit Split = 1 // rows of W (outputs) are split
	RowSplit    Split = 2 // columns of W (inputs) are split; all-reduce
)

// Activation is the function between the products of an MLP.
type Activation int32

// Activations.
const (
	SiLU     Activation = 0
	GELU     Activation = 1
	GELUTanh Activation = 2
)

// LayerFlags are options of a layer.
type LayerFlags uint32

// Flags of a layer; tp.h says what each does.
const (
	GatherOutput   LayerFlags = 0x1
	ReduceF32      LayerFlags = 0x2
	AllowTF32      LayerFlags = 0x4
	BatchInvariant LayerFlags = 0x8
	Reference      LayerFlags = 0x10
	Residual       LayerFlags = 0x20
	NoMeasure      LayerFlags = 0x40
)

// Weight is one weight as checkpoints store it, whole, in host memory; tp.h has the layout of each type. It is copied when a
// layer is made.
type Weight struct {
	DType       DType
	N, K        uint64
	Data        []byte
	Scales      []byte
	ScalesDType DType
	Bias        []byte // [n] in the layer's activation type, or nil
	file        *Weights
	whole       C.dsk_tp_weight // of a file: pointers into its map
}

// c is the weight in C's form, with its memory pinned.
func (w *Weight) c(pin *runtime.Pinner) C.dsk_tp_weight {
	if w.file != nil {
		return w.whole
	}
	c := C.dsk_tp_weight{
		dtype: C.dsk_dtype(w.DType), n: C.uint64_t(w.N), k: C.uint64_t(w.K), data: pinned(pin, w.Data),
		data_bytes: C.uint64_t(len(w.Data)), scales: pinned(pin, w.Scales), scales_bytes: C.uint64_t(len(w.Scales)),
		scales_dtype: C.dsk_dtype(w.ScalesDType), bias: pinned(pin, w.Bias),
	}
	c.struct_size = C.uint32_t(unsafe.Sizeof(c))
	return c
}

func pinned(pin *runtime.Pinner, b []byte) unsafe.Pointer {
	if len(b) == 0 {
		return nil
	}
	p := unsafe.SliceData(b)
	pin.Pin(p)
	return unsafe.Pointer(p)
}

// Linear is a layer: weights sharded, every choice made. Not for several goroutines at once, as are all layers of one Comm.
type Linear struct {
	h     *handle
	shape shape
}

// LinearOptions describes a layer, unsharded. With QHeads it is a fused QKV: one weight [q | k | v], or three.
type LinearOptions struct {
	Flags                    LayerFlags
	Split                    Split
	Activation               DType // F32, BF16 or F16
	MaxM                     uint64
	QHeads, KVHeads, HeadDim uint32
	NormEps                  float32 // with Gamma; 0 = 1e-6
	Gamma                    []byte  // [n] in the activation type; nil: no norm
	Weights                  []*Weight
	Tuning                   *Tuning // read and added to; nil: none
}

// hostFits refuses host memory that is too short for what C would read.
func hostFits(what string, b []byte, n uint64, activation DType) error {
	size := uint64(2)
	if activation == F32 {
		size = 4
	}
	if len(b) > 0 && uint64(len(b)) != n*size {
		return &Error{Status: InvalidArgument, Message: what + " must have n elements of the activation type", Where: "dsk.Comm"}
	}
	return nil
}

// holdFiles keeps the files that weights point into mapped until it is released.
func holdFiles(weights []*Weight) (release func(), err error) {
	var held []*handle
	release = func() {
		for _, h := range held {
			h.leave()
		}
	}
	for _, w := range weights {
		if w == nil {
			release()
			return nil, &Error{Status: InvalidArgument, Message: "a weight is nil", Where: "dsk.Comm"}
		}
		if w.file == nil {
			continue
		}
		if !w.file.h.enter() {
			release()
			return nil, w.file.h.closed()
		}
		held = append(held, w.file.h)
	}
	return release, nil
}

func (t *Tuning) inside(call func(*C.dsk_tp_tuning) error) error {
	if t == nil {
		return call(nil)
	}
	return t.h.inside(func(p unsafe.Pointer) error { return call((*C.dsk_tp_tuning)(p)) })
}

// NewLinear shards and loads the weights and makes every choice.
func (c *Comm) NewLinear(o LinearOptions) (*Linear, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	release, err := holdFiles(o.Weights)
	if err != nil {
		return nil, err
	}
	defer release()
	var n uint64
	weights := make([]C.dsk_tp_weight, len(o.Weights), len(o.Weights)+1)
	for i, w := range o.Weights {
		if err := hostFits("Bias", w.Bias, w.N, o.Activation); err != nil {
			return nil, err
		}
		weights[i] = w.c(&pin)
		n += w.N
	}
	if err := hostFits("Gamma", o.Gamma, n, o.Activation); err != nil {
		return nil, err
	}
	pin.Pin(unsafe.SliceData(weights[:cap(weights)]))
	var plan *C.dsk_tp_linear
	err = c.h.inside(func(comm unsafe.Pointer) error {
		return o.Tuning.inside(func(tuning *C.dsk_tp_tuning) error {
			desc := C.dsk_tp_linear_desc{
				flags: C.uint32_t(o.Flags), split: C.dsk_tp_split(o.Split), activation_dtype: C.dsk_dtype(o.Activation),
				max_m: C.uint64_t(o.MaxM), q_heads: C.uint32_t(o.QHeads), kv_heads: C.uint32_t(o.KVHeads),
				head_dim: C.uint32_t(o.HeadDim), norm_eps: C.float(o.NormEps), gamma: pinned(&pin, o.Gamma),
				weights: unsafe.SliceData(weights), weight_count: C.uint32_t(len(weights)), tuning: tuning,
			}
			desc.struct_size = C.uint32_t(unsafe.Sizeof(desc))
			var cerr *C.dsk_error
			return failure(C.dsk_tp_linear_create((*C.dsk_tp_comm)(comm), &desc, &plan, &cerr), cerr)
		})
	})
	if err != nil {
		return nil, err
	}
	l := &Linear{}
	l.h = own(l, unsafe.Pointer(plan), "Linear", func(p unsafe.Pointer) { C.dsk_tp_linear_destroy((*C.dsk_tp_linear)(p)) })
	info, err := l.Info()
	l.shape = shapeOf(info, o.Activation)
	return l, err
}

// LayerInfo says what a layer is on its rank.
type LayerInfo struct {
	Measured            int    // products whose choice was measured at creation
	N, K                uint64 // of the rank's product (an MLP: of the down product)
	NOffset, KOffset    uint64 // of the shard in the whole weight
	InputColumns        uint64 // of x on this rank
	OutputColumns       uint64 // of y on this rank
	WeightBytes         uint64
	WorkspaceBytes      uint64 // for m up to MaxM
	CreateMs, MeasureMs float64
}

func layerInfo(get func(*C.dsk_tp_plan_info, **C.dsk_error) C.dsk_status) (LayerInfo, error) {
	var i C.dsk_tp_plan_info
	var cerr *C.dsk_error
	i.struct_size = C.uint32_t(unsafe.Sizeof(i))
	if status := get(&i, &cerr); status != C.DSK_STATUS_OK {
		return LayerInfo{}, failure(status, cerr)
	}
	return LayerInfo{
		Measured: int(i.measured), N: uint64(i.n), K: uint64(i.k), NOffset: uint64(i.n_offset), KOffset: uint64(i.k_offset),
		InputColumns: uint64(i.input_columns), OutputColumns: uint64(i.output_columns), WeightBytes: uint64(i.weight_bytes),
		WorkspaceBytes: uint64(i.workspace_bytes), CreateMs: float64(i.create_ms), MeasureMs: float64(i.measure_ms),
	}, nil
}

// Info says what the layer is on its rank.
func (l *Linear) Info() (info LayerInfo, err error) {
	err = l.h.inside(func(p unsafe.Pointer) error {
		info, err = layerInfo(func(i *C.dsk_tp_plan_info, cerr **C.dsk_error) C.dsk_status {
			return C.dsk_tp_linear_get_info((*C.dsk_tp_linear)(p), i, cerr)
		})
		return err
	})
	return info, err
}

// LayerArgs is what one run of a layer reads and writes. Activations are row-major and dense, on the rank's device.
type LayerArgs struct {
	M                     uint64 // rows; 0 does nothing
	X, Y                  Address
	Residual, ResidualOut Address // with the flag Residual
	Workspace             Address
	WorkspaceBytes        uint64
}

// shape is how many bytes a row of a layer's activations has on its rank.
type shape struct{ input, output uint64 }

func shapeOf(info LayerInfo, activation DType) shape {
	size := uint64(2)
	if activation == F32 {
		size = 4
	}
	return shape{info.InputColumns * size, info.OutputColumns * size}
}

// inside runs call with the arguments in C's form, holding the device memory that they point into. What would go beyond such
// memory is refused; an address of the caller's own has no known end.
func (a *LayerArgs) inside(s shape, call func(*C.dsk_tp_args) error) error {
	c := C.dsk_tp_args{m: C.uint64_t(a.M), workspace_bytes: C.uint64_t(a.WorkspaceBytes)}
	c.struct_size = C.uint32_t(unsafe.Sizeof(c))
	for _, part := range []struct {
		what  string
		from  Address
		to    *unsafe.Pointer
		bytes uint64
	}{
		{"X", a.X, &c.x, a.M * s.input}, {"Y", a.Y, &c.y, a.M * s.output}, {"Residual", a.Residual, &c.residual, a.M * s.output},
		{"ResidualOut", a.ResidualOut, &c.residual_out, a.M * s.output}, {"Workspace", a.Workspace, &c.workspace, a.WorkspaceBytes},
	} {
		if part.from.memory == nil {
			*part.to = foreign(uintptr(part.from.offset))
			continue
		}
		if m := part.from.memory; a.M <= C.DSK_TP_MAX_M && (part.from.offset > m.bytes || part.bytes > m.bytes-part.from.offset) {
			return &Error{
				Status: InvalidArgument, Where: "dsk.LayerArgs",
				Message: fmt.Sprintf("%s needs %d bytes, its device memory has %d from there", part.what, part.bytes, m.bytes-min(part.from.offset, m.bytes)),
			}
		}
		h := part.from.memory.h
		if !h.enter() {
			return h.closed()
		}
		defer h.leave()
		*part.to = foreign(uintptr(h.pointer) + uintptr(part.from.offset))
	}
	return call(&c)
}

// Enqueue runs the layer on a stream; on the CPU the work is done when it returns.
func (l *Linear) Enqueue(args LayerArgs, stream Stream) error {
	return l.h.inside(func(p unsafe.Pointer) error {
		return args.inside(l.shape, func(c *C.dsk_tp_args) error {
			var cerr *C.dsk_error
			return failure(C.dsk_tp_linear_enqueue((*C.dsk_tp_linear)(p), c, foreign(uintptr(stream)), &cerr), cerr)
		})
	})
}

// Close frees the layer.
func (l *Linear) Close() error {
	l.h.close()
	return nil
}

// MLP is the block h = activation(x gate^T) * (x up^T), y = h down^T, with the inner dimension split.
type MLP struct {
	h     *handle
	shape shape
}

// MLPOptions describes an MLP, unsharded.
type MLPOptions struct {
	Flags          LayerFlags
	Function       Activation
	Activation     DType
	MaxM           uint64
	NormEps        float32
	Gamma          []byte
	Gate, Up, Down *Weight // [inner, hidden], [inner, hidden], [hidden, inner]
	Tuning         *Tuning
}

// NewMLP shards and loads the weights and makes every choice.
func (c *Comm) NewMLP(o MLPOptions) (*MLP, error) {
	if o.Gate == nil || o.Up == nil || o.Down == nil {
		return nil, &Error{Status: InvalidArgument, Message: "Gate, Up and Down must be given", Where: "dsk.Comm.NewMLP"}
	}
	if err := hostFits("Gamma", o.Gamma, o.Down.N, o.Activation); err != nil {
		return nil, err
	}
	for _, w := range []*Weight{o.Gate, o.Up, o.Down} {
		if err := hostFits("Bias", w.Bias, w.N, o.Activation); err != nil {
			return nil, err
		}
	}
	release, err := holdFiles([]*Weight{o.Gate, o.Up, o.Down})
	if err != nil {
		return nil, err
	}
	defer release()
	var pin runtime.Pinner
	defer pin.Unpin()
	weights := &[3]C.dsk_tp_weight{o.Gate.c(&pin), o.Up.c(&pin), o.Down.c(&pin)}
	pin.Pin(weights)
	var plan *C.dsk_tp_mlp
	err = c.h.inside(func(comm unsafe.Pointer) error {
		return o.Tuning.inside(func(tuning *C.dsk_tp_tuning) error {
			desc := C.dsk_tp_mlp_desc{
				flags: C.uint32_t(o.Flags), activation: C.dsk_tp_activation(o.Function), activation_dtype: C.dsk_dtype(o.Activation),
				max_m: C.uint64_t(o.MaxM), norm_eps: C.float(o.NormEps), gamma: pinned(&pin, o.Gamma),
				gate: &weights[0], up: &weights[1], down: &weights[2], tuning: tuning,
			}
			desc.struct_size = C.uint32_t(unsafe.Sizeof(desc))
			var cerr *C.dsk_error
			return failure(C.dsk_tp_mlp_create((*C.dsk_tp_comm)(comm), &desc, &plan, &cerr), cerr)
		})
	})
	if err != nil {
		return nil, err
	}
	m := &MLP{}
	m.h = own(m, unsafe.Pointer(plan), "MLP", func(p unsafe.Pointer) { C.dsk_tp_mlp_destroy((*C.dsk_tp_mlp)(p)) })
	info, err := m.Info()
	m.shape = shapeOf(info, o.Activation)
	return m, err
}

// Info says what the block is on its rank.
func (m *MLP) Info() (info LayerInfo, err error) {
	err = m.h.inside(func(p unsafe.Pointer) error {
		info, err = layerInfo(func(i *C.dsk_tp_plan_info, cerr **C.dsk_error) C.dsk_status {
			return C.dsk_tp_mlp_get_info((*C.dsk_tp_mlp)(p), i, cerr)
		})
		return err
	})
	return info, err
}

// Enqueue runs the block on a stream; on the CPU the work is done when it returns.
func (m *MLP) Enqueue(args LayerArgs, stream Stream) error {
	return m.h.inside(func(p unsafe.Pointer) error {
		return args.inside(m.shape, func(c *C.dsk_tp_args) error {
			var cerr *C.dsk_error
			return failure(C.dsk_tp_mlp_enqueue((*C.dsk_tp_mlp)(p), c, foreign(uintptr(stream)), &cerr), cerr)
		})
	})
}

// Close frees the block.
func (m *MLP) Close() error {
	m.h.close()
	return nil
}
