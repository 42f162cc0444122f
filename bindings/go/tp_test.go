package dsk

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func floats(values ...float32) []byte {
	out := make([]byte, 0, 4*len(values))
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

func cpu(t *testing.T) *Device {
	t.Helper()
	d, err := OpenDevice("cpu", 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func memory(t *testing.T, d *Device, content []byte) *DeviceMemory {
	t.Helper()
	m, err := d.NewMemory(uint64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	if err := m.Write(0, content); err != nil {
		t.Fatal(err)
	}
	return m
}

func values(t *testing.T, m *DeviceMemory) []float32 {
	t.Helper()
	raw := make([]byte, m.Size())
	if err := m.Read(0, raw); err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

const width = 64

// diagonal is [width, width] with `value` on its diagonal, so that y = value * x.
func diagonal(value float32) *Weight {
	w := make([]float32, width*width)
	for i := range width {
		w[i*width+i] = value
	}
	return &Weight{DType: F32, N: width, K: width, Data: floats(w...)}
}

func ramp() []byte {
	x := make([]float32, width)
	for i := range x {
		x[i] = float32(i)
	}
	return floats(x...)
}

// TestRowSplitOverTwoRanks: each rank sees half of x, and the all-reduce gives both the whole y.
func TestRowSplitOverTwoRanks(t *testing.T) {
	d := cpu(t)
	comms, err := NewLocalComms([]*Device{d, d}, CommOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for rank, comm := range comms {
		all.Add(1)
		go func() {
			defer all.Done()
			layer, err := comm.NewLinear(LinearOptions{Split: RowSplit, Activation: F32, MaxM: 1, Weights: []*Weight{diagonal(3)}})
			if err != nil {
				t.Error(err)
				return
			}
			defer layer.Close()
			info, err := layer.Info()
			if err != nil || info.InputColumns != width/2 || info.OutputColumns != width {
				t.Errorf("rank %d: %+v, %v", rank, info, err)
			}
			half := 4 * uint64(width/2)
			x := memory(t, d, ramp()[uint64(rank)*half:(uint64(rank)+1)*half])
			y := memory(t, d, make([]byte, 4*width))
			scratch := memory(t, d, make([]byte, info.WorkspaceBytes+256))
			args := LayerArgs{M: 1, X: x.At(0), Y: y.At(0), Workspace: scratch.At(0), WorkspaceBytes: info.WorkspaceBytes}
			if err := layer.Enqueue(args, 0); err != nil {
				t.Error(err)
				return
			}
			beyond := args
			beyond.Y = y.At(4)
			if err := layer.Enqueue(beyond, 0); !errors.Is(err, InvalidArgument) || !strings.Contains(err.Error(), "Y needs 256 bytes") {
				t.Errorf("an output beyond its memory: %v", err)
			}
			for i, v := range values(t, y) {
				if v != float32(3*i) {
					t.Errorf("rank %d: y[%d] is %v", rank, i, v)
					return
				}
			}
			if err := comm.Wait(0); err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
	for rank, comm := range comms {
		info, err := comm.Info()
		if err != nil || info.World != 2 || info.Rank != rank || info.LostRank != -1 || info.Transport != "threads" {
			t.Errorf("%+v, %v", info, err)
		}
		comm.Close()
	}
}

// TestGroupAndGraph: two ranks from one goroutine, then a captured chain; what the chain points into is closed before it.
func TestGroupAndGraph(t *testing.T) {
	runtime.GC()
	before := LiveObjects()
	d, err := OpenDevice("cpu", 0)
	if err != nil {
		t.Fatal(err)
	}
	comms, err := NewLocalComms([]*Device{d, d}, CommOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var layers []*MLP
	var args []LayerArgs
	var outputs, owned []*DeviceMemory
	for _, comm := range comms {
		layer, err := comm.NewMLP(MLPOptions{Function: SiLU, Activation: F32, MaxM: 1, Gate: diagonal(1), Up: diagonal(2), Down: diagonal(1)})
		if err != nil {
			t.Fatal(err)
		}
		info, err := layer.Info()
		if err != nil {
			t.Fatal(err)
		}
		x, y, scratch := memory(t, d, ramp()), memory(t, d, make([]byte, 4*width)), memory(t, d, make([]byte, info.WorkspaceBytes+256))
		layers = append(layers, layer)
		outputs = append(outputs, y)
		owned = append(owned, x, scratch)
		args = append(args, LayerArgs{M: 1, X: x.At(0), Y: y.At(0), Workspace: scratch.At(0), WorkspaceBytes: info.WorkspaceBytes})
	}
	expect := func(what string) {
		t.Helper()
		for _, y := range outputs {
			for i, v := range values(t, y) {
				x := float64(i)
				want := x / (1 + math.Exp(-x)) * 2 * x
				if math.Abs(float64(v)-want) > 1e-3*(1+want) {
					t.Fatalf("%s: y[%d] is %v, must be %v", what, i, v, want)
				}
			}
			if err := y.Write(0, make([]byte, 4*width)); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = Group(comms, func() error {
		for r, layer := range layers {
			if err := layer.Enqueue(args[r], 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	expect("group")
	if err := Group(comms, func() error { return layers[0].Enqueue(args[0], 0) }); !errors.Is(err, InvalidArgument) {
		t.Errorf("one rank alone gives %v", err)
	}

	graph, err := NewGraph(comms)
	if err != nil {
		t.Fatal(err)
	}
	for r, layer := range layers {
		step, err := graph.AddMLP(layer, args[r])
		if err != nil {
			t.Fatal(err)
		}
		if err := graph.Set(step, args[r]); err != nil {
			t.Fatal(err)
		}
	}
	if err := graph.Capture(); err != nil {
		t.Fatal(err)
	}
	// The wrong order on purpose: the chain holds all of it.
	d.Close()
	for _, m := range owned {
		m.Close()
	}
	for r := range layers {
		layers[r].Close()
		comms[r].Close()
	}
	if err := graph.Replay(0); err != nil {
		t.Fatal(err)
	}
	expect("graph")
	if info, err := graph.Info(); err != nil || !info.Captured || info.Steps != 2 {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := layers[0].Info(); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed layer: %v", err)
	}
	graph.Close()
	for _, y := range outputs {
		y.Close()
	}
	settle(t, before)
}

func TestWeightsFileAndTuning(t *testing.T) {
	header := `{"layer.weight":{"dtype":"F32","shape":[64,64],"data_offsets":[0,16384]}}`
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	file = append(append(file, header...), diagonal(5).Data...)
	name := filepath.Join(t.TempDir(), "größe-🚀.safetensors")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	weights, err := OpenWeights(name)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := weights.Names(); err != nil || len(names) != 1 || names[0] != "layer.weight" {
		t.Errorf("%v, %v", names, err)
	}
	weight, err := weights.Get("layer")
	if err != nil || weight.N != width || weight.K != width || weight.DType != F32 {
		t.Fatalf("%+v, %v", weight, err)
	}
	if _, err := weights.Get("nothing"); !errors.Is(err, NotFound) {
		t.Errorf("a tensor that is not there: %v", err)
	}
	tuning, err := NewTuning(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tuning.Close()
	d := cpu(t)
	comms, err := NewLocalComms([]*Device{d}, CommOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer comms[0].Close()
	options := LinearOptions{Activation: F32, MaxM: 1, Weights: []*Weight{weight}, Tuning: tuning}
	layer, err := comms[0].NewLinear(options)
	if err != nil {
		t.Fatal(err)
	}
	layer.Close()
	text, err := tuning.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewTuning(text)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	n, _ := tuning.Count()
	if m, err := again.Count(); err != nil || n != m {
		t.Errorf("%d entries became %d: %v", n, m, err)
	}
	weights.Close()
	if _, err := comms[0].NewLinear(options); !errors.Is(err, ErrClosed) {
		t.Errorf("a weight of a closed file: %v", err)
	}
	if _, err := OpenDevice("abacus", 0); !errors.Is(err, Unavailable) {
		t.Errorf("an unknown backend: %v", err)
	}
	if _, err := d.NewUniqueID(); !errors.Is(err, Unsupported) {
		t.Errorf("an id on the CPU: %v", err)
	}
	info, err := d.Info()
	if err != nil || info.Backend != "cpu" {
		t.Errorf("%+v, %v", info, err)
	}
	if s, err := d.NewStream(); err != nil || s != 0 || d.FreeStream(s) != nil {
		t.Errorf("a stream on the CPU: %v, %v", s, err)
	}
}
