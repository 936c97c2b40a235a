package policy

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// compareConstant is `field op value` with the value in the field's own kind. In input.row a column is: Bool a
// boolean; Int, BigInt, Float and Decimal numbers; String and Date text; Time RFC 3339 text, compared by instant.
// A value of another type is an error, though Rego would order it: such a rule does not say what its author meant.
func compareConstant(field string, kind privacy.Kind, op predicate.Op, value ast.Value) (predicate.Predicate, error) {
	switch v := value.(type) {
	case ast.Null:
		if op == predicate.Ne {
			return predicate.Not(predicate.Null(field)), nil
		}
		return predicate.Never(), fmt.Errorf("a NULL field is absent, never null: write object.get(input.row, %q, null) == null", field)
	case ast.Boolean:
		if kind == privacy.Bool && (op == predicate.Eq || op == predicate.Ne) {
			return predicate.Compare(field, op, predicate.Bool(bool(v))), nil
		}
	case ast.Number:
		return compareNumber(field, kind, op, string(v))
	case ast.String:
		return compareText(field, kind, op, string(v))
	}
	return predicate.Never(), mismatch(field, value)
}

func mismatch(field string, value ast.Value) error {
	return fmt.Errorf("%s is compared with a value of another type: %s", field, ast.ValueName(value))
}

func compareText(field string, kind privacy.Kind, op predicate.Op, text string) (predicate.Predicate, error) {
	switch kind {
	case privacy.String:
		return predicate.Compare(field, op, predicate.String(text)), nil
	case privacy.Date:
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return predicate.Never(), fmt.Errorf("%s is a date: compare it with YYYY-MM-DD", field)
		}
		return predicate.Compare(field, op, predicate.String(text)), nil
	case privacy.Time:
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || at.Nanosecond()%1000 != 0 {
			return predicate.Never(), fmt.Errorf("%s is a time: compare it with RFC 3339 text, to the microsecond at most", field)
		}
		return predicate.Compare(field, op, predicate.Micros(at.UnixMicro())), nil
	}
	return predicate.Never(), mismatch(field, ast.String(text))
}

// compareNumber never goes through float64 for a whole number: 9007199254740993 stays itself.
func compareNumber(field string, kind privacy.Kind, op predicate.Op, text string) (predicate.Predicate, error) {
	exact, ok := rational(text)
	if !ok {
		return predicate.Never(), fmt.Errorf("%s is compared with a number out of all range", field)
	}
	switch kind {
	case privacy.Int, privacy.BigInt:
		return compareWhole(field, op, exact), nil
	case privacy.Float:
		f, _ := exact.Float64()
		if shortest, ok := rational(strconv.FormatFloat(f, 'g', -1, 64)); !ok || shortest.Cmp(exact) != 0 {
			return predicate.Never(), fmt.Errorf("%s is compared with more digits than it has", field)
		}
		return predicate.Compare(field, op, predicate.Float(f)), nil
	case privacy.Decimal:
		return predicate.Compare(field, op, predicate.Decimal(plainDecimal(exact))), nil
	}
	return predicate.Never(), mismatch(field, ast.Number(text))
}

// maxDigits bounds a number's length and exponent: more is refused before it costs memory.
const maxDigits = 400

func rational(text string) (*big.Rat, bool) {
	if len(text) > maxDigits {
		return nil, false
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if e, err := strconv.Atoi(exponent); err != nil || e > maxDigits || e < -maxDigits {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}

// plainDecimal writes a decimal fraction without exponent, every digit kept.
func plainDecimal(r *big.Rat) string {
	digits, exact := r.FloatPrec()
	if !exact {
		return r.FloatString(digits + 1) // cannot be: r was read from decimal text
	}
	return r.FloatString(digits)
}

// compareWhole compares a 64-bit integer field with any number, by moving the bound to a whole one.
func compareWhole(field string, op predicate.Op, bound *big.Rat) predicate.Predicate {
	if bound.IsInt() && bound.Num().IsInt64() {
		return predicate.Compare(field, op, predicate.Int(bound.Num().Int64()))
	}
	switch op {
	case predicate.Eq:
		return predicate.Never()
	case predicate.Ne:
		return predicate.Not(predicate.Null(field))
	}
	// Euclidean division: with a positive denominator Div is floor. bound is no int64, so < and <= agree.
	floor := new(big.Int).Div(bound.Num(), bound.Denom())
	below := op == predicate.Lt || op == predicate.Lte
	switch {
	case floor.IsInt64() && below:
		return predicate.Compare(field, predicate.Lte, predicate.Int(floor.Int64()))
	case floor.IsInt64():
		return predicate.Compare(field, predicate.Gt, predicate.Int(floor.Int64()))
	case (floor.Sign() > 0) == below:
		return predicate.Not(predicate.Null(field))
	}
	return predicate.Never()
}
