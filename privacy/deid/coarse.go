package deid

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"concordat/privacy"
)

func yearOf(kind privacy.Kind, _ arguments, _ privacy.Scope) (transform, error) {
	if kind == privacy.Date {
		return eachText(func(s string) (string, bool) { return datePart(s, len("1980")) }), nil
	}
	return eachInt(func(us int64) (int64, bool) { return startOf(us, false) }), nil
}

func monthOf(kind privacy.Kind, _ arguments, _ privacy.Scope) (transform, error) {
	if kind == privacy.Date {
		return eachText(func(s string) (string, bool) { return datePart(s, len("1980-05")) }), nil
	}
	return eachInt(func(us int64) (int64, bool) { return startOf(us, true) }), nil
}

// datePart is the first n bytes of a date. What is no date is refused: its first bytes may be anything.
func datePart(s string, n int) (string, bool) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", false
	}
	return s[:n], true
}

// startOf is the first instant of the year, or of the month, in UTC.
func startOf(us int64, month bool) (int64, bool) {
	t := time.UnixMicro(us).UTC()
	m := time.January
	if month {
		m = t.Month()
	}
	start := time.Date(t.Year(), m, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	return start, start <= us // false where the multiplication overflowed
}

func round(kind privacy.Kind, a arguments, _ privacy.Scope) (transform, error) {
	to, err := a.number("to")
	if err != nil {
		return nil, err
	}
	if kind == privacy.Float {
		return roundFloats(a["to"].(json.Number), to)
	}
	whole, err := a.integer("to", 0, 1)
	if err != nil {
		return nil, err
	}
	return eachInt(func(v int64) (int64, bool) {
		r, ok := roundInt(v, whole)
		return r, ok && (kind == privacy.BigInt || int64(int32(r)) == r) // GraphQL's Int has 32 bits
	}), nil
}

// roundInt is the nearest multiple of to, half to even; false where it does not fit in 64 bits.
func roundInt(v, to int64) (int64, bool) {
	q, r := v/to, v%to
	if r < 0 { // floor, so that 0 <= r < to
		q, r = q-1, r+to
	}
	if r > to-r || (r == to-r && q%2 != 0) {
		q++
	}
	product := q * to
	return product, q == 0 || product/q == to
}

// roundFloats scales by the decimals that the multiple is written with, so that multiples of 0.1 print as 0.3 and not
// as 0.30000000000000004.
func roundFloats(literal json.Number, to float64) (transform, error) {
	scale := 1.0
	if _, decimals, ok := strings.Cut(literal.String(), "."); ok {
		scale = math.Pow10(len(decimals))
	}
	multiple := math.Round(to * scale)
	if multiple < 1 || multiple >= 1<<53 || strings.ContainsAny(literal.String(), "eE") {
		return nil, bad("to", "too small or too large")
	}
	return eachFloat(func(v float64) (float64, bool) {
		r := math.RoundToEven(v*scale/multiple)*multiple/scale + 0 // + 0 turns -0 into 0
		return r, !math.IsInf(r, 0)
	}), nil
}
