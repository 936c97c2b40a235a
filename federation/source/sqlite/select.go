package sqlite

import (
	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// rows writes a row query.
func (p *printer) rows(st *statement, q *source.Query) error {
	st.columns = make([]template, len(q.Select))
	for i, f := range q.Select {
		c := q.Relation.Columns[f]
		st.columns[i] = template{name: f, coordinate: c.Coordinate, kind: c.Kind, derived: c.Derived}
	}
	if windowed(q) {
		return p.window(q)
	}
	p.write("SELECT ")
	p.projection(q.Select, "")
	if err := p.from(q); err != nil {
		return err
	}
	if len(q.Order) > 0 {
		p.write(" ORDER BY ")
		p.order(q.Order)
	}
	p.limit(q.Limit, q.MaxRows)
	return nil
}

// projection writes the selected columns, each with an alias where one is asked for. A query for no column still
// counts its rows.
func (p *printer) projection(fields []string, alias string) {
	if len(fields) == 0 {
		p.write("1")
	}
	for i, f := range fields {
		if i > 0 {
			p.write(", ")
		}
		p.write(p.value(f))
		if alias != "" {
			p.write(" AS ", alias, itoa(i))
		}
	}
}

// order writes terms; NULL is last in both directions unless NullsFirst.
func (p *printer) order(by []source.Order) {
	for i, o := range by {
		if i > 0 {
			p.write(", ")
		}
		direction, nulls := " ASC", " NULLS LAST"
		if o.Descending {
			direction = " DESC"
		}
		if o.NullsFirst {
			nulls = " NULLS FIRST"
		}
		p.write(p.sortable(o.Field), direction, nulls)
	}
}

// limit asks for one row more than allowed, which tells too many from just enough.
func (p *printer) limit(limit, maxRows int) {
	n := int64(maxRows) + 1
	if limit > 0 {
		n = min(n, int64(limit))
	}
	p.write(" LIMIT ")
	p.bind(n)
}

// window numbers the rows of each key in order and keeps the first ones.
func (p *printer) window(q *source.Query) error {
	p.write("SELECT ")
	if len(q.Select) == 0 {
		p.write("1")
	}
	for i := range q.Select {
		if i > 0 {
			p.write(", ")
		}
		p.write("c", itoa(i))
	}
	p.write(" FROM (SELECT ")
	p.projection(q.Select, "c")
	p.write(", row_number() OVER (PARTITION BY ", p.sortable(q.Keys.Field))
	if len(q.Order) > 0 {
		p.write(" ORDER BY ")
		p.order(q.Order)
	}
	p.write(") AS n")
	if err := p.from(q); err != nil {
		return err
	}
	p.write(") WHERE n <= ")
	p.bind(int64(q.Limit))
	p.write(" ORDER BY n")
	p.limit(0, q.MaxRows)
	return nil
}

// aggregate writes a grouped query, groups by key, NULL last.
func (p *printer) aggregate(st *statement, q *source.Query) error {
	p.write("SELECT ")
	for i, g := range q.Aggregate.Group {
		if i > 0 {
			p.write(", ")
		}
		c := q.Key(g)
		if err := p.key(g); err != nil {
			return err
		}
		st.columns = append(st.columns, template{name: g.As, coordinate: c.Coordinate, kind: g.Key(c.Kind), derived: keyed(g, c)})
	}
	for i, m := range q.Aggregate.Measures {
		if i > 0 || len(q.Aggregate.Group) > 0 {
			p.write(", ")
		}
		p.write(p.measure(m))
		c := q.Relation.Columns[m.Field] // zero for CountRows
		st.columns = append(st.columns, template{m.As, c.Coordinate, m.Result(c.Kind), m.Func == source.Sum, valued(m, c)})
	}
	if len(st.columns) == 0 {
		p.write("count(*)")
	}
	if err := p.from(q); err != nil {
		return err
	}
	p.groupBy(len(q.Aggregate.Group))
	p.limit(0, q.MaxRows)
	return nil
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

// groupBy refers to the leading result columns by position.
func (p *printer) groupBy(n int) {
	for i := range n {
		p.write(list(i, " GROUP BY "), itoa(i+1))
	}
	for i := range n {
		p.write(list(i, " ORDER BY "), itoa(i+1), " ASC NULLS LAST")
	}
}

func list(i int, first string) string {
	if i == 0 {
		return first
	}
	return ", "
}

func (p *printer) measure(m source.Measure) string {
	switch m.Func {
	case source.CountRows:
		return "count(*)"
	case source.Total:
		return p.total(m)
	case source.CountValues:
		return "count(" + p.sortable(m.Field) + ")"
	case source.Sum:
		return "sum(" + p.sortable(m.Field) + ")"
	case source.CountDistinct:
		return "count(DISTINCT " + p.sortable(m.Field) + ")"
	case source.Min:
		return "min(" + p.sortable(m.Field) + ")"
	}
	return "max(" + p.sortable(m.Field) + ")"
}

// key writes a grouping key.
func (p *printer) key(g source.Group) error {
	if g.Via != "" {
		return p.relatedKey(g)
	}
	if g.Edges == nil {
		p.write(p.grain(g))
		return nil
	}
	p.write("CASE") // how many edges the number reaches
	for i, edge := range g.Edges {
		p.write(" WHEN ")
		if err := p.predicate(predicate.Compare(g.Field, predicate.Lt, edge)); err != nil {
			return err
		}
		p.write(" THEN ", itoa(i))
	}
	p.write(" WHEN ", p.guard(g.Field), " THEN ", itoa(len(g.Edges)), " END")
	return nil
}

// grain writes the start of the period that holds a date or time, in the stored form.
func (p *printer) grain(g source.Group) string {
	x := p.sortable(g.Field)
	isTime := p.relation.Columns[g.Field].Kind == privacy.Time
	if g.Grain == source.NoGrain || (g.Grain == source.Day && !isTime) {
		return x
	}
	raw := p.value(g.Field)
	if g.Grain == source.Hour {
		return "substr(" + raw + ", 1, 13) || ':00:00Z'"
	}
	day := p.day(raw, g.Grain)
	if isTime {
		return day + " || 'T00:00:00Z'"
	}
	return day
}

// day is the first day of the period, as YYYY-MM-DD.
func (p *printer) day(raw string, g source.Grain) string {
	switch g {
	case source.Day:
		return "substr(" + raw + ", 1, 10)"
	case source.Week: // back six days, then on to a Monday: never leaves the years that SQLite can write
		return "date(substr(" + raw + ", 1, 10), '-6 days', 'weekday 1')"
	case source.Month:
		return "substr(" + raw + ", 1, 7) || '-01'"
	case source.Quarter:
		return "substr(" + raw + ", 1, 5) || substr('010101040404070707101010', " +
			"2 * CAST(substr(" + raw + ", 6, 2) AS INTEGER) - 1, 2) || '-01'"
	}
	return "substr(" + raw + ", 1, 4) || '-01-01'"
}
