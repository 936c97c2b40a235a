package cell

// maxDecimal bounds the length and the exponent of a decimal: beyond it a few bytes could cost megabytes.
const maxDecimal = 1000

// Decimal reports whether text is a decimal literal: the number grammar of RFC 8259 section 6, leading zeros allowed.
func Decimal(s []byte) bool {
	if len(s) > maxDecimal {
		return false
	}
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	whole, rest := digits(s)
	if whole == 0 {
		return false
	}
	if len(rest) > 0 && rest[0] == '.' {
		var fraction int
		if fraction, rest = digits(rest[1:]); fraction == 0 {
			return false
		}
	}
	return len(rest) == 0 || exponentSyntax(rest)
}

func exponentSyntax(s []byte) bool {
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	s = s[1:]
	if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	n, rest := digits(s)
	return n > 0 && n <= 3 && len(rest) == 0
}

func digits(s []byte) (int, []byte) {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n, s[n:]
}
