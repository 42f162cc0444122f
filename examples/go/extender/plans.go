package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	dsk "dsk/bindings/go"
)

// Plan is one plan with what a pod of it asks of a node.
type Plan struct {
	Name  string
	plan  *dsk.Plan
	Needs dsk.FitAnswerNeeds
}

// Plans are the plans that pods may name.
type Plans struct{ all map[string]*Plan }

// LoadPlans plans for each request in a folder. One that cannot be planned, or that no deployment can meet, is an error: a
// scheduler that starts without it would let its pods wait for ever.
func LoadPlans(ctx context.Context, folder string) (*Plans, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	plans := &Plans{all: map[string]*Plan{}}
	for _, file := range files {
		request, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if err := plans.Add(ctx, name, request); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	if len(plans.all) == 0 {
		return nil, fmt.Errorf("no plan request (*.json) in %s", folder)
	}
	return plans, nil
}

// Add plans for a request.
func (p *Plans) Add(ctx context.Context, name string, request []byte) error {
	made, err := dsk.NewPlanJSON(ctx, request)
	if err != nil {
		return err
	}
	// What a pod needs does not depend on the nodes.
	answer, err := made.Fit(dsk.FitRequest{Nodes: []dsk.FitNode{{Name: "any", Device: "any", GPUs: 1}}})
	if err != nil {
		_ = made.Close()
		return err
	}
	p.all[name] = &Plan{Name: name, plan: made, Needs: answer.Needs}
	return nil
}

// Close frees the plans.
func (p *Plans) Close() {
	for _, plan := range p.all {
		_ = plan.plan.Close()
	}
}

// Verdict is what a plan says of a node.
type Verdict struct {
	Fits   bool
	Score  int64 // 1 to 100
	Reason string
}

// Verdicts asks the plan about nodes, each alone.
func (p *Plan) Verdicts(nodes []dsk.FitNode) ([]Verdict, error) {
	answer, err := p.plan.Fit(dsk.FitRequest{Nodes: nodes})
	if err != nil {
		return nil, err
	}
	out := make([]Verdict, len(answer.Nodes))
	for i, node := range answer.Nodes {
		var reasons []string
		for _, reason := range node.Reasons {
			reasons = append(reasons, reason.Text)
		}
		out[i] = Verdict{Fits: node.Fits, Score: node.Score, Reason: strings.Join(reasons, "; ")}
	}
	return out, nil
}
