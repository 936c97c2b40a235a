package load

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/pprof"
	"testing"

	"github.com/google/pprof/profile"
)

// The profile in the repository says how the product spends its time, and nothing about where it was taken.
func TestBareProfileHoldsFunctionsAndNoPaths(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for i := range 200_000_000 {
		sum += i
	}
	pprof.StopCPUProfile()
	if err := f.Close(); err != nil || sum == 0 {
		t.Fatal(err)
	}
	if err := Bare(file); err != nil {
		t.Fatal(err)
	}
	bare(t, file)
	bare(t, filepath.Join("..", "..", "default.pgo"))
}

func bare(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Sample) == 0 || p.TimeNanos != 0 || len(p.Comments) > 0 {
		t.Errorf("%s: %d samples, at %d", file, len(p.Sample), p.TimeNanos)
	}
	for _, f := range p.Function {
		if f.Filename != "" || f.Name == "" {
			t.Errorf("%s: %s of %s", file, f.Name, f.Filename)
		}
	}
	for _, m := range p.Mapping {
		if m.File != "" {
			t.Errorf("%s: made by %s", file, m.File)
		}
	}
}
