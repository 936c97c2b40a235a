// Package statetest is the contract of a state store as tests: every implementation runs Run. It does not test
// durability across processes, which each implementation does for its own medium.
package statetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"concordat/state"
)

// Store is what the suite asks of an implementation.
type Store interface {
	Commit(ctx context.Context, fn func(state.Tx) error) error
	View(fn func(state.ReadTx) error) error
	Close() error
}

// Run runs the suite; open returns a new, empty store.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for name, check := range map[string]func(*testing.T, Store){
		"ReadsWhatWasCommitted":      readsWhatWasCommitted,
		"FailedFunctionChangesNone":  failedFunctionChangesNothing,
		"SeesItsOwnWrites":           seesItsOwnWrites,
		"IteratesInOrder":            iteratesInOrder,
		"StopEndsIteration":          stopEndsIteration,
		"CountsEveryIncrement":       countsEveryIncrement,
		"NeverOverspends":            neverOverspends,
		"CompareAndSet":              compareAndSet,
		"DeniesUntil":                deniesUntil,
		"ForgetsOnlyExpiredDenials":  forgetsOnlyExpiredDenials,
		"CancelledContextRunsNone":   cancelledContextRunsNothing,
		"PanicReachesCallerOnly":     panicReachesCallerOnly,
		"DeadTransactionIsRefused":   deadTransactionIsRefused,
		"TooLargeIsRefused":          tooLargeIsRefused,
		"ClosedIsUnavailable":        closedIsUnavailable,
		"ViewIsOneSnapshot":          viewIsOneSnapshot,
		"MutatedSlicesAreNotAliased": mutatedSlicesAreNotAliased,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			defer s.Close()
			check(t, s)
		})
	}
}

