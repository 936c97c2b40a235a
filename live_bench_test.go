package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkPolicyLive is the time from the moment a policy file has changed to the moment its policy is in force, in
// the binary, by its own watch over the files. Whoever asks then is answered under it.
func BenchmarkPolicyLive(b *testing.B) {
	b.Run("demo", func(b *testing.B) {
		g := start(b, demoDir(b))
		policyLive(b, g, filepath.Join(g.dir, "config", "policies", "publichealth", "access.rego"))
	})
	b.Run("serve", func(b *testing.B) {
		g := serveLibrary(b, mockWorld, "--mock")
		policyLive(b, g, filepath.Join(g.dir, "policies", "library", "access.rego"))
	})
}

func policyLive(b *testing.B, g *gateway, file string) {
	text, n := readFile(b, file), 0
	for b.Loop() {
		before := g.health(b).Snapshot.Policy
		n++
		replaceFile(b, file, text+fmt.Sprintf("\n# version %d\n", n))
		for g.health(b).Snapshot.Policy == before {
		}
	}
}

// replaceFile moves a new file into the place of one, as an editor does.
func replaceFile(t testing.TB, path, text string) {
	t.Helper()
	writeFile(t, path+".edited", text)
	if err := os.Rename(path+".edited", path); err != nil {
		t.Fatal(err)
	}
}
