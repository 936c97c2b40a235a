package deid

import (
	"context"
	"slices"
	"strings"
	"testing"

	"concordat/privacy"
)

func TestTextsOfARequestThatHasEndedAreWithheldUnread(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	set := NewWithTagger(tagging(func(call context.Context, texts []string) ([][]Span, error) {
		asked++
		if asked == 2 {
			cancel() // while the tagger reads
			<-call.Done()
			return nil, call.Err()
		}
		return make([][]Span, len(texts)), nil
	}), 0).Within(ctx, "somebody")
	do, err := set.Prepare(privacy.String, obligation("redact", `{"text":"label"}`), scope())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"call [PHONE]", Redacted, Redacted} {
		out, err := do(column("call 13800138000" + strings.Repeat(" ", i))) // another text each time: none is remembered
		if err != nil || out.Text(0) != want+strings.Repeat(" ", i) && want != Redacted || want == Redacted && out.Text(0) != want {
			t.Errorf("%d: %q, want %q (%v)", i, out.Text(0), want, err)
		}
	}
	if asked != 2 {
		t.Errorf("the tagger was asked %d times", asked)
	}
}

func TestWithinARequestOtherTransformsAreTheSetsOwn(t *testing.T) {
	set := NewWithTagger(known(t), 0)
	w := set.Within(t.Context(), "somebody")
	if w.Algebra("pseudonym") != set.Algebra("pseudonym") {
		t.Error("another algebra")
	}
	for _, ob := range []privacy.Obligation{obligation("redact", ""), obligation("mask", `{"keepLast":2}`)} {
		one, err := set.Prepare(privacy.String, ob, scope())
		if err != nil {
			t.Fatal(err)
		}
		two, err := w.Prepare(privacy.String, ob, scope())
		if err != nil {
			t.Fatal(err)
		}
		a, err := one(column("Nora Quill"))
		b, err2 := two(column("Nora Quill"))
		if err != nil || err2 != nil || a.Text(0) != b.Text(0) {
			t.Errorf("%s: %q and %q", ob.Method, a.Text(0), b.Text(0))
		}
	}
	if _, err := w.Prepare(privacy.String, obligation("redact", `{"text":"blank"}`), scope()); err == nil {
		t.Error("bad arguments are taken")
	}
}

// shared is a tagger that keeps for whom it was asked.
type shared struct {
	*counted
	party string
	log   *[]string
}

func (s shared) For(party string) Tagger { s.party = party; return s }

func (s shared) Tag(ctx context.Context, texts []string) ([][]Span, error) {
	*s.log = append(*s.log, s.party)
	return s.counted.Tag(ctx, texts)
}

func TestRedactionIsAskedForTheRequestsParty(t *testing.T) {
	var log []string
	set := NewWithTagger(shared{&counted{}, "nobody", &log}, 0)
	for i, party := range []string{"north", "south"} {
		do, err := set.Within(t.Context(), party).Prepare(privacy.String, obligation("redact", `{"text":"label"}`), scope())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := do(column("text of its own " + strings.Repeat("x", i))); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(log, []string{"north", "south"}) {
		t.Errorf("asked for %q", log)
	}
}
