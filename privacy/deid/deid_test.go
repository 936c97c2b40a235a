package deid

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/width"
	"pgregory.net/rapid"

	"concordat/privacy"
)

func scope() privacy.Scope {
	return privacy.Scope{Agreement: "research-2025", Purpose: "research", Root: []byte(strings.Repeat("k", privacy.RootKeySize))}
}

func obligation(method, args string) privacy.Obligation {
	return privacy.Obligation{Method: method, Arguments: args}
}

// apply runs one transform over one cell, through the gate that a server uses.
func apply(t *testing.T, ob privacy.Obligation, in *privacy.Column, s privacy.Scope) *privacy.Column {
	t.Helper()
	out := privacy.Output{
		Column: in.Name, As: "out", Coordinate: in.Coordinate, Kind: in.Kind,
		Release: privacy.ReleaseTransformed, Obligation: ob,
	}
	r, err := privacy.Apply(&privacy.Table{Rows: in.Len(), Columns: []*privacy.Column{in}}, []privacy.Output{out}, New(), s)
	if err != nil {
		t.Fatalf("%v: %v", ob, err)
	}
	return r.Column("out")
}

// cell is a column with one value of the kind's own Go type.
func cell(kind privacy.Kind, v any) *privacy.Column {
	c := privacy.NewColumn("c", "T.c", kind, 2)
	switch v := v.(type) {
	case string:
		c.AppendText(v)
	case int:
		c.AppendInt(int64(v))
	case int64:
		c.AppendInt(v)
	case float64:
		c.AppendFloat(v)
	}
	return c
}

func micros(text string) int64 {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return at.UnixMicro()
}

func TestTransforms(t *testing.T) {
	for _, test := range []struct {
		method, args string
		kind         privacy.Kind
		in           any
		want         string // JSON
	}{
		{"redact", "", privacy.String, "Wang Fang", `"[REDACTED]"`},
		{"redact", "", privacy.Date, "1980-05-17", `null`},
		{"redact", "", privacy.Int, 7, `null`},
		{"null", "", privacy.String, "x", `null`},
		{"null", "", privacy.Float, 1.5, `null`},
		{"constant", `{"value":"Test Person"}`, privacy.String, "Wang Fang", `"Test Person"`},
		{"constant", `{"value":3}`, privacy.Int, 7, `3`},
		{"constant", `{"value":"9007199254740993"}`, privacy.BigInt, 7, `"9007199254740993"`},
		{"constant", `{"value":2.5}`, privacy.Float, 7.0, `2.5`},
		{"constant", `{"value":false}`, privacy.Bool, 1, `false`},
		{"constant", `{"value":true}`, privacy.Bool, 0, `true`},
		{"constant", `{"value":"0.50"}`, privacy.Decimal, "7", `"0.50"`},
		{"constant", `{"value":"2000-01-01"}`, privacy.Date, "1980-05-17", `"2000-01-01"`},
		{"constant", `{"value":"2000-01-01T00:00:00Z"}`, privacy.Time, 0, `"2000-01-01T00:00:00Z"`},
		{"constant", `{"value":{"a":[null]}}`, privacy.JSON, "1", `{"a":[null]}`},
		{"mask", "", privacy.String, "secret", `"******"`},
		{"mask", `{"keepFirst":1,"keepLast":2}`, privacy.String, "13812345678", `"1********78"`},
		{"mask", `{"keepLast":4}`, privacy.String, "5678", `"****"`},
		{"mask", `{"keepFirst":9007199254740991,"keepLast":1}`, privacy.String, "ab", `"**"`},
		{"mask", `{"char":"某","keepFirst":1}`, privacy.String, "王小明", `"王某某"`},
		{"mask", `{"pattern":"###-****-####"}`, privacy.String, "154-1234-5678", `"154-****-5678"`},
		{"mask", `{"pattern":"###-****-####"}`, privacy.String, "15412345678", `"154-****-5678"`},
		{"mask", `{"pattern":"###-****-####"}`, privacy.String, "154-123", `"*******"`},
		{"mask", `{"pattern":"#*"}`, privacy.String, "王小明", `"王*"`},
		{"year", "", privacy.Date, "1980-05-17", `"1980"`},
		{"month", "", privacy.Date, "1980-05-17", `"1980-05"`},
		{"year", "", privacy.Time, micros("1969-12-31T23:00:00Z"), `"1969-01-01T00:00:00Z"`},
		{"month", "", privacy.Time, micros("2024-02-29T12:00:00Z"), `"2024-02-01T00:00:00Z"`},
		{"round", `{"to":10}`, privacy.Int, 25, `20`},
		{"round", `{"to":10}`, privacy.Int, 35, `40`},
		{"round", `{"to":10}`, privacy.Int, -25, `-20`},
		{"round", `{"to":10}`, privacy.Int, -26, `-30`},
		{"round", `{"to":100000}`, privacy.BigInt, 1234567, `"1200000"`},
		{"round", `{"to":0.1}`, privacy.Float, 0.34, `0.3`},
		{"round", `{"to":0.25}`, privacy.Float, 0.375, `0.5`},
		{"round", `{"to":5}`, privacy.Float, -0.2, `0`},
		{"prefix", `{"length":3}`, privacy.String, "100032", `"100"`},
		{"prefix", `{"length":3}`, privacy.String, "北京市朝阳区", `"北京市"`},
		{"prefix", `{"length":3}`, privacy.String, "10", `"10"`},
	} {
		out := apply(t, obligation(test.method, test.args), cell(test.kind, test.in), scope())
		got, err := privacy.AppendJSON(nil, out, 0)
		if err != nil || string(got) != test.want {
			t.Errorf("%s %s of %v: got %s, %v; want %s", test.method, test.args, test.in, got, err, test.want)
		}
	}
}

