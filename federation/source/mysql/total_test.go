package mysql_test

import (
	"context"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Decimals of a declared number of digits are added up in units of the last of them; the oracle is package eval over the
// same rows. More digits than are asked for are not taken.
func TestDeclaredDecimalsAreAddedUp(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TABLE t (id integer PRIMARY KEY, price numeric(20,2), small smallint)")
	db.exec("INSERT INTO t VALUES (1, 1.25, 3), (2, -0.01, 32767), (3, 99999999999999999.99, -32768), (4, -99999999999999999.99, 0), (5, NULL, 7), (6, 10.00, NULL), (7, 9.99, 2), (8, -5.05, 1)")
	r := relationOf("t", map[string]privacy.Kind{"id": privacy.Int, "price": privacy.Decimal, "small": privacy.Int})
	s := db.open(r)
	rows, err := s.Fetch(context.Background(), &source.Query{Relation: r, Select: []string{"id", "price", "small"}, Where: predicate.Always(), MaxRows: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, bounds := range [][2]int64{{-500, 1000}, {-1, 1 << 40}, {-999_999_999, -505}, {0, 0}} {
		for _, scale := range []int{1, 2, 5, 9} {
			price := source.Factor{Field: "price", Scale: scale, Lower: bounds[0], Upper: bounds[1]}
			small := source.Factor{Field: "small", Scale: scale, Lower: -40_000, Upper: 400}
			q := &source.Query{Relation: r, Where: predicate.Always(), MaxRows: 9, Aggregate: &source.Aggregate{}}
			for i, factors := range [][]source.Factor{{price}, {small}, {price, small}} {
				q.Aggregate.Measures = append(q.Aggregate.Measures, source.Measure{Func: source.Total, Product: &source.Product{Factors: factors, Present: []string{"id"}}, As: string(rune('a' + i))})
			}
			if scale < 2 {
				if s.Totals(q) {
					t.Error("two digits are taken as one")
				}
				continue
			}
			want, err := eval.Run(rows, q)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Fetch(context.Background(), q)
			if err != nil || !s.Totals(q) {
				t.Fatal(err, s.Totals(q))
			}
			for i, c := range want.Columns {
				if got.Columns[i].Int(0) != c.Int(0) {
					t.Errorf("%v of scale %d, measure %d: %d, want %d", bounds, scale, i, got.Columns[i].Int(0), c.Int(0))
				}
			}
		}
	}
}
