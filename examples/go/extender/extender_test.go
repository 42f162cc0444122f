package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	dsk "dsk/bindings/go"

	admission "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	extender "k8s.io/kube-scheduler/extender/v1"
	"sigs.k8s.io/yaml"
)

func load[T any](t testing.TB, name string) *T {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // the files are what an API server sends
	out := new(T)
	if err := decoder.Decode(out); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

func node(t testing.TB, name string, change func(*corev1.Node)) corev1.Node {
	t.Helper()
	n := load[corev1.Node](t, "node.json")
	n.Name = name
	if change != nil {
		change(n)
	}
	return *n
}

func cluster(t testing.TB, nodes []corev1.Node, pods []corev1.Pod) *Cluster {
	t.Helper()
	plans, err := LoadPlans(context.Background(), "testdata/plans")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(plans.Close)
	c := NewCluster(plans)
	c.Reset(nodes, pods)
	return c
}

// ask sends a question over HTTP as the scheduler does.
func ask[Answer any](t testing.TB, c *Cluster, verb string, question any) *Answer {
	t.Helper()
	server := httptest.NewServer(Handler(c))
	defer server.Close()
	body, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(server.URL+"/"+verb, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", response.Status, text)
	}
	out := new(Answer)
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// busy is a pod that holds GPUs of a node.
func busy(node string, gpus int64) corev1.Pod {
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "other", UID: types.UID(fmt.Sprint(node, gpus))}, Spec: corev1.PodSpec{NodeName: node}}
	pod.Spec.Containers = []corev1.Container{{Resources: corev1.ResourceRequirements{
		Limits: corev1.ResourceList{gpuResource: *resource.NewQuantity(gpus, resource.DecimalSI)},
	}}}
	return pod
}

func names(list ...string) *[]string {
	list = append([]string{}, list...) // not null in JSON when empty
	return &list
}

// mixed is one node of each kind that a scheduler meets.
func mixed(t testing.TB) ([]corev1.Node, []corev1.Pod) {
	return []corev1.Node{
		node(t, "free", nil),
		node(t, "half", nil),
		node(t, "h100", func(n *corev1.Node) { n.Labels[productLabel] = "NVIDIA-H100-80GB-HBM3" }),
		node(t, "mig", func(n *corev1.Node) { n.Labels[productLabel] = "NVIDIA-H200-MIG-1g.18gb" }),
		node(t, "small-memory", func(n *corev1.Node) { n.Status.Allocatable[corev1.ResourceMemory] = resource.MustParse("64Gi") }),
		node(t, "cpu-only", func(n *corev1.Node) { delete(n.Status.Allocatable, gpuResource); delete(n.Labels, countLabel) }),
	}, []corev1.Pod{busy("half", 4)}
}

func TestFilterByName(t *testing.T) {
	nodes, pods := mixed(t)
	c := cluster(t, nodes, pods)
	got := ask[extender.ExtenderFilterResult](t, c, "filter", extender.ExtenderArgs{
		Pod: load[corev1.Pod](t, "pod.json"), NodeNames: names("free", "half", "h100", "mig", "small-memory", "cpu-only", "unheard-of"),
	})
	if got.Error != "" || got.Nodes != nil || got.NodeNames == nil || strings.Join(*got.NodeNames, " ") != "free" {
		t.Fatalf("%+v", got)
	}
	for name, part := range map[string]string{
		"half": "4", "h100": "H100", "mig": "MIG", "small-memory": "memory", "cpu-only": "no GPU", "unheard-of": "not known",
	} {
		if !strings.Contains(got.FailedNodes[name], part) {
			t.Errorf("%s: the reason has no %q: %q", name, part, got.FailedNodes[name])
		}
	}
}

func TestFilterOfWholeNodesSaysTheSame(t *testing.T) {
	nodes, pods := mixed(t)
	c := cluster(t, nodes, pods)
	pod := load[corev1.Pod](t, "pod.json")
	var all []string
	for _, n := range nodes {
		all = append(all, n.Name)
	}
	byName := ask[extender.ExtenderFilterResult](t, c, "filter", extender.ExtenderArgs{Pod: pod, NodeNames: &all})
	whole := ask[extender.ExtenderFilterResult](t, c, "filter", extender.ExtenderArgs{Pod: pod, Nodes: &corev1.NodeList{Items: nodes}})
	if whole.Nodes == nil || len(whole.Nodes.Items) != 1 || whole.Nodes.Items[0].Name != "free" {
		t.Fatalf("%+v", whole)
	}
	if fmt.Sprint(byName.FailedNodes) != fmt.Sprint(whole.FailedNodes) {
		t.Errorf("by name %v, whole %v", byName.FailedNodes, whole.FailedNodes)
	}
}

