package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	extender "k8s.io/kube-scheduler/extender/v1"
)

const unknownNode = "the node is not known yet"

// largestBody is a full-node question about some thousands of nodes.
const largestBody = 256 << 20

// Handler serves the scheduler and the admission webhook.
func Handler(c *Cluster) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /filter", c.onNames(answering(c.Filter), writeFilter))
	mux.Handle("POST /prioritize", c.onNames(answering(c.Prioritize), writePriorities))
	mux.Handle("POST /validate", answering(c.Validate))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	return mux
}

// answering decodes a JSON question and encodes the answer.
func answering[Question, Answer any](answer func(*Question) *Answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var question Question
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
		if err == nil {
			err = json.Unmarshal(body, &question)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out, err := json.Marshal(answer(&question))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(out)
	}
}

// planOf is the plan that a pod names. No name is no plan and no error.
func (c *Cluster) planOf(pod *corev1.Pod) (*Plan, error) {
	if pod == nil {
		return nil, fmt.Errorf("the question has no pod")
	}
	name, named := pod.Annotations[planAnnotation]
	if !named {
		return nil, nil
	}
	plan, ok := c.plans.all[name]
	if !ok {
		return nil, fmt.Errorf("there is no plan %q (annotation %s)", name, planAnnotation)
	}
	return plan, nil
}

// known looks up what a plan says of nodes, in one lock.
func (c *Cluster) known(plan *Plan, names []string) []Verdict {
	out := make([]Verdict, len(names))
	c.mu.RLock()
	defer c.mu.RUnlock()
	verdicts := c.verdicts[plan.Name]
	for i, name := range names {
		known, ok := verdicts[name]
		out[i] = known.Verdict
		if !ok {
			out[i].Reason = unknownNode
		}
	}
	return out
}

// asked asks a plan about nodes that came with the question.
func (c *Cluster) asked(plan *Plan, nodes []corev1.Node) ([]Verdict, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.verdictsOf(plan, nodes)
}

// Filter keeps the nodes that fit, in the form of the question: by name (nodeCacheCapable) or whole.
func (c *Cluster) Filter(args *extender.ExtenderArgs) *extender.ExtenderFilterResult {
	plan, err := c.planOf(args.Pod)
	if err != nil {
		return &extender.ExtenderFilterResult{Error: err.Error()}
	}
	if plan == nil {
		return &extender.ExtenderFilterResult{Nodes: args.Nodes, NodeNames: args.NodeNames}
	}
	failed := extender.FailedNodesMap{}
	if args.NodeNames != nil {
		kept := make([]string, 0, len(*args.NodeNames))
		for i, verdict := range c.known(plan, *args.NodeNames) {
			if name := (*args.NodeNames)[i]; verdict.Fits {
				kept = append(kept, name)
			} else {
				failed[name] = verdict.Reason
			}
		}
		return &extender.ExtenderFilterResult{NodeNames: &kept, FailedNodes: failed}
	}
	if args.Nodes == nil {
		return &extender.ExtenderFilterResult{Error: "the question has no nodes"}
	}
	verdicts, err := c.asked(plan, args.Nodes.Items)
	if err != nil {
		return &extender.ExtenderFilterResult{Error: err.Error()}
	}
	kept := &corev1.NodeList{TypeMeta: args.Nodes.TypeMeta, ListMeta: args.Nodes.ListMeta}
	for i, verdict := range verdicts {
		if verdict.Fits {
			kept.Items = append(kept.Items, args.Nodes.Items[i])
		} else {
			failed[args.Nodes.Items[i].Name] = verdict.Reason
		}
	}
	return &extender.ExtenderFilterResult{Nodes: kept, FailedNodes: failed}
}

// Prioritize scores nodes from 0 to the scheduler's highest. What cannot be answered scores 0: the filter says why.
func (c *Cluster) Prioritize(args *extender.ExtenderArgs) *extender.HostPriorityList {
	var names []string
	if args.NodeNames != nil {
		names = *args.NodeNames
	} else if args.Nodes != nil {
		for i := range args.Nodes.Items {
			names = append(names, args.Nodes.Items[i].Name)
		}
	}
	out := make(extender.HostPriorityList, len(names))
	for i, name := range names {
		out[i].Host = name
	}
	plan, err := c.planOf(args.Pod)
	if plan == nil || err != nil || len(names) == 0 {
		return &out
	}
	var verdicts []Verdict
	if args.NodeNames != nil {
		verdicts = c.known(plan, names)
	} else if verdicts, err = c.asked(plan, args.Nodes.Items); err != nil {
		return &out
	}
	for i, verdict := range verdicts {
		out[i].Score = verdict.Score * extender.MaxExtenderPriority / 100
	}
	return &out
}