func TestValueThatCannotBeTransformedFailsAlone(t *testing.T) {
	for _, test := range []struct {
		method, args string
		kind         privacy.Kind
		bad, good    any
	}{
		{"year", "", privacy.Date, "secret text", "1980-05-17"},
		{"month", "", privacy.Date, "1980-13-01", "1980-05-17"},
		{"round", `{"to":10}`, privacy.BigInt, int64(9223372036854775807), 12},
		{"round", `{"to":10}`, privacy.Int, 2147483647, 12},
		{"round", `{"to":0.001}`, privacy.Float, 1.7e308, 12.0},
	} {
		in := cell(test.kind, test.bad)
		if err := in.Extend(cell(test.kind, test.good)); err != nil {
			t.Fatal(err)
		}
		out := apply(t, obligation(test.method, test.args), in, scope())
		if out.State(0) != privacy.Failed || out.State(1) != privacy.Value {
			t.Errorf("%s of %v: states %v", test.method, test.bad, out.States)
		}
		if out.Kind.Text() && slices.Contains(out.Dict, fmt.Sprint(test.bad)) {
			t.Errorf("%s: the raw value is in the released dictionary", test.method)
		}
	}
}

func TestCheckRefusesBadObligations(t *testing.T) {
	for _, test := range []struct {
		kind         privacy.Kind
		method, args string
		want         error
	}{
		{privacy.String, "", "", ErrMethod},
		{privacy.String, "rot13", "", ErrMethod},
		{0, "null", "", ErrKind},
		{privacy.Int, "pseudonym", "", ErrKind},
		{privacy.Date, "mask", "", ErrKind},
		{privacy.String, "year", "", ErrKind},
		{privacy.String, "round", `{"to":10}`, ErrKind},
		{privacy.String, "redact", `{"value":1}`, ErrArguments},
		{privacy.String, "redact", `{}`, ErrArguments},
		{privacy.String, "redact", `[]`, ErrArguments},
		{privacy.String, "redact", `{`, ErrArguments},
		{privacy.String, "mask", `{"keepLast": 4}`, ErrArguments},
		{privacy.String, "mask", `{"keepLast":4} `, ErrArguments},
		{privacy.String, "mask", `{"KeepLast":4}`, ErrArguments},
		{privacy.String, "mask", `{"keepLast":-1}`, ErrArguments},
		{privacy.String, "mask", `{"keepLast":1.5}`, ErrArguments},
		{privacy.String, "mask", `{"keepFirst":"1"}`, ErrArguments},
		{privacy.String, "mask", `{"char":"**"}`, ErrArguments},
		{privacy.String, "mask", `{"char":1}`, ErrArguments},
		{privacy.String, "mask", `{"pattern":"####"}`, ErrArguments},
		{privacy.String, "mask", `{"pattern":7}`, ErrArguments},
		{privacy.String, "mask", `{"keepLast":1,"pattern":"*"}`, ErrArguments},
		{privacy.String, "prefix", "", ErrArguments},
		{privacy.String, "prefix", `{"length":0}`, ErrArguments},
		{privacy.String, "pseudonym", `{"domain":""}`, ErrArguments},
		{privacy.String, "pseudonym", `{"domain":1}`, ErrArguments},
		{privacy.Int, "round", "", ErrArguments},
		{privacy.Int, "round", `{"to":0}`, ErrArguments},
		{privacy.Int, "round", `{"to":2.5}`, ErrArguments},
		{privacy.Float, "round", `{"to":-1}`, ErrArguments},
		{privacy.Float, "round", `{"to":1e-7}`, ErrArguments},
		{privacy.Float, "round", `{"to":1e+30}`, ErrArguments},
		{privacy.String, "constant", "", ErrArguments},
		{privacy.String, "constant", `{"value":1}`, ErrArguments},
		{privacy.String, "constant", `{"value":null}`, ErrArguments},
		{privacy.Int, "constant", `{"value":2147483648}`, ErrArguments},
		{privacy.BigInt, "constant", `{"value":9007199254740992}`, ErrArguments},
		{privacy.Date, "constant", `{"value":"1980"}`, ErrArguments},
		{privacy.Decimal, "constant", `{"value":"1."}`, ErrArguments},
		{privacy.Time, "constant", `{"value":"now"}`, ErrArguments},
		{privacy.Bool, "constant", `{"value":"true"}`, ErrArguments},
	} {
		if err := New().Check(test.kind, obligation(test.method, test.args)); !errors.Is(err, test.want) {
			t.Errorf("%s %s on kind %d: %v", test.method, test.args, test.kind, err)
		}
	}
}