func TestPrioritizePacks(t *testing.T) {
	nodes := []corev1.Node{node(t, "empty", nil), node(t, "nearly-full", nil), node(t, "full", nil)}
	c := cluster(t, nodes, []corev1.Pod{busy("nearly-full", 7), busy("full", 8)})
	pod := load[corev1.Pod](t, "pod.json")
	pod.Annotations[planAnnotation] = "llama-8b"
	got := *ask[extender.HostPriorityList](t, c, "prioritize", extender.ExtenderArgs{Pod: pod, NodeNames: names("empty", "nearly-full", "full")})
	score := map[string]int64{}
	for _, s := range got {
		score[s.Host] = s.Score
	}
	if !(score["nearly-full"] > score["empty"] && score["empty"] > 0 && score["full"] == 0 && score["nearly-full"] <= extender.MaxExtenderPriority) {
		t.Errorf("scores %v", score)
	}
	whole := *ask[extender.HostPriorityList](t, c, "prioritize", extender.ExtenderArgs{Pod: pod, Nodes: &corev1.NodeList{Items: nodes}})
	if fmt.Sprint(got) != fmt.Sprint(whole) {
		t.Errorf("by name %v, whole %v", got, whole)
	}
}

// TestTheFastFormIsTheSame: the answer by name over HTTP is that of the extender's types, whatever the names hold.
func TestTheFastFormIsTheSame(t *testing.T) {
	nodes, pods := mixed(t)
	odd := node(t, `quo"te\\größe-🚀`, nil)
	c := cluster(t, append(nodes, odd), pods)
	for _, list := range []*[]string{names(), names("half"), names("free", odd.Name, "half", "no\tone", "mig", "cpu-only"), names("free")} {
		args := extender.ExtenderArgs{Pod: load[corev1.Pod](t, "pod.json"), NodeNames: list}
		if question, err := json.Marshal(args); err != nil || member(question, "NodeNames") == nil || member(question, "Pod") == nil {
			t.Fatalf("the scheduler's own question is not seen as one by name: %s, %v", question, err)
		}
		filter, plain := ask[extender.ExtenderFilterResult](t, c, "filter", args), c.Filter(&args)
		if !reflect.DeepEqual(filter, plain) {
			t.Errorf("%q\nover HTTP %+v\nplain     %+v", *list, filter, plain)
		}
		priorities, plainly := ask[extender.HostPriorityList](t, c, "prioritize", args), c.Prioritize(&args)
		if !reflect.DeepEqual(priorities, plainly) {
			t.Errorf("%q\nover HTTP %+v\nplain     %+v", *list, priorities, plainly)
		}
	}
}

func TestMembersAreFoundAsTheyAreWritten(t *testing.T) {
	for _, test := range []struct{ object, name, want string }{
		{`{"a":1,"b":[1,{"c":"}"}],"c":"x\"y"}`, "b", `[1,{"c":"}"}]`},
		{`{"a":1,"b":[1,{"c":"}"}],"c":"x\"y"}`, "c", `"x\"y"`},
		{` { "a" : true , "b" : null } `, "b", `null `},
		{`[{"a":1}]`, "a", ``},
		{`{"a":"\\\"","b":2}`, "b", `2`},
		{`{"a":-1.5e3}`, "a", `-1.5e3`},
		{`{"x":{"a":2},"y":["a"]}`, "a", ``},
		{`{}`, "a", ``},
		{`[]`, "a", ``},
		{`"{"`, "a", ``},
	} {
		if !json.Valid([]byte(test.object)) {
			t.Fatalf("%s is not JSON", test.object)
		}
		if got := string(member([]byte(test.object), test.name)); got != test.want {
			t.Errorf("%s of %s is %q", test.name, test.object, got)
		}
	}
}

