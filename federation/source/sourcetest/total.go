package sourcetest

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"concordat/federation/source"
	"concordat/policy/predicate"
)

// totals asks a source that adds up products of bounded numbers for random ones, in groups, and compares with what they
// are here. One that says no is not asked.
func (s *suite) totals(t *testing.T) {
	src, ok := s.src.(source.Totaler)
	if !ok {
		return // never asked
	}
	s.agree(t, s.lean(predicate.Always())) // a table that is not known has no totals yet
	asked := 0
	rapid.Check(t, func(t *rapid.T) {
		groups := [][]source.Group{nil, {{Field: "name", As: "g"}}, {{Field: "name", As: "g"}, {Field: "tag", As: "h"}},
			{{Field: "small", Edges: []predicate.Value{predicate.Int(-2), predicate.Decimal("0.5"), predicate.Int(7)}, As: "g"}}}
		q := s.aggregate(s.predicate(t, 2), rapid.SampledFrom(groups).Draw(t, "groups"), nil)
		for i := range rapid.IntRange(1, 3).Draw(t, "measures") {
			q.Aggregate.Measures = append(q.Aggregate.Measures, source.Measure{Func: source.Total, Product: s.product(t), As: "m" + strconv.Itoa(i)})
		}
		if !src.Totals(q) {
			s.agree(t, s.lean(predicate.Always()))
			return
		}
		asked++
		s.agree(t, q)
	})
	if asked == 0 {
		t.Error("no total was asked for")
	}
	price := s.aggregate(predicate.Always(), nil, []source.Measure{{Func: source.Total, As: "m",
		Product: &source.Product{Factors: []source.Factor{{Field: "price", Upper: 1}}}}})
	if src.Totals(price) {
		t.Error("decimals of any number of digits are taken as whole units")
	}
}

func (s *suite) product(t *rapid.T) *source.Product {
	p := &source.Product{}
	for _, f := range rapid.SliceOfN(rapid.SampledFrom([]string{"small", "big"}), 0, 2).Draw(t, "factors") {
		bounds := rapid.SampledFrom([][2]int64{{0, 1}, {-3, 12}, {5, 5}, {-1000, -7}, {-1 << 28, 1 << 28}, {-999_999_999, 1_000_000_007}}).Draw(t, "bounds")
		p.Factors = append(p.Factors, source.Factor{Field: f, Scale: rapid.SampledFrom([]int{0, 0, 2, 9}).Draw(t, "scale"), Lower: bounds[0], Upper: bounds[1]})
	}
	if len(p.Factors) == 1 && rapid.Bool().Draw(t, "wide") {
		p.Factors[0].Lower, p.Factors[0].Upper = -1<<56, 1<<56 // a hundred of them overflow nowhere
	}
	p.Present = rapid.SliceOfN(rapid.SampledFrom([]string{"tag", "name", "ratio", "day", "price", "flag"}), 0, 2).Draw(t, "present")
	return p
}
