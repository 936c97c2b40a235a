package sourcetest

import (
	"context"
	"strconv"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// many is how many rows the large relation has, and how many identifiers the largest sets.
const many = 100_000

// RunLarge asks a source that holds 10^5 rows for sets of 10^5 identifiers, for pages and for groups.
func RunLarge(t *testing.T, build Make) {
	rel, rows := LargeRelation(), LargeRows()
	s := &suite{build(t, rel, rows), rel, rows}
	for name, p := range map[string]predicate.Predicate{
		"texts": predicate.In("id", identifiers(many)...), "whole numbers": predicate.In("n", numbers(many)...),
	} {
		t.Run(name, func(t *testing.T) {
			s.count(t, p, many/2)
			s.count(t, predicate.Not(p), many/2)
			s.count(t, predicate.And(p, predicate.Compare("part", predicate.Eq, predicate.Int(7))), many/200)
		})
	}
	t.Run("keys", func(t *testing.T) {
		s.agree(t, &source.Query{Relation: rel, Select: []string{"id", "n"}, Where: predicate.Always(), MaxRows: many,
			Keys: &source.Keys{Field: "id", Values: identifiers(many)}, Order: []source.Order{{Field: "id", Descending: true}}})
	})
	t.Run("a page of the whole", func(t *testing.T) {
		s.agree(t, &source.Query{Relation: rel, Select: []string{"id", "n", "part"}, Where: predicate.Compare("n", predicate.Gt, predicate.Int(500)),
			MaxRows: many, Order: []source.Order{{Field: "part", Descending: true}, {Field: "id"}}, Limit: 1000})
	})
	t.Run("every row", func(t *testing.T) {
		s.agree(t, &source.Query{Relation: rel, Select: []string{"id", "n", "part"}, Where: predicate.Always(), MaxRows: many, Order: []source.Order{{Field: "id"}}})
	})
	t.Run("groups", func(t *testing.T) {
		s.agree(t, &source.Query{Relation: rel, Where: predicate.Always(), MaxRows: many, Aggregate: &source.Aggregate{
			Group:    []source.Group{{Field: "part", As: "part"}},
			Measures: []source.Measure{{Func: source.CountRows, As: "rows"}, {Func: source.Sum, Field: "n", As: "sum"}, {Func: source.Max, Field: "id", As: "last"}}}})
	})
}

// LargeRelation is the relation that RunLarge asks for.
func LargeRelation() *source.Relation {
	return &source.Relation{Type: "Large", Table: "large", Columns: map[string]source.Column{
		"id":   {Coordinate: "Large.id", Physical: "id", Kind: privacy.String},
		"n":    {Coordinate: "Large.n", Physical: "n", Kind: privacy.BigInt},
		"part": {Coordinate: "Large.part", Physical: "part", Kind: privacy.Int},
	}}
}

// LargeRows is every even number up to 2*10^5.
func LargeRows() *privacy.Table {
	id := privacy.NewColumn("id", "Large.id", privacy.String, many)
	n := privacy.NewColumn("n", "Large.n", privacy.BigInt, many)
	part := privacy.NewColumn("part", "Large.part", privacy.Int, many)
	for i := range many {
		id.AppendText("id " + strconv.Itoa(2*i))
		n.AppendInt(int64(2 * i))
		part.AppendInt(int64(i % 100))
	}
	return &privacy.Table{Rows: many, Columns: []*privacy.Column{id, n, part}}
}

// identifiers are those of the first n numbers: every second one is there.
func identifiers(n int) []predicate.Value {
	out := make([]predicate.Value, n)
	for i := range out {
		out[i] = predicate.String("id " + strconv.Itoa(i))
	}
	return out
}

func numbers(n int) []predicate.Value {
	out := make([]predicate.Value, n)
	for i := range out {
		out[i] = predicate.Int(int64(i))
	}
	return out
}

// count compares the number of rows with the oracle's and with what it is known to be.
func (s *suite) count(t *testing.T, p predicate.Predicate, known int) {
	t.Helper()
	q := s.aggregate(p, nil, []source.Measure{{Func: source.CountRows, As: "n"}})
	want, err := eval.Run(s.rows, q)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.src.Fetch(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	if got.Columns[0].Int(0) != want.Columns[0].Int(0) || got.Columns[0].Int(0) != int64(known) {
		t.Fatalf("got %d, the gateway says %d, it is %d", got.Columns[0].Int(0), want.Columns[0].Int(0), known)
	}
}
