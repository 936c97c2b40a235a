package graphql

import (
	"unicode/utf16"
	"unicode/utf8"
)

// lexer reads JSON (RFC 8259) in place. It is strict where encoding/json is lenient: text that is not UTF-8 and lone
// surrogates are refused, not replaced, and nesting costs no stack.
type lexer struct {
	text    []byte
	at      int
	scratch []byte
}

// form is the JSON type of a scalar.
type form uint8

const (
	isString form = iota + 1
	isNumber
	isBool
)

func (l *lexer) space() {
	for l.at < len(l.text) {
		switch l.text[l.at] {
		case ' ', '\t', '\n', '\r':
			l.at++
		default:
			return
		}
	}
}

// take passes over one character after white space.
func (l *lexer) take(c byte) bool {
	l.space()
	if l.at < len(l.text) && l.text[l.at] == c {
		l.at++
		return true
	}
	return false
}

func (l *lexer) end() bool {
	l.space()
	return l.at == len(l.text)
}

func (l *lexer) word(w string) bool {
	l.space()
	if len(l.text)-l.at >= len(w) && string(l.text[l.at:l.at+len(w)]) == w {
		l.at += len(w)
		return true
	}
	return false
}

func (l *lexer) null() bool { return l.word("null") }

func (l *lexer) emptyArray() bool {
	start := l.at
	if l.take('[') && l.take(']') {
		return true
	}
	l.at = start
	return false
}

// object visits the members of an object; visit reads the value. The key is valid until then.
func (d *decoder) object(visit func(key []byte) error) error {
	if !d.take('{') {
		return d.malformed()
	}
	for first := true; !d.take('}'); first = false {
		if !first && !d.take(',') {
			return d.malformed()
		}
		key, ok := d.str()
		if !ok || !d.take(':') {
			return d.malformed()
		}
		if err := visit(key); err != nil {
			return err
		}
	}
	return nil
}

// scalar reads a string, a number or a truth value. The text is valid until the next call.
func (l *lexer) scalar() ([]byte, form, bool) {
	l.space()
	if l.at == len(l.text) {
		return nil, 0, false
	}
	switch c := l.text[l.at]; {
	case c == '"':
		s, ok := l.str()
		return s, isString, ok
	case c == '-' || '0' <= c && c <= '9':
		s, ok := l.number()
		return s, isNumber, ok
	}
	start := l.at
	if l.word("true") || l.word("false") {
		return l.text[start:l.at], isBool, true
	}
	return nil, 0, false
}

// number reads RFC 8259 section 6.
func (l *lexer) number() ([]byte, bool) {
	start := l.at
	if l.text[l.at] == '-' {
		l.at++
	}
	zero := l.peek() == '0'
	if n := l.digits(); n == 0 || zero && n > 1 {
		return nil, false
	}
	if l.peek() == '.' {
		l.at++
		if l.digits() == 0 {
			return nil, false
		}
	}
	if c := l.peek(); c == 'e' || c == 'E' {
		l.at++
		if c := l.peek(); c == '+' || c == '-' {
			l.at++
		}
		if l.digits() == 0 {
			return nil, false
		}
	}
	return l.text[start:l.at], true
}

func (l *lexer) peek() byte {
	if l.at < len(l.text) {
		return l.text[l.at]
	}
	return 0
}

func (l *lexer) digits() int {
	start := l.at
	for c := l.peek(); '0' <= c && c <= '9'; c = l.peek() {
		l.at++
	}
	return l.at - start
}

// str reads a string: a part of the text where it has no escape.
func (l *lexer) str() ([]byte, bool) {
	if !l.take('"') {
		return nil, false
	}
	start := l.at
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case c == '"':
			s := l.text[start:l.at]
			l.at++
			return s, utf8.Valid(s)
		case c == '\\':
			return l.escaped(start)
		case c < 0x20:
			return nil, false
		}
		l.at++
	}
	return nil, false
}

// escaped goes on with a string from its first escape.
func (l *lexer) escaped(start int) ([]byte, bool) {
	l.scratch = append(l.scratch[:0], l.text[start:l.at]...)
	for l.at < len(l.text) {
		c := l.text[l.at]
		l.at++
		switch {
		case c == '"':
			return l.scratch, utf8.Valid(l.scratch)
		case c < 0x20:
			return nil, false
		case c != '\\':
			l.scratch = append(l.scratch, c)
		case !l.escape():
			return nil, false
		}
	}
	return nil, false
}

// escape reads what follows a backslash.
func (l *lexer) escape() bool {
	c := l.peek()
	l.at++
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return l.unicode()
	default:
		return false
	}
	l.scratch = append(l.scratch, c)
	return true
}

// unicode reads four digits, or two times four for a pair of surrogates.
func (l *lexer) unicode() bool {
	r, ok := l.hex()
	if !ok {
		return false
	}
	if utf16.IsSurrogate(r) {
		if l.peek() != '\\' || l.at+1 >= len(l.text) || l.text[l.at+1] != 'u' {
			return false
		}
		l.at += 2
		low, ok := l.hex()
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return false
		}
	}
	l.scratch = utf8.AppendRune(l.scratch, r)
	return true
}

func (l *lexer) hex() (rune, bool) {
	if len(l.text)-l.at < 4 {
		return 0, false
	}
	var r rune
	for _, c := range l.text[l.at : l.at+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	l.at += 4
	return r, true
}

// maxDepth bounds what is passed over.
const maxDepth = 10_000

// skip passes over one value of any shape.
func (d *decoder) skip() error {
	var open []byte // what closes each open array or object
	for {
		if len(open) > maxDepth {
			return d.malformed()
		}
		switch {
		case d.take('['):
			if !d.take(']') {
				open = append(open, ']')
				continue
			}
		case d.take('{'):
			if !d.take('}') {
				if !d.key() {
					return d.malformed()
				}
				open = append(open, '}')
				continue
			}
		case d.null():
		default:
			if _, _, ok := d.scalar(); !ok {
				return d.malformed()
			}
		}
		more, err := d.closeOpen(&open)
		if err != nil || !more {
			return err
		}
	}
}

func (l *lexer) key() bool {
	_, ok := l.str()
	return ok && l.take(':')
}

// closeOpen goes on after a value: to the next member, or out of what it ends. It reports whether a value follows.
func (d *decoder) closeOpen(open *[]byte) (bool, error) {
	for n := len(*open); n > 0; n = len(*open) {
		closing := (*open)[n-1]
		switch {
		case d.take(closing):
			*open = (*open)[:n-1]
		case !d.take(','), closing == '}' && !d.key():
			return false, d.malformed()
		default:
			return true, nil
		}
	}
	return false, nil
}
