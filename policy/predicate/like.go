package predicate

import (
	"strings"
	"unicode/utf8"
)

func textTest(text string, op Op, want string) bool {
	switch op {
	case HasPrefix:
		return strings.HasPrefix(text, want)
	case HasSuffix:
		return strings.HasSuffix(text, want)
	case Contains:
		return strings.Contains(text, want)
	}
	return like(text, want)
}

// like is SQL LIKE: % is any run of characters, _ is one character, backslash makes the next character plain. A
// backslash at the end is itself. It never tries more than len(text) * len(pattern) steps.
func like(text, pattern string) bool {
	var resume, retry int
	run := false // a % was seen; resume is the pattern after it, retry the text to try next
	t, p := 0, 0
	for t < len(text) {
		if p < len(pattern) && pattern[p] == '%' {
			run, resume, retry = true, p+1, t
			p++
			continue
		}
		if step, next, ok := one(text[t:], pattern[p:]); ok {
			t, p = t+step, p+next
			continue
		}
		if !run {
			return false
		}
		_, size := utf8.DecodeRuneInString(text[retry:])
		retry += size
		t, p = retry, resume
	}
	return strings.Trim(pattern[p:], "%") == ""
}

// one matches one character of text against one step of pattern; it gives the bytes of each.
func one(text, pattern string) (step, next int, ok bool) {
	if pattern == "" {
		return 0, 0, false
	}
	_, size := utf8.DecodeRuneInString(text)
	switch pattern[0] {
	case '%':
		return 0, 0, false
	case '_':
		return size, 1, true
	case '\\':
		if len(pattern) > 1 {
			_, width := utf8.DecodeRuneInString(pattern[1:])
			return size, 1 + width, text[:size] == pattern[1:1+width]
		}
	}
	_, width := utf8.DecodeRuneInString(pattern)
	return size, width, text[:size] == pattern[:width]
}
