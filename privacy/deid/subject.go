package deid

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"concordat/privacy"
)

// ErrSubject says that surrogates are to be keyed by data subject, and nobody said whom the rows are about.
var ErrSubject = errors.New("no column of data subjects")

// Subject is the field of the same type that says whom a row is about, where an obligation keys by it; "" where it does
// not. What plans a fetch reads it too, and hands it to Apply.
func (s *Set) Subject(ob privacy.Obligation) string {
	if ob.Method != "redact" || ob.Arguments == "" {
		return ""
	}
	var a arguments
	if json.Unmarshal([]byte(ob.Arguments), &a) != nil {
		return "" // refused by Prepare
	}
	return subjectArgument(a)
}

func subjectArgument(a arguments) string {
	name, _ := a["subject"].(string)
	return name
}

// eachSubject reads each distinct text once, and writes it once for each of those whom it is about: "John Smith" is the
// same other name in all rows about one person, and an unrelated one in those about another. Where a row does not say whom
// it is about, names and addresses become labels: a surrogate would tie it to the other rows that do not.
func eachSubject(r *Redactor, s privacy.Scope, domain string, in, out *privacy.Column) error {
	if in.Subject == nil || in.Subject.Len() != in.Len() {
		return ErrSubject
	}
	read := r.Redact(context.Background(), in.Dict)
	type about struct {
		text    uint32
		subject string
		known   bool
	}
	codes := map[about]uint32{}
	out.Codes = make([]uint32, in.Len())
	for row := range in.Len() {
		if in.IsNull(row) {
			continue
		}
		a := about{text: in.Codes[row]}
		a.subject, a.known = subjectOf(in.Subject, row)
		code, ok := codes[a]
		if !ok {
			text, err := r.rewriteFor(s, domain, in.Dict[a.text], read[a.text], a.subject, a.known)
			if err != nil {
				return err
			}
			code = uint32(len(out.Dict))
			codes[a], out.Dict = code, append(out.Dict, text)
		}
		out.Codes[row] = code
	}
	if len(out.Dict) == 0 {
		out.Dict = []string{""} // rows without a value have code 0
	}
	return nil
}

// rewriteFor is a text that was read, as one data subject's.
func (r *Redactor) rewriteFor(s privacy.Scope, domain, text string, read Redaction, subject string, known bool) (string, error) {
	if read.Withheld != nil {
		return Redacted, nil
	}
	mine := *r
	if mine.options.Style = StyleLabel; known {
		key, err := SurrogateKey(s, domain, subject)
		if err != nil {
			return "", ErrKey
		}
		mine.options.Style, mine.options.Key = StyleSurrogate, key
	}
	return mine.rewrite(text, read.Spans), nil
}

// subjectOf is whom a row is about. A number and its text are the same person.
func subjectOf(c *privacy.Column, row int) (string, bool) {
	switch {
	case c.IsNull(row):
		return "", false
	case c.Kind.Text():
		return c.Text(row), c.Text(row) != ""
	case c.Kind == privacy.Float:
		return "", false // no key
	}
	return strconv.FormatInt(c.Ints[row], 10), true
}
