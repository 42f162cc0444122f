package dsk

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var quick = BenchOptions{
	Name: "sleep 🌙", FixedCount: true, MinSamples: 5, NoWarmup: true, MaxTime: time.Second,
}

func TestBenchMeasuresAFunction(t *testing.T) {
	line, err := Bench(context.Background(), quick, func(s *BenchSample) error {
		time.Sleep(time.Duration(s.Iterations) * time.Millisecond)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseMeasurement(line)
	if err != nil || m.Name != quick.Name || m.MedianNs == nil || *m.MedianNs < 1e6 {
		t.Errorf("%v: %s", err, line)
	}
	lines, err := BenchCompare(context.Background(), quick,
		func(s *BenchSample) error { time.Sleep(time.Duration(s.Iterations) * time.Millisecond); return nil },
		func(s *BenchSample) error { time.Sleep(time.Duration(s.Iterations) * 3 * time.Millisecond); return nil })
	if err != nil || strings.Count(strings.TrimSpace(string(lines)), "\n") != 2 {
		t.Errorf("a comparison: %v: %s", err, lines)
	}
}

func TestBenchGivesTheFunctionsOwnError(t *testing.T) {
	mine := errors.New("mine")
	if _, err := Bench(context.Background(), quick, func(*BenchSample) error { return mine }); err != mine {
		t.Errorf("got %v", err)
	}
	defer func() {
		if recover() != "mine too" {
			t.Error("the panic did not come back")
		}
	}()
	_, _ = Bench(context.Background(), quick, func(*BenchSample) error { panic("mine too") })
}

func TestBenchCommand(t *testing.T) {
	if _, err := BenchCommand(context.Background(), quick, "true"); err != nil {
		t.Error(err)
	}
	if _, err := BenchCommand(context.Background(), quick, "no-such-program-here"); !errors.Is(err, NotFound) {
		t.Errorf("a program that is not there: %v", err)
	}
	if _, err := BenchCommand(context.Background(), quick); !errors.Is(err, InvalidArgument) {
		t.Errorf("no program: %v", err)
	}
}

func TestProbesAndMachine(t *testing.T) {
	lines, err := Probe(context.Background(), BenchProbeRequest{Suite: "host", List: true})
	if err != nil || !strings.Contains(string(lines), "host/") {
		t.Errorf("probes: %v: %s", err, lines)
	}
	machine, err := Machine()
	if err != nil || !json.Valid(machine) {
		t.Fatalf("machine: %v", err)
	}
	if page, err := MachineReport(machine); err != nil || !strings.Contains(page, "<html") {
		t.Errorf("page: %v", err)
	}
}

func TestMonitor(t *testing.T) {
	m, err := NewMonitor(MonitorRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for format, part := range map[MonitorFormat]string{MonitorJSON: "{", MonitorPrometheus: "# TYPE", MonitorTable: "dsk_memory_total_bytes"} {
		if out, err := m.Sample(format); err != nil || !strings.Contains(strings.ToLower(out), strings.ToLower(part)) {
			t.Errorf("format %d: %v: %s", format, err, out)
		}
	}
}

// engine answers as an OpenAI-compatible server does, one token after the other, and is gone after the test. It is written on
// sockets: net/http under the race detector takes longer to compile than everything else here.
func engine(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go answerOnce(connection)
		}
	}()
	return "http://" + listener.Addr().String()
}

func answerOnce(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	length := 0
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		if value, ok := strings.CutPrefix(strings.ToLower(line), "content-length:"); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
	}
	_, _ = io.CopyN(io.Discard, reader, int64(length))
	_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
	for range 4 {
		_, _ = io.WriteString(connection, "data: {\"choices\":[{\"text\":\"a\"}]}\n\n")
	}
	_, _ = io.WriteString(connection, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n")
}

func TestLoad(t *testing.T) {
	request := LoadRequest{
		Endpoint: LoadEndpoint{URL: engine(t), Model: "m"},
		Workload: LoadWorkload{Concurrency: 2, Requests: 6, InputTokens: Lengths{Mean: 8}, OutputTokens: Lengths{Mean: 4}},
	}
	report, err := Load(context.Background(), request)
	if errors.Is(err, Unavailable) {
		t.Skip(err)
	}
	if err != nil || report.Requests.Completed == nil || *report.Requests.Completed != 6 {
		t.Fatalf("%+v, %v", report, err)
	}
	document, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	if table, err := LoadEmit([]string{string(document)}, LoadTable); err != nil || table == "" {
		t.Errorf("a table: %v", err)
	}
	endless := request
	endless.Workload.Requests = 1_000_000
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if part, err := Load(ctx, endless); !errors.Is(err, context.DeadlineExceeded) || part == nil || part.Ended != "cancelled" {
		t.Errorf("an early end: %+v, %v", part, err)
	}
}

func TestLogReceiverCanBeSetAndTakenAway(t *testing.T) {
	var messages atomic.Int64
	SetLog(LogDebug, func(LogLevel, string, string) { messages.Add(1) })
	newPlan(t)
	SetLog(LogOff, nil)
	before := messages.Load()
	newPlan(t)
	if messages.Load() != before {
		t.Error("a message after the receiver was taken away")
	}
}
