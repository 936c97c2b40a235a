package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"concordat/privacy"
)

// statement is one element of a package's `fields`: what one rule says of what it names.
//
//	{"classification": "SENSITIVE", "effect": "transform", "method": "round", "args": {"to": 10}, "reason": "..."}
type statement struct {
	classification string
	typ            string
	coordinate     privacy.Coordinate
	effect         Effect
	obligation     privacy.Obligation
	reason         string
}

// effectNamed is the published order's words.
func effectNamed(word string) Effect {
	switch word {
	case "allow":
		return Allow
	case "transform":
		return Transform
	case "aggregate":
		return Aggregate
	case "encrypted":
		return Encrypted
	case "deny":
		return Deny
	case "invisible":
		return Invisible
	}
	return Undefined
}

// String is the word that policies use.
func (e Effect) String() string {
	return [...]string{"undefined", "allow", "transform", "aggregate", "encrypted", "deny", "invisible"}[e]
}

// decoded is a statement as Rego gave it, with what is wrong with it. A wrong statement denies what it names, or hides
// it where it says so; one that names nothing closes the whole agency: fail closed.
type decoded struct {
	names []statement // one per name it gives: exactly one where nothing is wrong
	wrong error
}

// decode reads a statement. tightens is set for the gateway's rules, which may not allow.
func decode(value any, tightens bool) decoded {
	object, ok := value.(map[string]any)
	if !ok {
		return decoded{wrong: fmt.Errorf("a statement is an object, not %T", value)}
	}
	d := decoded{}
	d.readNames(object)
	s, err := readRest(object, tightens)
	if err == nil && len(d.names) != 1 {
		err = fmt.Errorf("a statement names one of coordinate, type and classification, this one %d", len(d.names))
	}
	if d.wrong == nil {
		d.wrong = err
	}
	for i := range d.names {
		if d.wrong != nil {
			d.names[i].effect, d.names[i].reason = wrongEffect(object), "the policy's statement is not valid"
			continue
		}
		d.names[i].effect, d.names[i].obligation, d.names[i].reason = s.effect, s.obligation, s.reason
	}
	return d
}

// wrongEffect is that of a statement that is not valid: it denies, or hides where that can still be read.
func wrongEffect(object map[string]any) Effect {
	if word, _ := object["effect"].(string); effectNamed(word) == Invisible {
		return Invisible
	}
	return Deny
}

func (d *decoded) readNames(object map[string]any) {
	for _, key := range []string{"coordinate", "type", "classification"} {
		value, ok := object[key]
		if !ok {
			continue
		}
		name, ok := value.(string)
		if !ok || name == "" {
			d.wrong = fmt.Errorf("%s is not a name", key)
			continue
		}
		switch key {
		case "coordinate":
			d.names = append(d.names, statement{coordinate: privacy.Coordinate(name)})
		case "type":
			d.names = append(d.names, statement{typ: name})
		case "classification":
			d.names = append(d.names, statement{classification: name})
		}
	}
}

func readRest(object map[string]any, tightens bool) (statement, error) {
	var s statement
	var method string
	for _, key := range sortedKeys(object) {
		value := object[key]
		switch key {
		case "coordinate", "type", "classification":
		case "effect":
			word, _ := value.(string)
			s.effect = effectNamed(word)
		case "method":
			name, ok := value.(string)
			if !ok || name == "" {
				return s, fmt.Errorf("method is not a name")
			}
			method = name
		case "args":
			args, ok := value.(map[string]any)
			if !ok {
				return s, fmt.Errorf("args is not an object")
			}
			text, err := privacy.CanonicalArguments(args)
			if err != nil {
				return s, err
			}
			s.obligation.Arguments = text
		case "reason":
			text, ok := value.(string)
			if !ok {
				return s, fmt.Errorf("reason is not text")
			}
			s.reason = text
		default:
			return s, fmt.Errorf("unknown key %q", key)
		}
	}
	s.obligation.Method = method
	return s, s.check(tightens)
}

func (s statement) check(tightens bool) error {
	switch {
	case s.effect == Undefined:
		return fmt.Errorf("effect is one of allow, transform, aggregate, encrypted, deny, invisible")
	case s.effect == Transform && s.obligation.Method == "":
		return fmt.Errorf("transform needs a method")
	case s.effect != Transform && s.obligation != privacy.Obligation{}:
		return fmt.Errorf("method and args belong to transform, not to %s", s.effect)
	case tightens && s.effect == Allow:
		return fmt.Errorf("the gateway's rules can only tighten: no allow")
	}
	return nil
}

// named are the fields of x that s is about; found is false where s names nothing that exists.
func (s statement) named(x *index) (fields []int, found bool) {
	switch {
	case s.coordinate != "":
		fields = x.coordinates[s.coordinate]
	case s.typ != "":
		fields = x.types[s.typ]
	case s.classification != "":
		return x.classification[s.classification], classified(s.classification)
	}
	return fields, len(fields) > 0
}

// maxMinimumGroup keeps a limit within what every counter holds.
const maxMinimumGroup = 1 << 30

// decodeLimits reads one element of `limits`; an error means that what was meant is unknown.
func decodeLimits(value any) (Limits, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return Limits{}, fmt.Errorf("a limit is an object, not %T", value)
	}
	var l Limits
	var err error
	for _, key := range sortedKeys(object) {
		switch key {
		case "minimumGroup":
			l.MinimumGroup, err = decodeGroup(object[key])
		case "mark":
			l.Mark, err = decodeMark(object[key])
		default:
			err = fmt.Errorf("unknown limit %q", key)
		}
		if err != nil {
			return Limits{}, err
		}
	}
	return l, nil
}

func decodeGroup(value any) (int, error) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, fmt.Errorf("minimumGroup is a number")
	}
	n, err := number.Int64()
	if err != nil || n < 0 || n > maxMinimumGroup {
		return 0, fmt.Errorf("minimumGroup is a whole number from 0 to %d", maxMinimumGroup)
	}
	return int(n), nil
}

// maxMark bounds a mark in bytes, so that no rule can fill an entry with one.
const maxMark = 200

func decodeMark(value any) (string, error) {
	text, ok := value.(string)
	if !ok || text == "" || len(text) > maxMark || strings.ContainsFunc(text, unicode.IsControl) {
		return "", fmt.Errorf("mark is a line of text of at most %d bytes", maxMark)
	}
	return text, nil
}

// tighten is the stricter of two limits, term by term.
func (l Limits) tighten(other Limits) Limits {
	return Limits{MinimumGroup: max(l.MinimumGroup, other.MinimumGroup), Mark: marks(l.Mark, other.Mark)}
}

// markSeparator stands between the marks of several rules.
const markSeparator = "; "

// marks holds each mark once, in order.
func marks(a, b string) string {
	if a == "" || b == "" || a == b {
		return max(a, b)
	}
	all := append(strings.Split(a, markSeparator), strings.Split(b, markSeparator)...)
	slices.Sort(all)
	return strings.Join(slices.Compact(all), markSeparator)
}
