package deid

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"concordat/privacy"
)

// lister is a tagger that knows a list of names. It refuses to be called without a deadline.
type lister struct {
	t     testing.TB
	names map[string]string
	calls int
}

func (l *lister) Tag(ctx context.Context, texts []string) ([][]Span, error) {
	l.calls++
	if _, ok := ctx.Deadline(); !ok {
		l.t.Error("the tagger was called without a deadline")
	}
	out := make([][]Span, len(texts))
	for i, text := range texts {
		for name, label := range l.names {
			for at := 0; ; {
				k := strings.Index(text[at:], name)
				if k < 0 {
					break
				}
				out[i] = append(out[i], Span{Start: at + k, End: at + k + len(name), Label: label, Score: 0.9})
				at += k + len(name)
			}
		}
	}
	return out, nil
}

// taggerFunc is a tagger that goes wrong.
type taggerFunc func(ctx context.Context, texts []string) ([][]Span, error)

func (f taggerFunc) Tag(ctx context.Context, texts []string) ([][]Span, error) { return f(ctx, texts) }

const (
	englishNote = "Nora Quill (MRN 55210394) called from (415) 555-2671; her brother Ben Archer lives at 12 Elm Street."
	chineseNote = "患者张伟，身份证11010519491231002X，电话13800138000，住浙江省杭州市西湖区文三路123号。"
)

func known(t testing.TB) *lister {
	return &lister{t: t, names: map[string]string{"Nora Quill": "PER", "Ben Archer": "PERSON", "张伟": "PER", "李娜": "PERSON"}}
}

func redactOne(r *Redactor, text string) Redaction {
	return r.Redact(context.Background(), []string{text})[0]
}

func TestTaggerAndRulesAreUnited(t *testing.T) {
	r := NewRedactor(TextOptions{Tagger: known(t)})
	for text, want := range map[string]string{
		englishNote: "[PERSON] (MRN [MEDICAL_RECORD]) called from [PHONE]; her brother [PERSON] lives at [ADDRESS].",
		chineseNote: "患者[PERSON]，身份证[CN_ID]，电话[PHONE]，住[ADDRESS]。",
		"":          "",
		"No fever.": "No fever.",
	} {
		if got := redactOne(r, text); got.Text != want || got.Withheld != nil {
			t.Errorf("%q\nbecame %q (%v)\nwant   %q", text, got.Text, got.Withheld, want)
		}
	}
}

func TestOffsetsPointIntoTheInput(t *testing.T) {
	const text = "😀 李娜 é 13800138000"
	got := redactOne(NewRedactor(TextOptions{Tagger: known(t)}), text)
	if got.Text != "😀 [PERSON] é [PHONE]" || len(got.Spans) != 2 {
		t.Fatal(got)
	}
	name, phone := got.Spans[0], got.Spans[1]
	if name.Start != 5 || name.End != 11 || name.Start16 != 3 || name.End16 != 5 || phone.Start16 != 8 || phone.End16 != 19 {
		t.Fatal(got.Spans)
	}
	if text[phone.Start:phone.End] != "13800138000" || phone.Rule != "cn-mobile" || name.Rule != "tagger" {
		t.Fatal(got.Spans)
	}
}

func TestATaggerThatFailsWithholdsTheText(t *testing.T) {
	span := func(start, end int, label string) taggerFunc {
		return func(context.Context, []string) ([][]Span, error) {
			return [][]Span{{{Start: start, End: end, Label: label}}}, nil
		}
	}
	for name, tagger := range map[string]Tagger{
		"error":          taggerFunc(func(context.Context, []string) ([][]Span, error) { return nil, errors.New("overloaded") }),
		"deadline":       taggerFunc(func(ctx context.Context, _ []string) ([][]Span, error) { <-ctx.Done(); return nil, ctx.Err() }),
		"too few":        taggerFunc(func(context.Context, []string) ([][]Span, error) { return nil, nil }),
		"too many":       taggerFunc(func(context.Context, []string) ([][]Span, error) { return make([][]Span, 2), nil }),
		"past the end":   span(0, 1000, "PERSON"),
		"before start":   span(-1, 3, "PERSON"),
		"empty":          span(3, 3, "PERSON"),
		"inside a rune":  span(1, 6, "PERSON"),
		"label not one":  span(0, 6, "张伟"),
		"label that is ": span(0, 6, ""),
	} {
		got := redactOne(NewRedactor(TextOptions{Tagger: tagger, Timeout: time.Millisecond}), "张伟 is here")
		if got.Text != Redacted || !errors.Is(got.Withheld, ErrTagger) || got.Spans != nil {
			t.Errorf("%s: %q, %v", name, got.Text, got.Withheld)
		}
	}
}

