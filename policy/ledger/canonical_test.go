package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"
)

func anyEntry(t *rapid.T) Entry {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x00-\x20"\\<>&/\x{2028}\x{e000}-\x{ffff}\x{10000}-\x{10400}a-z]*`))
	texts := rapid.SliceOfN(text, 0, 3)
	return Entry{
		Kind:      rapid.SampledFrom([]string{Answer, Refusal, Control}).Draw(t, "kind"),
		Time:      time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")),
		RequestID: text.Draw(t, "request"), Subject: Subject{text.Draw(t, "id"), text.Draw(t, "org"), text.Draw(t, "client")},
		Agreement: text.Draw(t, "agreement"), Purpose: text.Draw(t, "purpose"), DocumentHash: text.Draw(t, "hash"),
		PolicyRevision: text.Draw(t, "policy"), SchemaRevision: text.Draw(t, "schema"),
		Coordinates: texts.Draw(t, "coordinates"), Errors: texts.Draw(t, "errors"), Code: text.Draw(t, "code"),
		Obligations: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Obligation {
			return Obligation{text.Draw(t, "coordinate"), text.Draw(t, "method")}
		}), 0, 2).Draw(t, "obligations"),
		Rows:  rapid.MapOfN(text, rapid.IntRange(-maxNumber, maxNumber), 0, 4).Draw(t, "rows"),
		Extra: rapid.MapOfN(text, text, 0, 4).Draw(t, "extra"), Digest: text.Draw(t, "digest"), Nonce: text.Draw(t, "nonce"),
	}
}

// The oracle is encoding/json followed by an RFC 8785 implementation that is not ours.
func TestCanonicalFormIsRFC8785(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEntry(t)
		got, err := e.canonical()
		if err != nil {
			t.Fatal(err)
		}
		e.Time = e.Time.UTC()
		plain, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		want, err := jcs.Transform(plain)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func TestCanonicalFormKeepsEveryMember(t *testing.T) {
	e := sample()
	e.Code, e.Nonce, e.Time = "FORBIDDEN", "n", time.Unix(1_800_000_000, 1).UTC()
	for v, i := reflect.ValueOf(e), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Fatalf("the sample lacks %s", v.Type().Field(i).Name)
		}
	}
	raw, err := e.canonical()
	if err != nil {
		t.Fatal(err)
	}
	var back Entry
	if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back, e) {
		t.Errorf("round trip: %v\n%+v\n%+v", err, back, e)
	}
}

func TestMalformedEntriesAreRefused(t *testing.T) {
	r := newRig(t)
	for name, spoil := range map[string]func(*Entry){
		"no kind":        func(e *Entry) { e.Kind = "" },
		"too large":      func(e *Entry) { e.Coordinates = make([]string, 30_000) },
		"number":         func(e *Entry) { e.Rows = map[string]int{"T": 1<<53 + 1} },
		"key not UTF-8":  func(e *Entry) { e.Extra = map[string]string{"\xff": ""} },
		"year too large": func(e *Entry) { e.Time = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		e := sample()
		spoil(&e)
		if _, err := r.Append(t.Context(), e); !errors.Is(err, ErrEntry) {
			t.Errorf("%s: %v, want ErrEntry", name, err)
		}
	}
	e := sample()
	e.RequestID = "odd \xff name"
	if _, err := r.Append(t.Context(), e); err != nil {
		t.Errorf("an odd name kept an entry out of the log: %v", err)
	}
}

func BenchmarkSeal(b *testing.B) {
	r := newRig(b)
	e := sample()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Seal(e); err != nil {
			b.Fatal(err)
		}
	}
}
