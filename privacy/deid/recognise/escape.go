package recognise

import (
	"html"
	"strconv"
	"unicode/utf8"
)

// escape folds an escaped character, or "[at]" and "(dot)", and returns where what it looked at ends.
func (f *folder) escape(i int) int {
	switch f.text[i] {
	case '&':
		return f.escaped(i, entity)
	case '%':
		return f.escaped(i, percent)
	case '\\':
		return f.escaped(i, backslash)
	}
	return f.bracketed(i)
}

// escaped folds what read decodes: a string and how many bytes it took, 0 for nothing.
func (f *folder) escaped(i int, read func(string) (string, int)) int {
	with, n := read(f.text[i:])
	if n == 0 {
		return i + 1
	}
	if c, size := utf8.DecodeRuneInString(with); size == len(with) {
		if d, ok := hanDigit(c); ok {
			with = "0123456789"[d : d+1]
		} else if to, ok := f.r.foldRune(c); ok {
			with = to
		}
	}
	f.replace(i, i+n, with)
	return i + n
}

// entity is an HTML character reference.
func entity(s string) (string, int) {
	for i := 2; i < min(len(s), 12); i++ {
		if s[i] != ';' {
			continue
		}
		if to := html.UnescapeString(s[:i+1]); to != s[:i+1] && to != "" {
			return to, i + 1
		}
		return "", 0
	}
	return "", 0
}

// percent is one character in URL escapes, of up to four bytes.
func percent(s string) (string, int) {
	var b []byte
	for i := 0; i+2 < len(s) && s[i] == '%' && len(b) < utf8.UTFMax; i += 3 {
		v, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			break
		}
		b = append(b, byte(v))
		if utf8.FullRune(b) {
			break
		}
	}
	if c, size := utf8.DecodeRune(b); c == utf8.RuneError || size != len(b) {
		return "", 0
	}
	return string(b), 3 * len(b)
}

// backslash is \u0040 or \x40, as in JSON and in source text.
func backslash(s string) (string, int) {
	n := 0
	switch {
	case len(s) >= 6 && s[1] == 'u':
		n = 6
	case len(s) >= 4 && s[1] == 'x':
		n = 4
	default:
		return "", 0
	}
	v, err := strconv.ParseUint(s[2:n], 16, 16)
	if err != nil || (v >= 0xD800 && v < 0xE000) {
		return "", 0
	}
	return string(rune(v)), n
}

// bracketed folds " [at] " to "@" and "(dot)" to ".", with the spaces around.
func (f *folder) bracketed(i int) int {
	j := skipSpaces(f.text, i+1, 2)
	with, j := atOrDot(f.text, j)
	j = skipSpaces(f.text, j, 2)
	if with == "" || j >= len(f.text) || !closes(f.text[i], f.text[j]) {
		return i + 1
	}
	from := i
	for from > f.start && i-from < 2 && f.text[from-1] == ' ' {
		from--
	}
	to := skipSpaces(f.text, j+1, 2)
	f.replace(from, to, with)
	return to
}

func atOrDot(s string, i int) (string, int) {
	switch {
	case hasFold(s, i, "at"):
		return "@", i + 2
	case hasFold(s, i, "dot"):
		return ".", i + 3
	case i < len(s) && (s[i] == '@' || s[i] == '.'):
		return s[i : i+1], i + 1
	}
	return "", i
}

func closes(open, end byte) bool {
	return open == '[' && end == ']' || open == '(' && end == ')' || open == '{' && end == '}' || open == '<' && end == '>'
}

func skipSpaces(s string, i, most int) int {
	for i < len(s) && most > 0 && s[i] == ' ' {
		i, most = i+1, most-1
	}
	return i
}

// hasFold reports whether lower (ASCII, lower case) stands at i, in any case.
func hasFold(s string, i int, lower string) bool {
	if i < 0 || i+len(lower) > len(s) {
		return false
	}
	for k := range len(lower) {
		if low(s[i+k]) != lower[k] {
			return false
		}
	}
	return true
}

// low is the lower case of an ASCII letter; anything else is itself.
func low(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b | 0x20
	}
	return b
}
