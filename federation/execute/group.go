package execute

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/privacy"
)

// groups fetches an aggregate from every agency and combines them: exactly, since sums are integers or are added
// once, and averages are made of sums and counts. An aggregate that lacks an agency would be a wrong number: one
// failure fails it whole.
func (f *fetch) groups(ctx context.Context) *stepResult {
	f.step = f.inside()
	w := newGrouping(f.step)
	tables, err := f.groupTables(ctx, w)
	if err == nil {
		err = f.keyed(ctx, tables)
	}
	if err != nil {
		f.failed(ctx, err)
		return nil
	}
	c, err := f.combine(w, tables)
	if err != nil {
		f.failed(ctx, err)
		return nil
	}
	res, err := f.release(c)
	if err != nil {
		f.failed(ctx, err)
		return nil
	}
	return res
}

// grouping is what is asked of each agency: its groups, then the spread of each field, then each histogram.
type grouping struct {
	parts      int
	spreads    []string
	histograms []plan.Measure
}

func newGrouping(s *plan.AuthorizedStep) *grouping {
	return &grouping{len(s.Parts), s.Spreads(), s.Histograms()}
}

func (w *grouping) questions() int { return 1 + len(w.spreads) + len(w.histograms) }

// of is the agencies' answers to one question.
func (w *grouping) of(tables []*privacy.Table, question int) []*privacy.Table {
	return tables[question*w.parts : (question+1)*w.parts]
}

func (w *grouping) query(s *plan.AuthorizedStep, p *plan.AuthorizedPart, question int) *source.Query {
	switch n := question - 1; {
	case n < 0:
		return s.Query(p)
	case n < len(w.spreads):
		return s.Spread(p, w.spreads[n])
	default:
		return s.Histogram(p, w.histograms[n-len(w.spreads)])
	}
}

// groupTables asks every agency, question by question.
func (f *fetch) groupTables(ctx context.Context, w *grouping) ([]*privacy.Table, error) {
	tables := make([]*privacy.Table, w.parts*w.questions())
	errs := make([]error, len(tables))
	if f.keys != nil && len(f.keys.values) == 0 {
		return tables, nil
	}
	inParallel(len(tables), func(i int) {
		p := &f.step.Parts[i%w.parts]
		tables[i], errs[i] = f.grouped(ctx, p, w.query(f.step, p, i/w.parts))
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return tables, nil
}

func (f *fetch) grouped(ctx context.Context, p *plan.AuthorizedPart, q *source.Query) (*privacy.Table, error) {
	f.perKey(q)
	return f.ask(ctx, p, q)
}

// combined is one table of groups over all agencies, and the join key of each group.
type combined struct {
	table *privacy.Table
	key   []int32
}

// combine adds up the agencies' groups, and what their spreads and histograms say of them.
func (f *fetch) combine(w *grouping, tables []*privacy.Table) (*combined, error) {
	agg := f.step.Query(&f.step.Parts[0]).Aggregate
	a := newAdder(f.step, agg)
	for _, t := range w.of(tables, 0) {
		if t == nil {
			continue
		}
		for row := range t.Rows {
			key, err := f.keyOf(t, row)
			if err != nil {
				return nil, err
			}
			if err := a.add(t, row, key); err != nil {
				return nil, err
			}
		}
	}
	if len(agg.Group) == 0 { // an ungrouped aggregate answers for every parent, also over no rows
		n := 1
		if f.keys != nil {
			n = len(f.keys.values)
		}
		for key := range n {
			a.group(int32(key), []byte{})
		}
	}
	for i, field := range w.spreads {
		if err := f.spread(a, field, w.of(tables, 1+i)); err != nil {
			return nil, err
		}
	}
	for i, m := range w.histograms {
		if err := f.histogram(a, m, w.of(tables, 1+len(w.spreads)+i)); err != nil {
			return nil, err
		}
	}
	return a.done()
}

// release withholds small groups, then leaves out those that the caller does not want, orders, cuts to the first groups of each parent, and releases what is left.
func (f *fetch) release(c *combined) (*stepResult, error) {
	kept, _ := privacy.Suppress(c.table, privacy.SmallGroups{Count: plan.CountColumn, Minimum: f.step.MinimumGroup})
	n := 1
	if f.keys != nil {
		n = len(f.keys.values)
	}
	withheld := make([]bool, n)
	stays := make([]bool, c.table.Rows)
	for _, row := range kept {
		stays[row] = true
	}
	for row, key := range c.key {
		if !stays[row] {
			withheld[key] = true
			f.run.fail(Error{Code: "GROUP_TOO_SMALL", Path: f.step.Errors})
		}
	}
	kept, err := f.having(c, kept)
	if err != nil {
		return nil, err
	}
	f.sortGroups(c, kept)
	byKey, rows := f.firstGroups(c, kept, n)
	table := c.table.Gather(rows)
	if f.hidesBins(table) {
		f.run.fail(Error{Code: "GROUP_TOO_SMALL", Path: f.step.Errors})
	}
	released, err := privacy.Apply(table, f.step.Shown, f.run.transforms, f.run.caller.Scope)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRelease, err)
	}
	return f.groupResult(released, byKey, withheld), nil
}

