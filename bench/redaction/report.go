package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"unicode/utf8"
)

// floor is the least that one figure may be.
type floor struct {
	kind    string // "" for precision
	touched float64
	covered float64
}

func sentenceFloors() []floor {
	return []floor{
		{"", 0.90, 0}, {"PERSON", 0.95, 0.92}, {"STREET_ADDRESS", 0.95, 0.85}, {"CREDIT_CARD", 0.995, 0.995}, {"IBAN_CODE", 0.995, 0.995},
		{"US_SSN", 0.995, 0.995}, {"EMAIL_ADDRESS", 0.995, 0.995}, {"IP_ADDRESS", 0.995, 0.995},
	}
}

func noteFloors() []floor {
	all := []floor{{"", 0.90, 0}, {"person", 0.95, 0.92}, {"cn-person", 0.90, 0.90}, {"address", 0.95, 0.85}, {"cn-address", 0.95, 0.85}}
	for _, checked := range []string{"cn-id", "cn-credit", "card", "iban", "imei"} {
		all = append(all, floor{checked, 0.995, 0.995})
	}
	return all
}

// print writes the table and says which figures are below their floors.
func (r *report) print(out io.Writer) error {
	fmt.Fprintf(out, "%s\n%-20s %6s %8s %8s\n", r.title, "planted", "n", "touched", "covered")
	for _, k := range slices.Sorted(maps.Keys(r.kinds)) {
		t := r.kinds[k]
		fmt.Fprintf(out, "%-20s %6d %8.4f %8.4f\n", k, t.n, t.share(t.touched), t.share(t.covered))
	}
	precision := float64(r.right) / float64(max(r.found, 1))
	fmt.Fprintf(out, "%-20s %6d precision %.4f; texts withheld %d\n\n", "hidden", r.found, precision, r.failed)
	for _, s := range r.shown {
		fmt.Fprintln(out, s)
	}
	return r.below(precision)
}

func (r *report) below(precision float64) error {
	var errs []error
	for _, f := range r.floors {
		t := r.kinds[f.kind]
		switch {
		case f.kind == "" && precision < f.touched:
			errs = append(errs, fmt.Errorf("%s: precision %.3f is below %.3f", r.title, precision, f.touched))
		case f.kind != "" && (t == nil || t.share(t.touched) < f.touched || t.share(t.covered) < f.covered):
			errs = append(errs, fmt.Errorf("%s: %s is below %.3f touched or %.3f covered", r.title, f.kind, f.touched, f.covered))
		}
	}
	return errors.Join(errs...)
}

// readSynthetic reads JSON Lines of {text, spans}, offsets in code points.
func readSynthetic(file string) ([]document, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all []document
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Text  string
			Spans []struct {
				Start, End int
				Type       string
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		d, at := document{text: line.Text}, byteOffsets(line.Text)
		for _, s := range line.Spans {
			d.planted = append(d.planted, planted{s.Type, at[s.Start], at[s.End]})
		}
		all = append(all, d)
	}
	return all, lines.Err()
}

// byteOffsets is the byte of each code point, and the end.
func byteOffsets(text string) []int {
	var at []int
	for i := 0; i < len(text); {
		at = append(at, i)
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
	}
	return append(at, len(text))
}
