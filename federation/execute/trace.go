package execute

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/privacy"
)

// Trace lists what one request asked its sources, for a caller who may see plans. A nil Trace notes nothing.
type Trace struct {
	Now func() time.Time

	mu      sync.Mutex
	fetches []Traced
}

// Traced is one fetch, as `schema plan` prints it, and what became of it.
type Traced struct {
	plan.Explained
	// Rows is nil where the fetch failed, and for counts and groups: how many of them there are may be withheld.
	Rows         *int   `json:"rows,omitempty"`
	Microseconds int64  `json:"microseconds"`
	Failed       string `json:"failed,omitempty"` // code
}

// Fetches lists the fetches in the order of their steps, then as they ended.
func (t *Trace) Fetches() []Traced {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := append([]Traced{}, t.fetches...)
	slices.SortStableFunc(out, func(a, b Traced) int { return cmp.Compare(a.Step, b.Step) })
	return out
}

// traced is a fetch on its way; nil where nobody asked.
type traced struct {
	trace *Trace
	entry Traced
	began time.Time
}

// begin describes a fetch before it is sent. An estimate is a statement more: it is asked for here alone.
func (t *Trace) begin(ctx context.Context, s *plan.AuthorizedStep, p *plan.AuthorizedPart, q *source.Query, src source.Source) *traced {
	if t == nil {
		return nil
	}
	var x source.Explanation
	if e, ok := src.(source.Explainer); ok {
		x = e.Explain(q)
	}
	if e, ok := src.(source.Estimator); ok {
		if rows, ok := e.Estimate(ctx, q); ok {
			x.EstimatedRows = &rows
		}
	}
	return &traced{trace: t, entry: Traced{Explained: s.Asked(p, q, x)}, began: t.Now()}
}

func (on *traced) end(ctx context.Context, q *source.Query, answer *privacy.Table, err error) {
	if on == nil {
		return
	}
	on.entry.Microseconds = on.trace.Now().Sub(on.began).Microseconds()
	switch {
	case err != nil:
		on.entry.Failed = codeOf(ctx, err)
	case q.Aggregate == nil:
		on.entry.Rows = &answer.Rows
	}
	on.trace.mu.Lock()
	defer on.trace.mu.Unlock()
	on.trace.fetches = append(on.trace.fetches, on.entry)
}
