package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	extender "k8s.io/kube-scheduler/extender/v1"
)

// The question by name is the one that must be fast: a thousand names in, a thousand names or reasons out, on every scheduling
// decision. Here it is answered without a Go string or a map entry for each name. Everything else, whole nodes too, goes the
// plain way over the extender's types.

// member is the value of one member of a JSON object that was found valid, as it is written; nil when it has none.
func member(object []byte, name string) []byte {
	object = bytes.TrimSpace(object)
	if len(object) == 0 || object[0] != '{' {
		return nil
	}
	at := 1
	for at < len(object) {
		start := bytes.IndexByte(object[at:], '"')
		if start < 0 {
			return nil
		}
		at += start
		end := skipText(object, at)
		key := object[at+1 : end-1]
		for at = end; object[at] == ':' || object[at] <= ' '; at++ {
		}
		end = skipValue(object, at)
		if string(key) == name {
			return object[at:end]
		}
		at = end
	}
	return nil
}

// skipText is the place after the text that begins at `at`.
func skipText(json []byte, at int) int {
	for at++; ; {
		end := at + bytes.IndexByte(json[at:], '"')
		escape := bytes.IndexByte(json[at:end], '\\')
		if escape < 0 {
			return end + 1
		}
		at += escape + 2
	}
}

// skipValue is the place after the value that begins at `at`.
func skipValue(json []byte, at int) int {
	for depth := 0; at < len(json); {
		switch json[at] {
		case '"':
			at = skipText(json, at)
		case '{', '[':
			depth++
			at++
		case '}', ']':
			if depth == 0 { // of the object around a number or a word
				return at
			}
			depth--
			at++
		case ',':
			if depth == 0 {
				return at
			}
			at++
			continue
		default:
			at++
			continue
		}
		if depth == 0 {
			return at
		}
	}
	return at
}

// said is a verdict with its JSON made beforehand.
type said struct {
	Verdict
	name   []byte // the node's name, quoted
	failed []byte // `"name":"reason"`
}

func newSaid(name string, verdict Verdict) said {
	quoted := quote(name)
	failed := append(append(bytes.Clone(quoted), ':'), quote(verdict.Reason)...)
	return said{Verdict: verdict, name: quoted, failed: failed}
}

func quote(text string) []byte {
	out, err := json.Marshal(text)
	if err != nil {
		return []byte(`""`) // cannot be: any Go string can be written
	}
	return out
}

// eachName gives the texts of a JSON list that was found valid. One without escapes is a piece of the question itself.
func eachName(list []byte, give func(name []byte)) {
	for len(list) > 0 {
		start := bytes.IndexByte(list, '"')
		if start < 0 {
			return
		}
		list = list[start+1:]
		end := bytes.IndexByte(list, '"')
		if bytes.IndexByte(list[:end], '\\') < 0 {
			give(list[:end])
			list = list[end+1:]
			continue
		}
		for end = 0; list[end] != '"'; end++ {
			if list[end] == '\\' {
				end++
			}
		}
		var name string
		_ = json.Unmarshal(append(append([]byte{'"'}, list[:end]...), '"'), &name)
		give([]byte(name))
		list = list[end+1:]
	}
}

// onNames answers a question by name with `write`, which gets what the plan says of each; any other question goes to `plain`.
func (c *Cluster) onNames(plain http.HandlerFunc, write func(out *bytes.Buffer, each func(func(said)))) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		buffer := buffers.Get().(*bytes.Buffer)
		defer buffers.Put(buffer)
		buffer.Reset()
		_, err := buffer.ReadFrom(http.MaxBytesReader(w, r.Body, largestBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body := buffer.Bytes()
		var pod corev1.Pod
		var names []byte
		if json.Valid(body) {
			names = member(body, "NodeNames")
		}
		fast := len(names) > 0 && names[0] == '[' && json.Unmarshal(member(body, "Pod"), &pod) == nil
		var plan *Plan
		if fast {
			plan, err = c.planOf(&pod)
		}
		if !fast || plan == nil || err != nil {
			r.Body = io.NopCloser(bytes.NewReader(body))
			plain(w, r)
			return
		}
		answer := buffers.Get().(*bytes.Buffer)
		defer buffers.Put(answer)
		answer.Reset()
		c.mu.RLock()
		verdicts := c.verdicts[plan.Name]
		write(answer, func(give func(said)) {
			eachName(names, func(name []byte) {
				known, ok := verdicts[string(name)]
				if !ok {
					known = newSaid(string(name), Verdict{Reason: unknownNode})
				}
				give(known)
			})
		})
		c.mu.RUnlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer.Bytes())
	}
}

// buffers are reused from question to question, for what is thrown away is what the garbage collector makes others wait for.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// writeFilter writes an extender.ExtenderFilterResult.
func writeFilter(out *bytes.Buffer, each func(func(said))) {
	failed := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(failed)
	failed.Reset()
	out.WriteString(`{"NodeNames":[`)
	first, firstFailed := true, true
	each(func(s said) {
		if s.Fits {
			comma(out, &first)
			out.Write(s.name)
		} else {
			comma(failed, &firstFailed)
			failed.Write(s.failed)
		}
	})
	out.WriteString(`],"FailedNodes":{`)
	out.Write(failed.Bytes())
	out.WriteString("}}")
}

// writePriorities writes an extender.HostPriorityList.
func writePriorities(out *bytes.Buffer, each func(func(said))) {
	out.WriteByte('[')
	first := true
	each(func(s said) {
		comma(out, &first)
		out.WriteString(`{"Host":`)
		out.Write(s.name)
		out.WriteString(`,"Score":`)
		out.Write(strconv.AppendInt(out.AvailableBuffer(), s.Score*extender.MaxExtenderPriority/100, 10))
		out.WriteByte('}')
	})
	out.WriteByte(']')
}

func comma(out *bytes.Buffer, first *bool) {
	if !*first {
		out.WriteByte(',')
	}
	*first = false
}
