package recognise

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
	"unicode/utf8"
)

// gold is one sentence of presidio-research with the spans its makers planted, in code points.
type gold struct {
	Text  string
	Spans []struct {
		Start, End int
		Type       string
	}
}

func synthetic(t testing.TB) []gold {
	t.Helper()
	text, err := os.ReadFile("testdata/presidio-synth/train.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var all []gold
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var g gold
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		byteAt := offsets(g.Text)
		for i, s := range g.Spans {
			g.Spans[i].Start, g.Spans[i].End = byteAt[s.Start], byteAt[s.End]
		}
		all = append(all, g)
	}
	return all
}

// offsets is the byte of each code point.
func offsets(text string) []int {
	var at []int
	for i := 0; i < len(text); {
		at = append(at, i)
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
	}
	return append(at, len(text))
}

// score counts, for one type of planted span.
type score struct{ n, touched, covered, named int }

// sameType is the labels under which a planted type counts as recognised for what it is.
func sameType() map[string][]string {
	return map[string][]string{
		"EMAIL_ADDRESS": {"EMAIL"}, "IBAN_CODE": {"IBAN"}, "US_SSN": {"SSN"}, "IP_ADDRESS": {"IP_ADDRESS"}, "CREDIT_CARD": {"CARD"},
		"PHONE_NUMBER": {"PHONE"}, "DATE_TIME": {"DATE", "YEAR"}, "DOMAIN_NAME": {"URL"}, "STREET_ADDRESS": {"ADDRESS", "POSTCODE"},
		"ZIP_CODE": {"POSTCODE", "ADDRESS"}, "TITLE": {"TITLE"}, "PERSON": {"PERSON"}, "US_DRIVER_LICENSE": {"DRIVER_LICENCE"},
	}
}

func TestRecallOnSyntheticSentences(t *testing.T) {
	r := New(Options{Years: true})
	recall, precision := map[string]*score{}, map[string]*score{}
	for _, g := range synthetic(t) {
		measure(g, r.Find(g.Text), recall, precision, t)
	}
	t.Logf("%-18s %5s %8s %8s %8s", "planted", "n", "touched", "covered", "as such")
	for _, k := range slices.Sorted(maps.Keys(recall)) {
		s := recall[k]
		t.Logf("%-18s %5d %8.3f %8.3f %8.3f", k, s.n, ratio(s.touched, s.n), ratio(s.covered, s.n), ratio(s.named, s.n))
	}
	t.Logf("%-18s %5s %10s %10s", "found", "n", "planted", "as such")
	for _, k := range slices.Sorted(maps.Keys(precision)) {
		s := precision[k]
		t.Logf("%-18s %5d %10.3f %10.3f", k, s.n, ratio(s.touched, s.n), ratio(s.named, s.n))
	}
	for k, floor := range floors() {
		if s := recall[k]; ratio(s.covered, s.n) < floor {
			t.Errorf("%s: %d of %d covered, want %.2f", k, s.covered, s.n, floor)
		}
	}
	for k, s := range precision {
		if ratio(s.touched, s.n) < leastPrecision {
			t.Errorf("%s: %d of %d were planted, want %.2f", k, s.touched, s.n, leastPrecision)
		}
	}
}

func ratio(a, n int) float64 { return float64(a) / float64(max(n, 1)) }

func measure(g gold, found []Span, recall, precision map[string]*score, t *testing.T) {
	at := func(m map[string]*score, k string) *score {
		if m[k] == nil {
			m[k] = &score{}
		}
		m[k].n++
		return m[k]
	}
	hit := make([]bool, len(found))
	named := make([]bool, len(found))
	for _, p := range g.Spans {
		s, best, same := at(recall, p.Type), 0, false
		for i, f := range found {
			if f.Start < p.End && p.Start < f.End {
				best += min(f.End, p.End) - max(f.Start, p.Start)
				hit[i] = true
				if slices.Contains(sameType()[p.Type], f.Kind.Label()) {
					same, named[i] = true, true
				}
			}
		}
		s.touched += one(best > 0)
		s.covered += one(best == p.End-p.Start)
		s.named += one(same)
		if best < p.End-p.Start && verboseMisses() {
			t.Logf("MISS %s %q in %q", p.Type, g.Text[p.Start:p.End], g.Text)
		}
	}
	for i, f := range found {
		s := at(precision, f.Kind.String())
		s.touched += one(hit[i])
		s.named += one(named[i])
		if !hit[i] && verboseMisses() {
			t.Logf("FALSE %s %q in %q", f.Kind, g.Text[f.Start:f.End], g.Text)
		}
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func verboseMisses() bool { return os.Getenv("MISSES") != "" }

// floors are the share of planted spans that must be covered to the last character.
func floors() map[string]float64 {
	return map[string]float64{"EMAIL_ADDRESS": 1, "IBAN_CODE": 1, "US_SSN": 1, "IP_ADDRESS": 1, "CREDIT_CARD": 0.98, "PHONE_NUMBER": 0.80, "DATE_TIME": 0.80, "STREET_ADDRESS": 0.55}
}

// leastPrecision is how much of what a rule finds must have been planted.
const leastPrecision = 0.95
