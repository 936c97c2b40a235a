package sourcetest

import (
	"slices"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Derived are computed columns over the suite's relation, by name. Their transforms come from elsewhere.
type Derived map[string]source.Column

// RunDerived asks a source that computes derived columns for filters, sets, orders, limits, groups and extremes over
// them, and compares with what they are computed to here.
func RunDerived(t *testing.T, build Make, derived Derived, limits ...Limit) {
	rel, rows := Relation(), Rows(limits...)
	s := &suite{build(t, rel, rows), Relation(), rows}
	for name, c := range derived {
		s.rel.Columns[name] = c
	}
	for name := range derived {
		t.Run(name, func(t *testing.T) { s.derived(t, name) })
	}
}

func (s *suite) derived(t *testing.T, name string) {
	first := s.lean(predicate.Always())
	first.Select = []string{name}
	computed := &privacy.Table{Rows: s.rows.Rows, Columns: slices.Clone(s.rows.Columns)}
	if err := first.Compute(computed); err != nil {
		t.Fatal(err)
	}
	over := &suite{s.src, s.rel, computed}
	values := operands(computed.Column(name))
	for _, p := range []predicate.Predicate{predicate.Null(name), predicate.In(name, values...)} {
		over.agree(t, over.lean(p))
		over.agree(t, over.lean(predicate.Not(p)))
	}
	for _, v := range values {
		for op := predicate.Eq; op <= predicate.Gte; op++ {
			p := predicate.Compare(name, op, v)
			over.agree(t, over.lean(p))
			over.agree(t, over.lean(predicate.And(predicate.Not(p), predicate.Compare("small", predicate.Gt, predicate.Int(0)))))
		}
	}
	for _, descending := range []bool{false, true} {
		q := over.query(predicate.Always())
		q.Select = []string{name, "id"}
		q.Order, q.Limit = []source.Order{{Field: name, Descending: descending, NullsFirst: descending}, {Field: "id"}}, 40
		over.agree(t, q)
	}
	over.agree(t, over.aggregate(predicate.Always(), []source.Group{{Field: name, As: "g"}}, []source.Measure{{Func: source.CountRows, As: "n"},
		{Func: source.Min, Field: name, As: "min"}, {Func: source.Max, Field: name, As: "max"}}))
	over.domain(t, name)
}

// domain is the transform's, whoever computes: values of two domains are never compared.
func (s *suite) domain(t *testing.T, name string) {
	q := s.query(predicate.Always())
	q.Select = []string{name}
	want, err := eval.Run(s.rows, q)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.src.Fetch(t.Context(), q)
	if err != nil || got.Columns[0].Domain != want.Columns[0].Domain {
		t.Errorf("domain %v, want %v (%v)", got.Columns[0].Domain, want.Columns[0].Domain, err)
	}
}

// operands are values that a computed column holds, and values beside them.
func operands(c *privacy.Column) []predicate.Value {
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
