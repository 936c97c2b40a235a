// Package cell reads one value of a column from text: what CSV files, JSON answers and text columns hold.
//
//	ok := cell.Append(column, []byte("2025-11-03"))
//
// It is strict: a text that is not exactly of the column's kind is refused, never repaired, and the caller names
// the column, not the text.
package cell

import (
	"math"
	"strconv"
	"unicode/utf8"

	"concordat/privacy"
)

// Append parses b as the kind of c and appends it. It reports false, and appends nothing, where b is not of the kind.
func Append(c *privacy.Column, b []byte) bool {
	switch c.Kind {
	case privacy.Bool:
		return appendBool(c, b)
	case privacy.Int, privacy.BigInt:
		v, err := strconv.ParseInt(string(b), 10, 64)
		if err != nil {
			return false
		}
		c.AppendInt(v)
		return true
	case privacy.Float:
		return appendFloat(c, b)
	case privacy.Time:
		v, ok := AnyTime(b)
		if ok {
			c.AppendInt(v)
		}
		return ok
	}
	if !isOf(c.Kind, b) {
		return false
	}
	c.AppendBytes(b)
	return true
}

func isOf(k privacy.Kind, b []byte) bool {
	switch k {
	case privacy.Date:
		return Date(b)
	case privacy.Decimal:
		return Decimal(b)
	}
	return utf8.Valid(b)
}

func appendBool(c *privacy.Column, b []byte) bool {
	switch string(b) {
	case "true", "1":
		c.AppendBool(true)
	case "false", "0":
		c.AppendBool(false)
	default:
		return false
	}
	return true
}

// appendFloat takes what strconv does, but no hexadecimal, underscores or names; a number too large for a double is
// refused.
func appendFloat(c *privacy.Column, b []byte) bool {
	if !Decimal(b) {
		return false
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsInf(v, 0) {
		return false
	}
	c.AppendFloat(v)
	return true
}
