package execute

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"concordat/federation/compose"
	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// fused is the rows of several agencies put together by their key. Whatever the caller wrote is evaluated over what
// became of them, in the gateway, so that nobody finds a row by a value that did not survive.
type fused struct {
	step   *plan.AuthorizedStep
	shares []*share
	raw    map[string]*privacy.Column // every agency's rows, one after the other; NULL where an agency lacks the column
	part   []uint16                   // by row of raw: whose it is
	rows   [][]int32                  // by fused row: the rows it is made of, at most one of each agency
}

// rowColumn numbers fused rows while they are ordered and cut.
const rowColumn = "#row"

// fuse groups the agencies' rows by key. Two rows of one agency with one key are its mistake.
func (f *fetch) fuse(shares []*share) (*fused, error) {
	z := &fused{step: f.step, shares: shares, raw: map[string]*privacy.Column{}}
	for i, s := range shares {
		if s == nil {
			continue
		}
		if err := z.stack(s.raw); err != nil {
			return nil, err
		}
		for range s.raw.Rows {
			z.part = append(z.part, uint16(i))
		}
	}
	return z, z.group()
}

// stack adds the columns of one agency's rows below those of the others.
func (z *fused) stack(t *privacy.Table) error {
	above := len(z.part)
	for _, c := range t.Columns {
		if z.raw[c.Name] == nil {
			z.raw[c.Name] = privacy.NewStateColumn(c.Name, c.Coordinate, c.Kind, above, privacy.Null)
		}
		if err := z.raw[c.Name].Extend(c); err != nil {
			return fmt.Errorf("%w: %w", source.ErrInvalid, err)
		}
	}
	for _, c := range z.raw {
		for c.Len() < above+t.Rows {
			c.AppendNull()
		}
	}
	return nil
}

func (z *fused) group() error {
	at := map[string]int{}
	var id []byte
	for row := range z.part {
		id = id[:0]
		for _, k := range z.step.Entity.Key {
			c := z.raw[k]
			if c == nil || c.IsNull(row) {
				return fmt.Errorf("%w: a row without its key", source.ErrInvalid)
			}
			id = appendCell(id, c, row)
		}
		n, ok := at[string(id)]
		if !ok {
			n = len(z.rows)
			at[string(id)] = n
			z.rows = append(z.rows, nil)
		}
		if slices.ContainsFunc(z.rows[n], func(other int32) bool { return z.part[other] == z.part[row] }) {
			return fmt.Errorf("%w: two rows of one key", source.ErrInvalid)
		}
		z.rows[n] = append(z.rows[n], int32(row))
	}
	return nil
}

// survivors is, for each fused row, the row whose value the column has: -1 where no agency holds one.
func (z *fused) survivors(f *compose.Field, c *privacy.Column) []int32 {
	out := make([]int32, len(z.rows))
	for n, rows := range z.rows {
		out[n] = -1
		for _, row := range rows {
			if !c.IsNull(int(row)) && (out[n] < 0 || z.prevails(f.Survivorship, row, out[n])) {
				out[n] = row
			}
		}
	}
	return out
}

// prevails reports whether the value of row a survives that of row b.
func (z *fused) prevails(s *compose.Survivorship, a, b int32) bool {
	switch s.Rule {
	case compose.Newest:
		if d := z.newer(s.By[0], a, b); d != 0 {
			return d > 0
		}
	case compose.MostComplete:
		if d := z.filled(s.By, a) - z.filled(s.By, b); d != 0 {
			return d > 0
		}
	}
	return slices.Index(s.Trust, z.source(a)) < slices.Index(s.Trust, z.source(b))
}

func (z *fused) source(row int32) string { return z.step.Parts[z.part[row]].Source }

// newer compares two rows by a field; one that holds none there, or that the caller may not see, is the older.
func (z *fused) newer(by string, a, b int32) int {
	hasA, hasB := z.readable(by, a), z.readable(by, b)
	switch {
	case hasA && hasB:
		return z.raw[by].Compare(int(a), int(b))
	case hasA:
		return 1
	case hasB:
		return -1
	}
	return 0
}

