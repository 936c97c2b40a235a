package sqlite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

var errUnknown = fmt.Errorf("a condition that this source does not know: %w", source.ErrInvalid)

func incomparable(field string) error {
	return fmt.Errorf("condition on %q compares what does not compare: %w", field, source.ErrInvalid)
}

// argument is a narrowed value as it is bound.
func argument(v predicate.Value) any {
	switch v.Kind {
	case predicate.FloatValue:
		return v.Float
	case predicate.TextValue, predicate.DecimalValue:
		return v.Text
	}
	return v.Int
}

// timeText is the stored text of the second that holds an instant, and whether it is that instant. Instants that no
// such text can name become texts before and after all that can.
func timeText(micros int64) (string, bool) {
	t := time.UnixMicro(micros).UTC()
	switch year := t.Year(); {
	case year < 1:
		return "0", false
	case year > 9999:
		return "A", false
	}
	return t.Format(cell.TimeLayout), t.Nanosecond() == 0
}

// narrowSet is the values of a set that a column of this kind can hold, as they are stored.
func narrowSet(field string, kind privacy.Kind, values []predicate.Value) ([]predicate.Value, error) {
	if kind == privacy.String && !slices.ContainsFunc(values, func(v predicate.Value) bool { return v.Kind != predicate.TextValue }) {
		return values, nil // texts are stored as they are
	}
	kept := make([]predicate.Value, 0, len(values))
	for _, v := range values {
		if v.Kind == predicate.NullValue {
			continue // equals nothing
		}
		if !source.Comparable(kind, v.Kind) {
			return nil, incomparable(field)
		}
		if _, narrowed, outcome := eval.Narrow(kind, predicate.Eq, v); outcome == eval.Compares {
			kept = append(kept, narrowed)
		}
	}
	return kept, nil
}

// jsonSet is an array of integers or texts.
func jsonSet(values []predicate.Value) string {
	size := 2
	for i := range values {
		size += len(values[i].Text) + 20
	}
	b := make([]byte, 0, size)
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		switch v.Kind {
		case predicate.TextValue:
			b = appendJSONText(b, v.Text)
		case predicate.TimeValue:
			instant, exact := timeText(v.Int)
			if !exact {
				instant = "" // no stored time
			}
			b = appendJSONText(b, instant)
		default:
			b = strconv.AppendInt(b, v.Int, 10)
		}
	}
	return string(append(b, ']'))
}

// appendJSONText escapes what RFC 8259 section 7 demands and nothing else.
func appendJSONText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	plain := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[plain:i]...)
		plain = i + 1
		if c < 0x20 {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			b = append(b, '\\', c)
		}
	}
	return append(append(b, s[plain:]...), '"')
}

func hasNUL(s string) bool { return strings.IndexByte(s, 0) >= 0 }

// maxPattern is below SQLITE_MAX_LIKE_PATTERN_LENGTH, with room for escapes.
const maxPattern = 10_000

// likeFits reports whether globOf means the same.
func likeFits(pattern string) bool { return len(pattern) <= maxPattern && !hasNUL(pattern) }

// globOf writes a LIKE pattern for GLOB, which is case-sensitive where SQLite's LIKE is not.
func globOf(pattern string) string {
	var b strings.Builder
	escaped := false
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '\\' && !escaped && i+1 < len(pattern):
			escaped = true
			continue
		case c == '%' && !escaped:
			b.WriteByte('*')
		case c == '_' && !escaped:
			b.WriteByte('?')
		case c == '*' || c == '?' || c == '[':
			b.WriteByte('[')
			b.WriteByte(c)
			b.WriteByte(']')
		default:
			b.WriteByte(c)
		}
		escaped = false
	}
	return b.String()
}