func (f *fetch) sortGroups(c *combined, rows []int32) {
	slices.SortStableFunc(rows, func(a, b int32) int {
		if c.key[a] != c.key[b] {
			return int(c.key[a]) - int(c.key[b])
		}
		return compareRows(c.table, f.step.GroupOrder, int(a), int(b))
	})
}

func (f *fetch) firstGroups(c *combined, rows []int32, n int) (byKey []span, kept []int32) {
	byKey = make([]span, n)
	for from := 0; from < len(rows); {
		key := c.key[rows[from]]
		to := from
		for to < len(rows) && c.key[rows[to]] == key {
			to++
		}
		page := rows[from:to]
		if f.step.First > 0 && len(page) > f.step.First {
			page = page[:f.step.First]
		}
		byKey[key] = span{int32(len(kept)), int32(len(kept) + len(page))}
		kept = append(kept, page...)
		from = to
	}
	return byKey, kept
}

func (f *fetch) groupResult(released privacy.Released, byKey []span, withheld []bool) *stepResult {
	res := &stepResult{step: f.step, released: released, spans: byKey}
	if f.keys == nil {
		res.info = []listInfo{{withheld: withheld[0]}}
		return res
	}
	res.spans = f.keys.spread(byKey)
	res.info = make([]listInfo, len(res.spans))
	for row, key := range f.keys.ofParent {
		if key >= 0 {
			res.info[row].withheld = withheld[key]
		}
	}
	return res
}

// adder combines groups by their keys.
type adder struct {
	step  *plan.AuthorizedStep
	agg   *source.Aggregate
	index map[string]int32
	key   []int32
	rows  []groupRow

	spreads    map[string][]spread        // by field, for each group
	histograms map[plan.Measure][][]int64 // for each group, its bins
}

// groupRow is one combined group: where its keys stand, and its measures.
type groupRow struct {
	from     *privacy.Table // nil for a group over no rows
	at       int
	measures []measure
}

type measure struct {
	set   bool
	i     eval.Whole
	f     eval.Floating
	d     eval.Exact
	table *privacy.Table // min and max: the cell that leads
	at    int
}

func newAdder(step *plan.AuthorizedStep, agg *source.Aggregate) *adder {
	return &adder{step: step, agg: agg, index: map[string]int32{}, spreads: map[string][]spread{}}
}

func (a *adder) group(key int32, id []byte) *groupRow {
	full := groupID(key, id)
	n, ok := a.index[full]
	if !ok {
		n = int32(len(a.rows))
		a.index[full] = n
		a.key = append(a.key, key)
		a.rows = append(a.rows, groupRow{measures: make([]measure, len(a.agg.Measures))})
	}
	return &a.rows[n]
}

func groupID(key int32, id []byte) string {
	return string(fmt.Appendf(nil, "%d\x00", key)) + string(id)
}

// id spells the keys of a row's group.
func (a *adder) id(t *privacy.Table, row int) []byte {
	id := []byte{}
	for _, g := range a.agg.Group {
		id = appendCell(id, t.Column(g.As), row)
	}
	return id
}

func (a *adder) add(t *privacy.Table, row int, key int32) error {
	g := a.group(key, a.id(t, row))
	if g.from == nil {
		g.from, g.at = t, row
	}
	for i, m := range a.agg.Measures {
		if err := g.measures[i].add(m.Func, t, t.Column(m.As), row); err != nil {
			return err
		}
	}
	return nil
}

// appendCell spells a key cell so that distinct cells are spelt differently.
func appendCell(dst []byte, c *privacy.Column, row int) []byte {
	switch {
	case c.IsNull(row):
		return append(dst, 'n', 0)
	case c.Kind == privacy.Decimal:
		return append(append(dst, 'd'), eval.Canonical(c.Kind, c.Text(row))+";"...)
	case c.Kind.Text():
		text := c.Text(row)
		return append(fmt.Appendf(dst, "t%d:", len(text)), text...)
	case c.Kind == privacy.Float:
		return fmt.Appendf(dst, "f%x;", math.Float64bits(c.Float(row)+0)) // -0 and 0 are one
	}
	return fmt.Appendf(dst, "i%d;", c.Int(row))
}

func (m *measure) add(fn source.Func, t *privacy.Table, c *privacy.Column, row int) error {
	if c.IsNull(row) {
		return nil
	}
	switch {
	case fn == source.Min || fn == source.Max:
		if !m.set || m.led(fn, c, row) {
			m.table, m.at = t, row
		}
	case c.Kind == privacy.Float:
		m.f.Add(c.Float(row))
	case c.Kind == privacy.Decimal:
		if !m.d.Add(c.Text(row)) {
			return fmt.Errorf("%w: a sum of decimals is none", source.ErrInvalid)
		}
	default:
		m.i.Add(c.Int(row))
	}
	m.set = true
	return nil
}

// led reports whether a cell is beyond the one that leads so far.
func (m *measure) led(fn source.Func, c *privacy.Column, row int) bool {
	d := privacy.CompareCells(c, row, m.table.Column(c.Name), m.at)
	return fn == source.Min && d < 0 || fn == source.Max && d > 0
}