func (z *fused) filled(by []string, row int32) int {
	n := 0
	for _, name := range by {
		if z.readable(name, row) {
			n++
		}
	}
	return n
}

// readable reports whether a rule may read a field of a row, and finds a value there.
func (z *fused) readable(by string, row int32) bool {
	c := z.raw[by]
	return c != nil && slices.Contains(z.step.Parts[z.part[row]].Usable, by) && !c.IsNull(int(row))
}

// table is the fused rows with their raw columns, which serve the plan and never leave, numbered.
func (z *fused) table(names []string) *privacy.Table {
	t := &privacy.Table{Rows: len(z.rows)}
	for _, name := range names { // a column of an agency that failed holds nothing
		f, domain := z.step.Field(name)
		if f != nil && z.raw[name] == nil {
			z.raw[name] = privacy.NewStateColumn(name, f.Coordinate, f.Kind, len(z.part), privacy.Null)
			z.raw[name].Domain = domain
		}
	}
	for name, c := range z.raw {
		f, _ := z.step.Field(name)
		if f == nil {
			continue
		}
		t.Columns = append(t.Columns, c.Gather(z.survivors(f, c)))
	}
	number := privacy.NewColumn(rowColumn, "", privacy.Int, t.Rows)
	for n := range t.Rows {
		number.AppendInt(int64(n))
	}
	t.Columns = append(t.Columns, number)
	return t
}

// released is what may leave of the fused rows: each cell is one agency's, as that agency lets it be seen.
func (z *fused) released() (privacy.Released, error) {
	var parts []privacy.Released
	for _, s := range z.shares {
		if s != nil {
			parts = append(parts, s.released)
		}
	}
	all, err := privacy.Concat(parts)
	if err != nil {
		return privacy.Released{}, err
	}
	return all.Pick(len(z.rows), func(c *privacy.Column) []int32 {
		picked := z.survivors(z.step.Entity.Members[c.Name].Field, c)
		for n, row := range picked {
			if row < 0 {
				picked[n] = absent(c, z.rows[n])
			}
		}
		return picked
	}), nil
}

// absent is the row that says why there is no value: that it is NULL, where some agency shows so much.
func absent(c *privacy.Column, rows []int32) int32 {
	for _, row := range rows {
		if c.State(int(row)) == privacy.Null {
			return row
		}
	}
	return rows[0]
}

// fusedRows fetches a List or ByKey step of fused rows, and pages through what became of them.
func (f *fetch) fusedRows(ctx context.Context, after *place) (*stepResult, *merge) {
	shares := f.shares(ctx, after)
	if f.beyond.Load() || !slices.ContainsFunc(shares, func(s *share) bool { return s != nil }) {
		return nil, nil
	}
	m, err := f.page(shares, after)
	if err != nil {
		f.failed(ctx, err)
		return nil, nil
	}
	res, err := m.paged()
	if err != nil {
		f.failed(ctx, err)
		return nil, nil
	}
	if f.step.Kind == plan.List {
		f.totals(ctx, res, m.complete())
	}
	return res, m
}

// shares fetches each agency's share of the fused rows.
func (f *fetch) shares(ctx context.Context, after *place) []*share {
	shares := make([]*share, len(f.step.Parts))
	keys, err := f.candidates(ctx)
	if err != nil {
		f.noteBeyond(err)
		f.failed(ctx, err)
		return shares
	}
	inParallel(len(shares), func(i int) {
		p := &f.step.Parts[i]
		q := f.step.Share(p, p.Select)
		q.Keys = keys
		if f.step.Pushed() {
			q.Where = predicate.And(q.Where, after.beyondFused(f.step))
		}
		shares[i] = f.released(ctx, i, q)
	})
	return shares
}

func (f *fetch) noteBeyond(err error) {
	if errors.Is(err, source.ErrTooLarge) {
		f.beyond.Store(true)
	}
}

