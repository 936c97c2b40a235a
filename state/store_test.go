package state_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"concordat/state"
	"concordat/state/statetest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, opts state.Options) *state.Store {
	t.Helper()
	s, err := state.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStoreOnDisk(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Store { return open(t, state.Options{Dir: t.TempDir()}) })
}

func TestStoreInMemory(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Store { return open(t, state.Options{InMemory: true}) })
}

func put(s *state.Store, key string) error {
	return s.Commit(context.Background(), func(tx state.Tx) error { return tx.Set([]byte(key), []byte("v")) })
}

func has(s *state.Store, key string) bool {
	return s.View(func(tx state.ReadTx) error { _, err := tx.Get([]byte(key)); return err }) == nil
}

func TestReopenedStoreHoldsEveryAcknowledgedCommit(t *testing.T) {
	dir := t.TempDir()
	s := open(t, state.Options{Dir: dir})
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			if err := put(s, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, state.Options{Dir: dir})
	for i := range 300 {
		if !has(s, fmt.Sprint(i)) {
			t.Fatalf("commit %d is lost", i)
		}
	}
}

// copyFiles is what a crash leaves: the files as they are while the store is open.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, d.Name()), raw, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCrashedStoreHoldsEveryAcknowledgedCommit(t *testing.T) {
	dir, crashed := t.TempDir(), t.TempDir()
	s := open(t, state.Options{Dir: dir})
	for i := range 50 {
		if err := put(s, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	copyFiles(t, dir, crashed)
	again := open(t, state.Options{Dir: crashed})
	for i := range 50 {
		if !has(again, fmt.Sprint(i)) {
			t.Fatalf("commit %d is lost", i)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, state.Options{Dir: dir})
	_, err := state.Open(state.Options{Dir: dir})
	if !errors.Is(err, state.ErrInUse) || !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("open: %v, want ErrInUse", err)
	}
}

func TestDirectoryThatCannotBeWrittenIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/concordat"} {
		if _, err := state.Open(state.Options{Dir: dir}); !errors.Is(err, state.ErrUnavailable) {
			t.Errorf("open %s: %v, want ErrUnavailable", dir, err)
		}
	}
	if _, err := state.Open(state.Options{}); err == nil {
		t.Error("options naming nothing were accepted")
	}
}

func TestFullDiskRefusesCommitsAndServesReads(t *testing.T) {
	dir := t.TempDir()
	s := open(t, state.Options{Dir: dir})
	if err := errors.Join(put(s, "a"), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, state.Options{Dir: dir, MinFree: 1 << 60})
	if err := put(s, "b"); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("commit: %v, want ErrUnavailable", err)
	}
	if err := s.Ready(); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("ready: %v, want ErrUnavailable", err)
	}
	if has(s, "b") || !has(s, "a") {
		t.Error("a refused commit left a trace, or reads stopped")
	}
}

func TestFailpointRefusesOnlyWhileItFails(t *testing.T) {
	var failing atomic.Bool
	s := open(t, state.Options{InMemory: true, BeforeCommit: func() error {
		if failing.Load() {
			return errors.New("disk on fire")
		}
		return nil
	}})
	failing.Store(true)
	if err := put(s, "a"); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("commit: %v", err)
	}
	failing.Store(false)
	if err := errors.Join(put(s, "b"), s.Ready()); err != nil || has(s, "a") || !has(s, "b") {
		t.Errorf("after the fault: %v", err)
	}
}

func TestCommitsShareSyncs(t *testing.T) {
	var syncs atomic.Int64
	s := open(t, state.Options{Dir: t.TempDir(), BeforeCommit: func() error { syncs.Add(1); return nil }})
	running, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.Commit(t.Context(), func(state.Tx) error { close(running); <-release; return nil })
	})
	<-running
	var queued atomic.Int64
	for i := range 100 {
		wg.Go(func() {
			queued.Add(1)
			if err := put(s, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	for queued.Load() < 100 {
		runtime.Gosched()
	}
	close(release)
	wg.Wait()
	if n := syncs.Load(); n > 50 {
		t.Errorf("100 commits took %d syncs", n)
	}
}

func TestQueuedCommitsHearOfClose(t *testing.T) {
	s := open(t, state.Options{Dir: t.TempDir(), Queue: 1})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := put(s, fmt.Sprint(i)); err != nil && !errors.Is(err, state.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

func BenchmarkCommit(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b, state.Options{Dir: b.TempDir()})
			value := bytes.Repeat([]byte("v"), 400)
			b.ReportAllocs()
			b.SetParallelism(writers)
			var n atomic.Int64
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					key := fmt.Append(nil, n.Add(1))
					if err := s.Commit(context.Background(), func(tx state.Tx) error { return tx.Set(key, value) }); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// A store may have been left in the middle of its work by a version that kept more in memory.
func TestStoreOfLargerMemtablesOpensAfterACrash(t *testing.T) {
	dir, crashed := t.TempDir(), t.TempDir()
	earlier := badger.DefaultOptions(dir)
	earlier.MemTableSize, earlier.Logger, earlier.ValueLogFileSize = 32<<20, nil, 16<<20
	db, err := badger.Open(earlier)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	value := make([]byte, 64<<10)
	for i := range 300 { // 19 MB, in the log alone
		if err := db.Update(func(tx *badger.Txn) error { return tx.Set([]byte(fmt.Sprint(i)), value) }); err != nil {
			t.Fatal(err)
		}
	}
	copyFiles(t, dir, crashed)
	s := open(t, state.Options{Dir: crashed})
	for i := range 300 {
		if !has(s, fmt.Sprint(i)) {
			t.Fatalf("commit %d is lost", i)
		}
	}
}
