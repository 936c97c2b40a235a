package eval

import (
	"fmt"
	"math"
	"math/bits"

	"concordat/federation/source"
	"concordat/privacy"
)

// measure computes one aggregate for each group.
func measure(in *privacy.Table, rows []int32, g *groups, m source.Measure) (*privacy.Column, error) {
	if m.Func == source.CountRows {
		return counts(nil, rows, g, m.As), nil
	}
	c, err := column(in, m.Field)
	if err != nil {
		return nil, err
	}
	kind := m.Result(c.Kind)
	if kind == 0 {
		return nil, fmt.Errorf("no such measure of %q: %w", m.Field, source.ErrInvalid)
	}
	switch m.Func {
	case source.CountValues:
		out := counts(c, rows, g, m.As)
		out.Coordinate = c.Coordinate
		return out, nil
	case source.Sum:
		out := privacy.NewColumn(m.As, c.Coordinate, kind, len(g.first))
		if kind == privacy.Float {
			return out, sumFloats(out, c, rows, g)
		}
		return out, sumInts(out, c, rows, g)
	}
	return extreme(c, rows, g, m), nil
}

// counts counts rows, or the values of c.
func counts(c *privacy.Column, rows []int32, g *groups, as string) *privacy.Column {
	n := make([]int64, len(g.first))
	for i, row := range rows {
		if c == nil || c.States[row] == privacy.Value {
			n[g.of[i]]++
		}
	}
	out := privacy.NewColumn(as, "", privacy.Int, len(n))
	for _, v := range n {
		out.AppendInt(v)
	}
	return out
}

// wide is a signed 128-bit sum, so that only the result can overflow, never a step on the way to it.
type wide struct {
	low  uint64
	high int64
	any  bool
}

func (w *wide) add(v int64) {
	var carry uint64
	w.low, carry = bits.Add64(w.low, uint64(v), 0)
	w.high += v>>63 + int64(carry)
	w.any = true
}

func (w *wide) int64() (int64, bool) {
	v := int64(w.low)
	return v, w.high == v>>63
}

func sumInts(out, c *privacy.Column, rows []int32, g *groups) error {
	sums := make([]wide, len(g.first))
	for i, row := range rows {
		if c.States[row] == privacy.Value {
			sums[g.of[i]].add(c.Ints[row])
		}
	}
	for i := range sums {
		v, fits := sums[i].int64()
		switch {
		case !sums[i].any:
			out.AppendNull()
		case !fits:
			return fmt.Errorf("sum of %s overflows 64 bits: %w", c.Coordinate, source.ErrInvalid)
		default:
			out.AppendInt(v)
		}
	}
	return nil
}

// compensated is Neumaier's sum (1974, "improved Kahan-Babuska"): exact enough that the order of rows hardly shows.
type compensated struct {
	sum, lost float64
	any       bool
}

func (k *compensated) add(v float64) {
	k.any = true
	t := k.sum + v
	if math.Abs(k.sum) >= math.Abs(v) {
		k.lost += (k.sum - t) + v
	} else {
		k.lost += (v - t) + k.sum
	}
	k.sum = t
}

func sumFloats(out, c *privacy.Column, rows []int32, g *groups) error {
	sums := make([]compensated, len(g.first))
	for i, row := range rows {
		if c.States[row] == privacy.Value {
			sums[g.of[i]].add(c.Floats[row])
		}
	}
	for _, k := range sums {
		switch v := k.sum + k.lost; {
		case !k.any:
			out.AppendNull()
		case math.IsInf(v, 0) || math.IsNaN(v):
			return fmt.Errorf("sum of %s overflows a double: %w", c.Coordinate, source.ErrInvalid)
		default:
			out.AppendFloat(v)
		}
	}
	return nil
}

// extreme gathers the least or greatest value of each group.
func extreme(c *privacy.Column, rows []int32, g *groups, m source.Measure) *privacy.Column {
	best := make([]int32, len(g.first))
	for i := range best {
		best[i] = -1
	}
	compare := within(c)
	for i, row := range rows {
		if c.States[row] != privacy.Value {
			continue
		}
		at := &best[g.of[i]]
		if *at < 0 || (m.Func == source.Min) == (compare(row, *at) < 0) && compare(row, *at) != 0 {
			*at = row
		}
	}
	out := c.Gather(best)
	out.Name = m.As
	return out
}