func TestPreparedTransformRefusesColumnOfAnotherKind(t *testing.T) {
	do, err := New().Prepare(privacy.String, obligation("redact", ""), scope())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := do(cell(privacy.Date, "1980-05-17")); !errors.Is(err, ErrKind) {
		t.Fatal(err)
	}
}

// RFC 5869, appendix A.1: the key derivation that pseudonyms rest on.
func TestHKDFVector(t *testing.T) {
	unhex := func(s string) []byte { b, _ := hex.DecodeString(s); return b }
	ikm := unhex(strings.Repeat("0b", 22))
	okm, err := hkdf.Key(sha256.New, ikm, unhex("000102030405060708090a0b0c"), string(unhex("f0f1f2f3f4f5f6f7f8f9")), 42)
	const want = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
	if err != nil || hex.EncodeToString(okm) != want {
		t.Fatalf("%x, %v", okm, err)
	}
}

// The construction written out a second time, from RFC 5869's own two steps.
func TestPseudonymIsTheDocumentedConstruction(t *testing.T) {
	mac := func(key, message []byte) []byte { m := hmac.New(sha256.New, key); m.Write(message); return m.Sum(nil) }
	info := "\x00\x00\x00\x15concordat pseudonym 1\x00\x00\x00\x0dresearch-2025\x00\x00\x00\x08research\x00\x00\x00\x0ddomain:person"
	key := mac(mac(make([]byte, 32), scope().Root), []byte(info+"\x01"))
	sum := mac(key, []byte("string\x00110101"))
	want := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:16]))[:26]
	out := apply(t, obligation("pseudonym", `{"domain":"person"}`), cell(privacy.String, "110101"), scope())
	if out.Text(0) != want {
		t.Fatalf("got %s, want %s", out.Text(0), want)
	}
}

