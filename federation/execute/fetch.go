package execute

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// fetch is one step's work.
type fetch struct {
	run  *run
	step *plan.AuthorizedStep
	keys *keyIndex // nil at the root

	joint *joint // the statement that it shares; nil: it has its own
	apart bool   // it asks for itself, after the statement that it shared was refused

	beyond atomic.Bool // an agency's rows were too many
}

// share is what one agency gave.
type share struct {
	raw      *privacy.Table
	released privacy.Released
}

// rows fetches a List or ByKey step from every agency, releases each agency's rows under its own obligations, and
// puts them together. nil where every agency failed, and where the rows of one are too many.
func (f *fetch) rows(ctx context.Context) (*stepResult, *merge) {
	after, err := f.cursor()
	if err != nil {
		f.run.fail(Error{Code: "BAD_USER_INPUT", Path: f.step.Errors, Detail: err})
		return nil, nil
	}
	return f.rowsAfter(ctx, after)
}

// rowsAfter are the rows that come after a place; nil is before them all.
func (f *fetch) rowsAfter(ctx context.Context, after *place) (*stepResult, *merge) {
	if f.step.Fused() {
		return f.fusedRows(ctx, after)
	}
	shares := make([]*share, len(f.step.Parts))
	inParallel(len(shares), func(i int) { shares[i] = f.share(ctx, i, after) })
	if f.beyond.Load() { // the rows of the others alone would pass for all there are
		return nil, nil
	}
	m := &merge{fetch: f, shares: shares}
	res, err := m.result()
	if err != nil {
		f.failed(ctx, err)
		return nil, nil
	}
	if res != nil && f.step.Kind == plan.List {
		f.totals(ctx, res, m.complete())
	}
	return res, m
}

// nothing is the result of a join from rows that hold no key: no fetch, and no rows for anybody.
func (f *fetch) nothing() *stepResult {
	n := len(f.keys.ofParent)
	res := &stepResult{step: f.step, spans: make([]span, n), info: make([]listInfo, n)}
	if f.step.Total {
		f.withholdSmall(res)
	}
	return res
}

// cursor is the place that a page begins after; nil for the first page.
func (f *fetch) cursor() (*place, error) {
	if f.step.Cursor == "" {
		return nil, nil
	}
	return f.run.executor.Cursors.openPlace(f.step.Cursor, len(f.step.Order), f.binding())
}

func (f *fetch) binding() []byte {
	return append(append([]byte{}, f.run.caller.Binding...), f.step.Binding...)
}

// share fetches and releases one agency's rows; nil where it failed, with the error noted.
func (f *fetch) share(ctx context.Context, part int, after *place) *share {
	return f.released(ctx, part, f.query(&f.step.Parts[part], after))
}

// query asks one agency for the rows of the step's keys after a place.
func (f *fetch) query(p *plan.AuthorizedPart, after *place) *source.Query {
	q := f.step.Query(p)
	q.Where = predicate.And(q.Where, after.beyond(f.step, p))
	if f.keys != nil {
		q.Keys = &source.Keys{Field: f.keys.field, Values: f.keys.values, PerKey: f.step.Kind == plan.List}
	}
	return q
}

// released fetches one agency's rows and meets its obligations.
func (f *fetch) released(ctx context.Context, part int, q *source.Query) *share {
	p := &f.step.Parts[part]
	raw, err := f.raw(ctx, part, q)
	if err != nil {
		if errors.Is(err, source.ErrTooLarge) {
			f.beyond.Store(true)
		}
		f.failed(ctx, err)
		return nil
	}
	released, err := privacy.Apply(raw, p.Outputs, f.run.transforms, f.run.caller.Scope)
	if err != nil { // fail closed: a table whose obligations cannot be met is no table
		f.failed(ctx, fmt.Errorf("%w: %w", errRelease, err))
		return nil
	}
	return &share{raw: raw, released: released}
}

// ask is askPart, or, where the step's rows are fused, the answer to an aggregate over these.
func (f *fetch) ask(ctx context.Context, p *plan.AuthorizedPart, q *source.Query) (*privacy.Table, error) {
	if f.step.Fused() && q.Aggregate != nil {
		return f.fusedAnswer(ctx, p, q)
	}
	return f.askPart(ctx, p, q)
}

// askPart sends one query, and counts the answer towards what its request may hold.
func (f *fetch) askPart(ctx context.Context, p *plan.AuthorizedPart, q *source.Query) (*privacy.Table, error) {
	t, err := f.sent(ctx, p, q)
	if err != nil {
		return nil, err
	}
	if err := f.run.admit(t); err != nil {
		return nil, fmt.Errorf("source %s, type %s: %w", p.Source, q.Relation.Type, err)
	}
	return t, nil
}

