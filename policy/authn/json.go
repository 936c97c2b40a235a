package authn

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxDepth   = 8
	maxMembers = 64 // of the whole document
)

var errJSON = errors.New("not the strict JSON of a token")

// parseObject reads one JSON object as two readers can only agree on it (RFC 8725 section 3.7, RFC 7493): UTF-8,
// no member twice even when case is ignored, bounded depth and size, nothing after it. Numbers stay json.Number.
func parseObject(text []byte) (map[string]any, error) {
	// json.Valid because the token reader below is more lenient about commas than the grammar.
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, errJSON
	}
	p := strictParser{dec: json.NewDecoder(bytes.NewReader(text))}
	p.dec.UseNumber()
	value, err := p.value(1)
	if err != nil {
		return nil, errJSON
	}
	if _, err := p.dec.Token(); err != io.EOF {
		return nil, errJSON
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errJSON
	}
	return object, nil
}

type strictParser struct {
	dec     *json.Decoder
	members int
}

func (p *strictParser) value(depth int) (any, error) {
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if depth > maxDepth {
			return nil, errJSON
		}
		if t == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case string:
		return t, checkString(t)
	}
	return token, nil
}

func (p *strictParser) object(depth int) (any, error) {
	object, folded := map[string]any{}, map[string]bool{}
	for p.dec.More() {
		token, err := p.dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if p.members++; !ok || p.members > maxMembers || checkString(name) != nil || folded[fold(name)] {
			return nil, errJSON
		}
		folded[fold(name)] = true
		if object[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := p.dec.Token()
	return object, err
}

func (p *strictParser) array(depth int) (any, error) {
	array := []any{}
	for p.dec.More() {
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	_, err := p.dec.Token()
	return array, err
}

// checkString refuses what the decoder puts in place of a lone surrogate: two different names would become one.
func checkString(s string) error {
	if strings.ContainsRune(s, utf8.RuneError) {
		return errJSON
	}
	return nil
}

// fold maps every rune to the least of those that differ from it only by case, as encoding/json compares names.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}
