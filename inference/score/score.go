// Package score measures taggers at entity level, as seqeval does in strict mode with IOB2: an entity begins with B-x and
// goes on with I-x; it counts only where type, first and last token agree.
//
//	var t score.Tally
//	t.Add(goldTags, predictedTags)
//	report := t.Report()
package score

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ErrFormat says that a file is not two tab-separated columns of tokens and IOB2 tags.
var ErrFormat = errors.New("score: not a CoNLL file of two columns")

// Sentence is tokens with their tags.
type Sentence struct{ Tokens, Tags []string }

// ReadConll reads `token<TAB>tag` lines; a blank line ends a sentence.
func ReadConll(r io.Reader) ([]Sentence, error) {
	var out []Sentence
	var s Sentence
	flush := func() {
		if len(s.Tokens) > 0 {
			out = append(out, s)
			s = Sentence{}
		}
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if line == "" {
			flush()
			continue
		}
		token, tag, ok := strings.Cut(line, "\t")
		if !ok || token == "" || tag != "O" && !strings.HasPrefix(tag, "B-") && !strings.HasPrefix(tag, "I-") {
			return nil, fmt.Errorf("%w: line %d", ErrFormat, n)
		}
		s.Tokens, s.Tags = append(s.Tokens, token), append(s.Tags, tag)
	}
	flush()
	return out, lines.Err()
}

// Characters splits every token into its characters; the first keeps B, the others become I.
func (s Sentence) Characters() Sentence {
	var out Sentence
	for i, token := range s.Tokens {
		tag := s.Tags[i]
		for _, r := range token {
			out.Tokens, out.Tags = append(out.Tokens, string(r)), append(out.Tags, tag)
			if rest, ok := strings.CutPrefix(tag, "B-"); ok {
				tag = "I-" + rest
			}
		}
	}
	return out
}

// entity is a span of tokens.
type entity struct {
	kind     string
	from, to int
}

// entities are the well-formed ones: an I that continues nothing of its type is none.
func entities(tags []string) []entity {
	var out []entity
	for i := 0; i < len(tags); i++ {
		kind, ok := strings.CutPrefix(tags[i], "B-")
		if !ok {
			continue
		}
		from := i
		for i+1 < len(tags) && tags[i+1] == "I-"+kind {
			i++
		}
		out = append(out, entity{kind, from, i + 1})
	}
	return out
}

// Counts are what a type's figures are made of.
type Counts struct{ hit, found, wanted int }

// Figures are precision, recall and F1, as fractions; 0 where nothing was there to divide by.
type Figures struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	Support   int     `json:"support"`
}

// Tally adds up sentences. The zero value is ready.
type Tally struct {
	Sentences int
	types     map[string]*Counts
}

// Add counts one sentence.
func (t *Tally) Add(gold, predicted []string) {
	t.Sentences++
	want := entities(gold)
	for _, e := range want {
		t.of(e.kind).wanted++
	}
	for _, e := range entities(predicted) {
		c := t.of(e.kind)
		c.found++
		if slices.Contains(want, e) {
			c.hit++
		}
	}
}

func (t *Tally) of(kind string) *Counts {
	if t.types == nil {
		t.types = map[string]*Counts{}
	}
	if t.types[kind] == nil {
		t.types[kind] = &Counts{}
	}
	return t.types[kind]
}

// Report gives the figures of each type and over all.
func (t *Tally) Report() (types map[string]Figures, micro Figures) {
	var all Counts
	types = map[string]Figures{}
	for kind, c := range t.types {
		types[kind] = c.figures()
		all.hit, all.found, all.wanted = all.hit+c.hit, all.found+c.found, all.wanted+c.wanted
	}
	return types, all.figures()
}

func (c Counts) figures() Figures {
	f := Figures{Support: c.wanted}
	if c.found > 0 {
		f.Precision = float64(c.hit) / float64(c.found)
	}
	if c.wanted > 0 {
		f.Recall = float64(c.hit) / float64(c.wanted)
	}
	if f.Precision+f.Recall > 0 {
		f.F1 = 2 * f.Precision * f.Recall / (f.Precision + f.Recall)
	}
	return f
}
