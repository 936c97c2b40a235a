package cell_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"concordat/federation/source/cell"
	"concordat/privacy"
)

// Package time is the oracle.
func TestTimesAndDatesAgreeWithPackageTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		second := rapid.Int64Range(-62135596800, 253402300799).Draw(t, "second")
		at := time.Unix(second, 0).UTC()
		micros, ok := cell.Time([]byte(at.Format(cell.TimeLayout)))
		if !ok || micros != at.UnixMicro() {
			t.Fatalf("%v: got %d, %v", at, micros, ok)
		}
		if !cell.Date([]byte(at.Format(time.DateOnly))) {
			t.Fatalf("%v is a date", at)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "0000-01-01", "2025-13-01", "2025-1-01", "２025-01-01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := time.Parse(time.DateOnly, s)
		if want := err == nil && at.Year() >= 1; cell.Date([]byte(s)) != want {
			t.Errorf("%q: want %v", s, want)
		}
	})
}

func FuzzTime(f *testing.F) {
	for _, s := range []string{"2024-02-29T23:59:59Z", "2024-02-29T23:59:60Z", "2024-02-29T23:59:59.5+01:00", "2024-02-29 23:59:59Z", "0001-01-01T00:00:00+14:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		micros, ok := cell.Time([]byte(s))
		if at, err := time.Parse(time.RFC3339, s); ok && (err != nil || at.UnixMicro() != micros) {
			t.Errorf("%q: got %d, package time says %v, %v", s, micros, at, err)
		}
		if any, okAny := cell.AnyTime([]byte(s)); ok && (!okAny || any != micros) {
			t.Errorf("%q: AnyTime says %d, %v", s, any, okAny)
		}
	})
}

func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0", "-0.10", "1e3", "1e1000", ".5", "5.", "+1", "0x1p4", "1_0", "1/3", "NaN", "Inf", "", "-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !cell.Decimal([]byte(s)) {
			return
		}
		if _, ok := new(big.Rat).SetString(s); !ok {
			t.Errorf("%q is no number to math/big", s)
		}
		if trimmed := strings.TrimLeft(s, "-0"); trimmed == s && !json.Valid([]byte(s)) {
			t.Errorf("%q is no number to encoding/json", s)
		}
	})
}

func TestWhatIsNotOfTheKindIsNotAppended(t *testing.T) {
	for kind, texts := range map[privacy.Kind][]string{
		privacy.Bool:    {"yes", "2", "TRUE", ""},
		privacy.Int:     {"1.0", "9223372036854775808", "0x1", " 1", "1_0", ""},
		privacy.BigInt:  {"-9223372036854775809", "1e3"},
		privacy.Float:   {"NaN", "Inf", "1e999", "0x1p1", "1e400", ""},
		privacy.Decimal: {"1/3", "1e1000", strings.Repeat("1", 1001)},
		privacy.String:  {"\xff", "a\xed\xa0\x80"},
		privacy.Date:    {"2025-02-30", "20250101", "2025-01-01T00:00:00Z", ""},
		privacy.Time:    {"2025-01-01", "2025-01-01T24:00:00Z", "2025-01-01T00:00:00"},
		privacy.JSON:    {"\xff"},
	} {
		for _, text := range texts {
			c := privacy.NewColumn("c", "T.c", kind, 1)
			if cell.Append(c, []byte(text)) || c.Len() != 0 {
				t.Errorf("kind %d takes %q", kind, text)
			}
		}
	}
}
