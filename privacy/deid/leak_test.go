package deid

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"concordat/privacy/deid/plant"
)

// leakFloors are what the rules alone must reach.
func leakFloors() map[string]float64 {
	return map[string]float64{
		"cn-id": 0.995, "cn-credit": 0.995, "card": 0.995, "iban": 0.995, "imei": 0.995, "cn-mobile": 0.995, "ssn": 0.99,
		"email": 0.995, "phone": 0.99, "plate": 0.99, "date": 0.99, "address": 0.95, "cn-address": 0.95,
		"labelled name": 0.95, "cn labelled name": 0.95,
	}
}

// TestLeakRecall plants 10,000 identifiers and names and counts those that rules alone hide to the last character.
func TestLeakRecall(t *testing.T) {
	all := slices.DeleteFunc(plant.Notes(10_000), func(n plant.Note) bool { return strings.HasSuffix(n.Kind, "person") })
	notes := make([]string, len(all))
	for i, p := range all {
		notes[i] = p.Text
	}
	found, hidden := map[string]int{}, map[string]int{}
	byForm, formHidden := map[string]int{}, map[string]int{}
	for i, got := range NewRedactor(TextOptions{RulesOnly: true}).Redact(context.Background(), notes) {
		p := all[i]
		found[p.Kind]++
		byForm[p.Form]++
		if covers(got.Spans, p.Start, p.End-p.Start) && !strings.Contains(got.Text, p.Text[p.Start:p.End]) {
			hidden[p.Kind]++
			formHidden[p.Form]++
			continue
		}
		if found[p.Kind]-hidden[p.Kind] < 4 {
			t.Logf("shown: %s, %s: %s -> %s", p.Kind, p.Form, p.Text, got.Text)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(found)) {
		recall := float64(hidden[k]) / float64(found[k])
		t.Logf("%-18s %5d planted, recall %.4f", k, found[k], recall)
		if recall < leakFloors()[k] {
			t.Errorf("%s: recall %.4f, want %.3f", k, recall, leakFloors()[k])
		}
	}
	for _, f := range slices.Sorted(maps.Keys(byForm)) {
		t.Logf("%-18s %5d planted, recall %.4f", f, byForm[f], float64(formHidden[f])/float64(byForm[f]))
	}
}

// covers reports whether spans hide n bytes from at on.
func covers(spans []Span, at, n int) bool {
	for _, s := range spans {
		if s.Start <= at && s.End > at {
			at, n = s.End, n-(s.End-at)
		}
	}
	return n <= 0
}
