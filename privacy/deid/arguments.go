package deid

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"concordat/privacy"
)

// Parameter describes one argument of a transform.
type Parameter struct {
	Name    string
	Type    string // "string", "integer", "number", "any"
	Summary string // what it does, and what holds without it
}

// arguments are those of one obligation, by parameter name. Numbers are json.Number: nothing is rounded on the way.
type arguments map[string]any

// parse reads canonical arguments. Another spelling of the same arguments is refused: it would be another domain for
// the same transform. So is an argument that the transform does not know, which is most often a misspelt one.
func parse(text string, known []Parameter) (arguments, error) {
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var a arguments
	if err := d.Decode(&a); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", ErrArguments)
	}
	if c, err := privacy.CanonicalArguments(a); err != nil || c != text {
		return nil, fmt.Errorf("not in canonical form: %w", ErrArguments)
	}
	for name := range a {
		if !isParameter(name, known) {
			return nil, fmt.Errorf("%q is not a parameter: %w", name, ErrArguments)
		}
	}
	return a, nil
}

func isParameter(name string, known []Parameter) bool {
	for _, p := range known {
		if p.Name == name {
			return true
		}
	}
	return false
}

func bad(name, want string) error { return fmt.Errorf("%s: %s: %w", name, want, ErrArguments) }

func (a arguments) has(name string) bool { _, ok := a[name]; return ok }

// text is a string argument, or the default.
func (a arguments) text(name, otherwise string) (string, error) {
	v, ok := a[name]
	if !ok {
		return otherwise, nil
	}
	s, ok := v.(string)
	if !ok {
		return "", bad(name, "want a string")
	}
	return s, nil
}

// integer is a whole number of at least least, or the default.
func (a arguments) integer(name string, otherwise, least int64) (int64, error) {
	v, ok := a[name]
	if !ok {
		return otherwise, nil
	}
	n, ok := v.(json.Number)
	if !ok {
		return 0, bad(name, "want an integer")
	}
	i, err := n.Int64()
	if err != nil || i < least {
		return 0, bad(name, fmt.Sprintf("want an integer of at least %d", least))
	}
	return i, nil
}

// number is a required finite number above zero.
func (a arguments) number(name string) (float64, error) {
	n, ok := a[name].(json.Number)
	if !ok {
		return 0, bad(name, "want a number")
	}
	f, err := n.Float64()
	if err != nil || !(f > 0) || math.IsInf(f, 0) {
		return 0, bad(name, "want a number above zero")
	}
	return f, nil
}
