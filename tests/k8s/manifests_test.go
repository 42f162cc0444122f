// Package k8s holds the emitted manifests against the real Kubernetes and LeaderWorkerSet types: a field that they do not
// know is an error, and so is a manifest that breaks the rules which the API server and the scheduler would apply.
package k8s

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	lws "sigs.k8s.io/lws/api/leaderworkerset/v1"
	"sigs.k8s.io/yaml"
)

const gpu = corev1.ResourceName("nvidia.com/gpu")

// set is one emitted file, decoded.
type set struct {
	config     *corev1.ConfigMap
	deployment *appsv1.Deployment
	group      *lws.LeaderWorkerSet
	service    *corev1.Service
	autoscaler *autoscalingv2.HorizontalPodAutoscaler
}

func files(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("../golden/manifests_*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no manifests under tests/golden: %v", err)
	}
	// The quickstart's own plan, when tests/run.sh has made one.
	if made := os.Getenv("DSK_MANIFESTS"); made != "" {
		names = append(names, made)
	}
	return names
}

// strict decodes without tolerating unknown or repeated fields.
func strict(t *testing.T, document []byte, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict(document, into); err != nil {
		t.Fatalf("%v in\n%s", err, document)
	}
}

func load(t *testing.T, name string) set {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(text, []byte("---\n")) {
		t.Fatalf("%s does not begin with ---", name)
	}
	var s set
	for _, document := range bytes.Split(text[4:], []byte("\n---\n")) {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			t.Fatal(err)
		}
		switch kind.APIVersion + " " + kind.Kind {
		case "v1 ConfigMap":
			s.config = new(corev1.ConfigMap)
			strict(t, document, s.config)
		case "apps/v1 Deployment":
			s.deployment = new(appsv1.Deployment)
			strict(t, document, s.deployment)
		case "leaderworkerset.x-k8s.io/v1 LeaderWorkerSet":
			s.group = new(lws.LeaderWorkerSet)
			strict(t, document, s.group)
		case "v1 Service":
			s.service = new(corev1.Service)
			strict(t, document, s.service)
		case "autoscaling/v2 HorizontalPodAutoscaler":
			s.autoscaler = new(autoscalingv2.HorizontalPodAutoscaler)
			strict(t, document, s.autoscaler)
		default:
			t.Fatalf("unexpected %s %s", kind.APIVersion, kind.Kind)
		}
	}
	if (s.deployment == nil) == (s.group == nil) || s.service == nil || s.autoscaler == nil {
		t.Fatalf("%s lacks a workload, a Service or an autoscaler", name)
	}
	return s
}

// templates are the pod templates, the one that answers requests first.
func (s set) templates() []corev1.PodTemplateSpec {
	if s.deployment != nil {
		return []corev1.PodTemplateSpec{s.deployment.Spec.Template}
	}
	return []corev1.PodTemplateSpec{*s.group.Spec.LeaderWorkerTemplate.LeaderTemplate, s.group.Spec.LeaderWorkerTemplate.WorkerTemplate}
}

func each(t *testing.T, check func(t *testing.T, s set)) {
	for _, name := range files(t) {
		t.Run(filepath.Base(name), func(t *testing.T) { check(t, load(t, name)) })
	}
}

func TestDecodeStrictly(t *testing.T) {
	each(t, func(t *testing.T, s set) {})
}

func TestRequestsEqualLimits(t *testing.T) {
	each(t, func(t *testing.T, s set) {
		for _, template := range s.templates() {
			for _, c := range template.Spec.Containers {
				if !reflect.DeepEqual(c.Resources.Requests, c.Resources.Limits) {
					t.Errorf("requests %v differ from limits %v", c.Resources.Requests, c.Resources.Limits)
				}
				for _, name := range []corev1.ResourceName{gpu, corev1.ResourceCPU, corev1.ResourceMemory} {
					if q := c.Resources.Limits[name]; q.Sign() <= 0 {
						t.Errorf("no limit for %s", name)
					}
				}
				if q := c.Resources.Limits[gpu]; q.MilliValue()%1000 != 0 {
					t.Errorf("%s is not a whole number of GPUs", q.String())
				}
			}
		}
	})
}

func TestSharedMemoryFitsTheLimit(t *testing.T) {
	each(t, func(t *testing.T, s set) {
		for _, template := range s.templates() {
			var size *resource.Quantity
			for _, v := range template.Spec.Volumes {
				if v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumMemory {
					size = v.EmptyDir.SizeLimit
				}
			}
			if size == nil {
				t.Fatal("no memory-backed volume with a size")
			}
			limit := template.Spec.Containers[0].Resources.Limits[corev1.ResourceMemory]
			if limit.Cmp(*size) <= 0 {
				t.Errorf("memory limit %s leaves nothing beside %s of shared memory", limit.String(), size.String())
			}
		}
	})
}

