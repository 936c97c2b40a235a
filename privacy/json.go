package privacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// Errors of values that have no JSON form. The value itself is never part of the error.
var (
	ErrRange = errors.New("value out of range")
	ErrText  = errors.New("text is not valid UTF-8")
	ErrJSON  = errors.New("not a JSON document")
)

// AppendJSON appends the JSON value of a cell: null unless the cell is Value. The form is that of RFC 8785, so that
// an answer has one spelling; BigInt and Decimal are JSON strings, Time is RFC 3339 in UTC. dst is returned
// unchanged with an error.
func AppendJSON(dst []byte, c *Column, row int) ([]byte, error) {
	if c.States[row] != Value {
		return append(dst, "null"...), nil
	}
	switch c.Kind {
	case Bool:
		return strconv.AppendBool(dst, c.Ints[row] != 0), nil
	case Int:
		return appendInt32(dst, c.Ints[row])
	case BigInt:
		dst = append(dst, '"')
		dst = strconv.AppendInt(dst, c.Ints[row], 10)
		return append(dst, '"'), nil
	case Float:
		return appendFloat(dst, c.Floats[row])
	case Time:
		return appendTime(dst, c.Ints[row])
	case String, Date, Decimal:
		return AppendJSONString(dst, c.Dict[c.Codes[row]])
	case JSON:
		return appendDocument(dst, c.Dict[c.Codes[row]])
	}
	return dst, fmt.Errorf("kind %d: %w", c.Kind, ErrKind)
}

// appendInt32 holds GraphQL's Int to 32 bits (GraphQL specification, section 3.5.1).
func appendInt32(dst []byte, v int64) ([]byte, error) {
	if v < math.MinInt32 || v > math.MaxInt32 {
		return dst, fmt.Errorf("Int: %w", ErrRange)
	}
	return strconv.AppendInt(dst, v, 10), nil
}

// appendFloat is ECMAScript's Number::toString (RFC 8785, section 3.2.2.3): the shortest digits that read back, plain
// from 1e-6 up to 1e21, else with an exponent without leading zeros; negative zero is 0.
func appendFloat(dst []byte, v float64) ([]byte, error) {
	abs := math.Abs(v)
	switch {
	case v-v != 0:
		return dst, fmt.Errorf("Float: %w", ErrRange)
	case abs == 0:
		return append(dst, '0'), nil
	case abs >= 1e-6 && abs < 1e21:
		return strconv.AppendFloat(dst, v, 'f', -1, 64), nil
	}
	dst = strconv.AppendFloat(dst, v, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' { // e-07: Go writes at least two digits
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst, nil
}

// The years of RFC 3339 have four digits.
var (
	firstInstant = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	endOfTime    = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
)

func appendTime(dst []byte, micros int64) ([]byte, error) {
	if micros < firstInstant || micros >= endOfTime {
		return dst, fmt.Errorf("DateTime: %w", ErrRange)
	}
	dst = append(dst, '"')
	dst = time.UnixMicro(micros).UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"'), nil
}

// AppendJSONString appends a JSON string with the escapes of RFC 8785, section 3.2.2.2: only what must be escaped is.
func AppendJSONString(dst []byte, s string) ([]byte, error) {
	before := len(dst)
	dst = append(dst, '"')
	plain, seen := 0, byte(0)
	for i := 0; i < len(s); i++ {
		b := s[i]
		seen |= b
		if b < 0x20 || b == '"' || b == '\\' {
			dst = append(dst, s[plain:i]...)
			dst = appendEscape(dst, b)
			plain = i + 1
		}
	}
	if seen >= utf8.RuneSelf && !utf8.ValidString(s) {
		return dst[:before], ErrText
	}
	dst = append(dst, s[plain:]...)
	return append(dst, '"'), nil
}

func appendEscape(dst []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(dst, '\\', b)
	case '\b':
		return append(dst, `\b`...)
	case '\t':
		return append(dst, `\t`...)
	case '\n':
		return append(dst, `\n`...)
	case '\f':
		return append(dst, `\f`...)
	case '\r':
		return append(dst, `\r`...)
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
}

// appendDocument writes a stored document without its spaces; one that is not JSON would break the whole answer.
func appendDocument(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, ErrText
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(s)); err != nil {
		return dst, ErrJSON
	}
	return append(dst, b.Bytes()...), nil
}