// done builds the combined table: keys, measures, then averages.
func (a *adder) done() (*combined, error) {
	t := &privacy.Table{Rows: len(a.rows)}
	for _, g := range a.agg.Group {
		t.Columns = append(t.Columns, a.keyColumn(g))
	}
	for i := range a.agg.Measures {
		c, err := a.measureColumn(i)
		if err != nil {
			return nil, err
		}
		t.Columns = append(t.Columns, c)
	}
	for _, m := range a.step.Measured() {
		switch {
		case m.Func == "avg":
			t.Columns = append(t.Columns, a.average(t, m.Field))
		case m.Func == "countDistinct" && !a.step.Counts():
			t.Columns = append(t.Columns, a.distinct(m.Field))
		case m.IsHistogram():
			t.Columns = append(t.Columns, a.bins(m)...)
		case m.IsPercentile():
			t.Columns = append(t.Columns, a.percentile(m))
		case m.Func == "stddev":
			c, err := a.deviation(m.Field)
			if err != nil {
				return nil, err
			}
			t.Columns = append(t.Columns, c)
		}
	}
	return &combined{table: t, key: a.key}, nil
}

func (a *adder) keyColumn(g source.Group) *privacy.Column {
	f, domain := a.step.KeyField(g)
	c := privacy.NewColumn(g.As, f.Coordinate, f.Kind, len(a.rows))
	c.Domain = domain
	for i := range a.rows {
		appendFrom(c, a.rows[i].from, g.As, a.rows[i].at)
	}
	return c
}

func (a *adder) measureColumn(i int) (*privacy.Column, error) {
	m := a.agg.Measures[i]
	coordinate, kind, domain := privacy.Coordinate(a.step.Entity.Name), privacy.Int, privacy.Domain{}
	if m.Field != "" {
		f, d := a.step.Field(m.Field)
		coordinate, kind = f.Coordinate, measureKind(m, f.Kind)
		if m.Func != source.CountDistinct { // a number, not a value
			domain = d
		}
	}
	c := privacy.NewColumn(m.As, coordinate, kind, len(a.rows))
	c.Domain = domain
	counts := m.Func == source.CountRows || m.Func == source.CountValues || m.Func == source.CountDistinct
	for r := range a.rows {
		v := &a.rows[r].measures[i]
		switch {
		case !v.set && !counts:
			c.AppendNull()
		case v.table != nil:
			appendFrom(c, v.table, m.As, v.at)
		default:
			if !v.appendTo(c) {
				return nil, fmt.Errorf("%w: the sum of %s overflows", source.ErrInvalid, coordinate)
			}
		}
	}
	return c, nil
}

// appendTo appends what was added up, false where its kind does not hold it.
func (m *measure) appendTo(c *privacy.Column) bool {
	switch c.Kind {
	case privacy.Float:
		v, fits := m.f.Float64()
		c.AppendFloat(v)
		return fits
	case privacy.Decimal:
		v, fits := m.d.Decimal()
		c.AppendText(v)
		return fits
	}
	v, fits := m.i.Int64()
	c.AppendInt(v)
	return fits
}

// average is the double that is nearest to the sum over the number of values.
func (a *adder) average(t *privacy.Table, field string) *privacy.Column {
	f := a.step.Entity.Members[field].Field
	sum, values := t.Column(plan.MeasureColumn("sum", field)), t.Column(plan.MeasureColumn("values", field))
	c := privacy.NewColumn(plan.MeasureColumn("avg", field), f.Coordinate, privacy.Float, t.Rows)
	for row := range t.Rows {
		n := values.Int(row)
		if n == 0 || sum.IsNull(row) {
			c.AppendNull()
			continue
		}
		c.AppendFloat(quotient(sum, row, n))
	}
	return c
}

// quotient of a double is a double's; of two whole numbers that doubles hold it is rounded once, so right.
func quotient(sum *privacy.Column, row int, n int64) float64 {
	const whole = 1 << 53
	exact := new(big.Rat)
	switch {
	case sum.Kind == privacy.Float:
		return sum.Float(row) / float64(n)
	case sum.Kind == privacy.Decimal:
		exact, _ = eval.ParseDecimal(sum.Text(row)) // our own spelling
	case -whole <= sum.Int(row) && sum.Int(row) <= whole && n <= whole:
		return float64(sum.Int(row)) / float64(n)
	default:
		exact.SetInt64(sum.Int(row))
	}
	v, _ := exact.Quo(exact, new(big.Rat).SetInt64(n)).Float64()
	return v
}

// appendFrom copies one cell of a table; NULL where there is no table.
func appendFrom(c *privacy.Column, t *privacy.Table, name string, row int) {
	if t == nil || t.Column(name).IsNull(row) {
		c.AppendNull()
		return
	}
	from := t.Column(name)
	switch {
	case from.Kind.Text():
		c.AppendText(from.Text(row))
	case from.Kind == privacy.Float:
		c.AppendFloat(from.Float(row))
	default:
		c.AppendInt(from.Int(row))
	}
}
