package eval

import (
	"fmt"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// test says whether a row is let through. It is built once per table; text is decided once per dictionary entry.
type test func(row int32) bool

func compile(in *privacy.Table, p predicate.Predicate) (test, error) {
	n := p.Node()
	switch n.Kind {
	case predicate.KindNever:
		return func(int32) bool { return false }, nil
	case predicate.KindAlways:
		return func(int32) bool { return true }, nil
	case predicate.KindAnd, predicate.KindOr:
		return compileAll(in, n)
	case predicate.KindNot:
		t, err := compile(in, n.Kids[0])
		return func(row int32) bool { return !t(row) }, err
	case predicate.KindCompare:
		return compileCompare(in, n)
	case predicate.KindIn:
		return compileIn(in, n)
	case predicate.KindNull:
		c, err := column(in, n.Field)
		return func(row int32) bool { return c.States[row] != privacy.Value }, err
	case predicate.KindFields:
		return compileFields(in, n)
	}
	return nil, fmt.Errorf("a condition that this evaluator does not know: %w", source.ErrInvalid)
}

func compileAll(in *privacy.Table, n *predicate.Node) (test, error) {
	kids := make([]test, len(n.Kids))
	for i, k := range n.Kids {
		t, err := compile(in, k)
		if err != nil {
			return nil, err
		}
		kids[i] = t
	}
	any := n.Kind == predicate.KindOr
	return func(row int32) bool {
		for _, t := range kids {
			if t(row) == any {
				return any
			}
		}
		return !any
	}, nil
}

func compileCompare(in *privacy.Table, n *predicate.Node) (test, error) {
	c, err := column(in, n.Field)
	if err != nil {
		return nil, err
	}
	if !source.Comparable(c.Kind, n.Value.Kind) || (n.Op >= predicate.HasPrefix && !isText(c.Kind)) {
		return nil, incomparable(n.Field)
	}
	op, v, outcome := Narrow(c.Kind, n.Op, n.Value)
	switch outcome {
	case NeverTrue:
		return func(int32) bool { return false }, nil
	case NotNull:
		return func(row int32) bool { return c.States[row] == privacy.Value }, nil
	}
	switch {
	case c.Kind == privacy.Decimal:
		return compareDecimal(in, c, op, v)
	case c.Kind == privacy.Float:
		return compareFloat(c, op, v.Float), nil
	case c.Kind.Text():
		return memo(in, c, textTest(op, v.Text)), nil
	}
	return compareInt(c, op, v.Int), nil
}

func incomparable(field string) error {
	return fmt.Errorf("condition on %q compares what does not compare: %w", field, source.ErrInvalid)
}

// isText reports whether values of the kind compare by bytes.
func isText(k privacy.Kind) bool {
	return k == privacy.String || k == privacy.Date || k == privacy.JSON
}

func compareInt(c *privacy.Column, op predicate.Op, v int64) test {
	return func(row int32) bool {
		return c.States[row] == privacy.Value && ordered(op, compareInts(c.Ints[row], v))
	}
}

func compareFloat(c *privacy.Column, op predicate.Op, v float64) test {
	return func(row int32) bool {
		return c.States[row] == privacy.Value && ordered(op, compareFloats(c.Floats[row], v))
	}
}

func compareDecimal(in *privacy.Table, c *privacy.Column, op predicate.Op, v predicate.Value) (test, error) {
	r, ok := rational(v)
	if !ok {
		return nil, incomparable(c.Name)
	}
	return memo(in, c, func(text string) bool {
		x, ok := ParseDecimal(text)
		return ok && ordered(op, x.Cmp(r))
	}), nil
}

// memo decides each distinct text once, unless the dictionary is much larger than the table that uses it.
func memo(in *privacy.Table, c *privacy.Column, holds func(string) bool) test {
	if len(c.Dict) > 2*in.Rows+16 {
		return func(row int32) bool { return c.States[row] == privacy.Value && holds(c.Dict[c.Codes[row]]) }
	}
	decided := make([]bool, len(c.Dict))
	for i, text := range c.Dict {
		decided[i] = holds(text)
	}
	return func(row int32) bool { return c.States[row] == privacy.Value && decided[c.Codes[row]] }
}

func compileIn(in *privacy.Table, n *predicate.Node) (test, error) {
	c, err := column(in, n.Field)
	if err != nil {
		return nil, err
	}
	set, err := newSet(c, n.Values)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Kind == privacy.Float:
		return func(row int32) bool {
			_, ok := set.floats[c.Floats[row]]
			return ok && c.States[row] == privacy.Value
		}, nil
	case c.Kind.Text():
		return memo(in, c, func(text string) bool {
			_, ok := set.texts[Canonical(c.Kind, text)]
			return ok
		}), nil
	}
	return func(row int32) bool {
		_, ok := set.ints[c.Ints[row]]
		return ok && c.States[row] == privacy.Value
	}, nil
}

// valueSet is the values of an In, in the type of the column.
type valueSet struct {
	ints   map[int64]struct{}
	floats map[float64]struct{}
	texts  map[string]struct{}
}

func newSet(c *privacy.Column, values []predicate.Value) (*valueSet, error) {
	s := &valueSet{map[int64]struct{}{}, map[float64]struct{}{}, map[string]struct{}{}}
	for _, v := range values {
		if v.Kind == predicate.NullValue {
			continue // equals nothing
		}
		if !source.Comparable(c.Kind, v.Kind) {
			return nil, incomparable(c.Name)
		}
		if c.Kind == privacy.Decimal {
			if r, ok := rational(v); ok {
				s.texts[r.RatString()] = struct{}{}
			}
			continue
		}
		if _, v, outcome := Narrow(c.Kind, predicate.Eq, v); outcome == Compares {
			s.add(v)
		}
	}
	return s, nil
}

func (s *valueSet) add(v predicate.Value) {
	switch v.Kind {
	case predicate.FloatValue:
		s.floats[v.Float] = struct{}{}
	case predicate.TextValue:
		s.texts[v.Text] = struct{}{}
	default:
		s.ints[v.Int] = struct{}{}
	}
}

// Canonical is equal for equal values: texts are themselves, decimals are numbers.
func Canonical(k privacy.Kind, text string) string {
	if k != privacy.Decimal {
		return text
	}
	if r, ok := ParseDecimal(text); ok {
		return r.RatString()
	}
	return text
}

func compileFields(in *privacy.Table, n *predicate.Node) (test, error) {
	a, err := column(in, n.Field)
	if err != nil {
		return nil, err
	}
	b, err := column(in, n.Other)
	if err != nil {
		return nil, err
	}
	both := func(row int32) bool { return a.States[row] == privacy.Value && b.States[row] == privacy.Value }
	if isText(a.Kind) && isText(b.Kind) {
		return func(row int32) bool {
			return both(row) && textTest(n.Op, b.Dict[b.Codes[row]])(a.Dict[a.Codes[row]])
		}, nil
	}
	compare := pairwise(a, b)
	if compare == nil || n.Op >= predicate.HasPrefix {
		return nil, incomparable(n.Field)
	}
	return func(row int32) bool { return both(row) && ordered(n.Op, compare(row)) }, nil
}