func TestTextThatIsNotReadIsWithheld(t *testing.T) {
	rules := TextOptions{RulesOnly: true, MostBytes: 200}
	english := rules
	english.Language = "en"
	unknown := rules
	unknown.Language = "fr"
	for _, test := range []struct {
		name, text string
		options    TextOptions
		want       error
	}{
		{"no tagger", "No names here.", TextOptions{}, ErrNoTagger},
		{"Russian", "Пациент Иван Петров поступил вчера", rules, ErrLanguage},
		{"Arabic", "المريض محمد", rules, ErrLanguage},
		{"Japanese kana", "たなかさんはきのうきました", rules, ErrLanguage},
		{"Chinese where English is meant", chineseNote, english, ErrLanguage},
		{"language not known here", "hello", unknown, ErrLanguage},
		{"invalid UTF-8", "caf\xe9 x", rules, ErrText},
		{"too long", strings.Repeat("a ", 101), rules, ErrText},
	} {
		got := redactOne(NewRedactor(test.options), test.text)
		if got.Text != Redacted || !errors.Is(got.Withheld, test.want) {
			t.Errorf("%s: %q, %v", test.name, got.Text, got.Withheld)
		}
	}
}

func TestWordsOfAnotherScriptAreHidden(t *testing.T) {
	got := redactOne(NewRedactor(TextOptions{RulesOnly: true}), "The patient gives his name as Иван Петров and takes 5 μg daily, see the note of the ward.")
	if got.Text != "The patient gives his name as [TEXT] [TEXT] and takes 5 μg daily, see the note of the ward." {
		t.Fatal(got.Text)
	}
}

func TestOneFailureWithholdsItsBatchOnly(t *testing.T) {
	texts := make([]string, tagBatch+1)
	for i := range texts {
		texts[i] = "fine"
	}
	texts[tagBatch] = "bad"
	tagger := taggerFunc(func(_ context.Context, texts []string) ([][]Span, error) {
		if slices.Contains(texts, "bad") {
			return nil, errors.New("no")
		}
		return make([][]Span, len(texts)), nil
	})
	got := NewRedactor(TextOptions{Tagger: tagger}).Redact(context.Background(), texts)
	if got[0].Text != "fine" || got[tagBatch-1].Text != "fine" || got[tagBatch].Text != Redacted {
		t.Fatal(got[0], got[tagBatch])
	}
}

func TestHiddenTextIsHiddenWhereItRepeats(t *testing.T) {
	r := NewRedactor(TextOptions{Tagger: &lister{t: t, names: map[string]string{"Nora Quill": "PERSON"}}})
	got := redactOne(r, "account 5521039477 of Nora Quill. Quill paid from 5521039477; a quill and Quillon stay.")
	if got.Text != "account [BANK_ACCOUNT] of [PERSON]. [PERSON] paid from [BANK_ACCOUNT]; a quill and Quillon stay." {
		t.Fatal(got.Text)
	}
}

func TestMaskKeepsTheLength(t *testing.T) {
	got := redactOne(NewRedactor(TextOptions{RulesOnly: true, Style: StyleMask}), "手机13800138000。")
	if got.Text != "手机***********。" {
		t.Fatal(got.Text)
	}
}

func surrogates(t *testing.T, s privacy.Scope, subject string) *Redactor {
	t.Helper()
	key, err := SurrogateKey(s, "note", subject)
	if err != nil {
		t.Fatal(err)
	}
	return NewRedactor(TextOptions{Tagger: known(t), Style: StyleSurrogate, Key: key})
}

func TestSurrogatesAreConsistentForOneSubjectAndAgreement(t *testing.T) {
	one := surrogates(t, scope(), "p1")
	for _, text := range []string{englishNote, chineseNote} {
		first, again := redactOne(one, text), redactOne(surrogates(t, scope(), "p1"), text)
		if first.Text != again.Text || strings.Contains(first.Text, "[PERSON]") || strings.Contains(first.Text, "[ADDRESS]") {
			t.Errorf("%q and %q", first.Text, again.Text)
		}
		for _, hidden := range []string{"Nora", "Quill", "Archer", "Elm", "张伟", "文三路", "2671", "13800138000"} {
			if strings.Contains(first.Text, hidden) {
				t.Errorf("%q still says %s", first.Text, hidden)
			}
		}
		other := scope()
		other.Agreement = "another"
		if redactOne(surrogates(t, other, "p1"), text).Text == first.Text || redactOne(surrogates(t, scope(), "p2"), text).Text == first.Text {
			t.Errorf("%q is the same for another agreement or subject", first.Text)
		}
	}
}

func TestPartOfANameIsThePartOfItsSurrogate(t *testing.T) {
	key, err := SurrogateKey(scope(), "note", "p1")
	if err != nil {
		t.Fatal(err)
	}
	whole, part := surrogate(key, "PERSON", "Maria de Silva", ""), surrogate(key, "PERSON", "SILVA", "")
	if fields := strings.Fields(whole); len(fields) != 3 || fields[1] != "de" || fields[2] != part {
		t.Fatal(whole, part)
	}
	if got := []rune(surrogate(key, "PERSON", "欧阳娜", "")); len(got) != 3 {
		t.Fatal(string(got))
	}
	if surrogate(key, "PHONE", "13800138000", "") != "" || surrogate(nil, "PERSON", "Maria", "") != "" {
		t.Fatal("a surrogate without a list, or without a key")
	}
	taken := strings.Fields(whole)[0]
	if got := surrogate(key, "PERSON", "Maria", taken+" and Maria"); got == taken {
		t.Fatal("a surrogate that is somebody else's name in the text")
	}
}

