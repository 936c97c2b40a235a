package source

import (
	"fmt"
	"math"
	"slices"

	"concordat/privacy"
)

// Factor is a whole or decimal number as a Total takes it: in units of 10^-Scale, held within bounds (which are in those
// units too). A number that has more digits is not for a Total.
type Factor struct {
	Field        string
	Scale        int // 0 to 9
	Lower, Upper int64
}

// Product is of the numbers of one row that has them all, and a value in every field of Present too. No Factors: 1.
type Product struct {
	Factors []Factor
	Present []string
}

// Totaler is a Source that can add up products of bounded numbers itself. Of any other Source a Total is never asked.
type Totaler interface {
	// Totals reports whether the source answers q, which has Totals among its measures, as one statement of its own. A
	// cell that is no number of its column's kind is then an error, as where it is selected.
	Totals(q *Query) bool
}

// reads are the fields that a measure is made of.
func (m Measure) reads() []string {
	switch m.Func {
	case CountRows:
		return nil
	case Total:
		if m.Product == nil {
			return nil
		}
		fields := slices.Clone(m.Product.Present)
		for _, f := range m.Product.Factors {
			fields = append(fields, f.Field)
		}
		return fields
	}
	return []string{m.Field}
}

// checkTotal reports what makes a Total impossible over the relation.
func (m Measure) checkTotal(r *Relation) error {
	if m.Product == nil {
		return fmt.Errorf("a total of nothing: %w", ErrInvalid)
	}
	for _, f := range m.Product.Factors {
		c := r.Columns[f.Field]
		number := c.Kind == privacy.Int || c.Kind == privacy.BigInt || c.Kind == privacy.Decimal
		if !number || c.Derived != nil || f.Scale < 0 || f.Scale > 9 || f.Lower > f.Upper || f.Lower == math.MinInt64 {
			return fmt.Errorf("%s.%s is no factor: %w", r.Type, f.Field, ErrInvalid)
		}
	}
	return nil
}
