package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"concordat/policy/ledger"
)

// connections is how many callers ask while the gateway is killed.
const connections = 64

// enough is how many answers a round waits for before it kills: the load is on.
const enough = 200

// acknowledged asks from many connections until the gateway dies, and returns every receipt that was given and a
// checkpoint from before the kill.
func acknowledged(t *testing.T, g *gateway) ([]receipt, ledger.Head) {
	t.Helper()
	var mu sync.Mutex
	var all []receipt
	reached, once := make(chan struct{}), sync.Once{}
	var wait sync.WaitGroup
	body := operation(`{ fluWeeks(first: 1) { nodes { week region } } }`, nil)
	for i := range connections {
		persona := []string{"analyst", "partner", "developer", "auditor"}[i%4] // the auditor's are refusals
		wait.Go(func() {
			for {
				a, err := send(t.Context(), g.client, g.url, g.tokens[persona], body)
				r := a.Extensions.Concordat.Receipt
				if err != nil || r == nil {
					return // the gateway is gone, or was going
				}
				mu.Lock()
				all = append(all, *r)
				if len(all) >= enough {
					once.Do(func() { close(reached) })
				}
				mu.Unlock()
			}
		})
	}
	receive(t, "the load is on", reached)
	head := checkpointOf(t, g)
	g.kill()
	wait.Wait()
	return all, head
}

// exported reads the log of a directory whose gateway does not run: each leaf hash by index. The verb checks that
// they make the signed root.
func exported(t *testing.T, dir string) []tlog.Hash {
	t.Helper()
	code, out := tool(t, "ledger", "export", "--dir", dir)
	if code != 0 {
		t.Fatalf("export: exit %d\n%s", code, out)
	}
	var leaves []tlog.Hash
	lines := bufio.NewScanner(strings.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Index int
			Leaf  string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Index != len(leaves) {
			t.Fatalf("line %d: %v %s", len(leaves), err, lines.Text())
		}
		leaf, err := tlog.ParseHash(line.Leaf)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leaf)
	}
	return leaves
}

// checkpointOf is the signed head that the gateway serves.
func checkpointOf(t *testing.T, g *gateway) ledger.Head {
	t.Helper()
	head, err := ledger.ReadHead([]byte(get(t, g.url+"ledger/checkpoint")))
	if err != nil {
		t.Fatal(err)
	}
	return head
}

func TestKilledGatewayLosesNoReceipt(t *testing.T) {
	dir := demoDir(t)
	given := map[int64]receipt{}
	var earlier []ledger.Head
	for range 3 {
		g := start(t, dir) // on whatever the kill before left
		receipts, head := acknowledged(t, g)
		earlier = append(earlier, head)
		for _, r := range receipts {
			if old, ok := given[r.Index]; ok {
				t.Fatalf("index %d was given twice: %+v %+v", r.Index, old, r)
			}
			given[r.Index] = r
		}
	}
	g := start(t, dir)
	earlier = append(earlier, checkpointOf(t, g))
	g.stop(t)
	leaves := exported(t, dir)
	for index, r := range given {
		if index >= int64(len(leaves)) || leaves[index].String() != r.Leaf {
			t.Fatalf("receipt %d is not in the log of %d entries", index, len(leaves))
		}
	}
	for _, h := range earlier {
		if got := rootOf(t, leaves[:h.Size]); got != h.Root {
			t.Errorf("the log does not extend its checkpoint of size %d", h.Size)
		}
	}
	t.Log(len(given), "receipts in a log of", len(leaves), "entries")
}

// rootOf is the RFC 6962 tree head of leaves.
func rootOf(t *testing.T, leaves []tlog.Hash) tlog.Hash {
	t.Helper()
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			out[i] = stored[at]
		}
		return out, nil
	})
	for n, leaf := range leaves {
		hashes, err := tlog.StoredHashesForRecordHash(int64(n), leaf, read)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(int64(len(leaves)), read)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// A commit that is refused (a full disk) refuses the answer: nothing of it leaves. The source was asked, so there was
// data to leak.
func TestNoReceiptNoData(t *testing.T) {
	var full atomic.Bool
	var r recorder
	h := build(t, demoDir(t), houseOptions{wrap: r.wrap, commit: func() error {
		if full.Load() {
			return errors.New("no space left")
		}
		return nil
	}})
	const document = `{ fluWeeks(first: 1) { nodes { region } } }`
	if a := h.ask(t, "partner", document, nil); a.status != http.StatusOK {
		t.Fatalf("before: %s", a.body)
	}
	r.selected()
	full.Store(true)
	a := h.ask(t, "partner", document, nil)
	if a.status != http.StatusServiceUnavailable || a.code() != "LEDGER_UNAVAILABLE" || bytes.Contains(a.body, []byte("Norvale")) || len(a.Data) > 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if !r.selected()["FluWeek.region"] {
		t.Error("no source was asked: the test shows nothing")
	}
	if h.health(t).Ready {
		t.Error("readyz says ready")
	}
	if a := h.ask(t, "officer", document, nil); a.code() != "LEDGER_UNAVAILABLE" || a.Extensions.Concordat.Receipt != nil {
		t.Errorf("a refusal that could not be recorded: %s", a.body)
	}
	full.Store(false)
	if a := h.ask(t, "partner", document, nil); a.status != http.StatusOK || !h.health(t).Ready {
		t.Errorf("after: %s", a.body)
	}
}

// A place that cannot be written to is refused at start, with its name.
func TestUnwritablePlaceIsRefusedAtStart(t *testing.T) {
	blocked := demoDir(t)
	writeFile(t, filepath.Join(blocked, "store"), "a file where the store's directory should be")
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	damaged := demoDir(t)
	writeFile(t, filepath.Join(damaged, "pseudonym-root.key"), "short")
	cases := map[string]string{blocked: "store", filepath.Join(file, "dir"): file, damaged: "pseudonym-root.key"}
	if os.Getuid() != 0 { // root writes everywhere
		sealed := demoDir(t)
		if err := os.Chmod(sealed, 0o500); err != nil {
			t.Fatal(err)
		}
		cases[sealed] = sealed
	}
	for dir, named := range cases {
		code, out := tool(t, "demo", "--addr", "127.0.0.1:0", "--dir", dir)
		if code != 1 || !strings.Contains(out, named) || strings.Contains(out, "ready ") || strings.Contains(out, "panic") {
			t.Errorf("exit %d, want a refusal that names %s:\n%s", code, named, out)
		}
	}
}

// A second gateway on the directory of a running one is refused: a log has one writer.
func TestOneGatewayOnADirectory(t *testing.T) {
	g := start(t, demoDir(t))
	code, out := tool(t, "demo", "--addr", "127.0.0.1:0", "--dir", g.dir)
	if code != 1 || !strings.Contains(out, "in use") {
		t.Errorf("exit %d\n%s", code, out)
	}
}