func commit(t *testing.T, s Store, fn func(state.Tx) error) {
	t.Helper()
	if err := s.Commit(t.Context(), fn); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func set(pairs ...string) func(state.Tx) error {
	return func(tx state.Tx) error {
		for i := 0; i < len(pairs); i += 2 {
			if err := tx.Set([]byte(pairs[i]), []byte(pairs[i+1])); err != nil {
				return err
			}
		}
		return nil
	}
}

func get(t *testing.T, s Store, key string) string {
	t.Helper()
	out := "<absent>"
	err := s.View(func(tx state.ReadTx) error {
		v, err := tx.Get([]byte(key))
		if errors.Is(err, state.ErrNotFound) {
			return nil
		}
		out = string(v)
		return err
	})
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	return out
}

func want(t *testing.T, s Store, key, value string) {
	t.Helper()
	if got := get(t, s, key); got != value {
		t.Errorf("%s = %q, want %q", key, got, value)
	}
}

func readsWhatWasCommitted(t *testing.T, s Store) {
	commit(t, s, set("a", "1", "empty", ""))
	want(t, s, "a", "1")
	want(t, s, "empty", "")
	want(t, s, "b", "<absent>")
	commit(t, s, func(tx state.Tx) error { return tx.Delete([]byte("a")) })
	want(t, s, "a", "<absent>")
}

func failedFunctionChangesNothing(t *testing.T, s Store) {
	commit(t, s, set("a", "old"))
	mine := errors.New("mine")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			err := s.Commit(t.Context(), func(tx state.Tx) error {
				if i%2 == 0 {
					return set(fmt.Sprint("k", i), "kept")(tx)
				}
				return errors.Join(set("a", "spoilt", fmt.Sprint("k", i), "spoilt")(tx), mine)
			})
			if (i%2 == 1) != errors.Is(err, mine) {
				t.Errorf("commit %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	want(t, s, "a", "old")
	want(t, s, "k0", "kept")
	want(t, s, "k1", "<absent>")
}

func keys(tx state.ReadTx, prefix string) (out []string, err error) {
	err = tx.Iterate([]byte(prefix), func(k, v []byte) error {
		out = append(out, string(k)+"="+string(v))
		return nil
	})
	return out, err
}

func seesItsOwnWrites(t *testing.T, s Store) {
	commit(t, s, set("p/a", "1", "p/c", "1", "p/e", "1"))
	commit(t, s, func(tx state.Tx) error {
		if err := errors.Join(set("p/b", "2", "p/c", "2", "p/f", "2")(tx), tx.Delete([]byte("p/a"))); err != nil {
			return err
		}
		got, err := keys(tx, "p/")
		if w := []string{"p/b=2", "p/c=2", "p/e=1", "p/f=2"}; !slices.Equal(got, w) {
			t.Errorf("iterate = %v, want %v", got, w)
		}
		if _, err := tx.Get([]byte("p/a")); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("deleted key: %v", err)
		}
		return err
	})
}

func iteratesInOrder(t *testing.T, s Store) {
	commit(t, s, set("p/2", "b", "p/10", "a", "q", "x", "o", "x", "p/3", "c"))
	err := s.View(func(tx state.ReadTx) error {
		got, err := keys(tx, "p/")
		if w := []string{"p/10=a", "p/2=b", "p/3=c"}; !slices.Equal(got, w) {
			t.Errorf("iterate = %v, want %v", got, w)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func stopEndsIteration(t *testing.T, s Store) {
	commit(t, s, set("p/1", "", "p/3", ""))
	commit(t, s, func(tx state.Tx) error {
		if err := set("p/0", "", "p/2", "", "p/4", "")(tx); err != nil {
			return err
		}
		for stopAt := 1; stopAt <= 5; stopAt++ {
			seen := 0
			err := tx.Iterate([]byte("p/"), func(_, _ []byte) error {
				if seen++; seen == stopAt {
					return state.ErrStop
				}
				return nil
			})
			if err != nil || seen != stopAt {
				t.Errorf("stop at %d: saw %d, %v", stopAt, seen, err)
			}
		}
		return nil
	})
}

func counter(tx state.Tx, key string, limit uint64) error {
	raw, err := tx.Get([]byte(key))
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return err
	}
	n := uint64(0)
	if len(raw) == 8 {
		n = binary.BigEndian.Uint64(raw)
	}
	if n >= limit {
		return errLimit
	}
	return tx.Set([]byte(key), binary.BigEndian.AppendUint64(nil, n+1))
}

var errLimit = errors.New("limit")

func count(t *testing.T, s Store, writers, each int, limit uint64) (granted uint64) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				err := s.Commit(t.Context(), func(tx state.Tx) error { return counter(tx, "n", limit) })
				if err != nil && !errors.Is(err, errLimit) {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					granted++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return granted
}

func stored(t *testing.T, s Store) uint64 { return binary.BigEndian.Uint64([]byte(get(t, s, "n"))) }

func countsEveryIncrement(t *testing.T, s Store) {
	if granted := count(t, s, 16, 50, 1<<40); granted != 800 || stored(t, s) != 800 {
		t.Errorf("granted %d, stored %d, want 800", granted, stored(t, s))
	}
}

func neverOverspends(t *testing.T, s Store) {
	if granted := count(t, s, 16, 50, 100); granted != 100 || stored(t, s) != 100 {
		t.Errorf("granted %d, stored %d, want 100", granted, stored(t, s))
	}
}

func compareAndSet(t *testing.T, s Store) {
	key := []byte("c")
	step := func(old, value []byte) error {
		return s.Commit(t.Context(), func(tx state.Tx) error { return state.CompareAndSet(tx, key, old, value) })
	}
	for i, c := range []struct {
		old, value []byte
		err        error
	}{
		{[]byte("x"), []byte("y"), state.ErrConflict},
		{nil, []byte("1"), nil},
		{nil, []byte("2"), state.ErrConflict},
		{[]byte("0"), []byte("2"), state.ErrConflict},
		{[]byte("1"), []byte("2"), nil},
		{[]byte("2"), nil, nil},
		{nil, []byte("3"), nil},
	} {
		if err := step(c.old, c.value); !errors.Is(err, c.err) {
			t.Errorf("step %d: %v, want %v", i, err, c.err)
		}
	}
	want(t, s, "c", "3")
}

func denied(t *testing.T, s Store, key string, now time.Time) (out bool) {
	t.Helper()
	err := s.View(func(tx state.ReadTx) (err error) {
		out, err = state.Denied(tx, key, now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func deny(t *testing.T, s Store, key string, until time.Time) {
	t.Helper()
	commit(t, s, func(tx state.Tx) error { return state.Deny(tx, key, until) })
}

func deniesUntil(t *testing.T, s Store) {
	now := time.Unix(1_800_000_000, 0)
	deny(t, s, "jti", now.Add(time.Minute))
	deny(t, s, "jti", now.Add(time.Second)) // must not shorten
	if !denied(t, s, "jti", now.Add(59*time.Second)) || denied(t, s, "jti", now.Add(time.Minute)) || denied(t, s, "other", now) {
		t.Error("denied at the wrong times")
	}
	deny(t, s, "jti", now.Add(time.Hour))
	if !denied(t, s, "jti", now.Add(time.Minute)) {
		t.Error("a later instant must lengthen")
	}
}

func forgetsOnlyExpiredDenials(t *testing.T, s Store) {
	now := time.Unix(1_800_000_000, 0)
	deny(t, s, "old1", now)
	deny(t, s, "old2", now.Add(-time.Hour))
	deny(t, s, "live", now.Add(1))
	for _, expect := range []int{1, 1, 0} {
		commit(t, s, func(tx state.Tx) error {
			n, err := state.ForgetDenied(tx, now, 1)
			if n != expect {
				t.Errorf("forgot %d, want %d", n, expect)
			}
			return err
		})
	}
	if !denied(t, s, "live", now) {
		t.Error("a live denial was forgotten")
	}
}

func cancelledContextRunsNothing(t *testing.T, s Store) {
	running, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		commit(t, s, func(state.Tx) error { close(running); <-release; return nil })
	})
	<-running
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Commit(ctx, set("a", "ran")); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v, want context.Canceled", err)
	}
	close(release)
	wg.Wait()
	commit(t, s, set("b", "later"))
	want(t, s, "a", "<absent>")
}

func panicReachesCallerOnly(t *testing.T, s Store) {
	func() {
		defer func() {
			if p := recover(); p != "boom" {
				t.Errorf("recovered %v", p)
			}
		}()
		_ = s.Commit(t.Context(), func(tx state.Tx) error {
			_ = set("a", "spoilt")(tx)
			panic("boom")
		})
	}()
	commit(t, s, set("b", "1"))
	want(t, s, "a", "<absent>")
}

func deadTransactionIsRefused(t *testing.T, s Store) {
	var kept state.Tx
	commit(t, s, func(tx state.Tx) error { kept = tx; return nil })
	_, err := kept.Get([]byte("a"))
	for _, err := range []error{err, kept.Set([]byte("a"), nil), kept.Delete([]byte("a")), kept.Iterate(nil, nil)} {
		if err == nil {
			t.Error("a dead transaction was used without an error")
		}
	}
}

func tooLargeIsRefused(t *testing.T, s Store) {
	big := make([]byte, 100_000)
	err := s.Commit(t.Context(), func(tx state.Tx) error {
		for i := range 12 {
			_ = tx.Set(fmt.Append(nil, "big", i), big)
		}
		return nil // an ignored error must not make half a transaction
	})
	if !errors.Is(err, state.ErrTooLarge) {
		t.Errorf("commit: %v, want ErrTooLarge", err)
	}
	want(t, s, "big0", "<absent>")
	var wg sync.WaitGroup
	for i := range 60 { // together far more than one batch holds
		wg.Go(func() {
			if err := s.Commit(t.Context(), func(tx state.Tx) error { return tx.Set(fmt.Append(nil, "part", i), big) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func closedIsUnavailable(t *testing.T, s Store) {
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), set("a", "1")); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("commit: %v", err)
	}
	if err := s.View(func(state.ReadTx) error { return nil }); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("view: %v", err)
	}
}

func viewIsOneSnapshot(t *testing.T, s Store) {
	commit(t, s, set("a", "1"))
	err := s.View(func(tx state.ReadTx) error {
		if _, err := tx.Get([]byte("a")); err != nil {
			return err
		}
		commit(t, s, set("a", "2", "b", "2"))
		v, err := tx.Get([]byte("a"))
		if _, missing := tx.Get([]byte("b")); string(v) != "1" || !errors.Is(missing, state.ErrNotFound) {
			t.Error("a view saw a later commit")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func mutatedSlicesAreNotAliased(t *testing.T, s Store) {
	key, value := []byte("a"), []byte("1")
	commit(t, s, func(tx state.Tx) error {
		if err := tx.Set(key, value); err != nil {
			return err
		}
		key[0], value[0] = 'x', 'x'
		got, err := tx.Get([]byte("a"))
		if len(got) == 1 {
			got[0] = 'y'
		}
		return err
	})
	want(t, s, "a", "1")
}
