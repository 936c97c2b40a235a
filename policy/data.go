package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// readData merges {"sets": {...}} into data.sets. No agency may touch a set of another.
func (l *loader) readData(name string, text []byte) {
	sets, err := decodeSets(text)
	if err != nil {
		l.file(name, CodeData, `expected {"sets": {...}}: %s`, err)
		return
	}
	for _, key := range sortedKeys(sets) {
		if other, ok := l.setOwners[key]; ok {
			l.file(name, CodeData, "set %q is defined in %s too", key, other)
			continue
		}
		l.setOwners[key], l.sets[key] = name, sets[key]
	}
}

func decodeSets(text []byte) (map[string]any, error) {
	if err := unique(text); err != nil {
		return nil, err
	}
	var doc map[string]map[string]any // a map, since the fields of a struct would match in any case of letters
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON document")
	}
	for _, key := range sortedKeys(doc) {
		if key != "sets" {
			return nil, fmt.Errorf("unknown member %q", key)
		}
	}
	return doc["sets"], nil
}

// unique refuses a JSON document in which an object has a member twice: which of two lists of objectors holds is not
// for a parser to choose.
func unique(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return uniqueValue(decoder, 0)
}

// errNotText: half of a surrogate pair is read as U+FFFD, and a list that holds one would miss whom it was to name.
var errNotText = errors.New("a text holds U+FFFD, which stands for what is no character")

// maxDepth bounds nesting, as encoding/json does.
const maxDepth = 100

func uniqueValue(decoder *json.Decoder, depth int) error {
	token, err := decoder.Token()
	delimiter, nested := token.(json.Delim)
	text, _ := token.(string)
	switch {
	case err != nil:
		return err
	case strings.ContainsRune(text, utf8.RuneError):
		return errNotText
	case !nested:
		return nil
	case depth > maxDepth:
		return errors.New("nested too deeply")
	}
	seen := map[string]bool{}
	for decoder.More() {
		if delimiter == '{' {
			key, err := decoder.Token()
			if err != nil {
				return err
			}
			name, _ := key.(string)
			if strings.ContainsRune(name, utf8.RuneError) {
				return errNotText
			}
			if seen[name] {
				return fmt.Errorf("member %q stands twice", name)
			}
			seen[name] = true
		}
		if err := uniqueValue(decoder, depth+1); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}
