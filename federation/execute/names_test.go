package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"concordat/inference"
	"concordat/privacy"
)

// capitals finds runs of capitals, and counts what it is asked.
type capitals struct {
	digest string
	asked  []string
	fail   error
}

func (c *capitals) Models() []Model { return []Model{{"capitals", c.digest}} }

func (c *capitals) Tag(_ context.Context, _ string, texts []string) ([][]Name, error) {
	c.asked = append(c.asked, texts...)
	if c.fail != nil {
		return nil, c.fail
	}
	out := make([][]Name, len(texts))
	for i, text := range texts {
		at := 0
		for word := range strings.FieldsSeq(text) {
			at += strings.Index(text[at:], word)
			if word == strings.ToUpper(word) {
				out[i] = append(out[i], Name{inference.Entity{Label: "CAP", ByteStart: at, ByteEnd: at + len(word), Start: at, End: at + len(word), Score: 1}, "capitals"})
			}
			at += len(word)
		}
	}
	return out, nil
}

func caller(agreement, purpose string) Caller {
	return Caller{Scope: privacy.Scope{Agreement: agreement, Purpose: purpose}}
}

func TestNamesOfATextAreRememberedForOneAgreementAndPurpose(t *testing.T) {
	c := &capitals{digest: "sha256:1"}
	n, err := NewNames(c)
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		caller Caller
		texts  []string
		asked  int // in all
	}{
		{caller("a", "p"), []string{"an ANNA", "a BOB"}, 2},
		{caller("a", "p"), []string{"a BOB", "an ANNA"}, 2},
		{caller("a", "p"), []string{"an ANNA", "an EVE"}, 3}, // what is known is not asked again
		{caller("a", "q"), []string{"an ANNA"}, 4},
		{caller("b", "p"), []string{"an ANNA"}, 5},
		{caller(`a" "p`, ""), []string{"an ANNA"}, 6}, // no two callers are spelt alike
	} {
		found, err := n.find(t.Context(), step.caller, step.texts)
		if err != nil || len(c.asked) != step.asked {
			t.Errorf("step %d: asked %d, %v", i, len(c.asked), err)
			continue
		}
		for k, text := range step.texts {
			e := found[k][0]
			if _, want, _ := strings.Cut(text, " "); text[e.ByteStart:e.ByteEnd] != want {
				t.Errorf("step %d: %q for %q", i, text[e.ByteStart:e.ByteEnd], text)
			}
		}
	}
}

func TestWhatIsRememberedIsBoundedAndNeverAFailure(t *testing.T) {
	c := &capitals{}
	n, err := NewNames(c)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("A ", knownNames+1)
	for range 2 {
		if _, err := n.find(t.Context(), Caller{}, []string{long}); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.asked) != 2 {
		t.Error("a text with more names than the bound is remembered")
	}
	for i := range knownTexts + 10 {
		if _, err := n.find(t.Context(), Caller{}, []string{fmt.Sprint("NO ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n.known.Len() != knownTexts {
		t.Errorf("%d texts are remembered", n.known.Len())
	}
	c.fail = inference.ErrOverloaded
	if _, err := n.find(t.Context(), Caller{}, []string{"FAIL"}); !errors.Is(err, inference.ErrOverloaded) {
		t.Error(err)
	}
	c.fail = nil
	if found, err := n.find(t.Context(), Caller{}, []string{"FAIL"}); err != nil || len(found[0]) != 1 {
		t.Errorf("%v %v", found, err)
	}
}

func TestNamesThatAreNotInTheirTextAreRefused(t *testing.T) {
	name := func(from, to int) Name {
		return Name{Entity: inference.Entity{ByteStart: from, ByteEnd: to, Start: from, End: to}}
	}
	const text = "Zoë 张三"
	for _, good := range [][]Name{nil, {name(0, 4)}, {name(0, 2), name(5, 8)}, {name(5, len(text))}} {
		if err := checkNames(text, good); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
	backwards := name(2, 4)
	backwards.End = 1
	for _, bad := range [][]Name{{name(-1, 2)}, {name(2, 2)}, {name(3, 1)}, {name(0, len(text)+1)}, {name(0, 3)}, {name(3, 4)}, {name(6, 8)},
		{name(5, 8), name(0, 2)}, {backwards}} {
		if err := checkNames(text, bad); !errors.Is(err, inference.ErrFailed) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestWithoutATaggerNothingIsFound(t *testing.T) {
	var n *Names
	if found, err := n.find(t.Context(), Caller{}, []string{"ANNA"}); err == nil || found != nil || nameError(err) != "INFERENCE_FAILED" {
		t.Errorf("%v %v", found, err)
	}
}
