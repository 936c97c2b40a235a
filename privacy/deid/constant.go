package deid

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"concordat/privacy"
)

// literal is one value; the kind says which member is read.
type literal struct {
	int   int64
	float float64
	text  string
}

func constant(kind privacy.Kind, a arguments, _ privacy.Scope) (transform, error) {
	if !a.has("value") {
		return nil, bad("value", "required")
	}
	v, ok := literalOf(kind, a["value"])
	if !ok {
		return nil, bad("value", "not a value of the field's type")
	}
	return fill(kind, v), nil
}

// literalOf reads a value as the field's scalar writes it in JSON.
func literalOf(kind privacy.Kind, v any) (literal, bool) {
	switch v := v.(type) {
	case bool:
		return boolLiteral(kind, v)
	case json.Number:
		return numberLiteral(kind, v)
	case string:
		return textLiteral(kind, v)
	}
	return documentLiteral(kind, v)
}

func boolLiteral(kind privacy.Kind, v bool) (literal, bool) {
	if kind != privacy.Bool {
		return documentLiteral(kind, v)
	}
	if v {
		return literal{int: 1}, true
	}
	return literal{}, true
}

func numberLiteral(kind privacy.Kind, v json.Number) (literal, bool) {
	switch kind {
	case privacy.Int:
		i, err := strconv.ParseInt(v.String(), 10, 32)
		return literal{int: i}, err == nil
	case privacy.BigInt:
		i, err := v.Int64()
		return literal{int: i}, err == nil && i > -1<<53 && i < 1<<53 // beyond, canonical JSON has rounded: write a string
	case privacy.Float:
		f, err := v.Float64()
		return literal{float: f}, err == nil && !math.IsInf(f, 0)
	}
	return documentLiteral(kind, v)
}

func textLiteral(kind privacy.Kind, v string) (literal, bool) {
	switch kind {
	case privacy.String:
		return literal{text: v}, true
	case privacy.BigInt:
		i, err := strconv.ParseInt(v, 10, 64)
		return literal{int: i}, err == nil
	case privacy.Decimal:
		return literal{text: v}, isDecimal(v)
	case privacy.Date:
		_, err := time.Parse(time.DateOnly, v)
		return literal{text: v}, err == nil
	case privacy.Time:
		t, err := time.Parse(time.RFC3339, v)
		return literal{int: t.UnixMicro()}, err == nil
	}
	return documentLiteral(kind, v)
}

func documentLiteral(kind privacy.Kind, v any) (literal, bool) {
	if kind != privacy.JSON {
		return literal{}, false
	}
	text, err := json.Marshal(v)
	return literal{text: string(text)}, err == nil
}

// isDecimal accepts -12.50: an optional sign, digits, and perhaps a fraction.
func isDecimal(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	digits, points := 0, 0
	for i := range len(s) {
		switch {
		case s[i] >= '0' && s[i] <= '9':
			digits++
		case s[i] == '.' && digits > 0 && points == 0 && i < len(s)-1:
			points++
		default:
			return false
		}
	}
	return digits > 0
}
