package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/federation/source/sourcetest"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/deid"
)

var scope = privacy.Scope{Agreement: "a", Purpose: "p", Root: []byte("0123456789abcdef0123456789abcdef")}

// derivedRelation is the suite's relation with every transform that an algebra admits, and order hashes.
func derivedRelation(t testing.TB) *source.Relation {
	t.Helper()
	r := sourcetest.Relation()
	add := func(name, from string, ob privacy.Obligation) {
		stored := r.Columns[from]
		do, err := deid.New().Prepare(stored.Kind, ob, scope)
		if err != nil {
			t.Fatal(err)
		}
		r.Columns[name] = source.Column{Coordinate: stored.Coordinate, Kind: stored.Kind, Derived: &source.Derived{From: from, Is: ob, Do: do}}
	}
	add("year of day", "day", privacy.Obligation{Method: "year"})
	add("month of day", "day", privacy.Obligation{Method: "month"})
	add("year of at", "at", privacy.Obligation{Method: "year"})
	add("month of at", "at", privacy.Obligation{Method: "month"})
	add("prefix of name", "name", privacy.Obligation{Method: "prefix", Arguments: `{"length":2}`})
	add("pseudonym of name", "name", privacy.Obligation{Method: "pseudonym"})
	add("round of small", "small", privacy.Obligation{Method: "round", Arguments: `{"to":10}`})
	add("round of ratio", "ratio", privacy.Obligation{Method: "round", Arguments: `{"to":0.5}`})
	for _, from := range []string{"id", "name", "small", "day", "at"} {
		h, err := privacy.NewOrderHash(scope, r.Columns[from].Coordinate)
		if err != nil {
			t.Fatal(err)
		}
		r.Columns["hash of "+from] = source.Column{Coordinate: r.Columns[from].Coordinate, Kind: privacy.BigInt,
			Derived: &source.Derived{From: from, Is: h.Obligation(), Do: h.Column, Hash: h}}
	}
	return r
}

// operands are values that a derived column holds, and values beside them.
func operands(r *source.Relation, rows *privacy.Table, name string) []predicate.Value {
	c := rows.Column(name)
	out := []predicate.Value{{}}
	for row := 0; row < c.Len() && len(out) < 12; row += 7 {
		switch {
		case c.IsNull(row):
		case c.Kind == privacy.Time:
			out = append(out, predicate.Micros(c.Int(row)), predicate.Micros(c.Int(row)+1))
		case c.Kind == privacy.Float:
			out = append(out, predicate.Float(c.Float(row)))
		case c.Kind.Text():
			out = append(out, predicate.String(c.Text(row)), predicate.String(c.Text(row)+"x"))
		default:
			out = append(out, predicate.Int(c.Int(row)), predicate.Int(c.Int(row)/2))
		}
	}
	return out
}

// Whatever SQLite computes itself, it computes as the gateway does: filters, sets, order, limits per key, groups and
// extremes over transformed values, on the suite's awkward rows.
func TestDerivedColumnsAreWhatTheGatewayComputes(t *testing.T) {
	r, rows := derivedRelation(t), sourcetest.Rows()
	path := filepath.Join(t.TempDir(), "awkward.db")
	fill(t, path, rows, map[privacy.Kind]string{privacy.String: "TEXT", privacy.Date: "DATE", privacy.Time: "DATETIME", privacy.Int: "INTEGER"})
	s := open(t, path)
	if err := s.Check(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	for name := range r.Columns {
		if r.Columns[name].Derived == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for _, q := range derivedQueries(t, r, rows, name) {
				sameAnswer(t, s, rows, q)
			}
		})
	}
}

func sameAnswer(t *testing.T, s source.Source, rows *privacy.Table, q *source.Query) {
	t.Helper()
	computed := &privacy.Table{Rows: rows.Rows, Columns: slices.Clone(rows.Columns)}
	if err := q.Compute(computed); err != nil {
		t.Fatal(err)
	}
	want, err := eval.Run(computed, q)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Fetch(context.Background(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q.Where.Node(), err)
	}
	if w, g := spell(want), spell(got); w != g {
		t.Fatalf("%+v order %v\ngot  %.400s\nwant %.400s", q.Where.Node(), q.Order, g, w)
	}
}

func spell(t *privacy.Table) string {
	out := fmt.Sprintln(t.Rows)
	for _, c := range t.Columns {
		out += fmt.Sprint(c.Name, c.Kind, c.Domain, ":")
		for row := range t.Rows {
			switch {
			case c.IsNull(row):
				out += " -"
			case c.Kind.Text():
				out += fmt.Sprintf(" %q", c.Text(row))
			case c.Kind == privacy.Float:
				out += fmt.Sprint(" ", c.Float(row))
			default:
				out += fmt.Sprint(" ", c.Int(row))
			}
		}
		out += "\n"
	}
	return out
}

func derivedQueries(t *testing.T, r *source.Relation, rows *privacy.Table, name string) []*source.Query {
	list := func(where predicate.Predicate) *source.Query {
		return &source.Query{Relation: r, Select: []string{"id"}, Where: where, MaxRows: 1000, Order: []source.Order{{Field: "id"}}}
	}
	first := list(predicate.Always())
	first.Select = []string{name}
	computed := &privacy.Table{Rows: rows.Rows, Columns: slices.Clone(rows.Columns)}
	if err := first.Compute(computed); err != nil {
		t.Fatal(err)
	}
	values := operands(r, computed, name)
	out := []*source.Query{list(predicate.Null(name)), list(predicate.Not(predicate.Null(name))), list(predicate.In(name, values...)),
		list(predicate.Not(predicate.In(name, values...)))}
	for _, v := range values {
		for op := predicate.Eq; op <= predicate.Gte; op++ {
			p := predicate.Compare(name, op, v)
			out = append(out, list(p), list(predicate.And(predicate.Not(p), predicate.Compare("small", predicate.Gt, predicate.Int(0)))))
		}
	}
	for _, descending := range []bool{false, true} {
		q := list(predicate.Always())
		q.Select = []string{name, "id"}
		q.Order, q.Limit = []source.Order{{Field: name, Descending: descending, NullsFirst: descending}, {Field: "id"}}, 40
		out = append(out, q)
	}
	keyed := list(predicate.Always())
	keyed.Select, keyed.Limit, keyed.Order = []string{"tag", "id"}, 2, []source.Order{{Field: name}, {Field: "id"}}
	keyed.Keys = &source.Keys{Field: "tag", Values: []predicate.Value{predicate.Int(2)}, PerKey: true}
	return append(out, keyed, &source.Query{Relation: r, Where: predicate.Always(), MaxRows: 1000, Aggregate: &source.Aggregate{
		Group: []source.Group{{Field: name, As: "g"}}, Measures: []source.Measure{{Func: source.CountRows, As: "n"},
			{Func: source.Min, Field: name, As: "min"}, {Func: source.Max, Field: name, As: "max"}}}})
}
