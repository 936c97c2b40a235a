package predicate

import (
	"cmp"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Order compares two values that are not NULL: numbers of any kind exactly, text by bytes, times by instant, false
// before true. ok is false for values of different kinds that are not both numbers, and for a decimal that is none.
func Order(a, b Value) (order int, ok bool) {
	switch {
	case a.Kind == b.Kind:
		return sameKind(a, b)
	case a.Kind == IntValue && b.Kind == FloatValue:
		return intFloat(a.Int, b.Float), true
	case a.Kind == FloatValue && b.Kind == IntValue:
		return -intFloat(b.Int, a.Float), true
	case a.number() && b.number():
		return exactly(a, b)
	}
	return 0, false
}

func sameKind(a, b Value) (int, bool) {
	switch a.Kind {
	case BoolValue, IntValue, TimeValue:
		return cmp.Compare(a.Int, b.Int), true
	case FloatValue:
		return cmp.Compare(a.Float, b.Float), true
	case TextValue:
		return strings.Compare(a.Text, b.Text), true
	case DecimalValue:
		return exactly(a, b)
	}
	return 0, false
}

func (v Value) number() bool {
	return v.Kind == IntValue || v.Kind == FloatValue || v.Kind == DecimalValue
}

// intFloat compares without rounding: not every int64 is a float64.
func intFloat(i int64, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	whole := math.Trunc(f)
	return cmp.Or(cmp.Compare(i, int64(whole)), cmp.Compare(0, f-whole))
}

func exactly(a, b Value) (int, bool) {
	x, okX := a.rational()
	y, okY := b.rational()
	if !okX || !okY {
		return 0, false
	}
	return x.Cmp(y), true
}

// maxDecimal bounds a decimal's length and exponent, so that a short text cannot ask for much memory.
const maxDecimal = 1000

func (v Value) rational() (*big.Rat, bool) {
	switch v.Kind {
	case IntValue:
		return new(big.Rat).SetInt64(v.Int), true
	case FloatValue:
		r := new(big.Rat).SetFloat64(v.Float)
		return r, r != nil
	case DecimalValue:
		return decimal(v.Text)
	}
	return nil, false
}

// decimal reads a decimal literal, and no other form that big.Rat takes (fractions, hexadecimal, underscores).
func decimal(text string) (*big.Rat, bool) {
	if len(text) == 0 || len(text) > maxDecimal || strings.Trim(text, "+-.0123456789eE") != "" {
		return nil, false
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if e, err := strconv.Atoi(text[i+1:]); err != nil || e > maxDecimal || e < -maxDecimal {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}
