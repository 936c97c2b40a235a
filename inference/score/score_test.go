package score

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
)

// testdata/seqeval.json was written by scripts/models/make_score_vectors.py: random tag sequences, well and badly formed,
// and what seqeval says of them in strict mode.
func TestFiguresEqualSeqevalStrict(t *testing.T) {
	text, err := os.ReadFile("testdata/seqeval.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Gold, Predicted [][]string
		Types           map[string]Figures
		Micro           Figures
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatal(err, len(cases))
	}
	for i, c := range cases {
		var tally Tally
		for s := range c.Gold {
			tally.Add(c.Gold[s], c.Predicted[s])
		}
		types, micro := tally.Report()
		if !near(micro, c.Micro) {
			t.Errorf("case %d micro: %+v, want %+v", i, micro, c.Micro)
		}
		for kind, want := range c.Types {
			if !near(types[kind], want) {
				t.Errorf("case %d %s: %+v, want %+v", i, kind, types[kind], want)
			}
		}
		if len(types) != len(c.Types) {
			t.Errorf("case %d: %d types, want %d", i, len(types), len(c.Types))
		}
	}
}

func near(a, b Figures) bool {
	return a.Support == b.Support && math.Abs(a.Precision-b.Precision)+math.Abs(a.Recall-b.Recall)+math.Abs(a.F1-b.F1) < 1e-9
}

func TestCharactersKeepOneBeginning(t *testing.T) {
	s := Sentence{Tokens: []string{"北京", "大学", "好"}, Tags: []string{"B-ORG", "I-ORG", "O"}}.Characters()
	if got := strings.Join(s.Tags, " "); got != "B-ORG I-ORG I-ORG I-ORG O" {
		t.Error(got)
	}
	if strings.Join(s.Tokens, "") != "北京大学好" {
		t.Error(s.Tokens)
	}
}

func TestConllReadsSentencesAndRefusesOthers(t *testing.T) {
	got, err := ReadConll(strings.NewReader("a\tO\r\nb\tB-PER\n\n\nc\tO"))
	if err != nil || len(got) != 2 || len(got[0].Tokens) != 2 {
		t.Fatal(got, err)
	}
	for _, bad := range []string{"a b", "a\tX-PER", "\tO", "a\t"} {
		if _, err := ReadConll(strings.NewReader(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
