package state

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
)

// job is one Commit on its way through the writer.
type job struct {
	fn       func(Tx) error
	phase    atomic.Int32
	err      error
	panicked any
	done     chan struct{}
}

const (
	queued int32 = iota
	running
	abandoned
)

func (j *job) start() bool   { return j.phase.CompareAndSwap(queued, running) }
func (j *job) abandon() bool { return j.phase.CompareAndSwap(queued, abandoned) }

func (j *job) finish(err error) {
	j.err = err
	close(j.done)
}

// write is the only goroutine that changes the store. It owns nothing that outlives one batch.
func (s *Store) write() {
	defer close(s.stopped)
	for {
		select {
		case <-s.stop:
			return
		case j := <-s.queue:
			s.writeBatch(j)
		}
	}
}

// writeBatch runs first and whatever has queued meanwhile, and makes all of it durable with one sync. Callers that
// come while the disk is busy form the next batch: the slower the disk, the larger the batch.
func (s *Store) writeBatch(first *job) {
	b := &batch{txn: s.db.NewTransaction(true)}
	defer b.txn.Discard()
	for j := first; j != nil; j = s.next(b) {
		if j.start() {
			b.run(j)
		}
	}
	err := s.sync(b)
	for _, j := range b.staged {
		j.finish(err)
	}
}

// next is the next queued job, nil where none waits or the batch is full.
func (s *Store) next(b *batch) *job {
	if len(b.staged) >= maxJobs || b.size >= maxStaged || b.writes >= maxWrites {
		return nil
	}
	select {
	case j := <-s.queue:
		return j
	default:
		return nil
	}
}

// sync makes the batch durable. After a failed write nobody knows what the disk holds (the page cache may have
// dropped the very pages it could not write), so the store refuses all further writes until it is opened again.
func (s *Store) sync(b *batch) error {
	if b.err == nil && b.writes == 0 {
		return nil
	}
	if err := s.guard(); err != nil {
		return err
	}
	err := b.err
	if err == nil {
		err = b.txn.Commit()
	}
	if err != nil {
		err = unavailable("commit", err)
		s.broken.CompareAndSwap(nil, &err)
	}
	return err
}

// batch is one transaction of the engine, filled by many jobs.
type batch struct {
	txn    *badger.Txn
	staged []*job // ran without error; they share the transaction's fate
	size   int
	writes int
	err    error
}

// run lets j stage its writes and takes them over; a job that fails is finished at once and leaves no trace.
func (b *batch) run(j *job) {
	o := &overlay{base: snapshot{b.txn}}
	err := protect(j, o)
	o.dead = true
	if err == nil && o.tooLarge() {
		err = ErrTooLarge
	}
	if err != nil {
		j.finish(err)
		return
	}
	if err := o.apply(b.txn); err != nil {
		b.err = errors.Join(b.err, err) // half applied: the whole batch must not be written
	}
	b.size += o.size
	b.writes += len(o.writes)
	b.staged = append(b.staged, j)
}

// protect runs j's function; a panic is kept for the caller's goroutine, so that it cannot end the writer.
func protect(j *job, tx Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			j.panicked = p
			err = fmt.Errorf("state: function panicked")
		}
	}()
	return j.fn(tx)
}
