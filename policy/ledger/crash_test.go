package ledger

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"concordat/state"

	"go.uber.org/goleak"
)

const crashEnv = "LEDGER_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		appendUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

// openDir opens the log in dir as a gateway does.
func openDir(dir string) (*state.Store, *Ledger, error) {
	signer, verifier, err := LoadOrCreateKey(dir, testOrigin)
	if err != nil {
		return nil, nil, err
	}
	store, err := state.Open(state.Options{Dir: filepath.Join(dir, "state")})
	if err != nil {
		return nil, nil, err
	}
	l, err := Open(store, Options{Origin: testOrigin, Signer: signer, Verifier: verifier})
	return store, l, err
}

// appendUntilKilled prints a line for each receipt, after it was returned.
func appendUntilKilled(dir string) {
	_, l, err := openDir(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var out sync.Mutex
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for {
				r, err := l.Append(context.Background(), sample())
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println(r.Index, r.Leaf)
				out.Unlock()
			}
		})
	}
	writers.Wait()
}

// acked runs a writer in a process of its own, kills it after n receipts and returns all that it had printed.
func acked(t *testing.T, dir string, n int) (receipts []Receipt) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashEnv+"="+dir)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		var r Receipt
		if _, err := fmt.Sscan(lines.Text(), &r.Index, &r.Leaf); err != nil || len(r.Leaf) != 44 {
			break // the line that the kill cut short
		}
		if receipts = append(receipts, r); len(receipts) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed, as meant
	if len(receipts) < n {
		t.Fatalf("the writer ended after %d receipts", len(receipts))
	}
	return receipts
}

func TestKilledProcessKeepsEveryReceipt(t *testing.T) {
	dir := t.TempDir()
	want := map[int64]string{}
	for round := range 3 {
		for _, r := range acked(t, dir, 100+150*round) {
			if leaf, ok := want[r.Index]; ok {
				t.Fatalf("index %d was given twice: %s and %s", r.Index, leaf, r.Leaf)
			}
			want[r.Index] = r.Leaf
		}
	}
	store, l, err := openDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := l.Audit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for index, leaf := range want {
		found, err := l.Entries(t.Context(), index, 1)
		if err != nil || len(found) != 1 || found[0].Leaf.String() != leaf {
			t.Fatalf("receipt %d is lost: %v", index, err)
		}
	}
}