func TestSurrogatesWantAKey(t *testing.T) {
	for _, s := range []privacy.Scope{{}, {Agreement: "a", Root: make([]byte, 31)}, {Root: make([]byte, 32)}} {
		if _, err := SurrogateKey(s, "d", "p"); !errors.Is(err, ErrKey) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func column(texts ...string) *privacy.Column {
	c := privacy.NewColumn("note", "Admission.note", privacy.String, len(texts))
	for _, x := range texts {
		c.AppendText(x)
	}
	c.AppendNull()
	return c
}

func TestRedactInTextByObligation(t *testing.T) {
	tagged, bare := NewWithTagger(known(t), time.Second), New()
	for _, test := range []struct {
		set        *Set
		args, want string
	}{
		{tagged, `{"text":"label"}`, "[PERSON] [PHONE]"},
		{tagged, `{"text":"mask"}`, "********** ***********"},
		{tagged, `{"rules":"only","text":"label"}`, "Nora Quill [PHONE]"},
		{tagged, ``, Redacted},
		{bare, `{"text":"label"}`, Redacted},
		{bare, `{"rules":"only","text":"label"}`, "Nora Quill [PHONE]"},
		{tagged, `{"language":"zh","text":"label"}`, "[PERSON] [PHONE]"},
	} {
		do, err := test.set.Prepare(privacy.String, obligation("redact", test.args), scope())
		if err != nil {
			t.Fatal(test.args, err)
		}
		out, err := do(column("Nora Quill 13800138000"))
		if err != nil || out.Text(0) != test.want || out.State(1) != privacy.Null {
			t.Errorf("%s: %q, %v; want %q", test.args, out.Text(0), err, test.want)
		}
	}
}

func TestBadArgumentsOfRedactAreRefused(t *testing.T) {
	for _, args := range []string{
		`{"text":"blank"}`, `{"text":1}`, `{"rules":"only"}`, `{"rules":"some","text":"label"}`, `{"text":"label","years":"show"}`,
		`{"language":"fr","text":"label"}`, `{"domain":"d","text":"label"}`, `{"domain":"","text":"surrogate"}`,
	} {
		if err := New().Check(privacy.String, obligation("redact", args)); !errors.Is(err, ErrArguments) {
			t.Errorf("%s: %v", args, err)
		}
	}
	if err := New().Check(privacy.JSON, obligation("redact", `{"text":"label"}`)); !errors.Is(err, ErrKind) {
		t.Error(err)
	}
	if _, err := New().Prepare(privacy.String, obligation("redact", `{"text":"surrogate"}`), privacy.Scope{}); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
}

func TestSurrogatesOfOneDomainAgreeAcrossFields(t *testing.T) {
	set := NewWithTagger(known(t), 0)
	read := func(args, coordinate string) string {
		do, err := set.Prepare(privacy.String, obligation("redact", args), scope())
		if err != nil {
			t.Fatal(err)
		}
		c := column("Nora Quill")
		c.Coordinate = privacy.Coordinate(coordinate)
		out, err := do(c)
		if err != nil {
			t.Fatal(err)
		}
		return out.Text(0)
	}
	const shared, own = `{"domain":"people","text":"surrogate"}`, `{"text":"surrogate"}`
	if read(shared, "A.note") != read(shared, "B.note") {
		t.Error("one domain, two surrogates")
	}
	if read(own, "A.note") == read(own, "B.note") {
		t.Error("two fields share surrogates without a domain")
	}
}

// FuzzRedact: what was hidden stands nowhere in what comes out.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{englishNote, chineseNote, "a\u200b@b.com a@b.com", "account 123456789 x 123456789", "www.[EMAIL].com"} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(2))
	}
	key := make([]byte, 32)
	f.Fuzz(func(t *testing.T, text string, style uint8) {
		r := NewRedactor(TextOptions{RulesOnly: true, Style: Style(style % 3), Key: key, Years: true})
		got := redactOne(r, text)
		if got.Withheld != nil {
			if got.Text != Redacted || got.Spans != nil {
				t.Fatal("a text was withheld in part")
			}
			return
		}
		at := 0
		for _, s := range got.Spans {
			if s.Start < at || !fits(text, s) || s.End16 <= s.Start16 {
				t.Fatalf("span %+v after %d", s, at)
			}
			at = s.End
			if hidden := text[s.Start:s.End]; len(hidden) >= leastRepeat && strings.Contains(got.Text, hidden) {
				t.Fatalf("%q still holds %q", got.Text, hidden)
			}
		}
	})
}
