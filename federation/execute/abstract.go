package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"concordat/federation/plan"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// abstractResult is one list of rows of several types.
type abstractResult struct {
	*abstractList
	items []item
	more  bool  // rows beyond the page, in its direction
	total int64 // -1: withheld or failed
}

// item is one row of the list: its branch, and its place in what the branch shows.
type item struct {
	branch int
	place  int32
}

// abstractList is the work on one list: a branch for each type, in order of their names.
type abstractList struct {
	run      *run
	branches []*branch // nil where the type is denied
	first    *branch   // one that is not
}

// branch is one type's part of the list.
type branch struct {
	step *plan.AuthorizedStep
	res  *stepResult // nil: failed
	m    *merge
	over bool // its rows were too many

	kept span // places of its rows that are on the page
}

// abstracts runs every abstract list of the plan.
func (r *run) abstracts(ctx context.Context) {
	lists := r.plan.Abstracts()
	r.result.abstracts = make([]*abstractResult, len(lists))
	inParallel(len(lists), func(i int) { r.result.abstracts[i] = r.abstract(ctx, lists[i]) })
}

// abstract fetches a page of each type's rows, merges them, cuts them to one page, and only then follows the joins of
// the rows that are left. nil where nothing is allowed, everything failed, or the rows of one type are too many.
func (r *run) abstract(ctx context.Context, list *plan.Abstract) *abstractResult {
	l := &abstractList{run: r}
	for _, s := range list.Steps {
		var b *branch
		if step := &r.plan.Steps()[s.ID]; !step.Denied {
			b = &branch{step: step}
			l.first = firstOf(l.first, b)
		}
		l.branches = append(l.branches, b)
	}
	if l.first == nil {
		return nil
	}
	after, err := l.cursor()
	if err != nil {
		r.fail(Error{Code: "BAD_USER_INPUT", Path: l.first.step.Errors, Detail: err})
		return nil
	}
	inParallel(len(l.branches), func(i int) { l.fetch(ctx, i, after) })
	out := l.merge()
	if out == nil {
		return nil
	}
	inParallel(len(l.branches), func(i int) {
		if b := l.branches[i]; b != nil && b.res != nil {
			b.cut()
			r.result.steps[b.step.ID] = b.res
			r.below(ctx, b.step, b.res, b.m)
		}
	})
	return out
}

func firstOf(a, b *branch) *branch {
	if a != nil {
		return a
	}
	return b
}

var errFusedBranch = errors.New("a fused type in a list over several types")

func (l *abstractList) fetch(ctx context.Context, i int, after *abstractPlace) {
	b := l.branches[i]
	if b == nil {
		return
	}
	f := &fetch{run: l.run, step: b.step}
	if b.step.Fused() { // composition refuses it; its rows would not be those that the caller may ask over
		f.failed(ctx, errFusedBranch)
		return
	}
	resolved, err := l.run.related(ctx, b.step)
	if err != nil {
		f.failed(ctx, err)
		return
	}
	b.step, f.step = resolved, resolved
	b.res, b.m = f.rowsAfter(ctx, after.of(i, resolved))
	b.over = f.beyond.Load()
}

// abstractPlace is where a row stands in a list of several types.
type abstractPlace struct {
	branch int
	place  place
	common int // terms that all types share
}

// of is the place as one branch sees it. Rows of another type that are equal in the common terms come after it, or
// before, by the order of the types.
func (p *abstractPlace) of(branch int, s *plan.AuthorizedStep) *place {
	switch {
	case p == nil:
		return nil
	case branch == p.branch:
		return &p.place
	}
	ties := branch > p.branch
	if s.Backward {
		ties = !ties
	}
	return &place{values: p.place.values[:p.common], leading: true, ties: ties}
}

// cursor is the place that the page begins after; nil for the first page.
func (l *abstractList) cursor() (*abstractPlace, error) {
	text := l.first.step.Cursor
	if text == "" {
		return nil, nil
	}
	values, err := l.run.executor.Cursors.open(text, l.binding())
	if err != nil || len(values) < 2 {
		return nil, errCursor
	}
	n := len(values) - 2
	name, at := values[n], values[n+1]
	i := slices.IndexFunc(l.branches, func(b *branch) bool { return b != nil && b.step.Entity.Name == name.Text })
	if i < 0 || name.Kind != predicate.TextValue || at.Kind != predicate.TextValue || n != len(l.branches[i].step.Order) {
		return nil, errCursor
	}
	return &abstractPlace{branch: i, place: place{values: values[:n], source: at.Text}, common: l.branches[i].step.Common()}, nil
}

// seal is the cursor of a row of a branch.
func (l *abstractList) seal(b *branch, row int) string {
	s := b.step
	values := make([]predicate.Value, len(s.Order), len(s.Order)+2)
	for i, o := range s.Order {
		values[i] = constantOf(b.res.internal.Column(o.Field), row)
	}
	values = append(values, predicate.String(s.Entity.Name), predicate.String(s.Parts[b.res.origin[row]].Source))
	return l.run.executor.Cursors.seal(values, l.binding())
}

// binding makes a cursor good for this list of these types alone.
func (l *abstractList) binding() []byte {
	out := append([]byte{}, l.run.caller.Binding...)
	for _, b := range l.branches {
		if b != nil {
			out = fmt.Appendf(out, "\x00abstract %d ", len(b.step.Binding))
			out = append(out, b.step.Binding...)
		}
	}
	return out
}

