package eval

import (
	"cmp"
	"math/big"
	"strings"
	"unicode/utf8"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// ordered says whether op holds where the left side compares to the right as c does to zero.
func ordered(op predicate.Op, c int) bool {
	switch op {
	case predicate.Eq:
		return c == 0
	case predicate.Ne:
		return c != 0
	case predicate.Lt:
		return c < 0
	case predicate.Lte:
		return c <= 0
	case predicate.Gt:
		return c > 0
	case predicate.Gte:
		return c >= 0
	}
	return false
}

func compareInts(a, b int64) int     { return cmp.Compare(a, b) }
func compareFloats(a, b float64) int { return cmp.Compare(a, b) }

// textTest is op against a constant, over texts that compare by bytes.
func textTest(op predicate.Op, v string) func(string) bool {
	switch op {
	case predicate.HasPrefix:
		return func(s string) bool { return strings.HasPrefix(s, v) }
	case predicate.HasSuffix:
		return func(s string) bool { return strings.HasSuffix(s, v) }
	case predicate.Contains:
		return func(s string) bool { return strings.Contains(s, v) }
	case predicate.Like:
		pattern := parseLike(v)
		return func(s string) bool { return strings.IndexByte(s, 0) < 0 && pattern.match(s) } // no dialect reads past a NUL
	}
	return func(s string) bool { return ordered(op, strings.Compare(s, v)) }
}

// likeToken is one step of a LIKE pattern: a rune, any rune, or any text.
type likeToken struct {
	literal rune
	any     bool // _
	many    bool // %
}

type likePattern []likeToken

// parseLike reads % and _ with backslash as the escape; a backslash at the end stands for itself.
func parseLike(pattern string) likePattern {
	var tokens likePattern
	for i := 0; i < len(pattern); {
		r, size := utf8.DecodeRuneInString(pattern[i:])
		i += size
		switch {
		case r == '\\' && i < len(pattern):
			r, size = utf8.DecodeRuneInString(pattern[i:])
			i += size
			tokens = append(tokens, likeToken{literal: r})
		case r == '%':
			if len(tokens) == 0 || !tokens[len(tokens)-1].many {
				tokens = append(tokens, likeToken{many: true})
			}
		default:
			tokens = append(tokens, likeToken{literal: r, any: r == '_'})
		}
	}
	return tokens
}

// match backtracks only to the last %, so it takes at most pattern times text steps.
func (p likePattern) match(s string) bool {
	at, i := 0, 0
	star, resume := -1, 0
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case at < len(p) && p[at].many:
			star, resume = at, i
			at++
		case at < len(p) && (p[at].any || p[at].literal == r):
			at++
			i += size
		case star >= 0:
			_, size = utf8.DecodeRuneInString(s[resume:])
			resume += size
			at, i = star+1, resume
		default:
			return false
		}
	}
	for at < len(p) && p[at].many {
		at++
	}
	return at == len(p)
}

// pairwise compares two columns of numbers, of truth values or of times in one row; nil where they do not compare.
func pairwise(a, b *privacy.Column) func(row int32) int {
	switch {
	case a.Kind == b.Kind && (a.Kind == privacy.Bool || a.Kind == privacy.Time), isInt(a.Kind) && isInt(b.Kind):
		return func(row int32) int { return compareInts(a.Ints[row], b.Ints[row]) }
	case a.Kind == privacy.Float && b.Kind == privacy.Float:
		return func(row int32) int { return compareFloats(a.Floats[row], b.Floats[row]) }
	case isNumber(a.Kind) && isNumber(b.Kind):
		return func(row int32) int { return number(a, row).Cmp(number(b, row)) }
	}
	return nil
}

func isInt(k privacy.Kind) bool { return k == privacy.Int || k == privacy.BigInt }

func isNumber(k privacy.Kind) bool { return isInt(k) || k == privacy.Float || k == privacy.Decimal }

// number is the exact number in a cell.
func number(c *privacy.Column, row int32) *big.Rat {
	v := predicate.Value{Kind: predicate.IntValue}
	switch {
	case c.Kind == privacy.Decimal:
		v = predicate.Decimal(c.Dict[c.Codes[row]])
	case c.Kind == privacy.Float:
		v = predicate.Float(c.Floats[row])
	default:
		v.Int = c.Ints[row]
	}
	if r, ok := rational(v); ok {
		return r
	}
	return new(big.Rat)
}
