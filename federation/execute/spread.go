package execute

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/privacy"
)

// spread is how often each value of one field occurs in one group, over all agencies. NULL is no value.
type spread struct {
	index map[string]int
	seen  []occurrence
}

// occurrence is one value: the cell that holds it, and how many rows do.
type occurrence struct {
	table *privacy.Table
	row   int
	times int64
}

func (o occurrence) column() *privacy.Column { return o.table.Column(plan.ValueColumn) }

// spread adds up what the agencies say of one field. A group that came into being between two statements of a source
// is not there.
func (f *fetch) spread(a *adder, field string, tables []*privacy.Table) error {
	all := make([]spread, len(a.rows))
	for _, t := range tables {
		if t == nil {
			continue
		}
		times, values := t.Column(plan.CountColumn), t.Column(plan.ValueColumn)
		for row := range t.Rows {
			key, err := f.keyOf(t, row)
			if err != nil {
				return err
			}
			n, ok := a.index[groupID(key, a.id(t, row))]
			if ok && !values.IsNull(row) {
				all[n].add(occurrence{t, row, times.Int(row)})
			}
		}
	}
	a.spreads[field] = all
	return nil
}

func (s *spread) add(o occurrence) {
	if s.index == nil {
		s.index = map[string]int{}
	}
	id := string(appendCell(nil, o.column(), o.row))
	at, ok := s.index[id]
	if !ok {
		s.index[id] = len(s.seen)
		s.seen = append(s.seen, o)
		return
	}
	s.seen[at].times += o.times
}

// distinct counts the values of each group.
func (a *adder) distinct(field string) *privacy.Column {
	c := privacy.NewColumn(plan.MeasureColumn("countDistinct", field), a.step.Entity.Members[field].Field.Coordinate, privacy.Int, len(a.rows))
	for _, s := range a.spreads[field] {
		c.AppendInt(int64(len(s.seen)))
	}
	return c
}

// deviation is the sample standard deviation of each group (as SQL's stddev); NULL over less than two values.
func (a *adder) deviation(field string) (*privacy.Column, error) {
	f := a.step.Entity.Members[field].Field
	c := privacy.NewColumn(plan.MeasureColumn("stddev", field), f.Coordinate, privacy.Float, len(a.rows))
	for _, s := range a.spreads[field] {
		v, ok := s.deviation(f.Kind)
		switch {
		case !ok:
			c.AppendNull()
		case math.IsInf(v, 0) || math.IsNaN(v):
			return nil, fmt.Errorf("%w: a standard deviation overflows a double", source.ErrInvalid)
		default:
			c.AppendFloat(v)
		}
	}
	return c, nil
}

func (s *spread) deviation(kind privacy.Kind) (float64, bool) {
	var n int64
	for _, o := range s.seen {
		n += o.times
	}
	if n < 2 {
		return 0, false
	}
	if kind == privacy.Float {
		return s.deviationOfFloats(float64(n)), true
	}
	return s.exactDeviation(n), true
}

// exactDeviation is of integers and decimals, and exact until it is rounded: sqrt((n Σx² - (Σx)²) / (n (n-1))).
func (s *spread) exactDeviation(n int64) float64 {
	sum, squares := new(big.Rat), new(big.Rat)
	for _, o := range s.seen {
		x := o.exact()
		term := new(big.Rat).Mul(x, new(big.Rat).SetInt64(o.times))
		sum.Add(sum, term)
		squares.Add(squares, term.Mul(term, x))
	}
	count := new(big.Rat).SetInt64(n)
	above := squares.Mul(squares, count)
	above.Sub(above, sum.Mul(sum, sum))
	variance, _ := above.Quo(above, count.Mul(count, new(big.Rat).SetInt64(n-1))).Float64()
	return math.Sqrt(variance)
}

// exact is the number of an integer's or a decimal's cell.
func (o occurrence) exact() *big.Rat {
	c := o.column()
	if c.Kind == privacy.Decimal {
		if x, ok := eval.ParseDecimal(c.Text(o.row)); ok {
			return x
		}
		return new(big.Rat)
	}
	return new(big.Rat).SetInt64(c.Int(o.row))
}

// deviationOfFloats takes two passes, the second corrected (Chan, Golub and LeVeque 1983, equation 1.7), over the
// values in their order, so that the order of agencies and rows does not show.
func (s *spread) deviationOfFloats(n float64) float64 {
	values := slices.SortedFunc(slices.Values(s.seen), func(a, b occurrence) int {
		return cmp.Compare(a.column().Float(a.row), b.column().Float(b.row))
	})
	mean := 0.0
	for _, o := range values {
		mean += o.column().Float(o.row) * (float64(o.times) / n)
	}
	squares, rest := 0.0, 0.0
	for _, o := range values {
		d := o.column().Float(o.row) - mean
		squares += float64(o.times) * d * d
		rest += float64(o.times) * d
	}
	return math.Sqrt(max(0, squares-rest*rest/n) / (n - 1))
}

// percentile is, for each group, the least value that at least a part p of the values do not exceed (as SQL's
// percentile_disc); NULL over no values.
func (a *adder) percentile(m plan.Measure) *privacy.Column {
	f, domain := a.step.Seen(m.Field)
	c := privacy.NewColumn(plan.MeasureColumn(m.Func, m.Field), f.Coordinate, f.Kind, len(a.rows))
	c.Domain = domain
	for _, s := range a.spreads[m.Field] {
		o, ok := s.percentile(a.step.Percentiles[m.Func])
		if !ok {
			c.AppendNull()
			continue
		}
		appendFrom(c, o.table, plan.ValueColumn, o.row)
	}
	return c
}

func (s *spread) percentile(p float64) (occurrence, bool) {
	values := slices.SortedFunc(slices.Values(s.seen), func(a, b occurrence) int {
		return privacy.CompareCells(a.column(), a.row, b.column(), b.row)
	})
	var n int64
	for _, o := range values {
		n += o.times
	}
	rank := max(1, int64(math.Ceil(p*float64(n))))
	for _, o := range values {
		if rank -= o.times; rank <= 0 {
			return o, true
		}
	}
	return occurrence{}, false
}
