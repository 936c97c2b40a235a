package sql

import (
	"concordat/federation/source"
	"concordat/policy/predicate"
)

// rows writes a row query.
func (p *Printer) rows(st *Statement, q *source.Query) error {
	st.Columns = make([]Template, len(q.Select))
	for i, f := range q.Select {
		c := q.Relation.Columns[f]
		st.Columns[i] = Template{Name: f, Coordinate: c.Coordinate, Kind: c.Kind, Derived: c.Derived}
	}
	if windowed(q) {
		return p.window(q)
	}
	p.Write("SELECT ")
	p.projection(q.Select, "")
	if err := p.from(q); err != nil {
		return err
	}
	if len(q.Order) > 0 {
		p.Write(" ORDER BY ")
		p.order(q.Order)
	}
	p.limit(q.Limit, q.MaxRows)
	return nil
}

// windowed reports whether a query is for the first rows of each of several keys.
func windowed(q *source.Query) bool {
	return q.Keys != nil && q.Keys.PerKey && q.Limit > 0 && len(q.Keys.Values) > 1
}

// projection writes the selected columns, each with an alias where one is asked for. A query for no column still
// counts its rows.
func (p *Printer) projection(fields []string, alias string) {
	if len(fields) == 0 {
		p.Write("1")
	}
	for i, f := range fields {
		if i > 0 {
			p.Write(", ")
		}
		p.Write(p.dialect.Projected(p.operand(f)))
		if alias != "" {
			p.Write(" AS ", alias, itoa(i))
		}
	}
}

func (p *Printer) order(by []source.Order) {
	for i, o := range by {
		if i > 0 {
			p.Write(", ")
		}
		p.Write(p.dialect.OrderTerm(p.dialect.Sortable(p.operand(o.Field)), o))
	}
}

// limit asks for one row more than allowed, which tells too many from just enough.
func (p *Printer) limit(limit, maxRows int) {
	n := int64(maxRows) + 1
	if limit > 0 {
		n = min(n, int64(limit))
	}
	p.dialect.Limit(p, n)
}

// window numbers the rows of each key in order and keeps the first ones.
func (p *Printer) window(q *source.Query) error {
	p.Write("SELECT ")
	if len(q.Select) == 0 {
		p.Write("1")
	}
	for i := range q.Select {
		if i > 0 {
			p.Write(", ")
		}
		p.Write("c", itoa(i))
	}
	p.Write(" FROM (SELECT ")
	p.projection(q.Select, "c")
	if len(q.Select) > 0 {
		p.Write(", ")
	} else {
		p.Write(" AS one, ")
	}
	p.Write("row_number() OVER (PARTITION BY ", p.dialect.Sortable(p.operand(q.Keys.Field)))
	if len(q.Order) > 0 {
		p.Write(" ORDER BY ")
		p.order(q.Order)
	}
	p.Write(") AS nth")
	if err := p.from(q); err != nil {
		return err
	}
	p.Write(") AS numbered WHERE nth <= ", itoa(q.Limit), " ORDER BY nth")
	p.limit(0, q.MaxRows)
	return nil
}

// aggregate writes a grouped query, groups by key, NULL last. Groups are named by position.
func (p *Printer) aggregate(st *Statement, q *source.Query) error {
	p.Write("SELECT ")
	for i, g := range q.Aggregate.Group {
		c := q.Key(g)
		p.item(i, "")
		if err := p.key(g); err != nil {
			return err
		}
		p.Write(" AS g", itoa(i))
		st.Columns = append(st.Columns, Template{Name: g.As, Coordinate: c.Coordinate, Kind: g.Key(c.Kind), Derived: keyed(g, c)})
	}
	for _, m := range q.Aggregate.Measures {
		c := q.Relation.Columns[m.Field] // zero for CountRows
		p.item(len(st.Columns), p.measure(m))
		p.Write(" AS g", itoa(len(st.Columns)))
		st.Columns = append(st.Columns, Template{Name: m.As, Coordinate: c.Coordinate, Kind: m.Result(c.Kind), Sum: m.Func == source.Sum || m.Func == source.Total, Derived: valued(m, c)})
	}
	if len(st.Columns) == 0 {
		p.Write("count(*)")
	}
	if err := p.from(q); err != nil {
		return err
	}
	p.groupBy(q.Aggregate.Group)
	p.limit(0, q.MaxRows)
	return nil
}

func (p *Printer) item(i int, sql string) {
	if i > 0 {
		p.Write(", ")
	}
	p.Write(sql)
}

// keyed is how the values of a key are made, where it gives values of its column.
func keyed(g source.Group, c source.Column) *source.Derived {
	if g.Edges != nil {
		return nil
	}
	return c.Derived
}

// valued is how the values of a measure are made, where it gives values of its column.
func valued(m source.Measure, c source.Column) *source.Derived {
	if m.Func == source.Min || m.Func == source.Max {
		return c.Derived
	}
	return nil
}

func (p *Printer) groupBy(by []source.Group) {
	for i := range by {
		p.Write(list(i, " GROUP BY "), itoa(i+1))
	}
	for i := range by {
		p.Write(list(i, " ORDER BY "), p.dialect.OrderTerm("g"+itoa(i), source.Order{}))
	}
}

func list(i int, first string) string {
	if i == 0 {
		return first
	}
	return ", "
}

func (p *Printer) measure(m source.Measure) string {
	if m.Func == source.CountRows {
		return "count(*)"
	}
	if m.Func == source.Total {
		return p.total(m)
	}
	return p.dialect.Measure(p.operand(m.Field), m.Func)
}

// key writes a grouping key.
func (p *Printer) key(g source.Group) error {
	if g.Via != "" {
		return p.relatedKey(g)
	}
	o := p.operand(g.Field)
	switch {
	case g.Edges != nil:
		return p.intervals(g)
	case g.Prefix > 0:
		p.Write(p.dialect.Prefix(o, g.Prefix))
	case g.Grain != source.NoGrain:
		p.Write(p.dialect.Grain(p, o, g))
	default:
		p.Write(p.dialect.Sortable(o))
	}
	return nil
}

// intervals writes how many edges a number reaches.
func (p *Printer) intervals(g source.Group) error {
	p.Write("CASE")
	for i, edge := range g.Edges {
		p.Write(" WHEN ")
		if err := p.predicate(predicate.Compare(g.Field, predicate.Lt, edge)); err != nil {
			return err
		}
		p.Write(" THEN ", itoa(i))
	}
	p.Write(" WHEN ")
	p.dialect.NotNull(p, p.operand(g.Field))
	p.Write(" THEN ", itoa(len(g.Edges)), " END")
	return nil
}
