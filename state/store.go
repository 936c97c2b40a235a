package state

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
)

// Store is one directory, open for this process alone. Safe for use by many goroutines.
type Store struct {
	opts    Options
	db      *badger.DB
	queue   chan *job
	stop    chan struct{} // closed by Close
	stopped chan struct{} // closed by the writer when it has ended
	broken  atomic.Pointer[error]

	life   sync.RWMutex // View holds it for reading, so that Close waits for readers
	closed bool
}

// Open opens or creates the store. Errors wrap ErrUnavailable, and ErrInUse where another process holds the
// directory.
func Open(opts Options) (*Store, error) {
	opts = opts.withDefaults()
	if (opts.Dir == "") != opts.InMemory {
		return nil, errors.New("state: name either a directory or memory")
	}
	if !opts.InMemory {
		if err := checkWritable(opts.Dir); err != nil {
			return nil, unavailable("open "+opts.Dir, err)
		}
	}
	db, err := badger.Open(opts.engine())
	if err != nil {
		return nil, openError(opts.Dir, err)
	}
	s := &Store{opts: opts, db: db, queue: make(chan *job, opts.Queue), stop: make(chan struct{}), stopped: make(chan struct{})}
	go s.write()
	return s, nil
}

// openError names the one failure that operators meet: a second process. The engine has no sentinel for it.
func openError(dir string, err error) error {
	if strings.Contains(err.Error(), "Cannot acquire directory lock") {
		return unavailable("open "+dir, ErrInUse)
	}
	return unavailable("open "+dir, err)
}

func unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}

var errClosed = fmt.Errorf("%w: store closed", ErrUnavailable)

// Commit runs fn on the writer and returns once what it staged is durable, or with fn's own error, or with one that
// wraps ErrUnavailable. While fn still waits its turn ctx is respected: Commit then returns the context's error and
// fn never runs. A panic in fn is raised again in the caller.
func (s *Store) Commit(ctx context.Context, fn func(Tx) error) error {
	j := &job{fn: fn, done: make(chan struct{})}
	select {
	case <-s.stop:
		return errClosed
	default:
	}
	select {
	case s.queue <- j:
	case <-ctx.Done():
		return queuedTooLong(ctx)
	case <-s.stop:
		return errClosed
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.abandon() {
			return queuedTooLong(ctx)
		}
		<-j.done // already running: its outcome is near, and the caller must know it
	case <-s.stopped:
		if j.abandon() {
			return errClosed
		}
		<-j.done
	}
	if j.panicked != nil {
		panic(j.panicked)
	}
	return j.err
}

func queuedTooLong(ctx context.Context) error {
	return fmt.Errorf("state: commit still queued: %w", context.Cause(ctx))
}

// View runs fn on a snapshot of what is durable. fn must call neither View nor Close.
func (s *Store) View(fn func(ReadTx) error) error {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return errClosed
	}
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	return fn(snapshot{txn})
}

// Ready reports whether a Commit can succeed now: for readiness probes. It writes nothing.
func (s *Store) Ready() error {
	select {
	case <-s.stop:
		return errClosed
	default:
		return s.guard()
	}
}

// guard refuses to write where the last write failed or the disk is nearly full.
func (s *Store) guard() error {
	if p := s.broken.Load(); p != nil {
		return *p
	}
	if s.opts.BeforeCommit != nil {
		if err := s.opts.BeforeCommit(); err != nil {
			return unavailable("commit", err)
		}
	}
	if s.opts.InMemory {
		return nil
	}
	free, err := freeSpace(s.opts.Dir)
	if err != nil {
		return unavailable("free space", err)
	}
	if free < s.opts.MinFree {
		return fmt.Errorf("%w: %d bytes free on the disk, %d must stay free", ErrUnavailable, free, s.opts.MinFree)
	}
	return nil
}

// Close refuses what is still queued, waits for the batch being written and for readers, and releases the directory.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.stop)
	<-s.stopped
	if err := s.db.Close(); err != nil {
		return unavailable("close", err)
	}
	return nil
}