func TestVolumesAreMounted(t *testing.T) {
	each(t, func(t *testing.T, s set) {
		for _, template := range s.templates() {
			volumes := map[string]corev1.Volume{}
			for _, v := range template.Spec.Volumes {
				volumes[v.Name] = v
			}
			mounted := map[string]bool{}
			for _, m := range template.Spec.Containers[0].VolumeMounts {
				v, known := volumes[m.Name]
				if !known {
					t.Errorf("mount of an unknown volume %s", m.Name)
				}
				mounted[m.Name] = true
				if v.ConfigMap != nil {
					if s.config == nil || s.config.Name != v.ConfigMap.Name || s.config.Data[m.SubPath] == "" {
						t.Errorf("config map %s has no file %s", v.ConfigMap.Name, m.SubPath)
					}
				}
			}
			for name := range volumes {
				if !mounted[name] {
					t.Errorf("volume %s is not mounted", name)
				}
			}
		}
	})
}

func TestProbesAndServiceReachTheServer(t *testing.T) {
	each(t, func(t *testing.T, s set) {
		templates := s.templates()
		server := templates[0].Spec.Containers[0]
		for _, p := range []*corev1.Probe{server.StartupProbe, server.ReadinessProbe, server.LivenessProbe} {
			if p == nil || p.HTTPGet == nil || p.HTTPGet.Port.IntVal != server.Ports[0].ContainerPort {
				t.Fatalf("a probe is missing or asks another port: %+v", p)
			}
		}
		if s.service.Spec.Ports[0].TargetPort.StrVal != server.Ports[0].Name {
			t.Errorf("the Service's port leads to %q", s.service.Spec.Ports[0].TargetPort.StrVal)
		}
		labels := templates[0].Labels
		for key, value := range s.service.Spec.Selector {
			if key == lws.WorkerIndexLabelKey {
				if s.group == nil || value != "0" {
					t.Errorf("the Service selects worker %q", value)
				}
			} else if labels[key] != value {
				t.Errorf("the Service selects %s=%s, the pods have %v", key, value, labels)
			}
		}
		for _, worker := range templates[1:] {
			if c := worker.Spec.Containers[0]; c.ReadinessProbe != nil || len(c.Ports) != 0 {
				t.Errorf("a worker answers no requests, yet has a probe or a port")
			}
		}
	})
}

func TestWorkloadsSelectTheirPods(t *testing.T) {
	each(t, func(t *testing.T, s set) {
		if s.deployment == nil {
			return
		}
		selector, err := metav1.LabelSelectorAsSelector(s.deployment.Spec.Selector)
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range s.deployment.Spec.Selector.MatchLabels {
			if s.deployment.Spec.Template.Labels[key] != value {
				t.Errorf("%s does not match the template's labels", selector)
			}
		}
	})
}

func TestGroupsKeepToOneRack(t *testing.T) {
	each(t, func(t *testing.T, s set) {
		if s.group == nil {
			return
		}
		if *s.group.Spec.LeaderWorkerTemplate.Size < 2 {
			t.Errorf("a group of %d pods", *s.group.Spec.LeaderWorkerTemplate.Size)
		}
		for _, template := range s.templates() {
			a := template.Spec.Affinity
			if a == nil || a.PodAffinity == nil || len(a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution) != 1 {
				t.Fatal("no required pod affinity")
			}
			term := a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0]
			if term.TopologyKey == "" || !reflect.DeepEqual(term.MatchLabelKeys, []string{lws.GroupUniqueHashLabelKey}) {
				t.Errorf("the affinity is not to the own group: %+v", term)
			}
			command := strings.Join(template.Spec.Containers[0].Command, " ")
			if !strings.Contains(command, "$"+lws.LwsLeaderAddress) {
				t.Errorf("the command does not use %s: %s", lws.LwsLeaderAddress, command)
			}
		}
	})
}

func TestAutoscalerFollowsTheWorkload(t *testing.T) {
	each(t, func(t *testing.T, s set) {
		target := s.autoscaler.Spec.ScaleTargetRef
		var name string
		var replicas int32
		if s.deployment != nil {
			name, replicas = s.deployment.Name, *s.deployment.Spec.Replicas
			if target.Kind != "Deployment" || target.APIVersion != "apps/v1" {
				t.Errorf("scales %+v", target)
			}
		} else {
			name, replicas = s.group.Name, *s.group.Spec.Replicas
			if target.Kind != "LeaderWorkerSet" || target.APIVersion != lws.GroupVersion.String() {
				t.Errorf("scales %+v", target)
			}
		}
		if target.Name != name || *s.autoscaler.Spec.MinReplicas != replicas || s.autoscaler.Spec.MaxReplicas < replicas {
			t.Errorf("scales %s from %d to %d, the workload is %s with %d", target.Name, *s.autoscaler.Spec.MinReplicas,
				s.autoscaler.Spec.MaxReplicas, name, replicas)
		}
		m := s.autoscaler.Spec.Metrics
		if len(m) != 1 || m[0].Pods == nil || m[0].Pods.Target.AverageValue == nil || m[0].Pods.Target.AverageValue.Sign() <= 0 {
			t.Errorf("no rate of requests as the target: %+v", m)
		}
	})
}

// The writer's strings and numbers, read back by the reader that Kubernetes uses.
func TestYAMLReadsBack(t *testing.T) {
	text, err := os.ReadFile("../golden/yaml_strings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := os.ReadFile("../golden/yaml_strings.json")
	if err != nil {
		t.Fatal(err)
	}
	converted, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(converted, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(wanted, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read back as\n%s\nwanted\n%s", converted, wanted)
	}
}
