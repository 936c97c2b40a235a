package sql

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"concordat/federation/source/cell"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// outcome is what is left of a comparison.
type outcome = eval.Outcome

const (
	compares = eval.Compares
	never    = eval.NeverTrue
	notNull  = eval.NotNull
)

// Times that a column of times can hold: the years 1 to 9999.
var (
	firstMicros = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	lastMicros  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()
)

// narrow turns a comparison into one with a constant that the physical column can hold, of the same truth for each
// value it holds. It reports false for a constant that is no number.
func narrow(o *Operand, op predicate.Op, v predicate.Value) (predicate.Op, predicate.Value, outcome, bool) {
	switch o.Kind {
	case privacy.Decimal:
		return narrowDecimal(o, op, v)
	case privacy.Time:
		return narrowTime(op, v)
	case privacy.String:
		return narrowText(o, op, v)
	}
	op, v, out := eval.Narrow(o.Kind, op, v)
	return op, v, out, true
}

// narrowText settles equality with a text that an integer or a UUID never prints as.
func narrowText(o *Operand, op predicate.Op, v predicate.Value) (predicate.Op, predicate.Value, outcome, bool) {
	canonical := true
	switch o.Class {
	case Integer, Tiny:
		n, err := strconv.ParseInt(v.Text, 10, 64)
		canonical = err == nil && strconv.FormatInt(n, 10) == v.Text
	case UUID:
		canonical = isUUID(v.Text)
	}
	switch {
	case canonical || op > predicate.Ne:
		return op, v, compares, true
	case op == predicate.Eq:
		return op, v, never, true
	}
	return op, v, notNull, true
}

// isUUID reports whether s is a UUID as databases print it.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || (!dash && (c < '0' || c > '9') && (c < 'a' || c > 'f')) {
			return false
		}
	}
	return true
}

func narrowTime(op predicate.Op, v predicate.Value) (predicate.Op, predicate.Value, outcome, bool) {
	switch {
	case v.Int < firstMicros:
		return op, v, beyond(op, -1), true
	case v.Int > lastMicros:
		return op, v, beyond(op, 1), true
	}
	return op, v, compares, true
}

// narrowDecimal makes the constant the greatest number of the column's digits that is not above it.
func narrowDecimal(o *Operand, op predicate.Op, v predicate.Value) (predicate.Op, predicate.Value, outcome, bool) {
	r, ok := rational(v)
	if !ok {
		return op, v, never, false
	}
	if o.Class.Whole() {
		op, v, out := eval.Narrow(privacy.BigInt, op, v)
		return op, v, out, true
	}
	if o.Scale < 0 {
		return op, predicate.Decimal(exactly(r)), compares, true
	}
	scaled := new(big.Rat).Mul(r, new(big.Rat).SetInt(power(o.Scale)))
	floor, rest := new(big.Int).DivMod(scaled.Num(), scaled.Denom(), new(big.Int))
	if new(big.Int).Abs(floor).Cmp(power(o.Digits)) >= 0 {
		return op, v, beyond(op, floor.Sign()), true
	}
	low := predicate.Decimal(new(big.Rat).SetFrac(floor, power(o.Scale)).FloatString(o.Scale))
	if rest.Sign() == 0 {
		return op, low, compares, true
	}
	switch op {
	case predicate.Lt, predicate.Lte:
		return predicate.Lte, low, compares, true
	case predicate.Gt, predicate.Gte:
		return predicate.Gt, low, compares, true
	case predicate.Ne:
		return op, low, notNull, true
	}
	return op, low, never, true
}

func power(digits int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
}

// beyond says what a comparison is with something below (-1) or above (1) all that the column can hold.
func beyond(op predicate.Op, side int) outcome {
	switch {
	case op == predicate.Ne,
		side > 0 && (op == predicate.Lt || op == predicate.Lte),
		side < 0 && (op == predicate.Gt || op == predicate.Gte):
		return notNull
	}
	return never
}

func rational(v predicate.Value) (*big.Rat, bool) {
	switch v.Kind {
	case predicate.IntValue:
		return new(big.Rat).SetInt64(v.Int), true
	case predicate.FloatValue:
		r := new(big.Rat).SetFloat64(v.Float)
		return r, r != nil
	case predicate.DecimalValue:
		return eval.ParseDecimal(v.Text)
	}
	return nil, false
}

// exactly writes a number whose denominator has no prime factor but 2 and 5, as every literal's and double's has.
func exactly(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	places, _ := r.FloatPrec()
	return r.FloatString(places)
}

// Instant is a time as databases read it, in UTC.
func Instant(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02 15:04:05.000000")
}

// IsDate reports whether a constant for a column of dates is a date: others compare with it as texts.
func IsDate(v predicate.Value) bool { return cell.Date([]byte(v.Text)) }

// LikePattern rewrites a pattern for a dialect whose escape is escape, which must be no wildcard: a backslash at its
// end stands for itself.
func LikePattern(pattern, escape string) string {
	var b strings.Builder
	literal := func(c byte) {
		if c == '%' || c == '_' || c == escape[0] {
			b.WriteString(escape)
		}
		b.WriteByte(c)
	}
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			literal(pattern[i])
		case c == '%' || c == '_':
			b.WriteByte(c)
		default:
			literal(c)
		}
	}
	return b.String()
}