func TestPseudonymIsEqualForSpellingsOfOneIdentifier(t *testing.T) {
	p := func(s string) string {
		return apply(t, obligation("pseudonym", ""), cell(privacy.String, s), scope()).Text(0)
	}
	for _, same := range []string{"Ａ１２-é", " A12-é\u3000", "A12-e\u0301", "A\u200b12-é\ufeff", "\u202eA12\u00ad-é"} {
		if p(same) != p("A12-é") {
			t.Errorf("%+q differs", same)
		}
	}
	for _, other := range []string{"a12-é", "A12-e", "A12 -é", ""} {
		if p(other) == p("A12-é") {
			t.Errorf("%+q is equal", other)
		}
	}
}

func TestPseudonymsOfDifferentScopesAreUnlinkable(t *testing.T) {
	change := func(f func(s *privacy.Scope)) privacy.Scope { s := scope(); f(&s); return s }
	other := cell(privacy.String, "110101")
	other.Coordinate = "T.d"
	p := func(args string, c *privacy.Column, s privacy.Scope) string {
		return apply(t, obligation("pseudonym", args), c, s).Text(0)
	}
	c := cell(privacy.String, "110101")
	all := []string{
		p("", c, scope()),
		p("", other, scope()),
		p(`{"domain":"person"}`, c, scope()),
		p(`{"domain":"T.c"}`, c, scope()),
		p("", c, change(func(s *privacy.Scope) { s.Agreement = "another" })),
		p("", c, change(func(s *privacy.Scope) { s.Purpose = "audit" })),
		p("", c, change(func(s *privacy.Scope) { s.Root = []byte(strings.Repeat("j", 32)) })),
		p("", c, change(func(s *privacy.Scope) { s.Agreement, s.Purpose = "research-2025r", "esearch" })),
	}
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		t.Fatalf("%d different of %d", n, len(all))
	}
	if p(`{"domain":"person"}`, c, scope()) != p(`{"domain":"person"}`, other, scope()) {
		t.Fatal("one domain over two fields does not link")
	}
}

func TestPseudonymNeedsKeyAndAgreement(t *testing.T) {
	for _, s := range []privacy.Scope{{}, {Agreement: "a"}, {Agreement: "a", Root: make([]byte, 31)}, {Root: make([]byte, 32)}} {
		if _, err := New().Prepare(privacy.String, obligation("pseudonym", ""), s); !errors.Is(err, ErrKey) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestCanonicalIsIdempotentAndFoldsWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		c := canonical(s)
		if canonical(c) != c || !utf8.ValidString(c) {
			t.Fatalf("%+q, then %+q", c, canonical(c))
		}
		if w := width.Widen.String(s); canonical(w) != c {
			t.Fatalf("wide %+q gives %+q, not %+q", w, canonical(w), c)
		}
	})
}

func TestMaskNeverShowsMoreThanAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[a-z北京]{0,12}`).Draw(t, "s")
		first, last := rapid.Int64Range(0, 6).Draw(t, "first"), rapid.Int64Range(0, 6).Draw(t, "last")
		got, in := []rune(maskEnds(s, first, last, "*")), []rune(s)
		if len(got) != len(in) {
			t.Fatalf("%q", string(got))
		}
		shown := int64(0)
		for i := range got {
			if got[i] != '*' {
				shown++
				if got[i] != in[i] || (int64(i) >= first && int64(i) < int64(len(in))-last) {
					t.Fatalf("%q of %q", string(got), s)
				}
			}
		}
		if shown > first+last || (len(in) > 0 && shown == int64(len(in))) {
			t.Fatalf("%q of %q", string(got), s)
		}
	})
}
