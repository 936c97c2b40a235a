package deid

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Whatever a text is, it is redacted as it would be alone, or withheld whole with a reason; no text has another's answer.
func TestOddTextsHaveTheirOwnAnswer(t *testing.T) {
	texts := []string{"", "a", "。", "\x00\x01\x02", "\r\n", "مرحبا Nora", "\u202eNora\u202c", "\ufeffNora", "\ufffd", "e\u0301\u0301 Nora",
		strings.Repeat("word ", 700) + "Nora", strings.Repeat("a", 100_000), strings.Repeat("名", 900), strings.Repeat("(", 700),
		strings.Repeat("x", 1<<20-5) + " Nora", strings.Repeat("7", 100_000), "😀Nora😀"}
	r := NewRedactor(TextOptions{Tagger: &counted{}})
	for i, got := range r.Redact(t.Context(), texts) {
		if strings.Contains(got.Text, "Nora") {
			t.Errorf("text %d shows a name", i)
		}
		if alone := r.Redact(t.Context(), texts[i:i+1])[0]; alone.Text != got.Text || !errors.Is(got.Withheld, alone.Withheld) {
			t.Errorf("text %d: another answer among others than alone", i)
		}
		if got.Withheld == nil && len(texts[i]) > 0 && len(got.Text) == 0 {
			t.Errorf("text %d: nothing, and no reason", i)
		}
	}
	for name, text := range map[string]string{"invalid UTF-8": "Nora \xff", "an unpaired surrogate": "Nora \xed\xa0\x80", "more than 1 MiB": strings.Repeat("x", 1<<20) + "Nora"} {
		if got := r.Redact(t.Context(), []string{text})[0]; got.Text != Redacted || !errors.Is(got.Withheld, ErrText) {
			t.Errorf("%s: %v", name, got.Withheld)
		}
	}
}

func TestAHundredThousandTextsAtOnce(t *testing.T) {
	texts := make([]string, 100_000)
	for i := range texts {
		texts[i] = fmt.Sprint("Nora, bed ", i)
	}
	for i, got := range NewRedactor(TextOptions{Tagger: &counted{}}).Redact(t.Context(), texts) {
		if want := fmt.Sprint("[PERSON], bed ", i); got.Text != want {
			t.Fatalf("text %d: %q, want %q", i, got.Text, want)
		}
	}
}
