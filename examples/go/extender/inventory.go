package main

import (
	"strconv"
	"strings"

	dsk "dsk/bindings/go"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Names that the cluster uses. The GPU's are those of NVIDIA's device plugin and GPU feature discovery.
const (
	gpuResource     = corev1.ResourceName("nvidia.com/gpu")
	productLabel    = "nvidia.com/gpu.product"
	countLabel      = "nvidia.com/gpu.count"
	cliqueLabel     = "nvidia.com/gpu.clique" // nodes of one NVLink switch
	planAnnotation  = "dsk/plan"
	freeAnnotation  = "dsk/free-gpus"      // of a node: indices, "4,5,6,7", from an agent that knows them
	rackLabel       = "dsk/rack"           // of a node
	networkLabel    = "dsk/network-gbit-s" // of a node: all its NICs, one direction
	migProductPart  = "-MIG-"
	gibibyte        = float64(1 << 30)
	millisOfACPU    = 1000
	largestNodeName = 253
)

// Used is what the pods of a node ask for.
type Used struct {
	GPUs, MilliCPU, MemoryBytes int64
}

// Add counts one pod; a pod that has ended holds nothing.
func (u *Used) Add(pod *corev1.Pod, sign int64) {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return
	}
	gpus, cpus, memory := podRequests(pod)
	u.GPUs += sign * gpus
	u.MilliCPU += sign * cpus
	u.MemoryBytes += sign * memory
}

// podRequests adds up the containers; an init container counts where it asks for more than they do together.
func podRequests(pod *corev1.Pod) (gpus, milliCPU, memoryBytes int64) {
	add := func(c corev1.Container) (int64, int64, int64) {
		return quantity(c.Resources, gpuResource, (*resource.Quantity).Value),
			quantity(c.Resources, corev1.ResourceCPU, (*resource.Quantity).MilliValue),
			quantity(c.Resources, corev1.ResourceMemory, (*resource.Quantity).Value)
	}
	for _, c := range pod.Spec.Containers {
		g, m, b := add(c)
		gpus, milliCPU, memoryBytes = gpus+g, milliCPU+m, memoryBytes+b
	}
	for _, c := range pod.Spec.InitContainers {
		g, m, b := add(c)
		gpus, milliCPU, memoryBytes = max(gpus, g), max(milliCPU, m), max(memoryBytes, b)
	}
	return gpus, milliCPU, memoryBytes
}

// quantity is a request; Kubernetes takes a limit for a request that is not stated.
func quantity(r corev1.ResourceRequirements, name corev1.ResourceName, in func(*resource.Quantity) int64) int64 {
	if q, ok := r.Requests[name]; ok {
		return in(&q)
	}
	if q, ok := r.Limits[name]; ok {
		return in(&q)
	}
	return 0
}

// NodeOf says in the library's words what a node has left. Kubernetes counts GPUs and does not say which are free: unless an
// agent does by annotation, the lowest indices are taken to be in use, as the device plugin hands them out.
func NodeOf(node *corev1.Node, used Used) (dsk.FitNode, bool) {
	gpus := node.Status.Allocatable[gpuResource]
	total := gpus.Value()
	if count, err := strconv.ParseInt(node.Labels[countLabel], 10, 64); err == nil && count > total {
		total = count
	}
	product := node.Labels[productLabel]
	if total < 1 || product == "" || node.Name == "" || len(node.Name) > largestNodeName {
		return dsk.FitNode{}, false
	}
	cpu, memory := node.Status.Allocatable[corev1.ResourceCPU], node.Status.Allocatable[corev1.ResourceMemory]
	out := dsk.FitNode{
		Name:              node.Name,
		Device:            product,
		GPUs:              total,
		FreeGPUs:          freeGPUs(node, total, used.GPUs+total-gpus.Value()),
		FreeHostMemoryGib: dsk.Ptr(max(0, float64(memory.Value()-used.MemoryBytes)/gibibyte)),
		FreeCPUs:          dsk.Ptr(max(0, (cpu.MilliValue()-used.MilliCPU)/millisOfACPU)),
		Rack:              node.Labels[rackLabel],
		NvlinkDomain:      node.Labels[cliqueLabel],
	}
	if device, _, mig := strings.Cut(product, migProductPart); mig {
		out.Device = device
		for i := range total {
			out.MIGGPUs = append(out.MIGGPUs, i)
		}
	}
	if speed, err := strconv.ParseFloat(node.Labels[networkLabel], 64); err == nil && speed >= 0 {
		out.NetworkGbitS = &speed
	}
	return out, true
}

func freeGPUs(node *corev1.Node, total, busy int64) []int64 {
	free := []int64{}
	if text, ok := node.Annotations[freeAnnotation]; ok {
		for _, part := range strings.Split(text, ",") {
			if i, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64); err == nil && i >= 0 && i < total {
				free = append(free, i)
			}
		}
		return free
	}
	for i := max(0, busy); i < total; i++ {
		free = append(free, i)
	}
	return free
}

// inventory is a question about nodes; those without GPUs are not in it.
type inventory struct {
	nodes []dsk.FitNode
	at    []int // place of each in the caller's list
}

func newInventory(capacity int) *inventory {
	return &inventory{nodes: make([]dsk.FitNode, 0, capacity), at: make([]int, 0, capacity)}
}

func (q *inventory) add(place int, node *corev1.Node, used Used) {
	if n, ok := NodeOf(node, used); ok {
		q.nodes = append(q.nodes, n)
		q.at = append(q.at, place)
	}
}
