package ner

import (
	"context"
	"slices"
	"strings"
	"testing"

	"concordat/inference"
	"concordat/inference/enginetest"
)

func TestEnginesPassTheSuite(t *testing.T) {
	for name, s := range map[string]enginetest.Subject{
		"pii-en": {Text: "My name is Maria Gonzalez, e-mail maria.gonzalez@example.com.", Finds: []string{"Gonzalez", "maria.gonzalez@example.com"}},
		"ner-zh": {Text: "张三在上海的复旦大学工作。", Finds: []string{"张三", "上海"}},
		"ner-en": {Text: "Angela Merkel met reporters in Berlin.", Finds: []string{"Angela Merkel", "Berlin"}},
	} {
		for level, o := range arithmetics() {
			if level == "plain" || level == "vnni" {
				continue // the same code paths, slower
			}
			t.Run(name+"/"+level, func(t *testing.T) {
				card, blob := shelved(t, name)
				s.Open = func(t *testing.T) inference.Engine {
					e, err := OpenWith(card, blob, o)
					if err != nil {
						t.Fatal(err)
					}
					return e
				}
				enginetest.Run(t, s)
			})
		}
	}
}

func TestAutoReadsEachScriptWithItsEngine(t *testing.T) {
	auto := &Auto{Name: "auto", Latin: []inference.Engine{engineFor(t, "ner-en", Fastest())}, Chinese: []inference.Engine{engineFor(t, "ner-zh", Fastest())}}
	text := "张三在上海工作，他认识 John Smith 先生。\nMary Jones lives in Boston, Massachusetts."
	r, err := auto.Infer(context.Background(), []string{text, "", "no names here"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range r[0].Entities {
		got = append(got, text[x.ByteStart:x.ByteEnd])
	}
	for _, want := range []string{"张三", "上海", "John Smith", "Mary Jones", "Boston"} {
		if !strings.Contains(strings.Join(got, "|"), want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	if len(r) != 3 || len(r[1].Entities)+len(r[2].Entities) != 0 {
		t.Error(r)
	}
}

func TestNeighbouringChineseWordsBecomeOneName(t *testing.T) {
	for name, c := range map[string]struct {
		in   []charWord
		want []charWord
	}{
		"place in place":        {[]charWord{{"LOC", 0, 2, 1}, {"LOC", 2, 4, 1}}, []charWord{{"LOC", 0, 4, 1}}},
		"place of organisation": {[]charWord{{"LOC", 0, 2, 1}, {"ORG", 2, 4, 1}}, []charWord{{"ORG", 0, 4, 1}}},
		"organisation, place":   {[]charWord{{"ORG", 0, 2, 1}, {"LOC", 2, 4, 1}}, []charWord{{"ORG", 0, 2, 1}, {"LOC", 2, 4, 1}}},
		"two people":            {[]charWord{{"PER", 0, 2, 1}, {"PER", 2, 4, 1}}, []charWord{{"PER", 0, 2, 1}, {"PER", 2, 4, 1}}},
		"apart":                 {[]charWord{{"LOC", 0, 2, 1}, {"LOC", 3, 4, 1}}, []charWord{{"LOC", 0, 2, 1}, {"LOC", 3, 4, 1}}},
	} {
		g := &charGroup{}
		for _, w := range c.in {
			g.add(w)
		}
		if len(g.words) != len(c.want) || g.words[0] != c.want[0] {
			t.Errorf("%s: %v", name, g.words)
		}
	}
}

// Signs beside a name are none, and a line's end divides what stands on both sides.
func TestChineseNamesHaveLettersAndLieOnOneLine(t *testing.T) {
	e := engineFor(t, "ner-zh", Fastest())
	for text, want := range map[string][]string{"😀 张三": {"张三"}, "张三\n李四": {"张三", "李四"}, "★☆张三☆在北京。": {"张三", "北京"}, "😀😀": nil} {
		results, err := e.Infer(t.Context(), []string{text})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range results[0].Entities {
			got = append(got, text[x.ByteStart:x.ByteEnd])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
