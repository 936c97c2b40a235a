package deid

import (
	"strings"
	"unicode/utf8"

	"concordat/privacy"
)

// Redacted stands where text was withheld.
const Redacted = "[REDACTED]"

func null(privacy.Kind, arguments, privacy.Scope) (transform, error) { return nullify, nil }

// redact marks text; the marker is no date, decimal or document, so these become null like numbers. With the argument
// "text" it hides what is found in a text and leaves the rest.
func (t freeText) redact(kind privacy.Kind, a arguments, s privacy.Scope) (transform, error) {
	switch {
	case a.has("text"):
		return t.redactInText(kind, a, s)
	case len(a) > 0:
		return nil, bad("text", "required beside the others")
	case kind == privacy.String:
		return fill(kind, literal{text: Redacted}), nil
	}
	return nullify, nil
}

func prefix(_ privacy.Kind, a arguments, _ privacy.Scope) (transform, error) {
	if !a.has("length") {
		return nil, bad("length", "required")
	}
	n, err := a.integer("length", 0, 1)
	if err != nil {
		return nil, err
	}
	return eachText(func(s string) (string, bool) { return s[:runeOffset(s, n)], true }), nil
}

// runeOffset is where the rune after the first n starts, or the end.
func runeOffset(s string, n int64) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func mask(_ privacy.Kind, a arguments, _ privacy.Scope) (transform, error) {
	if a.has("pattern") {
		return maskPattern(a)
	}
	first, err := a.integer("keepFirst", 0, 0)
	if err != nil {
		return nil, err
	}
	last, err := a.integer("keepLast", 0, 0)
	if err != nil {
		return nil, err
	}
	char, err := a.text("char", "*")
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(char) != 1 {
		return nil, bad("char", "want one character")
	}
	return eachText(func(s string) (string, bool) { return maskEnds(s, first, last, char), true }), nil
}

// maskEnds shows the first and last runes of a value that is longer than both together.
func maskEnds(s string, first, last int64, char string) string {
	n := int64(utf8.RuneCountInString(s))
	if first >= n || last >= n-first {
		return strings.Repeat(char, int(n))
	}
	head, tail := runeOffset(s, first), runeOffset(s, n-last)
	return s[:head] + strings.Repeat(char, int(n-first-last)) + s[tail:]
}

func maskPattern(a arguments) (transform, error) {
	if len(a) > 1 {
		return nil, bad("pattern", "takes no other argument beside it")
	}
	text, err := a.text("pattern", "")
	if err != nil {
		return nil, err
	}
	if !strings.Contains(text, "*") {
		return nil, bad("pattern", "hides nothing")
	}
	pattern := []rune(text)
	return eachText(func(s string) (string, bool) { return maskBy(pattern, s), true }), nil
}

// maskBy walks pattern and value together. A value that ends first would be shown with less hidden than the pattern
// promises: it is hidden whole.
func maskBy(pattern []rune, s string) string {
	var b strings.Builder
	rest := []rune(s)
	for _, p := range pattern {
		shows := p == '#' || p == '*'
		switch {
		case shows && len(rest) == 0:
			return strings.Repeat("*", utf8.RuneCountInString(s))
		case p == '#':
			b.WriteRune(rest[0])
		default:
			b.WriteRune(p)
		}
		if shows || (len(rest) > 0 && rest[0] == p) {
			rest = rest[1:]
		}
	}
	return b.String()
}
