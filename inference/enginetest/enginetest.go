// Package enginetest is the suite that every inference.Engine passes.
//
//	enginetest.Run(t, enginetest.Subject{Open: open, Text: "Marie Curie worked in Paris.", Finds: []string{"Paris"}})
package enginetest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"concordat/inference"
)

// Subject is an engine under test, with a text that it reads and the words that it must find there.
type Subject struct {
	Open  func(t *testing.T) inference.Engine // a fresh engine; the suite closes it
	Text  string
	Finds []string
}

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	for name, test := range map[string]func(*testing.T, Subject){
		"DescribesItself":             describesItself,
		"FindsWhatTheTextNames":       finds,
		"AnswersEachTextInOrder":      inOrder,
		"OddTextsGetValidAnswers":     oddTexts,
		"RefusesWhatIsNoText":         refuses,
		"LongTextsAreReadToTheEnd":    longTexts,
		"ConcurrentCallsDoNotMix":     concurrent,
		"CancelledCallsGiveNothing":   cancelled,
		"ClosedEngineRefuses":         closed,
		"WarmEngineAnswersAsColdDoes": warm,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func open(t *testing.T, s Subject) inference.Engine {
	t.Helper()
	e := s.Open(t)
	t.Cleanup(func() { e.Close() })
	return e
}

func infer(t *testing.T, e inference.Engine, texts ...string) []inference.Result {
	t.Helper()
	got, err := e.Infer(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(texts) {
		t.Fatalf("%d results for %d texts", len(got), len(texts))
	}
	for i, r := range got {
		check(t, e.Describe(), texts[i], r)
	}
	return got
}

// check holds every promise about entities that can be seen from outside.
func check(t *testing.T, d inference.Description, text string, r inference.Result) {
	t.Helper()
	last := 0
	for _, x := range r.Entities {
		switch {
		case x.ByteStart < last || x.ByteEnd <= x.ByteStart || x.ByteEnd > len(text):
			t.Fatalf("entity %d-%d out of order or bounds", x.ByteStart, x.ByteEnd)
		case !boundary(text, x.ByteStart) || !boundary(text, x.ByteEnd):
			t.Fatalf("entity %d-%d cuts a character", x.ByteStart, x.ByteEnd)
		case x.Start != units(text[:x.ByteStart]) || x.End != units(text[:x.ByteEnd]):
			t.Fatalf("entity at bytes %d-%d says UTF-16 %d-%d", x.ByteStart, x.ByteEnd, x.Start, x.End)
		case !slices.Contains(d.Labels, x.Label):
			t.Fatalf("label %q is not described", x.Label)
		case !(x.Score > 0 && x.Score <= 1):
			t.Fatalf("score %v", x.Score)
		}
		last = x.ByteEnd
	}
}

func boundary(text string, at int) bool { return at == len(text) || utf8.RuneStart(text[at]) }

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func describesItself(t *testing.T, s Subject) {
	d := open(t, s).Describe()
	if d.Name == "" || d.Task == "" || len(d.Labels) == 0 || len(d.Languages) == 0 || d.Kernel == "" {
		t.Errorf("%+v", d)
	}
}

func found(text string, r inference.Result) []string {
	var out []string
	for _, x := range r.Entities {
		out = append(out, text[x.ByteStart:x.ByteEnd])
	}
	return out
}

func finds(t *testing.T, s Subject) {
	got := found(s.Text, infer(t, open(t, s), s.Text)[0])
	for _, want := range s.Finds {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
}

func same(a, b inference.Result) bool {
	return slices.EqualFunc(a.Entities, b.Entities, func(x, y inference.Entity) bool {
		near := math.Abs(float64(x.Score-y.Score)) < 1e-3
		x.Score, y.Score = 0, 0
		return near && x == y
	})
}

func mixture(s Subject) []string {
	var out []string
	for i := range 40 {
		out = append(out, strings.Repeat(s.Text+" ", i%4), strings.Repeat("x ", i%7), "")
	}
	return out
}

func inOrder(t *testing.T, s Subject) {
	e := open(t, s)
	texts := mixture(s)
	alone := map[string]inference.Result{}
	for i, r := range infer(t, e, texts...) {
		if _, ok := alone[texts[i]]; !ok {
			alone[texts[i]] = infer(t, e, texts[i])[0]
		}
		if !same(r, alone[texts[i]]) {
			t.Fatalf("text %d has another answer among others than alone", i)
		}
	}
	if got := infer(t, e); len(got) != 0 {
		t.Error("results for no texts")
	}
	many := make([]string, inference.MaxTexts)
	many[54_321] = s.Text
	for i, r := range infer(t, e, many...) {
		if (len(r.Entities) > 0) != (i == 54_321) {
			t.Fatalf("text %d of many has another's answer", i)
		}
	}
}

func oddTexts(t *testing.T, s Subject) {
	infer(t, open(t, s), "", " ", "a", "。", "\x00\x01\x02", "\r\n\r\n", s.Text+"\r\n"+s.Text, "😀"+s.Text+"😀", "مرحبا بكم في باريس",
		"\u202e"+s.Text, strings.Repeat("a", 100_000), strings.Repeat("名", 900), strings.Repeat("\u0301", 500), "\ufeff"+s.Text,
		strings.Repeat("(", 700), "e\u0301\u0301\u0301", "\U0010ffff", "\ufffd")
}

func refuses(t *testing.T, s Subject) {
	e := open(t, s)
	for name, c := range map[string]struct {
		texts []string
		want  error
	}{
		"bytes":     {[]string{s.Text, "\xff\xfe"}, inference.ErrTextInvalid},
		"surrogate": {[]string{"\xed\xa0\x80"}, inference.ErrTextInvalid},
		"size":      {[]string{strings.Repeat("a", inference.MaxTextBytes+1)}, inference.ErrTextTooLarge},
		"number":    {make([]string, inference.MaxTexts+1), inference.ErrTooManyTexts},
	} {
		if got, err := e.Infer(context.Background(), c.texts); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func longTexts(t *testing.T, s Subject) {
	const times = 40
	text := strings.Repeat(s.Text+"\n", times)
	got := found(text, infer(t, open(t, s), text)[0])
	for _, want := range s.Finds {
		n := 0
		for _, g := range got {
			if g == want {
				n++
			}
		}
		if n < times*9/10 {
			t.Errorf("%q is found %d times of %d", want, n, times)
		}
	}
}

func concurrent(t *testing.T, s Subject) {
	e := open(t, s)
	var wg sync.WaitGroup
	for i := range 8 {
		text := strings.Repeat("x ", i) + s.Text
		want := infer(t, e, text)[0]
		wg.Go(func() {
			for range 5 {
				got, err := e.Infer(context.Background(), []string{text, "", text})
				if err != nil || !same(got[0], want) || len(got[1].Entities) != 0 || !same(got[2], want) {
					t.Errorf("caller %d has another answer beside others: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func cancelled(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got, err := open(t, s).Infer(ctx, []string{s.Text}); !errors.Is(err, context.Canceled) || got != nil {
		t.Errorf("%v %v", got, err)
	}
}

func closed(t *testing.T, s Subject) {
	e := open(t, s)
	for range 2 {
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := e.Infer(context.Background(), []string{s.Text}); !errors.Is(err, inference.ErrClosed) || got != nil {
		t.Errorf("%v %v", got, err)
	}
}

func warm(t *testing.T, s Subject) {
	e := open(t, s)
	w, ok := e.(inference.Warmer)
	if !ok {
		t.Skip("the engine has no warming")
	}
	cold := infer(t, e, s.Text)[0]
	if err := w.Warm(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !same(cold, infer(t, e, s.Text)[0]) {
		t.Error("warming changes the answer")
	}
}
