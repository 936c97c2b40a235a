package execute

import (
	"math"
	"testing"

	"concordat/federation/plan"
	"concordat/privacy"
)

// spreadOf is the spread of the values that next gives, n of them.
func spreadOf(kind privacy.Kind, n int, next func(i int) float64) *spread {
	c := privacy.NewColumn(plan.ValueColumn, "", kind, n)
	for i := range n {
		if kind == privacy.Float {
			c.AppendFloat(next(i))
		} else {
			c.AppendInt(int64(next(i)))
		}
	}
	t := &privacy.Table{Rows: n, Columns: []*privacy.Column{c}}
	s := &spread{}
	for i := range n {
		s.add(occurrence{t, i, 1})
	}
	return s
}

// NIST Statistical Reference Datasets, univariate summary statistics: certified standard deviations, and one more.
func TestDeviationsAreThoseThatNISTCertifies(t *testing.T) {
	alternating := func(first, even, odd float64) func(int) float64 {
		return func(i int) float64 {
			switch {
			case i == 0:
				return first
			case i%2 == 0:
				return even
			}
			return odd
		}
	}
	for _, c := range []struct {
		name   string
		kind   privacy.Kind
		n      int
		next   func(int) float64
		want   float64
		digits float64 // of agreement
	}{
		{"NumAcc1", privacy.Int, 3, alternating(10000001, 10000002, 10000003), 1, 15},
		{"NumAcc2", privacy.Float, 1001, alternating(1.2, 1.3, 1.1), 0.1, 14},
		{"NumAcc3", privacy.Float, 1001, alternating(1000000.2, 1000000.3, 1000000.1), 0.1, 9},
		{"NumAcc4", privacy.Float, 1001, alternating(10000000.2, 10000000.3, 10000000.1), 0.1, 8},
		{"ten digits of pi, by Python's statistics.stdev", privacy.Int, 10, func(i int) float64 { return float64("3141592653"[i] - '0') }, 2.4698178070456938, 15},
	} {
		got, ok := spreadOf(c.kind, c.n, c.next).deviation(c.kind)
		if !ok || math.Abs(got-c.want) > c.want*math.Pow(10, -c.digits) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestDeviationOfLargeIntegersIsExact(t *testing.T) {
	c := privacy.NewColumn(plan.ValueColumn, "", privacy.BigInt, 3)
	for _, v := range []int64{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 - 2} {
		c.AppendInt(v)
	}
	s := &spread{}
	for i := range 3 {
		s.add(occurrence{&privacy.Table{Rows: 3, Columns: []*privacy.Column{c}}, i, 1})
	}
	if got, ok := s.deviation(privacy.BigInt); !ok || got != 1 {
		t.Errorf("%v, %t", got, ok)
	}
}

func TestDeviationNeedsTwoValues(t *testing.T) {
	for n, want := range []bool{false, false, true} {
		if _, ok := spreadOf(privacy.Int, n, func(int) float64 { return 7 }).deviation(privacy.Int); ok != want {
			t.Errorf("of %d values: %t", n, ok)
		}
	}
}

// Two agencies that describe the same values say together what one would: equal values are one value, seen more often.
func TestSpreadsOfAgenciesAddUp(t *testing.T) {
	both, one := spreadOf(privacy.Int, 4, func(i int) float64 { return float64(i) }), spreadOf(privacy.Int, 8, func(i int) float64 { return float64(i / 2) })
	for _, o := range both.seen[:4:4] {
		both.add(o)
	}
	if len(both.seen) != 4 || len(one.seen) != 4 {
		t.Fatalf("%d and %d distinct values", len(both.seen), len(one.seen))
	}
	a, _ := both.deviation(privacy.Int)
	b, _ := one.deviation(privacy.Int)
	if a != b {
		t.Errorf("%v and %v", a, b)
	}
}
