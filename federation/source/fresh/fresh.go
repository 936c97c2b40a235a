// Package fresh says up to when the data of a source are current, as far as the source itself records it: the greatest value
// of one of its fields, such as the time of the last change.
//
//	s := fresh.New(inner, fresh.Options{Relation: relation, Field: "updated"})
//	asOf, read, ok := s.AsOf()
//
// The field is read when the source is opened and then at most once in each Every, beside the requests and never for one
// of them: what AsOf says may be that old, and it says when it was read. It is rounded down to Precision, because it is of
// all rows, also of those that a caller may not see. A source that cannot be read keeps its last reading. The package
// trusts the field: that nothing changed since is the agency's word.
package fresh

import (
	"context"
	"sync"
	"time"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Options of New.
type Options struct {
	Relation  *source.Relation
	Field     string        // a Time or Date column of the relation
	Every     time.Duration // how old a reading may be, default a minute
	Precision time.Duration // default an hour
	Now       func() time.Time
}

// Source is a source that knows how fresh it is. It is safe for concurrent use.
type Source struct {
	source.Source
	options Options
	ctx     context.Context // of readings: they belong to the source, and end with it
	end     context.CancelFunc

	mu      sync.Mutex
	reading bool
	closed  bool
	asOf    time.Time // zero: nothing was read yet
	read    time.Time
	pending sync.WaitGroup
}

// patience bounds one reading.
const patience = 10 * time.Second

// New is inner with its freshness, and begins to read it.
func New(inner source.Source, o Options) *Source {
	if o.Every <= 0 {
		o.Every = time.Minute
	}
	if o.Precision <= 0 {
		o.Precision = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Source{Source: inner, options: o}
	s.ctx, s.end = context.WithCancel(context.Background())
	s.AsOf()
	return s
}

// Close ends a reading on its way. It does not close the source inside.
func (s *Source) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.pending.Wait()
	return nil
}

// AsOf is up to when the source's data are current, and when that was read; false where that is not known. Where the
// reading is too old, another one begins.
func (s *Source) AsOf() (asOf, read time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.reading && !s.closed && s.options.Now().Sub(s.read) >= s.options.Every {
		s.reading = true
		s.pending.Go(s.readAgain)
	}
	return s.asOf, s.read, !s.asOf.IsZero()
}

func (s *Source) readAgain() {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	began := s.options.Now()
	at, ok := s.greatest(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = false
	s.read = began // also after a failure: a source that is down is not asked all the time
	if ok {
		s.asOf = at.Truncate(s.options.Precision)
	}
}

const greatest = "greatest"

func (s *Source) greatest(ctx context.Context) (time.Time, bool) {
	q := &source.Query{Relation: s.options.Relation, Where: predicate.Always(), MaxRows: 1,
		Aggregate: &source.Aggregate{Measures: []source.Measure{{Func: source.Max, Field: s.options.Field, As: greatest}}}}
	t, err := s.Fetch(ctx, q)
	if err != nil || t.Rows != 1 || t.Column(greatest) == nil || t.Column(greatest).IsNull(0) {
		return time.Time{}, false
	}
	c := t.Column(greatest)
	if c.Kind == privacy.Time {
		return time.UnixMicro(c.Int(0)).UTC(), true
	}
	at, err := time.Parse(time.DateOnly, c.Text(0))
	return at, err == nil
}

// Derives implements source.Deriver as the source inside does; so do the others.
func (s *Source) Derives(q *source.Query) bool {
	d, ok := s.Source.(source.Deriver)
	return ok && d.Derives(q)
}

// Totals implements source.Totaler.
func (s *Source) Totals(q *source.Query) bool {
	t, ok := s.Source.(source.Totaler)
	return ok && t.Totals(q)
}

// Relates implements source.Relater.
func (s *Source) Relates(q *source.Query) bool {
	r, ok := s.Source.(source.Relater)
	return ok && r.Relates(q)
}

// Explain implements source.Explainer.
func (s *Source) Explain(q *source.Query) source.Explanation {
	if e, ok := s.Source.(source.Explainer); ok {
		return e.Explain(q)
	}
	return source.Explanation{}
}

// Estimate implements source.Estimator.
func (s *Source) Estimate(ctx context.Context, q *source.Query) (int64, bool) {
	if e, ok := s.Source.(source.Estimator); ok {
		return e.Estimate(ctx, q)
	}
	return 0, false
}

// Snapshot implements source.Snapshotter.
func (s *Source) Snapshot(ctx context.Context) source.Snapshot {
	if p, ok := s.Source.(source.Snapshotter); ok {
		return p.Snapshot(ctx)
	}
	return nil
}
