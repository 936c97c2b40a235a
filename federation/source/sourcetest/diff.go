package sourcetest

import (
	"fmt"
	"math"
	"strings"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// diff is the first difference of two tables, "" where there is none. Sums of floats may differ in their last bits.
func diff(want, got *privacy.Table) string {
	if want.Rows != got.Rows || len(want.Columns) != len(got.Columns) {
		return fmt.Sprintf("want %d rows of %d columns, got %d of %d", want.Rows, len(want.Columns), got.Rows, len(got.Columns))
	}
	for i, w := range want.Columns {
		g := got.Columns[i]
		if w.Name != g.Name || w.Kind != g.Kind || w.Coordinate != g.Coordinate || g.Len() != got.Rows {
			return fmt.Sprintf("want column %s (%d, %s), got %s (%d, %s) of %d rows", w.Name, w.Kind, w.Coordinate, g.Name, g.Kind, g.Coordinate, g.Len())
		}
		for row := range want.Rows {
			if !same(w, g, row) {
				return fmt.Sprintf("column %s, row %d: want %s, got %s", w.Name, row, show(w, row), show(g, row))
			}
		}
	}
	return ""
}

func same(a, b *privacy.Column, row int) bool {
	switch {
	case a.IsNull(row) || b.IsNull(row):
		return a.IsNull(row) == b.IsNull(row)
	case a.Kind == privacy.Float:
		x, y := a.Float(row), b.Float(row)
		return x == y || math.Abs(x-y) <= 1e-12*math.Max(math.Abs(x), math.Abs(y))
	case a.Kind == privacy.Decimal: // of two spellings of the least price, either will do
		x, okX := eval.ParseDecimal(a.Text(row))
		y, okY := eval.ParseDecimal(b.Text(row))
		return okX && okY && x.Cmp(y) == 0
	case a.Kind.Text():
		return a.Text(row) == b.Text(row)
	}
	return a.Int(row) == b.Int(row)
}

func show(c *privacy.Column, row int) string {
	switch {
	case c.IsNull(row):
		return "NULL"
	case c.Kind == privacy.Float:
		return fmt.Sprint(c.Float(row))
	case c.Kind.Text():
		return fmt.Sprintf("%q", c.Text(row))
	}
	return fmt.Sprint(c.Int(row))
}

func describe(q *source.Query) string {
	return fmt.Sprintf("where %s keys %+v order %v limit %d aggregate %+v", print(q.Where), q.Keys, q.Order, q.Limit, q.Aggregate)
}

// print writes a predicate for people.
func print(p predicate.Predicate) string {
	n := p.Node()
	var kids []string
	for _, k := range n.Kids {
		kids = append(kids, print(k))
	}
	switch n.Kind {
	case predicate.KindNever:
		return "never"
	case predicate.KindAlways:
		return "always"
	case predicate.KindAnd:
		return "(" + strings.Join(kids, " and ") + ")"
	case predicate.KindOr:
		return "(" + strings.Join(kids, " or ") + ")"
	case predicate.KindNot:
		return "not " + kids[0]
	case predicate.KindNull:
		return n.Field + " is null"
	case predicate.KindIn:
		return fmt.Sprintf("%s in %+v", n.Field, n.Values)
	case predicate.KindFields:
		return fmt.Sprintf("%s op%d %s", n.Field, n.Op, n.Other)
	}
	return fmt.Sprintf("%s op%d %+v", n.Field, n.Op, n.Value)
}
