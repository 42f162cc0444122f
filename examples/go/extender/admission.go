package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	admission "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Validate is a validating webhook for pods: one that names a plan must ask for what the plan was made for. A pod that asks for
// other GPUs would be placed by its plan and run as something else.
func (c *Cluster) Validate(review *admission.AdmissionReview) *admission.AdmissionReview {
	out := &admission.AdmissionReview{TypeMeta: review.TypeMeta, Response: &admission.AdmissionResponse{Allowed: true}}
	if review.Request == nil {
		return refuse(out, "the review has no request")
	}
	out.Response.UID = review.Request.UID
	if review.Request.Kind.Kind != "Pod" || review.Request.Object.Raw == nil {
		return out
	}
	var pod corev1.Pod
	if err := json.Unmarshal(review.Request.Object.Raw, &pod); err != nil {
		return refuse(out, "the pod cannot be read: "+err.Error())
	}
	plan, err := c.planOf(&pod)
	if err != nil {
		return refuse(out, err.Error())
	}
	if plan == nil {
		return out
	}
	if problems := plan.Problems(&pod); len(problems) > 0 {
		return refuse(out, fmt.Sprintf("the pod is not one of plan %s: %s", plan.Name, strings.Join(problems, "; ")))
	}
	return out
}

// Problems says where a pod asks for something else than the plan.
func (p *Plan) Problems(pod *corev1.Pod) (problems []string) {
	gpus, milliCPU, memory := podRequests(pod)
	if gpus != p.Needs.GPUs {
		problems = append(problems, fmt.Sprintf("it asks for %d GPUs, the plan for %d", gpus, p.Needs.GPUs))
	}
	if cpus := float64(milliCPU) / millisOfACPU; cpus < float64(p.Needs.CPUs) {
		problems = append(problems, fmt.Sprintf("it asks for %g processors, the plan for %d", cpus, p.Needs.CPUs))
	}
	// Shared memory is a volume of its own in memory and counts with the containers' memory.
	if gib := float64(memory) / gibibyte; gib < p.Needs.HostMemoryGib {
		problems = append(problems, fmt.Sprintf("it asks for %.1f GiB of memory, the plan for %.1f", gib, p.Needs.HostMemoryGib))
	}
	return problems
}

func refuse(review *admission.AdmissionReview, why string) *admission.AdmissionReview {
	review.Response.Allowed = false
	review.Response.Result = &metav1.Status{Status: metav1.StatusFailure, Message: why, Reason: metav1.StatusReasonInvalid, Code: http.StatusUnprocessableEntity}
	return review
}