// page evaluates filter, cursor, order and limit over the fused rows.
func (f *fetch) page(shares []*share, after *place) (*merge, error) {
	z, err := f.fuse(shares)
	if err != nil {
		return nil, err
	}
	names := f.step.Reads()
	if f.keys != nil {
		names = append(names, f.keys.field)
	}
	table := z.table(names)
	q := &source.Query{Select: []string{rowColumn}, Where: f.step.Where, Order: f.step.Ordered(), MaxRows: f.run.executor.MaxRows}
	q.Where = predicate.And(q.Where, after.beyondFused(f.step))
	if f.keys != nil {
		q.Keys = &source.Keys{Field: f.keys.field, Values: f.keys.values, PerKey: f.step.Kind == plan.List}
	}
	if f.step.Kind == plan.List {
		q.Limit = f.step.Size + 1
	} else {
		q.Order = nil
	}
	rows, err := z.chosen(table, q)
	if err != nil {
		return nil, err
	}
	released, err := z.released()
	if err != nil {
		return nil, err
	}
	m := &merge{fetch: f, internal: table.Gather(rows), released: released.Gather(rows), fused: z}
	for _, s := range shares {
		m.failed = m.failed || s == nil
	}
	for _, row := range rows {
		m.origin = append(m.origin, z.part[z.rows[row][0]])
	}
	return m, nil
}

// chosen lists the fused rows that a query over them wants, in its order. A column that no agency was asked for, since
// none has it, holds nothing.
func (z *fused) chosen(table *privacy.Table, q *source.Query) ([]int32, error) {
	if table.Rows == 0 {
		return nil, nil
	}
	t, err := eval.Run(table, q)
	if err != nil {
		return nil, err
	}
	rows := make([]int32, t.Rows)
	for i := range rows {
		rows[i] = int32(t.Column(rowColumn).Int(i))
	}
	return rows, nil
}

// fusedAnswer answers an aggregate over fused rows: all of it as if the first agency had said it. The rows that this takes
// are bounded like those of any fetch.
func (f *fetch) fusedAnswer(ctx context.Context, p *plan.AuthorizedPart, q *source.Query) (*privacy.Table, error) {
	var err error
	if q.Relation, err = f.fusedRelation(); err != nil {
		return nil, fmt.Errorf("%w: %w", errRelease, err)
	}
	q.Where, q.MaxRows = f.step.Where, f.run.executor.MaxRows
	z := &fused{step: f.step, raw: map[string]*privacy.Column{}}
	if p == &f.step.Parts[0] {
		if z, err = f.everyShare(ctx, q.Needed()); err != nil {
			return nil, err
		}
	}
	return eval.Run(z.table(q.Needed()), q)
}

// fusedRelation has the columns of every agency.
func (f *fetch) fusedRelation() (*source.Relation, error) {
	r, err := f.relation(&f.step.Parts[0])
	if err != nil {
		return nil, err
	}
	all := *r
	all.Columns = maps.Clone(r.Columns)
	for i := range f.step.Parts {
		for name, c := range f.step.Parts[i].Relation.Columns {
			if _, ok := all.Columns[name]; !ok {
				all.Columns[name] = c
			}
		}
	}
	return &all, nil
}

// everyShare is all rows that can be wanted, fused from the given columns. One agency's failure fails it: without its
// rows, others would survive.
func (f *fetch) everyShare(ctx context.Context, names []string) (*fused, error) {
	keys, err := f.candidates(ctx)
	if err != nil {
		return nil, err
	}
	shares := make([]*share, len(f.step.Parts))
	errs := make([]error, len(shares))
	inParallel(len(shares), func(i int) {
		p := &f.step.Parts[i]
		q := f.step.Share(p, names)
		q.Keys, q.Order, q.Limit = keys, nil, 0
		shares[i] = &share{}
		shares[i].raw, errs[i] = f.askPart(ctx, p, q)
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return f.fuse(shares)
}
