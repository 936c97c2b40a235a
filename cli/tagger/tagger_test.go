package tagger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"concordat/inference"
)

func opened(t testing.TB) *Models {
	t.Helper()
	m, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

var bilingual = []string{"Angela Merkel met reporters in Berlin.", "张三在北京工作。", ""}

func TestBothTaggersReadBothLanguages(t *testing.T) {
	m := opened(t)
	spans, err := m.Redaction().Tag(t.Context(), bilingual)
	if err != nil || len(spans) != 3 || len(spans[2]) != 0 {
		t.Fatal(spans, err)
	}
	names, err := m.Names().Tag(t.Context(), "somebody", bilingual)
	if err != nil || len(names) != 3 || len(names[2]) != 0 {
		t.Fatal(names, err)
	}
	for i, want := range []string{"Angela Merkel", "张三"} {
		s, n := spans[i][0], names[i][0]
		if bilingual[i][s.Start:s.End] != want || s.Label != "PERSON" {
			t.Errorf("redaction, text %d: %+v", i, s)
		}
		if bilingual[i][n.ByteStart:n.ByteEnd] != want || n.Label != "PER" || n.Model == "" {
			t.Errorf("names, text %d: %+v", i, n)
		}
	}
}

// Whatever is wrong with one text or with the call, there is no answer that could be taken for "no names here".
func TestTaggersFailWhole(t *testing.T) {
	m := opened(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx   context.Context
		texts []string
		want  error
	}{
		"a text that is not UTF-8": {t.Context(), []string{"fine", "\xff"}, inference.ErrTextInvalid},
		"a text that is too large": {t.Context(), []string{string(make([]byte, inference.MaxTextBytes+1))}, inference.ErrTextTooLarge},
		"a call that has ended":    {ended, bilingual, context.Canceled},
	} {
		if found, err := m.Redaction().Tag(c.ctx, c.texts); !errors.Is(err, c.want) || found != nil {
			t.Errorf("redaction, %s: %v %v", name, found, err)
		}
		if found, err := m.Names().Tag(c.ctx, "somebody", c.texts); !errors.Is(err, c.want) || found != nil {
			t.Errorf("names, %s: %v %v", name, found, err)
		}
	}
}

// Concurrent questions of several parties share the engines, and each gets its own texts' names.
func TestConcurrentPartiesGetTheirOwnNames(t *testing.T) {
	m := opened(t)
	people := []string{"Anna Berg", "Omar Cooper", "Petra Forster", "Samuel Barlow", "Simon Hayward", "Ivan Clarke"}
	var all sync.WaitGroup
	for round := range 4 {
		for i, p := range people {
			all.Go(func() {
				text := p + " was seen on Monday."
				found, err := m.Names().Tag(t.Context(), fmt.Sprint("party ", round), []string{text})
				if err != nil || len(found[0]) != 1 || text[found[0][0].ByteStart:found[0][0].ByteEnd] != p {
					t.Errorf("%d: %v %v", i, found, err)
				}
			})
		}
	}
	all.Wait()
}

func TestModelsAreThoseOfTheShelfWithTheirDigests(t *testing.T) {
	m := opened(t)
	listed := map[string]string{}
	for _, one := range m.Names().Models() {
		listed[one.Name] = one.Digest
	}
	found, err := m.Names().Tag(t.Context(), "somebody", bilingual)
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range found {
		for _, n := range names {
			card, err := m.shelf.Card(n.Model)
			if err != nil || listed[n.Model] != card.Digest {
				t.Errorf("%s answered; listed are %v", n.Model, listed)
			}
		}
	}
	if _, personal := listed["pii-en"]; personal || len(listed) != 2 {
		t.Errorf("%v", listed)
	}
}

// A start reads cards and no weights: they are read at the first text.
func TestNothingIsOpenedBeforeTheFirstText(t *testing.T) {
	m := opened(t)
	m.Names()
	m.Redaction()
	if len(m.queues) != 0 {
		t.Error("a model is open")
	}
}

func TestClosedModelsAnswerNothing(t *testing.T) {
	m := opened(t)
	if _, err := m.Names().Tag(t.Context(), "somebody", bilingual); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := m.Names().Tag(t.Context(), "somebody", bilingual); !errors.Is(err, inference.ErrClosed) || found != nil {
		t.Errorf("%v %v", found, err)
	}
}

// Every card of the shelf says what its model was measured on, and both taggers count what is read.
func TestModelsAreComparedWithTheirCards(t *testing.T) {
	m := opened(t)
	names := m.Names().(interface{ Stability() []inference.Stability })
	if got := names.Stability(); got != nil {
		t.Errorf("before the first text: %v", got)
	}
	texts := make([]string, 250)
	for i := range texts {
		texts[i] = fmt.Sprintf("%d 张三在北京工作。 Angela Merkel met reporters in Berlin.", i)
	}
	if _, err := m.Names().Tag(t.Context(), "somebody", texts); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Redaction().Tag(t.Context(), texts); err != nil {
		t.Fatal(err)
	}
	var models []string
	for _, s := range names.Stability() {
		models = append(models, s.Model)
		if s.Labels <= 0 || s.Lengths <= 0 {
			t.Errorf("%+v: the same text again and again is not what the card was made of", s)
		}
	}
	if !slices.Equal(models, []string{"ner-en", "ner-zh"}) { // 500 texts each; pii-en has read 250
		t.Errorf("%q", models)
	}
	for _, c := range m.shelf.Cards() {
		if c.Reference == nil || c.Reference.Of == "" {
			t.Errorf("the card of %s has no distributions", c.Name)
		}
	}
}