// sent sends one query and checks that the answer has its shape.
func (f *fetch) sent(ctx context.Context, p *plan.AuthorizedPart, q *source.Query) (*privacy.Table, error) {
	src, ok := f.run.source(ctx, p.Source, f.apart)
	if !ok {
		return nil, fmt.Errorf("source %s is not configured: %w", p.Source, source.ErrUnavailable)
	}
	q.MaxRows = f.run.executor.MaxRows
	var err error
	if q.Relation, err = f.relation(p); err != nil {
		return nil, fmt.Errorf("%w: %w", errRelease, err)
	}
	on := f.run.caller.Trace.begin(ctx, f.step, p, q, f.run.executor.Sources[p.Source])
	t, err := source.Fetch(ctx, checked{src}, q, eval.Run)
	on.end(ctx, q, t, err)
	if err != nil {
		return nil, fmt.Errorf("source %s, type %s: %w", p.Source, q.Relation.Type, err)
	}
	if err := checkShape(q, t); err != nil { // once more, for what the gateway made of a checked answer
		return nil, fmt.Errorf("source %s, type %s: %w", p.Source, q.Relation.Type, err)
	}
	return t, nil
}

func (f *fetch) failed(ctx context.Context, err error) {
	f.run.fail(Error{Code: codeOf(ctx, err), Path: f.step.Errors, Detail: err})
}

// totals fills in totalCount where it is asked for. A list that is complete is counted as it lies; else every agency
// counts its own. A total below the minimum group is withheld.
func (f *fetch) totals(ctx context.Context, res *stepResult, complete bool) {
	if !f.step.Total {
		return
	}
	if complete && f.step.Cursor == "" {
		for i, s := range res.spans {
			res.info[i].total = int64(s.to - s.from)
		}
	} else if err := f.count(ctx, res); err != nil {
		f.failed(ctx, err)
		for i := range res.info {
			res.info[i].total = -1
		}
		return
	}
	f.withholdSmall(res)
}

func (f *fetch) withholdSmall(res *stepResult) {
	for i := range res.info {
		if res.info[i].total < int64(f.step.MinimumGroup) {
			res.info[i].total = -1
			f.run.fail(Error{Code: "GROUP_TOO_SMALL", Path: f.step.Errors})
		}
	}
}

func (f *fetch) count(ctx context.Context, res *stepResult) error {
	counts := make([]int64, 1)
	if f.keys != nil {
		counts = make([]int64, len(f.keys.values))
	}
	for i := range f.step.Parts {
		if err := f.countPart(ctx, &f.step.Parts[i], counts); err != nil {
			return err
		}
	}
	for row := range res.info {
		key := int32(0)
		if f.keys != nil {
			key = f.keys.ofParent[row]
		}
		if key >= 0 {
			res.info[row].total = counts[key]
		}
	}
	return nil
}

func (f *fetch) countPart(ctx context.Context, p *plan.AuthorizedPart, counts []int64) error {
	q := &source.Query{Relation: &p.Relation, Where: p.Where, Related: p.Related, Aggregate: &source.Aggregate{
		Measures: []source.Measure{{Func: source.CountRows, As: plan.CountColumn}}}}
	f.perKey(q)
	t, err := f.ask(ctx, p, q)
	if err != nil {
		return err
	}
	n := t.Column(plan.CountColumn)
	for row := range t.Rows {
		key, err := f.keyOf(t, row)
		if err != nil {
			return err
		}
		counts[key] += n.Int(row)
	}
	return nil
}

// keyColumn is the column of a grouped answer that holds the join key.
const keyColumn = "#key"

// perKey restricts an aggregate to the step's join keys and groups it by them.
func (f *fetch) perKey(q *source.Query) {
	if f.keys == nil {
		return
	}
	q.Keys = &source.Keys{Field: f.keys.field, Values: f.keys.values}
	q.Aggregate.Group = append([]source.Group{{Field: f.keys.field, As: keyColumn}}, q.Aggregate.Group...)
}

// keyOf is the number of the join key of a grouped row; 0 at the root. A key that was not asked for is the source's
// mistake.
func (f *fetch) keyOf(t *privacy.Table, row int) (int32, error) {
	if f.keys == nil {
		return 0, nil
	}
	key, ok := f.keys.find(t.Column(keyColumn), row)
	if !ok {
		return 0, fmt.Errorf("%w: a group of a key that was not asked for", source.ErrInvalid)
	}
	return key, nil
}
