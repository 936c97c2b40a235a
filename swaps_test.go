package main

import (
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var exchanges = flag.Int("exchanges", 40, "how often TestABundleExchangedUnderLoad exchanges it")

// A bundle is exchanged while partners ask: every answer is that of one policy whole, and what the old ones held is
// given back. With -exchanges 1000 it takes minutes.
func TestABundleExchangedUnderLoad(t *testing.T) {
	dir := demoDir(t)
	h := build(t, dir, houseOptions{untagged: true})
	file := filepath.Join(dir, "config", "policies", "publichealth", "access.rego")
	before := readFile(t, file)
	variant := func(n int) string {
		return before + fmt.Sprintf(`
fields contains {"coordinate": "FluWeek.iliCases", "effect": "transform", "method": "round", "args": {"to": %[1]d},
	"reason": "of one policy"} if lib.purpose("care-coordination")
fields contains {"coordinate": "FluWeek.week", "effect": "deny", "reason": "of one policy"} if { %[2]t; lib.purpose("care-coordination") }
`, 10+n%2*90, n%2 == 1)
	}
	exchange := func(n int) {
		writeFile(t, file, variant(n))
		if err := h.node.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	exchange(0)
	var over atomic.Bool
	var asked atomic.Int64
	var askers sync.WaitGroup
	for range 2 {
		askers.Go(func() {
			for !over.Load() {
				a := h.gateway.ask(t, "partner", `{ fluWeeks(first: 2) { nodes { week iliCases } } }`, nil)
				tens, denied := strings.Contains(string(a.Data), `"iliCases":30`), strings.Contains(string(a.body), "FORBIDDEN")
				if tens == denied {
					t.Errorf("of two policies: %s", a.body)
				}
				asked.Add(1)
			}
		})
	}
	var early uint64
	for n := range *exchanges {
		exchange(n + 1)
		if n == *exchanges/4 {
			early = held()
		}
	}
	over.Store(true)
	askers.Wait()
	late := held()
	if late > early+32<<20 {
		t.Errorf("%d MiB are held, after a quarter of the exchanges it was %d", late>>20, early>>20)
	}
	if asked.Load() == 0 {
		t.Error("nobody asked")
	}
	t.Logf("%d questions over %d exchanges; %d MiB held after a quarter of them, %d at the end", asked.Load(), *exchanges, early>>20, late>>20)
}

// held is what the process cannot give back, in bytes.
func held() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
