package source

import "concordat/privacy"

// None is the answer to a row query that matches nothing: its columns without a row.
func None(q *Query) *privacy.Table {
	t := &privacy.Table{Columns: make([]*privacy.Column, len(q.Select))}
	for i, f := range q.Select {
		t.Columns[i] = NewColumn(q.Relation, f, 0)
	}
	return t
}

// NewColumn is an empty column for a field of r.
func NewColumn(r *Relation, field string, capacity int) *privacy.Column {
	c := r.Columns[field]
	out := privacy.NewColumn(field, c.Coordinate, c.Kind, capacity)
	if c.Derived != nil {
		out.Domain = c.Derived.Is.Domain()
	}
	return out
}
