package agreement

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"concordat/state"
)

var midYear = date(2025, 7, 1)

func openStore(t testing.TB, options state.Options) *state.Store {
	t.Helper()
	store, err := state.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func newRegister(t testing.TB, store Store) *Register {
	t.Helper()
	register, err := NewRegister(context.Background(), store, mustLoad(t, files("A-1.yaml", goodFile)))
	if err != nil {
		t.Fatal(err)
	}
	return register
}

func expect(t *testing.T, r *Register, id string, now time.Time, want Status) {
	t.Helper()
	got, err := r.Status(t.Context(), id, now)
	if err != nil || got != want {
		t.Errorf("%s at %v: got %v, %v; want %v", id, now, got, err, want)
	}
}

func TestStatusFollowsTheClock(t *testing.T) {
	r := newRegister(t, openStore(t, state.Options{InMemory: true}))
	expect(t, r, "A-1", date(2025, 1, 1).Add(-1), NotYetValid)
	expect(t, r, "A-1", date(2025, 1, 1), Active)
	expect(t, r, "A-1", date(2026, 7, 1).Add(-1), Active) // the whole of 30 June
	expect(t, r, "A-1", date(2026, 7, 1), Expired)
	expect(t, r, "A-2", midYear, Unknown)
	expect(t, r, "", midYear, Unknown)
}

func TestRevokedAgreementStopsNextRequest(t *testing.T) {
	r := newRegister(t, openStore(t, state.Options{InMemory: true}))
	expect(t, r, "A-1", midYear, Active)
	if err := r.Revoke(t.Context(), "A-1", "officer", "breach", nil); err != nil {
		t.Fatal(err)
	}
	expect(t, r, "A-1", midYear, Revoked)
	expect(t, r, "A-1", date(2030, 1, 1), Revoked)
	if revocation, ok := r.Revocation("A-1"); !ok || revocation.By != "officer" || revocation.Reason != "breach" {
		t.Errorf("got %+v", revocation)
	}
}

func TestRevocationSurvivesARestartAndAReload(t *testing.T) {
	options := state.Options{Dir: filepath.Join(t.TempDir(), "state")}
	store := openStore(t, options)
	if err := newRegister(t, store).Revoke(t.Context(), "A-1", "officer", "breach", nil); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	r := newRegister(t, openStore(t, options))
	expect(t, r, "A-1", midYear, Revoked)
	r.Use(mustLoad(t, files("A-1.yaml", goodFile)))
	expect(t, r, "A-1", midYear, Revoked)
}

func TestFirstRevocationIsKept(t *testing.T) {
	r := newRegister(t, openStore(t, state.Options{InMemory: true}))
	for _, by := range []string{"first", "second"} {
		if err := r.Revoke(t.Context(), "A-1", by, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	if revocation, _ := r.Revocation("A-1"); revocation.By != "first" {
		t.Errorf("got %+v", revocation)
	}
}

func TestNewSetChangesValidity(t *testing.T) {
	r := newRegister(t, openStore(t, state.Options{InMemory: true}))
	shortened := strings.Replace(goodFile, "2026-06-30", "2025-06-30", 1)
	r.Use(mustLoad(t, files("A-1.yaml", shortened)))
	expect(t, r, "A-1", midYear, Expired)
	r.Use(mustLoad(t, files()))
	expect(t, r, "A-1", date(2025, 2, 1), Unknown)
}

// No entry of the ledger, no revocation: neither in memory nor, after a restart, in the store.
func TestRevocationThatCannotBeWrittenIsNone(t *testing.T) {
	disk := errors.New("disk")
	fail := true
	store := openStore(t, state.Options{InMemory: true, BeforeCommit: func() error {
		if fail {
			return disk
		}
		return nil
	}})
	r := newRegister(t, store)
	if err := r.Revoke(t.Context(), "A-1", "officer", "", nil); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	fail = false
	refused := func(state.Tx) error { return disk }
	if err := r.Revoke(t.Context(), "A-1", "officer", "", refused); !errors.Is(err, disk) {
		t.Errorf("got %v", err)
	}
	expect(t, r, "A-1", midYear, Active)
	expect(t, newRegister(t, store), "A-1", midYear, Active)
	if err := r.Revoke(t.Context(), "A-1", "officer", "", nil); err != nil {
		t.Fatal(err)
	}
	expect(t, newRegister(t, store), "A-1", midYear, Revoked)
}

func TestUnreadableStoreOpensNoRegister(t *testing.T) {
	set := mustLoad(t, files("A-1.yaml", goodFile))
	closed := openStore(t, state.Options{InMemory: true})
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := NewRegister(t.Context(), closed, set); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("closed store: %v", err)
	}
	garbled := openStore(t, state.Options{InMemory: true})
	err := garbled.Commit(t.Context(), func(tx state.Tx) error { return tx.Set([]byte(StatusPrefix+"A-1"), []byte("{")) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewRegister(t.Context(), garbled, set); err == nil {
		t.Error("a garbled status was taken for none")
	}
}

func TestStatusFailsClosed(t *testing.T) {
	r := newRegister(t, openStore(t, state.Options{InMemory: true}))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if status, err := r.Status(cancelled, "A-1", midYear); err == nil || status != Unknown {
		t.Errorf("cancelled: %v, %v", status, err)
	}
	r.Use(nil)
	if status, err := r.Status(t.Context(), "A-1", midYear); !errors.Is(err, ErrNotLoaded) || status != Unknown {
		t.Errorf("no set: %v, %v", status, err)
	}
	if (&Agreement{}).statusAt(midYear) == Active {
		t.Error("the zero agreement is in force")
	}
}

func TestStrangeIDsAreNotRevoked(t *testing.T) {
	r := newRegister(t, openStore(t, state.Options{InMemory: true}))
	for _, id := range []string{"", "a/b", "a\n", strings.Repeat("a", 200)} {
		if err := r.Revoke(t.Context(), id, "officer", "", nil); err == nil {
			t.Errorf("%q: revoked", id)
		}
	}
}

func TestConcurrentUseIsConsistent(t *testing.T) {
	r := newRegister(t, openStore(t, state.Options{InMemory: true}))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := r.Revoke(t.Context(), "A-1", "officer", "", nil); err != nil {
				t.Error(err)
			}
			if status, err := r.Status(t.Context(), "A-1", midYear); err != nil || status != Revoked {
				t.Errorf("after its own revocation: %v, %v", status, err)
			}
		})
	}
	group.Wait()
}

func BenchmarkStatus(b *testing.B) {
	r := newRegister(b, openStore(b, state.Options{InMemory: true}))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if status, err := r.Status(ctx, "A-1", midYear); err != nil || status != Active {
			b.Fatal(status, err)
		}
	}
}

