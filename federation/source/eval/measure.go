package eval

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/privacy"
)

// measure computes one aggregate for each group.
func measure(in *privacy.Table, rows []int32, g *groups, m source.Measure) (*privacy.Column, error) {
	if m.Func == source.CountRows {
		return counts(nil, rows, g, m.As), nil
	}
	if m.Func == source.Total {
		return total(in, rows, g, m)
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
		switch kind {
		case privacy.Float:
			return out, sumFloats(out, c, rows, g)
		case privacy.Decimal:
			return out, sumDecimals(out, c, rows, g)
		}
		return out, sumInts(out, c, rows, g)
	case source.CountDistinct:
		return distinct(c, rows, g, m.As), nil
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

// distinct counts the distinct values of c.
func distinct(c *privacy.Column, rows []int32, g *groups, as string) *privacy.Column {
	n := make([]int64, len(g.first))
	seen := map[string]bool{}
	var buffer []byte
	for i, row := range rows {
		if c.States[row] != privacy.Value {
			continue
		}
		buffer = appendKey(binary.LittleEndian.AppendUint32(buffer[:0], uint32(g.of[i])), c, row)
		if !seen[string(buffer)] {
			seen[string(buffer)] = true
			n[g.of[i]]++
		}
	}
	out := privacy.NewColumn(as, c.Coordinate, privacy.Int, len(n))
	for _, v := range n {
		out.AppendInt(v)
	}
	return out
}

// Whole is a signed 128-bit sum of integers, so that only the result can overflow, never a step on the way to it. The
// zero value is the sum of none.
type Whole struct {
	low  uint64
	high int64
	any  bool
}

// Add adds one of them.
func (w *Whole) Add(v int64) {
	var carry uint64
	w.low, carry = bits.Add64(w.low, uint64(v), 0)
	w.high += v>>63 + int64(carry)
	w.any = true
}

// Int64 is the sum, false where it overflows.
func (w *Whole) Int64() (int64, bool) {
	v := int64(w.low)
	return v, w.high == v>>63
}

func sumInts(out, c *privacy.Column, rows []int32, g *groups) error {
	sums := make([]Whole, len(g.first))
	for i, row := range rows {
		if c.States[row] == privacy.Value {
			sums[g.of[i]].Add(c.Ints[row])
		}
	}
	for i := range sums {
		v, fits := sums[i].Int64()
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

// Floating is Neumaier's sum (1974, "improved Kahan-Babuska"): exact enough that the order of rows hardly shows. The zero
// value is the sum of none.
type Floating struct {
	sum, lost float64
	any       bool
}

// Add adds one of them.
func (k *Floating) Add(v float64) {
	k.any = true
	t := k.sum + v
	if math.Abs(k.sum) >= math.Abs(v) {
		k.lost += (k.sum - t) + v
	} else {
		k.lost += (v - t) + k.sum
	}
	k.sum = t
}

// Float64 is the sum, false where it overflows.
func (k *Floating) Float64() (float64, bool) {
	v := k.sum + k.lost
	return v, !math.IsInf(v, 0) && !math.IsNaN(v)
}

func sumFloats(out, c *privacy.Column, rows []int32, g *groups) error {
	sums := make([]Floating, len(g.first))
	for i, row := range rows {
		if c.States[row] == privacy.Value {
			sums[g.of[i]].Add(c.Floats[row])
		}
	}
	for i := range sums {
		v, fits := sums[i].Float64()
		switch {
		case !sums[i].any:
			out.AppendNull()
		case !fits:
			return fmt.Errorf("sum of %s overflows a double: %w", c.Coordinate, source.ErrInvalid)
		default:
			out.AppendFloat(v)
		}
	}
	return nil
}

// Exact is a sum of decimals without loss. The zero value is the sum of none.
type Exact struct {
	sum *big.Rat
}

// Add adds one of them, false where it is no decimal.
func (x *Exact) Add(text string) bool {
	v, ok := ParseDecimal(text)
	if !ok {
		return false
	}
	if x.sum == nil {
		x.sum = new(big.Rat)
	}
	x.sum.Add(x.sum, v)
	return true
}

// Decimal is the sum without zeros that say nothing, false where it has more digits than a decimal may.
func (x *Exact) Decimal() (string, bool) {
	if x.sum == nil {
		return "0", true
	}
	places, exact := x.sum.FloatPrec() // of a sum of decimals always exact
	text := x.sum.FloatString(places)
	return text, exact && cell.Decimal([]byte(text))
}

func sumDecimals(out, c *privacy.Column, rows []int32, g *groups) error {
	sums := make([]Exact, len(g.first))
	for i, row := range rows {
		if c.States[row] == privacy.Value && !sums[g.of[i]].Add(c.Dict[c.Codes[row]]) {
			return fmt.Errorf("%s holds something else than a decimal: %w", c.Coordinate, source.ErrInvalid)
		}
	}
	for i := range sums {
		text, fits := sums[i].Decimal()
		switch {
		case sums[i].sum == nil:
			out.AppendNull()
		case !fits:
			return fmt.Errorf("sum of %s has too many digits: %w", c.Coordinate, source.ErrInvalid)
		default:
			out.AppendText(text)
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
