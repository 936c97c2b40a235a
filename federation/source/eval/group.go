package eval

import (
	"fmt"

	"concordat/federation/source"
	"concordat/privacy"
)

// aggregate groups rows and measures each group.
func aggregate(in *privacy.Table, rows []int32, q *source.Query) (*privacy.Table, error) {
	keys, err := groupColumns(in, q.Aggregate.Group)
	if err != nil {
		return nil, err
	}
	g := grouping(keys, rows)
	if q.MaxRows > 0 && len(g.first) > q.MaxRows {
		return nil, fmt.Errorf("more than %d groups: %w", q.MaxRows, source.ErrTooLarge)
	}
	out := &privacy.Table{Rows: len(g.first)}
	for _, k := range keys {
		out.Columns = append(out.Columns, k.Gather(g.first))
	}
	for _, m := range q.Aggregate.Measures {
		c, err := measure(in, rows, g, m)
		if err != nil {
			return nil, err
		}
		out.Columns = append(out.Columns, c)
	}
	return sorted(out, q.Aggregate.Group)
}

// groups says which group each row is in and which row stands for each group (-1: the group of no rows).
type groups struct {
	of    []int32
	first []int32
}

func grouping(keys []*privacy.Column, rows []int32) *groups {
	g := &groups{of: make([]int32, len(rows))}
	if len(keys) == 0 {
		g.first = []int32{-1}
		return g
	}
	index := map[string]int32{}
	var buffer []byte
	for i, row := range rows {
		buffer = buffer[:0]
		for _, k := range keys {
			buffer = appendKey(buffer, k, row)
		}
		at, ok := index[string(buffer)]
		if !ok {
			at = int32(len(g.first))
			index[string(buffer)] = at
			g.first = append(g.first, row)
		}
		g.of[i] = at
	}
	return g
}

// groupColumns is the keys over all rows of the table, truncated to their grain and named As.
func groupColumns(in *privacy.Table, by []source.Group) ([]*privacy.Column, error) {
	keys := make([]*privacy.Column, len(by))
	for i, g := range by {
		c, err := column(in, g.Field)
		if err != nil {
			return nil, err
		}
		if c, err = truncate(c, g.Grain); err != nil {
			return nil, err
		}
		renamed := *c
		renamed.Name = g.As
		keys[i] = &renamed
	}
	return keys, nil
}

// sorted orders groups by their keys, ascending, NULL last: an order that does not depend on the rows' order.
func sorted(t *privacy.Table, by []source.Group) (*privacy.Table, error) {
	rows := make([]int32, t.Rows)
	for i := range rows {
		rows[i] = int32(i)
	}
	terms := make([]source.Order, len(by))
	for i, g := range by {
		terms[i].Field = g.As
	}
	if err := order(t, rows, terms); err != nil {
		return nil, err
	}
	for i, c := range t.Columns {
		t.Columns[i] = c.Gather(rows)
	}
	return t, nil
}
