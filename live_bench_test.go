package main

import (
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkPolicyLive is the time from the moment a policy file has changed to the moment its policy is in force, in
// the binary, by its own watch over the files. Whoever asks then is answered under it.
func BenchmarkPolicyLive(b *testing.B) {
	g := start(b, demoDir(b))
	const name = "policies/publichealth/access.rego"
	text := readFile(b, filepath.Join(g.dir, "config", name))
	last, n := text, 0
	for b.Loop() {
		before := g.health(b).Snapshot.Policy
		n++
		next := text + fmt.Sprintf("\n# version %d\n", n)
		edit(b, g, name, last, next)
		for g.health(b).Snapshot.Policy == before {
		}
		last = next
	}
}
