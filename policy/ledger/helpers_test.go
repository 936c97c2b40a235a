package ledger

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"concordat/state"

	"golang.org/x/mod/sumdb/note"
)

const testOrigin = "ledger.example/gateway"

// rig is a log in memory, or in dir, with its key.
type rig struct {
	*Ledger
	store   *state.Store
	vkey    string
	opts    Options
	failing atomic.Bool
	clock   atomic.Int64 // seconds
}

func newRig(t testing.TB) *rig {
	t.Helper()
	skey, vkey, err := GenerateKey(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{vkey: vkey}
	r.clock.Store(1_800_000_000)
	r.opts = Options{Origin: testOrigin, Signer: signer, Verifier: verifier, Now: func() time.Time { return time.Unix(r.clock.Load(), 0) }}
	r.reopen(t, state.Options{InMemory: true})
	return r
}

func (r *rig) reopen(t testing.TB, opts state.Options) {
	t.Helper()
	opts.BeforeCommit = func() error {
		if r.failing.Load() {
			return errors.New("no space")
		}
		return nil
	}
	store, err := state.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	r.store = store
	if r.Ledger, err = Open(store, r.opts); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) fill(t testing.TB, n int) (receipts []Receipt) {
	t.Helper()
	for i := range n {
		e := sample()
		e.Rows["Patient"] = i
		receipt, err := r.Append(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, receipt)
	}
	return receipts
}

// tamper changes the store behind the log's back.
func (r *rig) tamper(t testing.TB, fn func(tx state.Tx) error) {
	t.Helper()
	if err := r.store.Commit(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func sample() Entry {
	return Entry{
		Kind: Answer, RequestID: "r-1",
		Subject:   Subject{ID: "s-1", Organisation: "transport", Client: "planner"},
		Agreement: "a-1", Purpose: "road-safety", DocumentHash: "d0", PolicyRevision: "p1", SchemaRevision: "s1",
		Coordinates: []string{"Patient.birthDate", "Patient.region"},
		Obligations: []Obligation{{"Patient.birthDate", "generalise"}},
		Rows:        map[string]int{"Patient": 3, "Admission": 4},
		Errors:      []string{"FORBIDDEN"},
		Digest:      Digest([]byte(`{"a":1}`), [32]byte{7}),
		Extra:       map[string]string{"epsilon": "0.5"},
	}
}
