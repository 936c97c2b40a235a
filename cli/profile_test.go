package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestAProfileIsWrittenBesideWhatItMeasures(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu")
	w := &Wire{Stderr: &bytes.Buffer{}}
	if code := profiled(file, w, func() int { return exitFailed }); code != exitFailed {
		t.Error("the verb's own code is lost:", code)
	}
	text, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) { // gzip, as pprof's format is
		t.Errorf("%x, %v", text[:min(len(text), 4)], err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error("others may read it")
	}
	if code := profiled(filepath.Join(file, "x"), w, func() int { t.Error("measured nothing, and ran"); return exitDone }); code != exitFailed {
		t.Error(code)
	}
}
