package eval

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"concordat/federation/source"
	"concordat/privacy"
)

// order sorts rows in place: NULL last whichever the direction unless NullsFirst, text by bytes, decimals by value, equal rows as
// they came.
func order(in *privacy.Table, rows []int32, by []source.Order) error {
	if len(by) == 0 {
		return nil
	}
	terms := make([]func(a, b int32) int, len(by))
	for i, o := range by {
		c, err := column(in, o.Field)
		if err != nil {
			return err
		}
		terms[i] = term(c, o)
	}
	slices.SortStableFunc(rows, func(a, b int32) int {
		for _, term := range terms {
			if c := term(a, b); c != 0 {
				return c
			}
		}
		return 0
	})
	return nil
}

func term(c *privacy.Column, o source.Order) func(a, b int32) int {
	compare := within(c)
	after := 1
	if o.NullsFirst {
		after = -1
	}
	return func(a, b int32) int {
		nullA, nullB := c.States[a] != privacy.Value, c.States[b] != privacy.Value
		switch {
		case nullA && nullB:
			return 0
		case nullA:
			return after
		case nullB:
			return -after
		case o.Descending:
			return compare(b, a)
		}
		return compare(a, b)
	}
}

// within compares two rows of one column that both hold a value.
func within(c *privacy.Column) func(a, b int32) int {
	switch {
	case c.Kind == privacy.Float:
		return func(a, b int32) int { return compareFloats(c.Floats[a], c.Floats[b]) }
	case c.Kind == privacy.Decimal:
		return func(a, b int32) int { return number(c, a).Cmp(number(c, b)) }
	case c.Kind.Text():
		return func(a, b int32) int { return strings.Compare(c.Dict[c.Codes[a]], c.Dict[c.Codes[b]]) }
	}
	return func(a, b int32) int { return compareInts(c.Ints[a], c.Ints[b]) }
}

// appendKey appends bytes that are equal for equal cells and self-delimiting, so that keys of several columns can
// stand one after the other.
func appendKey(b []byte, c *privacy.Column, row int32) []byte {
	if c.States[row] != privacy.Value {
		return append(b, 0)
	}
	b = append(b, 1)
	switch {
	case c.Kind == privacy.Float:
		f := c.Floats[row]
		if f == 0 {
			f = 0 // -0 and 0 are one group
		}
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
	case c.Kind.Text():
		text := Canonical(c.Kind, c.Dict[c.Codes[row]])
		b = binary.AppendUvarint(b, uint64(len(text)))
		return append(b, text...)
	}
	return binary.LittleEndian.AppendUint64(b, uint64(c.Ints[row]))
}
