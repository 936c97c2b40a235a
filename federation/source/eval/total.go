package eval

import (
	"fmt"
	"math/big"

	"concordat/federation/source"
	"concordat/privacy"
)

// total adds up products of bounded numbers for each group.
func total(in *privacy.Table, rows []int32, g *groups, m source.Measure) (*privacy.Column, error) {
	present, factors, err := totalColumns(in, m)
	if err != nil {
		return nil, err
	}
	sums := make([]*big.Int, len(g.first))
	for i, row := range rows {
		product, err := productOf(present, factors, m.Product.Factors, row)
		if err != nil {
			return nil, err
		}
		if product == nil {
			continue
		}
		if sums[g.of[i]] == nil {
			sums[g.of[i]] = new(big.Int)
		}
		sums[g.of[i]].Add(sums[g.of[i]], product)
	}
	out := privacy.NewColumn(m.As, "", privacy.BigInt, len(sums))
	for _, s := range sums {
		switch {
		case s == nil:
			out.AppendNull()
		case !s.IsInt64():
			return nil, fmt.Errorf("a total overflows 64 bits: %w", source.ErrInvalid)
		default:
			out.AppendInt(s.Int64())
		}
	}
	return out, nil
}

func totalColumns(in *privacy.Table, m source.Measure) (present, factors []*privacy.Column, err error) {
	for _, name := range m.Product.Present {
		c, err := column(in, name)
		if err != nil {
			return nil, nil, err
		}
		present = append(present, c)
	}
	for _, f := range m.Product.Factors {
		c, err := column(in, f.Field)
		if err != nil {
			return nil, nil, err
		}
		factors = append(factors, c)
	}
	return present, factors, nil
}

// productOf is nil where a cell has no value.
func productOf(present, factors []*privacy.Column, bounds []source.Factor, row int32) (*big.Int, error) {
	for _, c := range present {
		if c.States[row] != privacy.Value {
			return nil, nil
		}
	}
	product := big.NewInt(1)
	for i, c := range factors {
		if c.States[row] != privacy.Value {
			return nil, nil
		}
		v, ok := held(c, row, bounds[i])
		if !ok {
			return nil, fmt.Errorf("%s holds a number of more digits than were asked for: %w", c.Coordinate, source.ErrInvalid)
		}
		product.Mul(product, v)
	}
	return product, nil
}

// held is a number in units of 10^-Scale, within its bounds.
func held(c *privacy.Column, row int32, f source.Factor) (*big.Int, bool) {
	v := new(big.Rat)
	if c.Kind == privacy.Decimal {
		var ok bool
		if v, ok = ParseDecimal(c.Dict[c.Codes[row]]); !ok {
			return nil, false
		}
		v = new(big.Rat).Set(v)
	} else {
		v.SetInt64(c.Ints[row])
	}
	v.Mul(v, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(f.Scale)), nil)))
	lower, upper := big.NewInt(f.Lower), big.NewInt(f.Upper)
	switch {
	case !v.IsInt():
		return nil, false
	case v.Num().Cmp(lower) < 0:
		return lower, true
	case v.Num().Cmp(upper) > 0:
		return upper, true
	}
	return v.Num(), true
}

// Reach is the whole numbers of a factor's column at and below which its lower bound counts, and at and above which its
// upper one does. Between them a product with 10^Scale is within the bounds, and so within 64 bits.
func Reach(f source.Factor) (lower, upper int64) {
	unit := Power(f.Scale)
	lower, upper = f.Lower/unit, f.Upper/unit
	if f.Lower%unit < 0 { // rounded down
		lower--
	}
	if f.Upper%unit > 0 { // rounded up
		upper++
	}
	return lower, upper
}

// Power is 10^scale, for a scale of at most 18.
func Power(scale int) int64 {
	unit := int64(1)
	for range scale {
		unit *= 10
	}
	return unit
}
