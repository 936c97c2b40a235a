// Package execute runs authorized plans: it fetches, meets the obligations on every cell, joins by key, and writes
// the answer in query order straight from released columns.
//
//	x := execute.Executor{Sources: sources, Transforms: deid.New(), Cursors: cursors, MaxRows: 50_000}
//	result := x.Run(ctx, authorized, caller)
//	data := result.Append(nil, authorized.Roots()[0], false)
//
// It takes nothing but plan.Authorized, and writes nothing but privacy.Released. It does not retry. All fetches of
// one request from one source see one state of it where the source can give one.
package execute

import (
	"context"
	"sync"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/privacy"
)

// Executor runs plans. Its fields are required and read-only once it runs.
type Executor struct {
	Sources    map[string]source.Source
	Transforms privacy.Transforms
	Cursors    *Cursors
	Names      *Names // finds names in text; nil: computed fields are INFERENCE_FAILED
	MaxRows    int    // rows of one fetch; more is RESULT_TOO_LARGE

	// Of all fetches of one request together; the fetch that goes beyond is RESULT_TOO_LARGE. Zero: four times
	// MaxRows, and 256 MiB.
	RequestRows  int
	RequestBytes int64 // as source.Size measures them
}

// Caller is whom a plan runs for.
type Caller struct {
	Scope   privacy.Scope
	Binding []byte          // subject and agreement: cursors open for nobody else
	Party   string          // whose share of the models' time is used
	Secure  map[int]Secured // sessions that stand, by step
	// Credential makes the tokens that sources are asked with; nil: a source that wants one is not asked.
	Credential source.Credential
	Trace      *Trace // nil: nothing is noted
}

// Result is everything that was fetched and may leave.
type Result struct {
	run       *run
	steps     []*stepResult
	abstracts []*abstractResult // by ID of their lists
	Errors    []Error
	// Rows counts the rows released, by type.
	Rows map[string]int
	// Models names the models that computed fields were read with, each with its digest; "" for none.
	Models string
}

// Run fetches every step, each as soon as its parent is there, and returns when all have ended. What fails is an
// error of its own field; the rest still answers.
func (x *Executor) Run(ctx context.Context, a *plan.Authorized, c Caller) *Result {
	r := &run{executor: x, transforms: x.within(ctx, c.Party), caller: c, plan: a, result: &Result{steps: make([]*stepResult, len(a.Steps())), Rows: map[string]int{}}}
	r.result.run = r
	ctx = source.WithCredential(ctx, c.Credential)
	r.snapshots.open(a)
	defer r.snapshots.close()
	r.roots(ctx)
	for i, s := range r.result.steps {
		if s != nil && s.secure == nil { // nobody here knows how many rows are in a secure sum
			r.result.Rows[a.Steps()[i].Entity.Name] += s.released.Rows()
		}
	}
	return r.result
}

// run is one execution.
type run struct {
	executor *Executor
	caller   Caller
	plan     *plan.Authorized

	snapshots snapshots

	held   held
	mu     sync.Mutex // guards result.Errors
	result *Result

	transforms privacy.Transforms // the executor's, within this request's time
}

// bounded are transforms whose work can end with a request, and counts as its party's.
type bounded interface {
	Within(ctx context.Context, party string) privacy.Transforms
}

func (x *Executor) within(ctx context.Context, party string) privacy.Transforms {
	if t, ok := x.Transforms.(bounded); ok {
		return t.Within(ctx, party)
	}
	return x.Transforms
}

// children runs the steps below parent, in parallel, and waits for them.
func (r *run) children(ctx context.Context, parent *plan.AuthorizedStep, rows *stepResult) {
	var below []*plan.AuthorizedStep
	for i := range r.plan.Steps() {
		s := &r.plan.Steps()[i]
		if !s.Denied && s.Abstract == nil && (parent == nil && s.Parent == nil || parent != nil && s.Parent == parent.Step) &&
			(s.Shared == nil || s.Shared.Leads(s)) {
			below = append(below, s)
		}
	}
	inParallel(len(below), func(i int) {
		if below[i].Shared != nil {
			r.together(ctx, below[i].Shared, parent, rows)
			return
		}
		r.step(ctx, below[i], parent, rows)
	})
}

// step runs one step and what hangs on it.
func (r *run) step(ctx context.Context, s *plan.AuthorizedStep, parent *plan.AuthorizedStep, above *stepResult) {
	keys := joinKeys(s, parent, above)
	resolved, err := r.related(ctx, s)
	if err != nil {
		(&fetch{run: r, step: s}).failed(ctx, err)
		return
	}
	s = resolved
	if s.Kind == plan.Secure {
		r.secure(ctx, s)
		return
	}
	r.fetched(ctx, &fetch{run: r, step: s, keys: keys})
}

// fetched fetches for one step and runs what hangs on it.
func (r *run) fetched(ctx context.Context, f *fetch) {
	s := f.step
	if f.keys != nil && len(f.keys.values) == 0 && s.Kind != plan.Group {
		r.result.steps[s.ID] = f.nothing()
		return
	}
	var res *stepResult
	var m *merge
	if s.Kind == plan.Group {
		res = f.groups(ctx)
	} else {
		res, m = f.rows(ctx)
	}
	r.result.steps[s.ID] = res
	r.below(ctx, s, res, m)
}

// roots runs everything, from the root fields down.
func (r *run) roots(ctx context.Context) {
	if len(r.plan.Abstracts()) == 0 {
		r.children(ctx, nil, nil)
		return
	}
	inParallel(2, func(i int) {
		if i == 0 {
			r.abstracts(ctx)
			return
		}
		r.children(ctx, nil, nil)
	})
}

// below follows what hangs on the rows of a step.
func (r *run) below(ctx context.Context, s *plan.AuthorizedStep, res *stepResult, m *merge) {
	switch {
	case res == nil:
	case len(s.Computed) == 0:
		r.children(ctx, s, res)
	default: // side by side: models take their time
		inParallel(2, func(i int) {
			if i == 0 {
				m.compute(ctx, res)
				return
			}
			r.children(ctx, s, res)
		})
	}
}

func (r *run) fail(e Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, have := range r.result.Errors {
		if have.same(e) {
			return
		}
	}
	r.result.Errors = append(r.result.Errors, e)
}

func (r *run) usedModels(models string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Models = models
}

// stepResult is what one step released, with the raw columns that serve the plan.
type stepResult struct {
	step     *plan.AuthorizedStep
	released privacy.Released
	internal *privacy.Table         // raw, same rows; join keys and order fields
	origin   []uint16               // index of the part that a row came from
	order    []int32                // rows in the order they are shown; nil where they lie so
	spans    []span                 // runs of order, one for each parent row; one span at the root
	fused    *fused                 // nil: a row is one agency's
	info     []listInfo             // by parent row, where the step is a List or Group
	secure   *SecureAnswer          // of a Secure step
	computed map[string]*stepResult // by computed field: its lists, one for each row; null where a span begins below 0
}

// row is the row at a place in the order.
func (s *stepResult) row(place int32) int {
	if s.order != nil {
		place = s.order[place]
	}
	return int(place)
}

// span is a run of places.
type span struct{ from, to int32 }

// listInfo is what a connection or aggregate says of itself.
type listInfo struct {
	total    int64 // -1: withheld or failed
	more     bool  // rows beyond the page, in its direction
	withheld bool  // groups were left out
}
