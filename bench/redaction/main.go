// Command redaction measures what the redaction of free text hides: rules and the embedded models together, on sentences
// and notes that come with the places of what their makers planted.
//
//	go run ./bench/redaction                        # both measurements, as tables
//	go run ./bench/redaction -misses STREET_ADDRESS # and what of one kind was shown
//
// It ends with 1 where a figure is below its floor. A planted span counts as touched where any of it was hidden, as
// covered where all of it was; precision is the share of hidden spans that touch a planted one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"concordat/cli/tagger"
	"concordat/privacy/deid"
	"concordat/privacy/deid/plant"
)

func main() {
	synth := flag.String("synth", filepath.Join("privacy", "deid", "recognise", "testdata", "presidio-synth", "train.jsonl"), "sentences with planted spans")
	notes := flag.Int("notes", 10_000, "how many notes are generated")
	misses := flag.String("misses", "", "the kind of which each miss is shown; FALSE for what was hidden and not planted")
	rules := flag.Bool("rules", false, "rules alone, without models")
	flag.Parse()
	if err := run(os.Stdout, *synth, *notes, *misses, *rules); err != nil {
		fmt.Fprintln(os.Stderr, "bench redaction:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, synth string, notes int, misses string, rules bool) error {
	models, err := tagger.New()
	if err != nil {
		return err
	}
	redactor := deid.NewRedactor(deid.TextOptions{Tagger: models.Redaction(), RulesOnly: rules, Years: true, Timeout: time.Minute})
	sentences, err := readSynthetic(synth)
	if err != nil {
		return err
	}
	for _, r := range []report{
		{title: "presidio-synth, part for training", floors: sentenceFloors(), documents: sentences, misses: misses},
		{title: "generated notes", floors: noteFloors(), documents: generated(notes), misses: misses},
	} {
		err = errors.Join(err, r.measure(redactor), r.print(out))
	}
	return errors.Join(err, models.Close())
}

// report is the figures of one measurement.
type report struct {
	title     string
	documents []document
	floors    []floor
	misses    string
	shown     []string
	kinds     map[string]*tally
	found     int // hidden spans
	right     int // those that touch a planted one
	failed    int // texts withheld
}

// tally counts the planted spans of one kind.
type tally struct{ n, touched, covered int }

func (t *tally) share(n int) float64 { return float64(n) / float64(max(t.n, 1)) }

// document is a text and the places, in bytes, of what was planted in it.
type document struct {
	text    string
	planted []planted
}

type planted struct {
	kind       string
	start, end int
}

func generated(n int) []document {
	var all []document
	for _, note := range plant.Notes(n) {
		all = append(all, document{note.Text, []planted{{note.Kind, note.Start, note.End}}})
	}
	return all
}

func (r *report) measure(redactor *deid.Redactor) error {
	r.kinds = map[string]*tally{}
	texts := make([]string, len(r.documents))
	for i, d := range r.documents {
		texts[i] = d.text
	}
	for i, got := range redactor.Redact(context.Background(), texts) {
		if errors.Is(got.Withheld, deid.ErrTagger) {
			return got.Withheld
		}
		if got.Withheld != nil {
			r.failed++ // hidden whole: neither a miss nor a find
			continue
		}
		r.count(r.documents[i], got.Spans)
	}
	return nil
}

func (r *report) count(d document, spans []deid.Span) {
	for _, p := range d.planted {
		if r.kinds[p.kind] == nil {
			r.kinds[p.kind] = &tally{}
		}
		t, hidden := r.kinds[p.kind], 0
		for _, s := range spans {
			hidden += max(0, min(s.End, p.end)-max(s.Start, p.start))
		}
		t.n++
		t.touched += count(hidden > 0)
		t.covered += count(hidden == p.end-p.start)
		if hidden < p.end-p.start && p.kind == r.misses {
			r.shown = append(r.shown, fmt.Sprintf("%q in %q: %s", d.text[p.start:p.end], d.text, spell(d.text, spans)))
		}
	}
	r.falseOnes(d, spans)
}

func (r *report) falseOnes(d document, spans []deid.Span) {
	for _, s := range spans {
		touches := false
		for _, p := range d.planted {
			touches = touches || s.Start < p.end && p.start < s.End
		}
		r.found, r.right = r.found+1, r.right+count(touches)
		if !touches && r.misses == "FALSE" {
			r.shown = append(r.shown, fmt.Sprintf("%s %s %q in %q", s.Label, s.Rule, d.text[s.Start:s.End], d.text))
		}
	}
}

func spell(text string, spans []deid.Span) string {
	out := ""
	for _, s := range spans {
		out += fmt.Sprintf(" %s/%s %q", s.Label, s.Rule, text[s.Start:s.End])
	}
	return out
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
