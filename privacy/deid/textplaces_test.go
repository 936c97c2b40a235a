package deid

import (
	"slices"
	"testing"
	"unicode/utf8"
)

// marked is spans of the words given, in their order.
func marked(text string, labels ...[2]string) []Span {
	var out []Span
	at := 0
	for _, l := range labels {
		for i := at; i+len(l[1]) <= len(text); i++ {
			if text[i:i+len(l[1])] == l[1] {
				out = append(out, Span{Start: i, End: i + len(l[1]), Label: l[0], Rule: "tagger", Score: 1})
				at = i + len(l[1])
				break
			}
		}
	}
	return out
}

func TestPartsOfAnAddressAndOfANameAreHiddenWithWhatLiesBetween(t *testing.T) {
	for _, c := range []struct {
		text  string
		found [][2]string
		want  []string
	}{
		{"at 5 Elm St\n, RS\n Brazil 95828 now", [][2]string{{"ADDRESS", "5 Elm St"}, {"LOCATION", "RS"}, {"LOCATION", "Brazil"}, {"ADDRESS", "95828"}},
			[]string{"ADDRESS 5 Elm St\n, RS\n Brazil 95828"}},
		{"at 1610 ul. Zakrzowska 92.", [][2]string{{"ADDRESS", "1610"}, {"ADDRESS", "Zakrzowska 92"}}, []string{"ADDRESS 1610 ul. Zakrzowska 92"}},
		{"in Nicosia, Cyprus (Greek) 72423", [][2]string{{"LOCATION", "Nicosia"}, {"LOCATION", "Cyprus"}, {"POSTCODE", "72423"}}, []string{"ADDRESS Nicosia, Cyprus (Greek) 72423"}},
		{"in Bern, Rome", [][2]string{{"LOCATION", "Bern"}, {"LOCATION", "Rome"}}, []string{"LOCATION Bern", "LOCATION Rome"}},
		{"at 5 Elm St. Rome is far.", [][2]string{{"ADDRESS", "5 Elm St"}, {"LOCATION", "Rome"}}, []string{"ADDRESS 5 Elm St", "LOCATION Rome"}},
		{"at Király utca 15. on Monday", [][2]string{{"ADDRESS", "Király utca 15"}}, []string{"ADDRESS Király utca 15."}},
		{"at Elm Street 15. Then", [][2]string{{"ADDRESS", "Elm Street 15"}}, []string{"ADDRESS Elm Street 15"}},
		{"The Vide A. Persson version", [][2]string{{"PERSON", "Persson"}}, []string{"PERSON Vide A. Persson"}},
		{"Lóa F Sigmundsdóttir left", [][2]string{{"PERSON", "Lóa F"}}, []string{"PERSON Lóa F Sigmundsdóttir"}},
		{"Mohamed V. Arauš, 54", [][2]string{{"PERSON", "Mohamed"}}, []string{"PERSON Mohamed V. Arauš"}},
		{"Monday Persson came", [][2]string{{"PERSON", "Persson"}}, []string{"PERSON Persson"}},
		{"group A Persson", [][2]string{{"PERSON", "Persson"}}, []string{"PERSON Persson"}},
		{"Persson B", [][2]string{{"PERSON", "Persson"}}, []string{"PERSON Persson"}},
		{"A", [][2]string{{"PERSON", "A"}}, []string{"PERSON A"}},
	} {
		var got []string
		for _, s := range complete(c.text, marked(c.text, c.found...)) {
			got = append(got, s.Label+" "+c.text[s.Start:s.End])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// What complete makes is sorted, disjoint, on rune boundaries, and hides no less than it was given.
func FuzzComplete(f *testing.F) {
	f.Add("Lóa F Sigmundsdóttir at 5 Elm St, Rome 95828", uint16(0), uint16(5), uint16(26), uint16(5))
	f.Add("Király utca 15. Vide A. Persson", uint16(0), uint16(14), uint16(24), uint16(7))
	f.Fuzz(func(t *testing.T, text string, a, an, b, bn uint16) {
		if !utf8.ValidString(text) {
			t.Skip() // such a text is withheld before anybody reads it
		}
		given := []Span{{Start: int(a), End: int(a) + int(an), Label: "PERSON"}, {Start: int(b), End: int(b) + int(bn), Label: "ADDRESS"}}
		given = slices.DeleteFunc(given, func(s Span) bool { return !fits(text, s) })
		spans := union(slices.Clone(given))
		got := complete(text, spans)
		end := 0
		for _, s := range got {
			if s.Start < end || !fits(text, s) {
				t.Fatalf("%q: %v", text, got)
			}
			end = s.End
		}
		for _, s := range given {
			if !covers(got, s.Start, s.End-s.Start) {
				t.Fatalf("%q: %v hides less than %v", text, got, given)
			}
		}
	})
}
