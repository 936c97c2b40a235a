package sourcetest

import (
	"testing"

	"pgregory.net/rapid"

	"concordat/federation/source"
	"concordat/policy/predicate"
)

// random compares queries nobody thought of.
func (s *suite) random(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		where := s.predicate(t, 3)
		if rapid.IntRange(0, 3).Draw(t, "aggregate") == 0 {
			s.agree(t, s.aggregate(where, s.groups(t), s.measures()))
			return
		}
		q := s.query(where)
		q.Select = rapid.SliceOfNDistinct(rapid.SampledFrom(fieldNames()), 0, 5, rapid.ID[string]).Draw(t, "select")
		q.Order = append(s.order(t), q.Order...)
		q.Limit = rapid.SampledFrom([]int{0, 0, 1, 3, 50}).Draw(t, "limit")
		if rapid.Bool().Draw(t, "keyed") {
			f := rapid.SampledFrom(fieldNames()).Draw(t, "key")
			q.Keys = &source.Keys{Field: f, Values: rapid.SliceOfN(rapid.SampledFrom(constants(s.rel.Columns[f].Kind)), 0, 9).Draw(t, "values")}
		}
		s.agree(t, q)
	})
}

func (s *suite) predicate(t *rapid.T, depth int) predicate.Predicate {
	f := rapid.SampledFrom(fieldNames()).Draw(t, "field")
	value := rapid.SampledFrom(constants(s.rel.Columns[f].Kind))
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if depth == 0 {
		kind = kind % 4
	}
	switch kind {
	case 0:
		return predicate.In(f, rapid.SliceOfN(value, 1, 6).Draw(t, "values")...)
	case 1:
		return predicate.Null(f)
	case 2:
		return predicate.Fields(f, s.operator(t), rapid.SampledFrom(fieldNames()).Draw(t, "other"))
	case 3:
		return predicate.Compare(f, s.operator(t), value.Draw(t, "value"))
	case 4:
		return predicate.Not(s.predicate(t, depth-1))
	case 5:
		return predicate.And(s.predicate(t, depth-1), s.predicate(t, depth-1))
	}
	return predicate.Or(s.predicate(t, depth-1), s.predicate(t, depth-1))
}

func (s *suite) operator(t *rapid.T) predicate.Op {
	return rapid.SampledFrom([]predicate.Op{predicate.Eq, predicate.Ne, predicate.Lt, predicate.Lte, predicate.Gt, predicate.Gte,
		predicate.Contains, predicate.Like}).Draw(t, "operator")
}

func (s *suite) order(t *rapid.T) []source.Order {
	var by []source.Order
	for _, f := range rapid.SliceOfNDistinct(rapid.SampledFrom(fieldNames()), 0, 2, rapid.ID[string]).Draw(t, "order") {
		by = append(by, source.Order{Field: f, Descending: rapid.Bool().Draw(t, "descending")})
	}
	return by
}

func (s *suite) groups(t *rapid.T) []source.Group {
	var by []source.Group
	for _, f := range rapid.SliceOfNDistinct(rapid.SampledFrom(fieldNames()), 0, 2, rapid.ID[string]).Draw(t, "groups") {
		g := source.Group{Field: f, As: "by_" + f}
		if f == "day" || f == "at" {
			g.Grain = rapid.SampledFrom([]source.Grain{source.NoGrain, source.Day, source.Week, source.Month, source.Quarter, source.Year}).Draw(t, "grain")
		}
		by = append(by, g)
	}
	return by
}
