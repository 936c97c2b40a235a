// Package guard stands between the gateway and one source, so that a dead, slow or lying source costs the questions
// that read it and no others.
//
//	s := guard.New(inner, guard.Options{Timeout: 5 * time.Second, Concurrency: 16, Failures: 5, Cooldown: 5 * time.Second})
//	rows, err := s.Fetch(ctx, query)
//
// A fetch waits for one of Concurrency places, has Timeout for each attempt, and is tried again after
// source.ErrUnavailable while Retries and the source's retry budget last: fetches are reads, so that an attempt whose
// answer was lost changed nothing. After Failures failures in a row the circuit opens: fetches are refused at once
// for Cooldown, then one of them probes the source while the others are still refused. Where a fetch has more than Keys
// keys, each of its statements has the place, the Timeout and the retries of a fetch; rows and bytes are bounded over all.
//
// The package trusts its source to end soon after its context does: it starts no goroutine that would wait for one
// that does not. What an answer holds is measured when it is there; a source bounds what it reads by itself.
package guard

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"concordat/federation/source"
	"concordat/privacy"
)

// Options of New. Where a default is named, zero takes it.
type Options struct {
	Timeout     time.Duration // of one attempt, and of the wait for a place; default 10 s
	Concurrency int           // fetches at once; default 32
	MaxBytes    int64         // of one answer as source.Size measures it; default 128 MiB
	Keys        int           // of one statement; a fetch of more is several, one after the other; default 10,000
	Failures    int           // in a row, that open the circuit; default 5
	Cooldown    time.Duration // of an open circuit; default 5 s
	Retries     int           // of one fetch; 0: none
	Backoff     time.Duration // longest pause before the first retry, doubled for each next one; default 50 ms

	NoSnapshots bool // fetches of one request each see the state that they find

	// Pause draws a pause of at most its argument; default uniform, so that callers who failed together do not
	// come back together.
	Pause func(most time.Duration) time.Duration
}

func (o *Options) complete() {
	o.Timeout = orElse(o.Timeout, 10*time.Second)
	o.Concurrency = orElse(o.Concurrency, 32)
	o.MaxBytes = orElse(o.MaxBytes, 128<<20)
	o.Keys = orElse(o.Keys, 10_000)
	o.Failures = orElse(o.Failures, 5)
	o.Cooldown = orElse(o.Cooldown, 5*time.Second)
	o.Backoff = orElse(o.Backoff, 50*time.Millisecond)
	if o.Pause == nil {
		o.Pause = func(most time.Duration) time.Duration { return rand.N(most) + 1 }
	}
}

func orElse[T int | int64 | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// Why a fetch was refused without asking the source. Both come with source.ErrUnavailable.
var (
	ErrOpen = errors.New("the source failed repeatedly and is left alone for a while")
	ErrBusy = errors.New("the source has no free place")
)

// Source is a guarded source. It is safe for concurrent use.
type Source struct {
	inner   source.Source
	options Options
	places  chan struct{}
	circuit circuit
	retries budget
}

// New guards inner.
func New(inner source.Source, o Options) *Source {
	o.complete()
	return &Source{inner: inner, options: o, places: make(chan struct{}, o.Concurrency),
		circuit: circuit{most: o.Failures, cooldown: o.Cooldown}, retries: newBudget()}
}

// fetch asks the guarded source, or a state of it.
func (s *Source) fetch(ctx context.Context, inner source.Source, q *source.Query) (*privacy.Table, error) {
	s.retries.deposit()
	for tried := 0; ; tried++ {
		t, err := s.attempt(ctx, inner, q)
		if err == nil || !s.again(ctx, err, tried) {
			return t, err
		}
	}
}

// again reports, after a pause, whether a fetch that was tried before may be tried once more.
func (s *Source) again(ctx context.Context, err error, tried int) bool {
	refused := errors.Is(err, ErrOpen) || errors.Is(err, ErrBusy)
	if refused || !errors.Is(err, source.ErrUnavailable) || ctx.Err() != nil {
		return false
	}
	if tried >= s.options.Retries || !s.retries.withdraw() {
		return false
	}
	pause := time.NewTimer(s.options.Pause(s.options.Backoff << min(tried, 10)))
	defer pause.Stop()
	select {
	case <-pause.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempt asks the source once, if there is a place and the circuit lets it.
func (s *Source) attempt(ctx context.Context, inner source.Source, q *source.Query) (*privacy.Table, error) {
	if s.circuit.refuses(time.Now()) { // before it waits: who is refused takes no place in the queue
		return nil, refused(ErrOpen)
	}
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.places }()
	probe, ok := s.circuit.enter(time.Now())
	if !ok {
		return nil, refused(ErrOpen)
	}
	outcome := unknown // also where the source panics: a probe that never ends would keep the circuit open for good
	defer func() { s.circuit.leave(probe, outcome, time.Now()) }()
	limited, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	t, err := inner.Fetch(limited, q)
	outcome = judge(ctx, err)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, fmt.Errorf("neither rows nor an error: %w", source.ErrInvalid)
	}
	if n := source.Size(t); n > s.options.MaxBytes {
		return nil, fmt.Errorf("an answer of %d bytes: %w", n, source.ErrTooLarge)
	}
	return t, nil
}

func refused(why error) error { return fmt.Errorf("%w: %w", why, source.ErrUnavailable) }

// take waits for a place.
func (s *Source) take(ctx context.Context) error {
	select {
	case s.places <- struct{}{}:
		return nil
	default:
	}
	wait := time.NewTimer(s.options.Timeout)
	defer wait.Stop()
	select {
	case s.places <- struct{}{}:
		return nil
	case <-wait.C:
		return refused(ErrBusy)
	case <-ctx.Done():
		return source.Ended(ctx.Err())
	}
}

// judge says what an attempt tells about the source. The end of the caller's own context tells nothing, nor does an
// answer that is invalid or too large: that may be the question's fault, and the source is there.
func judge(ctx context.Context, err error) outcome {
	switch {
	case err == nil:
		return succeeded
	case ctx.Err() != nil:
		return unknown
	case errors.Is(err, source.ErrInvalid), errors.Is(err, source.ErrTooLarge):
		return unknown
	}
	return failed
}

// Derives implements source.Deriver as the guarded source does.
func (s *Source) Derives(q *source.Query) bool {
	d, ok := s.inner.(source.Deriver)
	return ok && d.Derives(q)
}

// Explain implements source.Explainer as the guarded source does; one that cannot explain itself says nothing.
func (s *Source) Explain(q *source.Query) source.Explanation {
	e, ok := s.inner.(source.Explainer)
	if !ok {
		return source.Explanation{}
	}
	if parts := q.Batches(s.options.Keys); parts != nil {
		x := e.Explain(parts[0])
		x.Statements = len(parts)
		return x
	}
	return e.Explain(q)
}

// Estimate implements source.Estimator as the guarded source does.
func (s *Source) Estimate(ctx context.Context, q *source.Query) (int64, bool) {
	e, ok := s.inner.(source.Estimator)
	if !ok {
		return 0, false
	}
	limited, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	return e.Estimate(limited, q)
}

// Totals implements source.Totaler as the guarded source does.
func (s *Source) Totals(q *source.Query) bool {
	t, ok := s.inner.(source.Totaler)
	return ok && t.Totals(q)
}

// Relates implements source.Relater as the guarded source does.
func (s *Source) Relates(q *source.Query) bool {
	r, ok := s.inner.(source.Relater)
	return ok && r.Relates(q)
}
