package eval

import (
	"fmt"

	"concordat/federation/source"
	"concordat/policy/predicate"
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
		k, err := Key(in, g)
		if err != nil {
			return nil, err
		}
		keys[i] = k
	}
	return keys, nil
}

// Key is the grouping key of each row of a table.
func Key(in *privacy.Table, g source.Group) (*privacy.Column, error) {
	if g.Via != "" {
		return nil, fmt.Errorf("a key of related rows, of which there are none here: %w", source.ErrInvalid)
	}
	c, err := column(in, g.Field)
	if err != nil {
		return nil, err
	}
	switch {
	case g.Edges != nil:
		c, err = reached(in, c, g)
	case g.Prefix > 0:
		c, err = beginnings(c, g.Prefix)
	default:
		c, err = truncate(c, g)
	}
	if err != nil {
		return nil, err
	}
	named := *c
	named.Name = g.As
	return &named, nil
}

// reached counts the edges that a number reaches: none below the first.
func reached(in *privacy.Table, c *privacy.Column, g source.Group) (*privacy.Column, error) {
	if g.Key(c.Kind) != privacy.Int {
		return nil, fmt.Errorf("%s has no intervals: %w", c.Coordinate, source.ErrInvalid)
	}
	below := make([]test, len(g.Edges))
	for i, edge := range g.Edges {
		var err error
		if below[i], err = compile(in, predicate.Compare(g.Field, predicate.Lt, edge)); err != nil {
			return nil, err
		}
	}
	out := privacy.NewColumn(c.Name, c.Coordinate, privacy.Int, in.Rows)
	for row := range int32(in.Rows) {
		if c.States[row] != privacy.Value {
			out.AppendNull()
			continue
		}
		n := 0
		for n < len(below) && !below[n](row) {
			n++
		}
		out.AppendInt(int64(n))
	}
	return out, nil
}

// beginnings cuts each distinct text once.
func beginnings(c *privacy.Column, n int) (*privacy.Column, error) {
	if c.Kind != privacy.String {
		return nil, fmt.Errorf("%s has no prefix: %w", c.Coordinate, source.ErrInvalid)
	}
	cut := *c
	cut.Dict = make([]string, len(c.Dict))
	for i, text := range c.Dict {
		cut.Dict[i] = beginning(text, n)
	}
	return cut.Gather(everyRow(len(c.States))), nil
}

func everyRow(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// beginning is the first n characters of a text.
func beginning(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
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
