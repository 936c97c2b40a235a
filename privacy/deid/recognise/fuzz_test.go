package recognise

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// FuzzFind: spans are sorted, disjoint, within the text and on rune boundaries, in bytes and in UTF-16.
func FuzzFind(f *testing.F) {
	for _, p := range probes() {
		f.Add(p.before + p.hidden + p.after)
	}
	for _, s := range []string{"", "@", "\xff\xfe@a.b", "年月日", "号\xe5\x8f", "&#x40;%40\\u0040[at]", "a\u0301@b.com", "😀13800138000😀", "二〇二四年三月", "Mr. \xc3", "1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1"} {
		f.Add(s)
	}
	r := New(Options{Years: true})
	f.Fuzz(func(t *testing.T, text string) { checkSpans(t, text, r.Find(text)) })
}

func checkSpans(t *testing.T, text string, spans []Span) {
	t.Helper()
	starts := map[int]int{len(text): 0} // byte to UTF-16
	units := 0
	for i, c := range text {
		starts[i] = units
		units += max(1, utf16.RuneLen(c))
	}
	starts[len(text)] = units
	at := 0
	for _, s := range spans {
		start16, ok1 := starts[s.Start]
		end16, ok2 := starts[s.End]
		if s.Start < at || s.End <= s.Start || !ok1 || !ok2 || start16 != s.Start16 || end16 != s.End16 {
			t.Fatalf("%q: span %+v after %d", text, s, at)
		}
		if s.Kind >= kinds || s.Score <= 0 || s.Score > 1 {
			t.Fatalf("%q: span %+v", text, s)
		}
		at = s.End
	}
}

// FuzzFold: every byte of the folded text comes from a place in the text, in order.
func FuzzFold(f *testing.F) {
	for _, p := range probes() {
		f.Add(p.hidden)
	}
	r := New(Options{})
	f.Fuzz(func(t *testing.T, text string) {
		folded := r.fold(text)
		if folded.segments == nil {
			if folded.text != text {
				t.Fatal("no segments, and another text")
			}
			return
		}
		last := 0
		for i := range len(folded.text) {
			from, to := folded.source(i, false), folded.source(i, true)
			if from < last || to < from || to > len(text) {
				t.Fatalf("%q: byte %d comes from %d to %d, after %d", text, i, from, to, last)
			}
			last = from
		}
	})
}

// Texts that are long, or made to be slow, give an answer of the right form.
func TestHostileTexts(t *testing.T) {
	r := New(Options{Years: true})
	for name, text := range map[string]string{
		"one word":      strings.Repeat("a", 100_000),
		"digits":        strings.Repeat("1", 100_000),
		"spaced digits": strings.Repeat("4 ", 50_000),
		"at signs":      strings.Repeat("@", 100_000),
		"dots":          strings.Repeat("a.", 50_000),
		"at and dots":   strings.Repeat("a@b.", 25_000),
		"colons":        strings.Repeat("a:", 50_000),
		"slashes":       strings.Repeat("http://", 15_000),
		"words":         strings.Repeat("one ", 25_000),
		"streets":       strings.Repeat("Street ", 15_000),
		"numbers":       strings.Repeat("二", 30_000),
		"regions":       strings.Repeat("省市", 15_000),
		"base64":        strings.Repeat("QUJD", 25_000),
		"zero width":    strings.Repeat("\u200b", 30_000),
		"invalid":       strings.Repeat("\xe5", 100_000),
		"titles":        strings.Repeat("Dr. A ", 15_000),
		"ampersands":    strings.Repeat("&#", 50_000),
		"brackets":      strings.Repeat("[at]", 25_000),
	} {
		if !utf8.ValidString(text) && name != "invalid" {
			t.Error(name)
		}
		checkSpans(t, text, r.Find(text))
	}
}
