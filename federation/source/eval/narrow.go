package eval

import (
	"math"
	"math/big"

	"concordat/federation/source/cell"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Outcome is what is left of a comparison after Narrow.
type Outcome uint8

const (
	Compares  Outcome = iota // with the narrowed operator and value
	NeverTrue                // for no value
	NotNull                  // for every value that is not NULL
)

// Narrow turns a comparison of an Int, BigInt or Float column with any number into one with a number of the
// column's own type and the same truth for each value the column can hold. That is how `n < 2.5` over integers
// becomes `n <= 2`, and how no comparison goes through a float64 that cannot hold its operand.
func Narrow(k privacy.Kind, op predicate.Op, v predicate.Value) (predicate.Op, predicate.Value, Outcome) {
	switch k {
	case privacy.Int, privacy.BigInt:
		if v.Kind == predicate.IntValue {
			return op, v, Compares
		}
		return narrow(op, v, floorInt)
	case privacy.Float:
		if v.Kind == predicate.FloatValue {
			return op, v, Compares
		}
		return narrow(op, v, floorFloat)
	}
	return op, v, Compares
}

// narrow replaces r by the greatest number of the column's type that is not above it.
func narrow(op predicate.Op, v predicate.Value, floor func(*big.Rat) (predicate.Value, bool, int)) (predicate.Op, predicate.Value, Outcome) {
	r, ok := rational(v)
	if !ok {
		return op, v, NeverTrue
	}
	low, exact, outside := floor(r)
	switch {
	case outside != 0:
		return op, v, beyond(op, outside)
	case exact:
		return op, low, Compares
	}
	switch op {
	case predicate.Lt, predicate.Lte:
		return predicate.Lte, low, Compares
	case predicate.Gt, predicate.Gte:
		return predicate.Gt, low, Compares
	case predicate.Ne:
		return op, low, NotNull
	}
	return op, low, NeverTrue
}

// beyond says what a comparison is with a number below (-1) or above (1) all that the column can hold.
func beyond(op predicate.Op, side int) Outcome {
	switch op {
	case predicate.Ne:
		return NotNull
	case predicate.Lt, predicate.Lte:
		if side > 0 {
			return NotNull
		}
	case predicate.Gt, predicate.Gte:
		if side < 0 {
			return NotNull
		}
	}
	return NeverTrue
}

func floorInt(r *big.Rat) (predicate.Value, bool, int) {
	q := new(big.Int)
	m := new(big.Int)
	q.DivMod(r.Num(), r.Denom(), m) // Euclidean: floor, the denominator is positive
	if !q.IsInt64() {
		return predicate.Value{}, false, q.Sign()
	}
	return predicate.Int(q.Int64()), m.Sign() == 0, 0
}

func floorFloat(r *big.Rat) (predicate.Value, bool, int) {
	f, exact := r.Float64()
	if math.IsInf(f, 0) {
		return predicate.Value{}, false, r.Sign()
	}
	if !exact && new(big.Rat).SetFloat64(f).Cmp(r) > 0 {
		f = math.Nextafter(f, math.Inf(-1))
	}
	if math.IsInf(f, 0) {
		return predicate.Value{}, false, -1
	}
	return predicate.Float(f), exact, 0
}

// rational is the exact number of a value, where it is one.
func rational(v predicate.Value) (*big.Rat, bool) {
	switch v.Kind {
	case predicate.IntValue:
		return new(big.Rat).SetInt64(v.Int), true
	case predicate.FloatValue:
		r := new(big.Rat).SetFloat64(v.Float)
		return r, r != nil
	case predicate.DecimalValue:
		return ParseDecimal(v.Text)
	}
	return nil, false
}

// ParseDecimal reads a decimal literal, an optional exponent included.
func ParseDecimal(text string) (*big.Rat, bool) {
	if !cell.Decimal([]byte(text)) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}
