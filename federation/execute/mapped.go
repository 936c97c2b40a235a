package execute

import (
	"context"
	"fmt"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/privacy"
)

// inside is the step with its keys of joined rows made by the source, where that can.
func (f *fetch) inside() *plan.AuthorizedStep {
	return f.step.Inside(plan.Resolver{
		Relation: func(s *plan.AuthorizedStep, p *plan.AuthorizedPart) (*source.Relation, error) {
			return (&fetch{run: f.run, step: s}).relation(p)
		},
		Relates: func(p *plan.AuthorizedPart, q *source.Query) bool {
			src, ok := f.run.executor.Sources[p.Source]
			f.perKey(q)
			return ok && checked{src}.Relates(q)
		},
	})
}

// keyed makes the keys of groups that the sources do not make: of joined rows, and of levels. The sources' groups become
// parts of the groups that are shown, and are put together like those of several agencies.
func (f *fetch) keyed(ctx context.Context, tables []*privacy.Table) error {
	for i := range f.step.Mapped {
		m := &f.step.Mapped[i]
		change := func(c *privacy.Column) *privacy.Column { return named(c, m.Names) }
		if m.Joined != nil && !m.Joined.Inside {
			values, err := f.joinedValues(ctx, m, tables)
			if err != nil {
				return err
			}
			change = func(c *privacy.Column) *privacy.Column { return values.of(c, m) }
		}
		for t, table := range tables {
			if table != nil {
				tables[t] = replaced(table, change(table.Column(m.As)))
			}
		}
	}
	return nil
}

// replaced is a table with another column of the same name.
func replaced(t *privacy.Table, by *privacy.Column) *privacy.Table {
	out := &privacy.Table{Rows: t.Rows, Columns: make([]*privacy.Column, len(t.Columns))}
	for i, c := range t.Columns {
		if out.Columns[i] = c; c.Name == by.Name {
			out.Columns[i] = by
		}
	}
	return out
}

// named replaces each value by its level's name for it; a value without one is NULL.
func named(c *privacy.Column, names map[string]string) *privacy.Column {
	if names == nil {
		return c
	}
	out := privacy.NewColumn(c.Name, c.Coordinate, c.Kind, c.Len())
	out.Domain = c.Domain
	for row := range c.Len() {
		name, ok := names[c.Text(row)]
		if !ok || c.IsNull(row) {
			out.AppendNull()
			continue
		}
		out.AppendText(name)
	}
	return out
}

// joinedValues is what joined rows say of the values that lead to them.
type joinedValues struct {
	keys   *keyIndex
	tables []*privacy.Table // of each key: the table that holds its row, nil for none
	rows   []int
}

// joinedValues fetches the joined rows of every value that a table is grouped by, bounded like the rows of any fetch.
// Where several agencies hold such a row, the first in the order of their sources' names is shown, as the relation is.
func (f *fetch) joinedValues(ctx context.Context, m *plan.MappedKey, tables []*privacy.Table) (*joinedValues, error) {
	j := m.Joined
	v := &joinedValues{keys: &keyIndex{field: j.To}}
	for _, t := range tables {
		if t == nil {
			continue
		}
		c := t.Column(m.As)
		for row := range t.Rows {
			if !c.IsNull(row) && c.Kind != privacy.Float {
				v.keys.add(c, row)
			}
		}
	}
	v.tables, v.rows = make([]*privacy.Table, len(v.keys.values)), make([]int, len(v.keys.values))
	if len(v.keys.values) == 0 {
		return v, nil
	}
	to := &fetch{run: f.run, step: j.Step}
	answers := make([]*privacy.Table, len(j.Step.Parts))
	errs := make([]error, len(answers))
	inParallel(len(answers), func(i int) {
		p := &j.Step.Parts[i]
		q := j.Query(p)
		q.Keys = &source.Keys{Field: j.To, Values: v.keys.values}
		answers[i], errs[i] = to.ask(ctx, p, q)
	})
	for i, t := range answers {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if err := v.take(t, j); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// take notes the row of each key that has none of an earlier agency: the one with the least value where an agency holds
// several.
func (v *joinedValues) take(t *privacy.Table, j *plan.JoinedKey) error {
	key, err := eval.Key(t, j.Group)
	if err != nil {
		return fmt.Errorf("%w: %w", errRelease, err)
	}
	made := &privacy.Table{Rows: t.Rows, Columns: []*privacy.Column{key}}
	to := t.Column(j.To)
	for row := range t.Rows {
		n, ok := v.keys.find(to, row)
		if !ok {
			return fmt.Errorf("%w: a row of a key that was not asked for", source.ErrInvalid)
		}
		switch {
		case v.tables[n] == nil:
			v.tables[n], v.rows[n] = made, row
		case v.tables[n] == made && !key.IsNull(row) && (key.IsNull(v.rows[n]) || key.Compare(row, v.rows[n]) < 0):
			v.rows[n] = row
		}
	}
	return nil
}

// of is the joined rows' key for each value of a column.
func (v *joinedValues) of(c *privacy.Column, m *plan.MappedKey) *privacy.Column {
	f, domain := m.Joined.Field, privacy.Domain{}
	out := privacy.NewColumn(m.As, f.Coordinate, f.Kind, c.Len())
	for row := range c.Len() {
		n, ok := v.keys.find(c, row)
		if !ok || v.tables[n] == nil {
			out.AppendNull()
			continue
		}
		domain = v.tables[n].Columns[0].Domain
		appendFrom(out, v.tables[n], m.As, v.rows[n])
	}
	out.Domain = domain
	return named(out, m.Names)
}
