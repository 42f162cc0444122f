package dsk

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const vectors = "../../tests/conformance"

// calls is what each folder of vectors is for.
var calls = map[string]func(name string, request []byte) ([]byte, error){
	"plan": func(_ string, request []byte) ([]byte, error) {
		plan, err := NewPlanJSON(context.Background(), request)
		if err != nil {
			return nil, err
		}
		defer plan.Close()
		return plan.JSON()
	},
	"memory": func(_ string, request []byte) ([]byte, error) { return MemoryJSON(request) },
	"cost":   func(_ string, request []byte) ([]byte, error) { return CostJSON(request) },
	"fit": func(name string, request []byte) ([]byte, error) {
		text, err := os.ReadFile(strings.Replace(name, ".request.", ".plan.", 1))
		if err != nil {
			return nil, err
		}
		plan, err := NewPlanJSON(context.Background(), text)
		if err != nil {
			return nil, err
		}
		defer plan.Close()
		return plan.FitJSON(request)
	},
}

func cases(t *testing.T, folder string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(vectors, folder, "*.request.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors in %s: %v", folder, err)
	}
	return names
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestConformanceAnswers(t *testing.T) {
	for folder, call := range calls {
		for _, name := range cases(t, folder) {
			got, err := call(name, read(t, name))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if want := read(t, strings.Replace(name, ".request.", ".answer.", 1)); !bytes.Equal(got, want) {
				t.Errorf("%s: the answer differs", name)
			}
		}
	}
}

// quote escapes as the C runner does: only what JSON demands, everything else as it is.
func quote(s string) string {
	var out strings.Builder
	const hex = "0123456789abcdef"
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case c < 0x20:
			out.WriteString("\\u00" + string(hex[c>>4]) + string(hex[c&15]))
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

func TestConformanceErrors(t *testing.T) {
	for folder, call := range calls {
		for _, name := range cases(t, "errors/"+folder) {
			_, err := call(name, read(t, name))
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%s: no *Error but %v", name, err)
				continue
			}
			got := "{\n  \"status\": \"" + e.Status.String() + "\",\n  \"path\": \"" + quote(e.Path) + "\",\n  \"message\": \"" + quote(e.Message) + "\"\n}\n"
			if want := string(read(t, strings.Replace(name, ".request.", ".error.", 1))); got != want {
				t.Errorf("%s:\ngot  %swant %s", name, got, want)
			}
			if !errors.Is(err, e.Status) {
				t.Errorf("%s: errors.Is does not know %v", name, e.Status)
			}
		}
	}
}
