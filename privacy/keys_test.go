package privacy

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestRootKeyStaysTheSame(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	keys := make([][]byte, 8)
	for i := range keys {
		wg.Go(func() { keys[i], _ = RootKey(dir) })
	}
	wg.Wait()
	for _, k := range keys {
		if len(k) != RootKeySize || !bytes.Equal(k, keys[0]) {
			t.Fatal("two starts at once got different keys")
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatal("left behind:", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
}

func TestRootKeyDiffersBetweenDirectories(t *testing.T) {
	a, _ := RootKey(t.TempDir())
	b, _ := RootKey(t.TempDir())
	if bytes.Equal(a, b) {
		t.Fatal("two installations share a key")
	}
}

func TestRootKeyRefusesDamagedOrOpenFile(t *testing.T) {
	for name, test := range map[string]struct {
		size int
		mode os.FileMode
	}{"too short": {31, 0o600}, "too long": {33, 0o600}, "readable by others": {32, 0o644}} {
		dir := t.TempDir()
		path := filepath.Join(dir, rootKeyFile)
		if err := os.WriteFile(path, make([]byte, test.size), test.mode); err != nil {
			t.Fatal(err)
		}
		if key, err := RootKey(dir); !errors.Is(err, ErrRootKey) || key != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRootKeyNeedsItsDirectory(t *testing.T) {
	if _, err := RootKey(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Fatal("made a key nowhere")
	}
}
