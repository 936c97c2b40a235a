// Package eval answers a source.Query over a table in memory. It is the meaning of a query: what a source cannot do
// itself is done here, and every adapter is tested against it.
//
//	answer, err := eval.Run(rows, query)
//
// Run reads the table's columns by name and kind and needs no source. Cells without a value, for whatever reason,
// count as NULL. Run keeps the order of the rows where the query asks for none, and orders groups by their keys
// ascending, NULL last. It never changes its input; answers share dictionaries with it.
package eval

import (
	"fmt"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Run filters, orders, limits and projects, or aggregates. Its errors wrap source.ErrInvalid or source.ErrTooLarge.
func Run(in *privacy.Table, q *source.Query) (*privacy.Table, error) {
	rows, err := matching(in, q)
	if err != nil {
		return nil, err
	}
	if q.Aggregate != nil {
		return aggregate(in, rows, q)
	}
	if rows, err = arrange(in, rows, q); err != nil {
		return nil, err
	}
	if q.MaxRows > 0 && len(rows) > q.MaxRows {
		return nil, fmt.Errorf("more than %d rows: %w", q.MaxRows, source.ErrTooLarge)
	}
	return project(in, rows, q.Select)
}

// matching lists the rows that Where and Keys let through.
func matching(in *privacy.Table, q *source.Query) ([]int32, error) {
	where := q.Where
	if q.Keys != nil {
		where = predicate.And(where, predicate.In(q.Keys.Field, q.Keys.Values...))
	}
	holds, err := compile(in, where)
	if err != nil {
		return nil, err
	}
	rows := make([]int32, 0, in.Rows)
	for row := range int32(in.Rows) {
		if holds(row) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// arrange orders and limits.
func arrange(in *privacy.Table, rows []int32, q *source.Query) ([]int32, error) {
	if err := order(in, rows, q.Order); err != nil {
		return nil, err
	}
	switch {
	case q.Limit <= 0:
		return rows, nil
	case q.Keys != nil && q.Keys.PerKey:
		return limitPerKey(in, rows, q.Keys.Field, q.Limit)
	}
	return rows[:min(len(rows), q.Limit)], nil
}

func limitPerKey(in *privacy.Table, rows []int32, field string, limit int) ([]int32, error) {
	key, err := column(in, field)
	if err != nil {
		return nil, err
	}
	taken := map[string]int{}
	kept := rows[:0]
	var buffer []byte
	for _, row := range rows {
		buffer = appendKey(buffer[:0], key, row)
		if n := taken[string(buffer)]; n < limit {
			taken[string(buffer)] = n + 1
			kept = append(kept, row)
		}
	}
	return kept, nil
}

// project gathers the selected columns.
func project(in *privacy.Table, rows []int32, names []string) (*privacy.Table, error) {
	out := &privacy.Table{Rows: len(rows), Columns: make([]*privacy.Column, len(names))}
	whole := isWhole(rows, in.Rows)
	for i, name := range names {
		c, err := column(in, name)
		if err != nil {
			return nil, err
		}
		if whole {
			out.Columns[i] = c
			continue
		}
		out.Columns[i] = c.Gather(rows)
	}
	return out, nil
}

// isWhole reports whether rows is every row in its order, so that columns can be handed on as they are.
func isWhole(rows []int32, n int) bool {
	if len(rows) != n {
		return false
	}
	for i, row := range rows {
		if row != int32(i) {
			return false
		}
	}
	return true
}

func column(in *privacy.Table, name string) (*privacy.Column, error) {
	if c := in.Column(name); c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("no column %q: %w", name, source.ErrInvalid)
}
