package deid

import (
	"context"
	"time"

	"concordat/privacy"
	"concordat/privacy/deid/recognise"
)

// freeText is what the transform "redact" needs for text, built once.
type freeText struct {
	tagger       Tagger
	memory       memory
	timeout      time.Duration
	plain, years *recognise.Recogniser
}

func newFreeText(t Tagger, timeout time.Duration) freeText {
	return freeText{
		tagger: t, timeout: timeout, memory: newMemory(),
		plain: recognise.New(recognise.Options{}), years: recognise.New(recognise.Options{Years: true}),
	}
}

// redactInText reads each distinct text once.
func (t freeText) redactInText(kind privacy.Kind, a arguments, s privacy.Scope) (transform, error) {
	if kind != privacy.String {
		return nil, ErrKind
	}
	o, domain, err := t.textOptions(a, s)
	if err != nil {
		return nil, err
	}
	rules := t.plain
	if o.Years {
		rules = t.years
	}
	by := subjectArgument(a)
	return func(in, out *privacy.Column) error {
		if by != "" {
			return eachSubject(newRedactor(o, rules), s, domainOf(domain, in), in, out)
		}
		o := o // columns may be redacted concurrently
		if o.Style == StyleSurrogate {
			key, err := SurrogateKey(s, domainOf(domain, in), "")
			if err != nil {
				return ErrKey
			}
			o.Key = key
		}
		out.Codes, out.Dict = in.Codes, make([]string, len(in.Dict))
		// A transform has no context of its own: the options' deadline bounds each call of the tagger.
		for i, r := range newRedactor(o, rules).Redact(context.Background(), in.Dict) {
			out.Dict[i] = r.Text
		}
		return nil
	}, nil
}

// domainOf is within which equal values get the same stand-in. No declared domain can be spelt like a field's own.
func domainOf(declared string, c *privacy.Column) string {
	if declared != "" {
		return "domain:" + declared
	}
	return "field:" + string(c.Coordinate)
}

func (t freeText) textOptions(a arguments, s privacy.Scope) (o TextOptions, domain string, err error) {
	o = TextOptions{Tagger: t.memory.of(t.tagger, s), Timeout: t.timeout}
	text, e1 := oneOf(a, "text", "label", "mask", "surrogate")
	rules, e2 := oneOf(a, "rules", "only")
	years, e3 := oneOf(a, "years", "hide")
	language, e4 := oneOf(a, "language", "en", "zh")
	domain, e5 := a.text("domain", "")
	for _, e := range []error{e1, e2, e3, e4, e5} {
		if e != nil {
			return o, "", e
		}
	}
	o.Style = map[string]Style{"label": StyleLabel, "mask": StyleMask, "surrogate": StyleSurrogate}[text]
	o.RulesOnly, o.Years, o.Language = rules != "", years != "", language
	switch {
	case a.has("domain") && (domain == "" || o.Style != StyleSurrogate):
		return o, "", bad("domain", "want a name, and surrogates")
	case a.has("subject") && (subjectArgument(a) == "" || o.Style != StyleSurrogate):
		return o, "", bad("subject", "want the name of a field, and surrogates")
	case o.Style == StyleSurrogate && (len(s.Root) < privacy.RootKeySize || s.Agreement == ""):
		return o, "", ErrKey
	}
	return o, domain, nil
}

// oneOf is an argument that has one of few values; "" where it is missing.
func oneOf(a arguments, name string, values ...string) (string, error) {
	if !a.has(name) {
		return "", nil
	}
	v, err := a.text(name, "")
	if err != nil {
		return "", err
	}
	for _, allowed := range values {
		if v == allowed {
			return v, nil
		}
	}
	return "", bad(name, "want one of the values listed")
}
