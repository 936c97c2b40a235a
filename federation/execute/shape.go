package execute

import (
	"fmt"

	"concordat/federation/source"
	"concordat/privacy"
)

// checkShape refuses an answer that is not what was asked for: other columns, another kind, ragged lengths, values
// already transformed, too many rows. A source is never trusted to have understood.
func checkShape(q *source.Query, t *privacy.Table) error {
	want := expected(q)
	if t == nil || len(t.Columns) != len(want) {
		return fmt.Errorf("%w: another number of columns", source.ErrInvalid)
	}
	if t.Rows > q.MaxRows {
		return fmt.Errorf("%w: more rows than asked for", source.ErrTooLarge)
	}
	for i, c := range t.Columns {
		if c == nil || c.Name != want[i].name || c.Domain != want[i].domain {
			return fmt.Errorf("%w: column %s", source.ErrInvalid, want[i].name)
		}
		if c.Kind != want[i].kind {
			return fmt.Errorf("%w: column %s is of another kind", source.ErrInvalid, want[i].name)
		}
		if err := c.Check(t.Rows); err != nil {
			return fmt.Errorf("%w: column %s: %w", source.ErrInvalid, want[i].name, err)
		}
	}
	return nil
}

type expectedColumn struct {
	name   string
	kind   privacy.Kind
	domain privacy.Domain // raw, unless the column was asked for as transformed
}

func expected(q *source.Query) []expectedColumn {
	var out []expectedColumn
	kindOf := func(field string) privacy.Kind { return q.Relation.Columns[field].Kind }
	domainOf := func(field string) privacy.Domain {
		if d := q.Relation.Columns[field].Derived; d != nil {
			return d.Is.Domain()
		}
		return privacy.Domain{}
	}
	if q.Aggregate == nil {
		for _, name := range q.Select {
			out = append(out, expectedColumn{name, kindOf(name), domainOf(name)})
		}
		return out
	}
	for _, g := range q.Aggregate.Group {
		of := q.Key(g)
		c := expectedColumn{name: g.As, kind: g.Key(of.Kind)}
		if g.Edges == nil && of.Derived != nil { // values of the column; intervals are counted
			c.domain = of.Derived.Is.Domain()
		}
		out = append(out, c)
	}
	for _, m := range q.Aggregate.Measures {
		c := expectedColumn{name: m.As, kind: measureKind(m, kindOf(m.Field))}
		if m.Func == source.Min || m.Func == source.Max { // values of the column; the others count or add
			c.domain = domainOf(m.Field)
		}
		out = append(out, c)
	}
	return out
}

func measureKind(m source.Measure, kind privacy.Kind) privacy.Kind {
	switch m.Func {
	case source.CountRows, source.CountValues, source.CountDistinct:
		return privacy.Int
	case source.Sum:
		if kind == privacy.Int {
			return privacy.BigInt
		}
	}
	return kind
}
