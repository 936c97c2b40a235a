package deid

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"concordat/privacy"
)

// counted is a tagger that finds "Nora" and keeps which texts it was asked for.
type counted struct{ asked []string }

func (c *counted) Tag(_ context.Context, texts []string) ([][]Span, error) {
	c.asked = append(c.asked, texts...)
	out := make([][]Span, len(texts))
	for i, t := range texts {
		if at := strings.Index(t, "Nora"); at >= 0 {
			out[i] = []Span{{Start: at, End: at + len("Nora"), Label: "PERSON", Score: 1}}
		}
	}
	return out, nil
}

func TestTextIsReadOnceWithinAnAgreementAndPurpose(t *testing.T) {
	tagger := &counted{}
	set := NewWithTagger(tagger, 0)
	redact := func(agreement, purpose string, texts ...string) {
		t.Helper()
		s := scope()
		s.Agreement, s.Purpose = agreement, purpose
		do, err := set.Prepare(privacy.String, obligation("redact", `{"text":"label"}`), s)
		if err != nil {
			t.Fatal(err)
		}
		out, err := do(column(texts...))
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			if want := strings.ReplaceAll(text, "Nora", "[PERSON]"); out.Text(i) != want {
				t.Errorf("%q, want %q", out.Text(i), want)
			}
		}
	}
	redact("a", "care", "Nora slept.", "All well.")
	redact("a", "care", "All well.", "Nora woke.", "Nora slept.")
	if want := []string{"Nora slept.", "All well.", "Nora woke."}; !slices.Equal(tagger.asked, want) {
		t.Errorf("asked for %q, want %q", tagger.asked, want)
	}
	tagger.asked = nil
	redact("b", "care", "Nora slept.")
	redact("a", "research", "Nora slept.")
	if len(tagger.asked) != 2 {
		t.Errorf("asked for %q: another agreement or purpose was told what had been read", tagger.asked)
	}
}

// What does not fit its text withholds it, and is not kept.
func TestBadAnswerIsNotRemembered(t *testing.T) {
	calls := 0
	tagger := tagging(func(_ context.Context, texts []string) ([][]Span, error) {
		if calls++; calls == 1 {
			return [][]Span{{{Start: 0, End: 1000, Label: "PERSON"}}}, nil
		}
		return make([][]Span, len(texts)), nil
	})
	set := NewWithTagger(tagger, 0)
	do, err := set.Prepare(privacy.String, obligation("redact", `{"text":"label"}`), scope())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{Redacted, "All well.", "All well."} {
		if out, err := do(column("All well.")); err != nil || out.Text(0) != want {
			t.Errorf("%d: %q %v", i, out.Text(0), err)
		}
	}
	if calls != 2 {
		t.Errorf("%d calls", calls)
	}
}

func TestMemoryOfTextsIsBounded(t *testing.T) {
	m := newMemory()
	tagger := m.of(&counted{}, scope())
	for i := range 3 * rememberedTexts / 100 {
		texts := make([]string, 100)
		for k := range texts {
			texts[k] = fmt.Sprint("Nora ", i, " ", k)
		}
		if _, err := tagger.Tag(t.Context(), texts); err != nil {
			t.Fatal(err)
		}
	}
	if n := m.known.Len(); n > rememberedTexts {
		t.Errorf("%d texts", n)
	}
}