// The clock is the caller's: it runs forward past the end, then back before it.
func TestAClockSetBackDoesNotReviveAnAgreement(t *testing.T) {
	options := state.Options{Dir: filepath.Join(t.TempDir(), "state")}
	store := openStore(t, options)
	r := newRegister(t, store)
	expect(t, r, "A-1", midYear, Active)
	expect(t, r, "A-1", date(2026, 7, 1), Expired)
	expect(t, r, "A-1", midYear, Expired)
	expect(t, r, "A-1", date(2024, 1, 1), Expired)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	r = newRegister(t, openStore(t, options))
	expect(t, r, "A-1", midYear, Expired)
	r.Use(mustLoad(t, files("A-1.yaml", strings.Replace(goodFile, "2026-06-30", "2026-12-31", 1))))
	expect(t, r, "A-1", midYear, Active) // a version that ends later is another term
}

func TestAPassedEndHoldsEvenWhenItCannotBeWritten(t *testing.T) {
	r := newRegister(t, openStore(t, state.Options{InMemory: true, BeforeCommit: func() error { return errors.New("disk") }}))
	expect(t, r, "A-1", date(2026, 7, 1), Expired)
	expect(t, r, "A-1", midYear, Expired)
}

func TestAGarbledEndOpensNoRegister(t *testing.T) {
	store := openStore(t, state.Options{InMemory: true})
	err := store.Commit(t.Context(), func(tx state.Tx) error { return tx.Set([]byte(endedPrefix+"A-1"), []byte("soon")) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewRegister(t.Context(), store, mustLoad(t, files("A-1.yaml", goodFile))); err == nil {
		t.Error("a garbled end was taken for none")
	}
}
