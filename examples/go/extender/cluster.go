package main

import (
	"log"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Cluster holds what every plan says of every node. A node or a pod that changes is asked about at once, so that the scheduler's
// question is a look-up.
type Cluster struct {
	plans *Plans

	mu       sync.RWMutex
	nodes    map[string]*corev1.Node
	pods     map[types.UID]*corev1.Pod // that are on a node
	used     map[string]*Used
	verdicts map[string]map[string]said // plan, node
}

// NewCluster is a cluster without nodes.
func NewCluster(plans *Plans) *Cluster {
	c := &Cluster{plans: plans}
	c.Reset(nil, nil)
	return c
}

// Reset takes a whole list of nodes and pods in place of what was known. The plans are asked before anybody has to wait.
func (c *Cluster) Reset(nodes []corev1.Node, pods []corev1.Pod) {
	fresh := &Cluster{
		plans: c.plans, nodes: map[string]*corev1.Node{}, pods: map[types.UID]*corev1.Pod{}, used: map[string]*Used{},
		verdicts: map[string]map[string]said{},
	}
	for i := range pods {
		fresh.place(&pods[i])
	}
	for i := range nodes {
		fresh.nodes[nodes[i].Name] = &nodes[i]
	}
	for name, plan := range c.plans.all {
		fresh.verdicts[name] = map[string]said{}
		verdicts, err := fresh.verdictsOf(plan, nodes)
		for i := range nodes {
			if err != nil { // one node that is wrong must not hide the others
				fresh.verdicts[name][nodes[i].Name] = newSaid(nodes[i].Name, fresh.verdictOf(plan, &nodes[i]))
			} else {
				fresh.verdicts[name][nodes[i].Name] = newSaid(nodes[i].Name, verdicts[i])
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes, c.pods, c.used, c.verdicts = fresh.nodes, fresh.pods, fresh.used, fresh.verdicts
}

// SetNode adds or changes a node.
func (c *Cluster) SetNode(node *corev1.Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[node.Name] = node
	c.ask(node.Name)
}

// RemoveNode forgets a node.
func (c *Cluster) RemoveNode(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.nodes, name)
	c.ask(name)
}

// SetPod adds or changes a pod.
func (c *Cluster) SetPod(pod *corev1.Pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unplace(pod.UID)
	c.place(pod)
	c.ask(pod.Spec.NodeName)
}

// RemovePod forgets a pod.
func (c *Cluster) RemovePod(pod *corev1.Pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unplace(pod.UID)
	c.ask(pod.Spec.NodeName)
}

func (c *Cluster) place(pod *corev1.Pod) {
	node := pod.Spec.NodeName
	if node == "" {
		return
	}
	if c.used[node] == nil {
		c.used[node] = &Used{}
	}
	c.used[node].Add(pod, 1)
	c.pods[pod.UID] = pod
}

func (c *Cluster) unplace(uid types.UID) {
	if pod, ok := c.pods[uid]; ok {
		c.used[pod.Spec.NodeName].Add(pod, -1)
		delete(c.pods, uid)
	}
}

// usedOn is what the pods of a node ask for.
func (c *Cluster) usedOn(node string) Used {
	if used := c.used[node]; used != nil {
		return *used
	}
	return Used{}
}

// ask renews what every plan says of one node.
func (c *Cluster) ask(name string) {
	node, known := c.nodes[name]
	for plan := range c.verdicts {
		if !known {
			delete(c.verdicts[plan], name)
			continue
		}
		c.verdicts[plan][name] = newSaid(name, c.verdictOf(c.plans.all[plan], node))
	}
}

func (c *Cluster) verdictOf(plan *Plan, node *corev1.Node) Verdict {
	verdicts, err := c.verdictsOf(plan, []corev1.Node{*node})
	if err != nil {
		log.Printf("plan %s, node %s: %v", plan.Name, node.Name, err)
		return Verdict{Reason: err.Error()}
	}
	return verdicts[0]
}

// verdictsOf asks a plan about nodes in one question.
func (c *Cluster) verdictsOf(plan *Plan, nodes []corev1.Node) ([]Verdict, error) {
	out := make([]Verdict, len(nodes))
	inventory := newInventory(len(nodes))
	for i := range nodes {
		out[i] = Verdict{Reason: "the node has no GPU that Kubernetes may give away"}
		inventory.add(i, &nodes[i], c.usedOn(nodes[i].Name))
	}
	if len(inventory.nodes) == 0 {
		return out, nil
	}
	verdicts, err := plan.Verdicts(inventory.nodes)
	if err != nil {
		return nil, err
	}
	for i, verdict := range verdicts {
		out[inventory.at[i]] = verdict
	}
	return out, nil
}