// FuzzMember: whatever is valid JSON is read without a fault, and what is found is what encoding/json finds.
func FuzzMember(f *testing.F) {
	f.Add([]byte(`{"Pod":{"metadata":{"name":"a"}},"NodeNames":["a","b\u00fc"]}`))
	f.Add([]byte(`{"NodeNames":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var want struct {
			NodeNames json.RawMessage `json:"NodeNames"`
		}
		if !json.Valid(body) {
			return
		}
		got := member(body, "NodeNames")
		if json.Unmarshal(body, &want) == nil && got != nil && len(regexp.MustCompile(`(?i)nodenames|\\`).FindAll(body, -1)) == 1 && string(bytes.TrimSpace(got)) != string(want.NodeNames) {
			t.Errorf("%q: %q, must be %q", body, got, want.NodeNames)
		}
		var list []string
		if json.Unmarshal(got, &list) == nil && len(got) > 0 && got[0] == '[' {
			var seen []string
			eachName(got, func(name []byte) { seen = append(seen, string(name)) })
			if len(seen) != len(list) {
				t.Errorf("%q: %q, must be %q", got, seen, list)
			}
		}
	})
}

func TestOtherPodsAreLeftAlone(t *testing.T) {
	c := cluster(t, nil, nil)
	pod := load[corev1.Pod](t, "pod.json")
	delete(pod.Annotations, planAnnotation)
	got := ask[extender.ExtenderFilterResult](t, c, "filter", extender.ExtenderArgs{Pod: pod, NodeNames: names("a", "b")})
	if got.Error != "" || len(*got.NodeNames) != 2 {
		t.Errorf("%+v", got)
	}
	pod.Annotations[planAnnotation] = "größe-🚀"
	got = ask[extender.ExtenderFilterResult](t, c, "filter", extender.ExtenderArgs{Pod: pod, NodeNames: names("a")})
	if !strings.Contains(got.Error, `"größe-🚀"`) {
		t.Errorf("%+v", got)
	}
	if got = c.Filter(&extender.ExtenderArgs{}); got.Error == "" {
		t.Error("a question without a pod is answered")
	}
}

func TestChangesAreSeen(t *testing.T) {
	c := cluster(t, []corev1.Node{node(t, "n", nil)}, nil)
	args := &extender.ExtenderArgs{Pod: load[corev1.Pod](t, "pod.json"), NodeNames: names("n")}
	fits := func(want int, what string) {
		t.Helper()
		if got := c.Filter(args); len(*got.NodeNames) != want {
			t.Errorf("%s: %+v", what, got)
		}
	}
	fits(1, "a free node")
	pod := busy("n", 1)
	c.SetPod(&pod)
	fits(0, "one GPU is taken")
	done := busy("n", 1)
	done.Status.Phase = corev1.PodSucceeded
	c.SetPod(&done)
	fits(1, "the pod has ended")
	c.RemovePod(&done)
	fits(1, "the pod is gone")
	away := node(t, "n", func(n *corev1.Node) { n.Annotations[freeAnnotation] = "0,1,2" })
	c.SetNode(&away)
	fits(0, "an agent says that five are in use")
	c.RemoveNode("n")
	fits(0, "the node is gone")
}

func review(t testing.TB, pod *corev1.Pod) *admission.AdmissionReview {
	t.Helper()
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	return &admission.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request:  &admission.AdmissionRequest{UID: "42", Kind: metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}, Object: runtime.RawExtension{Raw: raw}},
	}
}

func TestAdmission(t *testing.T) {
	c := cluster(t, nil, nil)
	good := load[corev1.Pod](t, "pod.json")
	for what, test := range map[string]struct {
		change func(*corev1.Pod)
		reason string
	}{
		"right": {func(*corev1.Pod) {}, ""},
		"no plan": {func(p *corev1.Pod) {
			p.Annotations = nil
			p.Spec.Containers[0].Resources = corev1.ResourceRequirements{}
		}, ""},
		"unknown plan": {func(p *corev1.Pod) { p.Annotations[planAnnotation] = "none" }, `there is no plan "none"`},
		"four GPUs": {func(p *corev1.Pod) {
			p.Spec.Containers[0].Resources.Requests[gpuResource] = resource.MustParse("4")
		}, "4 GPUs, the plan for 8"},
		"little memory": {func(p *corev1.Pod) {
			p.Spec.Containers[0].Resources.Requests[corev1.ResourceMemory] = resource.MustParse("1Gi")
		}, "1.0 GiB"},
		"few processors": {func(p *corev1.Pod) {
			p.Spec.Containers[0].Resources.Requests[corev1.ResourceCPU] = resource.MustParse("500m")
		}, "0.5 processors"},
	} {
		pod := good.DeepCopy()
		test.change(pod)
		got := ask[admission.AdmissionReview](t, c, "validate", review(t, pod))
		if got.Response.UID != "42" || got.Kind != "AdmissionReview" || got.Response.Allowed != (test.reason == "") {
			t.Errorf("%s: %+v", what, got.Response)
		}
		if test.reason != "" && !strings.Contains(got.Response.Result.Message, test.reason) {
			t.Errorf("%s: %q", what, got.Response.Result.Message)
		}
	}
}

// TestTheManifestsOfAPlanAreAdmitted: what the plan emits is what the webhook asks for, and it fits on the node.
func TestTheManifestsOfAPlanAreAdmitted(t *testing.T) {
	request, err := os.ReadFile("testdata/plans/r1-chat.json")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := dsk.NewPlanJSON(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	manifests, err := plan.Emit(dsk.EmitKubernetes)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, document := range strings.Split(strings.TrimPrefix(manifests, "---\n"), "\n---\n") {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil || kind.Kind != "Deployment" {
			continue
		}
		found = true
		var deployment appsv1.Deployment
		if err := yaml.UnmarshalStrict([]byte(document), &deployment); err != nil {
			t.Fatal(err)
		}
		pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: deployment.Spec.Template.ObjectMeta, Spec: deployment.Spec.Template.Spec}
		if pod.Annotations == nil {
			pod.Annotations = map[string]string{}
		}
		pod.Annotations[planAnnotation] = "r1-chat"
		c := cluster(t, []corev1.Node{node(t, "n", nil)}, nil)
		if got := c.Validate(review(t, pod)); !got.Response.Allowed {
			t.Errorf("%+v", got.Response.Result)
		}
		if got := c.Filter(&extender.ExtenderArgs{Pod: pod, NodeNames: names("n")}); len(*got.NodeNames) != 1 {
			t.Errorf("%+v", got.FailedNodes)
		}
	}
	if !found {
		t.Fatalf("no Deployment in\n%s", manifests)
	}
}

// TestFollow: a list, then changes, then a watch that breaks and is begun again.
func TestFollow(t *testing.T) {
	n := node(t, "n", nil)
	changes := make(chan string)
	mux := http.NewServeMux()
	send := func(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("/api/v1/nodes", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		if r.URL.Query().Get("watch") == "" {
			send(w, corev1.NodeList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}, Items: []corev1.Node{n}})
			return
		}
		if r.URL.Query().Get("resourceVersion") != "7" {
			http.Error(w, "too old", http.StatusGone)
			return
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/api/v1/pods", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "" {
			send(w, corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "8"}})
			return
		}
		w.(http.Flusher).Flush()
		for {
			select {
			case kind := <-changes:
				if kind == "BREAK" {
					return
				}
				pod, _ := json.Marshal(busy("n", 1))
				send(w, metav1.WatchEvent{Type: kind, Object: runtime.RawExtension{Raw: pod}})
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	c := cluster(t, nil, nil)
	api := &API{base: server.URL, client: server.Client(), token: func() (string, error) { return "secret", nil }, pause: time.Millisecond}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { api.Follow(ctx, c); close(ended) }()
	args := &extender.ExtenderArgs{Pod: load[corev1.Pod](t, "pod.json"), NodeNames: names("n")}
	await := func(want int, what string) {
		t.Helper()
		for range 500 {
			if len(*c.Filter(args).NodeNames) == want {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatalf("%s: %+v", what, c.Filter(args))
	}
	await(1, "listed")
	changes <- "ADDED"
	await(0, "a pod came")
	changes <- "DELETED"
	await(1, "it went")
	changes <- "ADDED"
	await(0, "another came")
	changes <- "BREAK"
	await(1, "listed anew, without it")
	cancel()
	<-ended
}

// BenchmarkThousandNodes measures a whole question over HTTP: by name as with nodeCacheCapable, and with whole nodes.
func BenchmarkThousandNodes(b *testing.B) {
	collectSeldom()
	var nodes []corev1.Node
	var all []string
	var pods []corev1.Pod
	for i := range 1000 {
		name := fmt.Sprintf("gpu-h200-%04d.eu-central-a.example", i)
		nodes = append(nodes, node(b, name, nil))
		all = append(all, name)
		if i%2 == 0 {
			pods = append(pods, busy(name, int64(1+i%8)))
		}
	}
	c := cluster(b, nodes, pods)
	server := httptest.NewServer(Handler(c))
	defer server.Close()
	pod := load[corev1.Pod](b, "pod.json")
	for _, form := range []struct {
		name string
		args extender.ExtenderArgs
	}{
		{"names", extender.ExtenderArgs{Pod: pod, NodeNames: &all}},
		{"nodes", extender.ExtenderArgs{Pod: pod, Nodes: &corev1.NodeList{Items: nodes}}},
	} {
		for _, verb := range []string{"filter", "prioritize"} {
			b.Run(verb+"-"+form.name, func(b *testing.B) {
				body, err := json.Marshal(form.args)
				if err != nil {
					b.Fatal(err)
				}
				var times []float64
				for b.Loop() {
					began := time.Now()
					response, err := server.Client().Post(server.URL+"/"+verb, "application/json", bytes.NewReader(body))
					if err != nil {
						b.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()
					times = append(times, float64(time.Since(began).Microseconds()))
				}
				sort.Float64s(times)
				b.ReportMetric(times[len(times)/2], "p50-us")
				b.ReportMetric(times[len(times)*99/100], "p99-us")
			})
		}
	}
}