// merge takes the rows of all branches in order, and says which of each are on the page.
func (l *abstractList) merge() *abstractResult {
	out := &abstractResult{abstractList: l}
	var all []item
	some := false
	for i, b := range l.branches {
		switch {
		case b == nil:
		case b.over:
			return nil
		case b.res == nil:
			out.total = -1
		default:
			some = true
			out.count(b.res)
			for place := b.res.spans[0].from; place < b.res.spans[0].to; place++ {
				all = append(all, item{i, place})
			}
		}
	}
	if !some {
		return nil
	}
	slices.SortStableFunc(all, l.compare)
	out.items = l.page(all, out)
	return out
}

func (r *abstractResult) count(res *stepResult) {
	r.more = r.more || res.info[0].more
	switch n := res.info[0].total; {
	case n < 0: // what one type withholds, the sum would tell
		r.total = -1
	case r.total >= 0:
		r.total += n
	}
}

// page cuts the merged rows to the page, and notes which rows of each branch are left: a run of them.
func (l *abstractList) page(all []item, out *abstractResult) []item {
	step := l.first.step
	if cut := len(all) - step.Size; cut > 0 {
		out.more = true
		if step.Backward {
			all = all[cut:]
		} else {
			all = all[:step.Size]
		}
	}
	seen := make([]bool, len(l.branches))
	for n, i := range all {
		b := l.branches[i.branch]
		if !seen[i.branch] {
			seen[i.branch], b.kept.from = true, i.place
		}
		b.kept.to = i.place + 1
		all[n].place -= b.kept.from
	}
	return all
}

// compare orders two rows as the list does: by the common terms, the types' names, and each type's own order.
func (l *abstractList) compare(x, y item) int {
	a, b := l.branches[x.branch], l.branches[y.branch]
	if x.branch != y.branch {
		for i := range a.step.Common() {
			o := a.step.Order[i]
			d := compareAcross(a.res.internal.Column(o.Field), a.res.row(x.place), b.res.internal.Column(b.step.Order[i].Field), b.res.row(y.place), o.Descending)
			if d != 0 {
				return d
			}
		}
		return x.branch - y.branch
	}
	return int(x.place - y.place)
}

// compareAcross orders two cells of two tables: NULL last in both directions.
func compareAcross(a *privacy.Column, rowA int, b *privacy.Column, rowB int, descending bool) int {
	nullA, nullB := a == nil || a.IsNull(rowA), b == nil || b.IsNull(rowB)
	switch {
	case nullA && nullB:
		return 0
	case nullA:
		return 1
	case nullB:
		return -1
	}
	d := privacy.CompareCells(a, rowA, b, rowB)
	if descending {
		return -d
	}
	return d
}

// cut leaves of a branch the rows that are on the page.
func (b *branch) cut() {
	all := b.res.spans[0]
	if b.kept.to-b.kept.from == all.to-all.from {
		return
	}
	rows := make([]int32, 0, b.kept.to-b.kept.from)
	for place := b.kept.from; place < b.kept.to; place++ {
		rows = append(rows, int32(b.res.row(place)))
	}
	b.m.shown = nil
	b.m.arrange(rows)
	b.res.internal, b.res.released, b.res.origin, b.res.order = b.m.internal, b.m.released, b.m.origin, b.m.shown
	b.res.spans = []span{{0, int32(len(rows))}}
}

// abstract writes a list of rows of several types.
func (w *writer) abstract(dst []byte, n *plan.Node) []byte {
	res := w.run.result.abstracts[n.Abstract.ID]
	if res == nil {
		return append(dst, "null"...)
	}
	return w.members(dst, n, func(dst []byte, k *plan.Node) []byte {
		switch k.Kind {
		case plan.NodeTotal:
			return total(dst, res.total)
		case plan.NodeNodes:
			return listOf(dst, res.items, func(dst []byte, i item) []byte { return w.branch(dst, k, res, i) })
		case plan.NodeEdges:
			return listOf(dst, res.items, func(dst []byte, i item) []byte { return w.abstractEdge(dst, k, res, i) })
		case plan.NodePageInfo:
			return w.abstractPageInfo(dst, k, res)
		}
		return dst
	})
}

// branch writes a row as its type's fragments ask.
func (w *writer) branch(dst []byte, n *plan.Node, res *abstractResult, i item) []byte {
	b := res.branches[i.branch]
	return w.object(dst, n.Branches[i.branch], b.res, b.res.row(i.place))
}

func (w *writer) abstractEdge(dst []byte, n *plan.Node, res *abstractResult, at item) []byte {
	return w.members(dst, n, func(dst []byte, k *plan.Node) []byte {
		if k.Kind == plan.NodeCursor {
			return w.abstractCursor(dst, res, at)
		}
		return w.branch(dst, k, res, at)
	})
}

func (w *writer) abstractCursor(dst []byte, res *abstractResult, at item) []byte {
	b := res.branches[at.branch]
	return text(dst, res.seal(b, b.res.row(at.place)))
}

func (w *writer) abstractPageInfo(dst []byte, n *plan.Node, res *abstractResult) []byte {
	step := res.first.step
	p := pageEdges{backward: step.Backward, cursor: step.Cursor != "", more: res.more, empty: len(res.items) == 0}
	return w.pageMembers(dst, n, p, func(dst []byte, last bool) []byte {
		if last {
			return w.abstractCursor(dst, res, res.items[len(res.items)-1])
		}
		return w.abstractCursor(dst, res, res.items[0])
	})
}
