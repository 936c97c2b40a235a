package deid

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"concordat/privacy/deid/recognise"
)

// Reasons for which a text is withheld whole: [REDACTED] stands for all of it.
var (
	ErrNoTagger = errors.New("no tagger, and rules alone were not asked for")
	ErrTagger   = errors.New("tagger failed")
	ErrLanguage = errors.New("text in a language that is not read here")
	ErrText     = errors.New("not a text, or too long")
)

// Span is a stretch of a text that names or identifies somebody. A Tagger gives Start, End, Label and Score.
type Span struct {
	Start, End     int     // in bytes, on rune boundaries
	Start16, End16 int     // the same in UTF-16 code units
	Label          string  // PERSON, PHONE, ...: capitals, digits, underscores
	Score          float64 // 0 to 1
	Rule           string  // what found it
}

// Tagger finds names in texts: the work of a model. It answers for each text in order, or fails for all. It returns
// when the context ends; an error of any sort withholds the texts.
type Tagger interface {
	Tag(ctx context.Context, texts []string) ([][]Span, error)
}

// Style is what stands in place of what was hidden.
type Style uint8

const (
	StyleLabel     Style = iota // [PHONE]
	StyleMask                   // one * for each character
	StyleSurrogate              // names and addresses become other ones, always the same; the rest [LABEL]
)

// TextOptions say how free text is redacted. The zero value withholds every text.
type TextOptions struct {
	Tagger    Tagger
	RulesOnly bool          // rules are enough, by explicit decision: the tagger is not asked
	Timeout   time.Duration // of one call of the tagger; 0 for DefaultTimeout
	MostBytes int           // longer texts are withheld; 0 for DefaultMostBytes
	Language  string        // "en", "zh", or "" for both
	Years     bool          // hide bare years as well
	Style     Style
	Key       []byte // of surrogates; see SurrogateKey
}

// Defaults of TextOptions.
const (
	DefaultTimeout   = 5 * time.Second
	DefaultMostBytes = 1 << 20
)

// tagBatch is how many texts one call of the tagger gets, and how many one failure withholds.
const tagBatch = 256

// Redaction is a text without what was found in it. No string of it repeats what was hidden.
type Redaction struct {
	Text     string
	Spans    []Span // of the text as given
	Withheld error  // why Text is [REDACTED]; nil where it was read
}

// Redactor hides identifiers in free text: the union of what a tagger and the rules of package recognise find. It
// fails closed: a text on which the tagger fails, or in a language that is not read here, is withheld whole. Safe for
// concurrent use where the Tagger is.
type Redactor struct {
	options TextOptions
	rules   *recognise.Recogniser
}

// NewRedactor makes a Redactor; keep it.
func NewRedactor(o TextOptions) *Redactor {
	return newRedactor(o, recognise.New(recognise.Options{Years: o.Years}))
}

func newRedactor(o TextOptions, rules *recognise.Recogniser) *Redactor {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MostBytes <= 0 {
		o.MostBytes = DefaultMostBytes
	}
	return &Redactor{options: o, rules: rules}
}

// Redact answers for each text, in order.
func (r *Redactor) Redact(ctx context.Context, texts []string) []Redaction {
	out := make([]Redaction, len(texts))
	for from := 0; from < len(texts); from += tagBatch {
		to := min(from+tagBatch, len(texts))
		r.batch(ctx, texts[from:to], out[from:to])
	}
	return out
}

func (r *Redactor) batch(ctx context.Context, texts []string, out []Redaction) {
	var readable []string
	var index []int
	for i, t := range texts {
		if err := r.readable(t); err != nil {
			out[i] = withheld(err)
			continue
		}
		readable, index = append(readable, t), append(index, i)
	}
	tagged, err := r.tag(ctx, readable)
	for k, i := range index {
		if err != nil {
			out[i] = withheld(err)
			continue
		}
		out[i] = r.redact(readable[k], tagged[k])
	}
}

func withheld(why error) Redaction { return Redaction{Text: Redacted, Withheld: why} }

// readable says why a text must not be read, before anybody does.
func (r *Redactor) readable(text string) error {
	switch {
	case r.options.Tagger == nil && !r.options.RulesOnly:
		return ErrNoTagger
	case len(text) > r.options.MostBytes || !utf8.ValidString(text):
		return ErrText
	case !readLanguage(text, r.options.Language):
		return ErrLanguage
	}
	return nil
}

// tag asks the tagger under a deadline, and believes nothing that does not fit the texts.
func (r *Redactor) tag(ctx context.Context, texts []string) ([][]Span, error) {
	if r.options.RulesOnly || len(texts) == 0 {
		return make([][]Span, len(texts)), nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	tagged, err := r.options.Tagger.Tag(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTagger, err)
	}
	if len(tagged) != len(texts) {
		return nil, ErrTagger
	}
	for i, spans := range tagged {
		for _, s := range spans {
			if !fits(texts[i], s) {
				return nil, ErrTagger
			}
		}
	}
	return tagged, nil
}

// fits holds a tagger's span to its text: a span that is off by one shows what it should hide.
func fits(text string, s Span) bool {
	return s.Start >= 0 && s.Start < s.End && s.End <= len(text) && boundary(text, s.Start) && boundary(text, s.End) && isLabel(s.Label)
}

func boundary(text string, i int) bool { return i == len(text) || utf8.RuneStart(text[i]) }

func isLabel(l string) bool {
	return l != "" && len(l) <= 32 && strings.Trim(l, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// redact replaces the union of what tagger and rules found.
func (r *Redactor) redact(text string, tagged []Span) Redaction {
	spans := r.find(text, tagged)
	return Redaction{Text: r.rewrite(text, spans), Spans: spans}
}

// rewrite is the text with something else in place of each span.
func (r *Redactor) rewrite(text string, spans []Span) string {
	var b strings.Builder
	at := 0
	for _, s := range spans {
		b.WriteString(text[at:s.Start])
		b.WriteString(r.instead(text, s))
		at = s.End
	}
	b.WriteString(text[at:])
	return b.String()
}

func (r *Redactor) instead(text string, s Span) string {
	hidden := text[s.Start:s.End]
	switch r.options.Style {
	case StyleMask:
		return strings.Repeat("*", utf8.RuneCountInString(hidden))
	case StyleSurrogate:
		if to := surrogate(r.options.Key, s.Label, hidden, text); to != "" {
			return to
		}
	}
	return "[" + s.Label + "]"
}

// find is everything to hide: sorted, disjoint.
func (r *Redactor) find(text string, tagged []Span) []Span {
	var all []Span
	for _, s := range tagged {
		if s.Rule == "" {
			s.Rule = "tagger"
		}
		if s.Label == "PER" {
			s.Label = "PERSON" // one label for a person, whoever found it
		}
		all = append(all, s)
	}
	for _, s := range r.rules.Find(text) {
		all = append(all, Span{Start: s.Start, End: s.End, Label: s.Kind.Label(), Score: s.Score, Rule: s.Kind.String()})
	}
	all = append(all, foreignWords(text, r.options.Language)...)
	all = complete(text, union(all))
	all = union(append(all, repeats(text, all)...))
	count16(text, all)
	return all
}
