package recognise

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Each kind has a table: "+ text" with what must be found in «», "- text" in which the kind must not be found. Numbers
// with check digits were made and verified with python-stdnum 2.2, not with this package.
func TestEachKindAgainstItsTable(t *testing.T) {
	r := New(Options{Years: true})
	for _, k := range Kinds() {
		t.Run(k.String(), func(t *testing.T) {
			positive, negative := 0, 0
			for _, line := range table(t, k) {
				switch {
				case strings.HasPrefix(line, "+ "):
					positive++
					finds(t, r, k, line[2:])
				case strings.HasPrefix(line, "- "):
					negative++
					spares(t, r, k, line[2:])
				}
			}
			if positive < 20 || negative < 20 {
				t.Errorf("%d positive and %d negative examples: want 20 of each", positive, negative)
			}
		})
	}
}

func table(t *testing.T, k Kind) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "kinds", k.String()+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.ReplaceAll(string(text), `\\`, `\`), "\n")
}

func finds(t *testing.T, r *Recogniser, k Kind, marked string) {
	t.Helper()
	text, want := unmark(marked)
	var have []string
	for _, s := range r.Find(text) {
		if s.Kind == k {
			have = append(have, text[s.Start:s.End])
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("%s: found %q, want %q", text, have, want)
	}
}

func unmark(marked string) (text string, want []string) {
	for rest := marked; ; {
		before, after, ok := strings.Cut(rest, "«")
		text += before
		if !ok {
			return text, want
		}
		inner, tail, _ := strings.Cut(after, "»")
		text, want, rest = text+inner, append(want, inner), tail
	}
}

func spares(t *testing.T, r *Recogniser, k Kind, text string) {
	t.Helper()
	for _, s := range r.Find(text) {
		if s.Kind == k {
			t.Errorf("%s: found %q", text, text[s.Start:s.End])
		}
	}
}
