package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"concordat/privacy/deid"
)

// redactor is the real one, as main hands it in.
func redactor(tagger deid.Tagger) Redactor {
	return func(o RedactOptions) (func(context.Context, []string) []Redaction, bool) {
		options := deid.TextOptions{Tagger: tagger, RulesOnly: tagger == nil, Language: o.Language, Years: o.Years, MostBytes: o.MostBytes}
		if o.Mask {
			options.Style = deid.StyleMask
		}
		r := deid.NewRedactor(options)
		return func(ctx context.Context, texts []string) []Redaction {
			var out []Redaction
			for _, d := range r.Redact(ctx, texts) {
				redacted := Redaction{Text: d.Text}
				for _, s := range d.Spans {
					redacted.Spans = append(redacted.Spans, RedactedSpan(s))
				}
				out = append(out, redacted)
			}
			return out
		}, tagger != nil
	}
}

func runPrivacy(t *testing.T, in string, tagger deid.Tagger, args ...string) (string, string, int) {
	t.Helper()
	var out, errs bytes.Buffer
	code := Privacy(context.Background(), args, PrivacyEnv{Stdin: strings.NewReader(in), Stdout: &out, Stderr: &errs, Redactor: redactor(tagger)})
	return out.String(), errs.String(), code
}

func TestRedactAnswersEachLine(t *testing.T) {
	const in = "Call (415) 555-2671\r\n\n手机13800138000。\nПациент Иван Петров\nno end of line"
	out, errs, code := runPrivacy(t, in, nil, "redact")
	if code != 0 || out != "Call [PHONE]\n\n手机[PHONE]。\n[REDACTED]\nno end of line\n" {
		t.Fatalf("%d %q", code, out)
	}
	if !strings.Contains(errs, "no tagger") {
		t.Error("rules alone, and nobody was told")
	}
}

func TestRedactAsJSON(t *testing.T) {
	const line = "😀 write to ana@example.org or 13800138000"
	out, _, code := runPrivacy(t, line+"\nplain\n", nil, "redact", "--lang", "auto", "--json")
	var got struct {
		Text  string
		Spans []struct {
			Start, End, ByteStart, ByteEnd int
			Label, Rule                    string
			Score                          float64
		}
	}
	lines := strings.Split(out, "\n")
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil || code != 0 {
		t.Fatal(err, out)
	}
	units := utf16.Encode([]rune(line))
	want := []string{"ana@example.org", "13800138000"}
	if got.Text != "😀 write to [EMAIL] or [PHONE]" || len(got.Spans) != len(want) {
		t.Fatal(out)
	}
	for i, s := range got.Spans {
		if line[s.ByteStart:s.ByteEnd] != want[i] || string(utf16.Decode(units[s.Start:s.End])) != want[i] {
			t.Errorf("%+v is not %s", s, want[i])
		}
		if strings.Contains(out, want[i]) {
			t.Errorf("the answer repeats %s", want[i])
		}
	}
	if lines[1] != `{"text":"plain","spans":[]}` {
		t.Error(lines[1])
	}
}

type failing struct{}

func (failing) Tag(context.Context, []string) ([][]deid.Span, error) {
	return nil, errors.New("overloaded")
}

func TestRedactWithholdsWhatItCannotRead(t *testing.T) {
	long := strings.Repeat("a ", mostDocument)
	for name, test := range map[string]struct {
		in     string
		tagger deid.Tagger
	}{
		"tagger fails": {"Nora Quill", failing{}},
		"too long":     {long, nil},
		"not UTF-8":    {"caf\xe9", nil},
	} {
		out, _, code := runPrivacy(t, test.in+"\n", test.tagger, "redact")
		if out != "[REDACTED]\n" || code != 0 {
			t.Errorf("%s: %d %.40q", name, code, out)
		}
	}
}

func TestRedactAnswersBeforeTheInputEnds(t *testing.T) {
	in, out := io.Pipe()
	answers, answer := io.Pipe()
	done := make(chan int)
	go func() {
		done <- Privacy(context.Background(), []string{"redact", "--style", "mask"}, PrivacyEnv{Stdin: in, Stdout: answer, Stderr: io.Discard, Redactor: redactor(nil)})
	}()
	fmt.Fprintln(out, "tel 13800138000")
	buf := make([]byte, 64)
	n, err := answers.Read(buf)
	if err != nil || string(buf[:n]) != "tel ***********\n" {
		t.Errorf("%q %v", buf[:n], err)
	}
	out.Close()
	if code := <-done; code != 0 {
		t.Error(code)
	}
}

func TestWrongUseOfPrivacy(t *testing.T) {
	for _, args := range [][]string{{}, {"hide"}, {"redact", "--lang", "fr"}, {"redact", "file.txt"}, {"redact", "--style", "surrogate"}, {"redact", "--nope"}} {
		out, errs, code := runPrivacy(t, "secret", nil, args...)
		if code != 2 || out != "" || !strings.Contains(errs, "usage:") {
			t.Errorf("%v: %d %q", args, code, errs)
		}
	}
	if out, _, code := runPrivacy(t, "", nil, "redact", "--help"); code != 0 || !strings.Contains(out, "usage:") {
		t.Error("help is no help")
	}
}
