package privacy

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
)

func one(kind Kind, fill func(c *Column)) *Column {
	c := NewColumn("c", "T.c", kind, 1)
	fill(c)
	return c
}

func TestJSONOfEachKind(t *testing.T) {
	text := func(s string) func(*Column) { return func(c *Column) { c.AppendText(s) } }
	integer := func(i int64) func(*Column) { return func(c *Column) { c.AppendInt(i) } }
	float := func(f float64) func(*Column) { return func(c *Column) { c.AppendFloat(f) } }
	instant := time.Date(2025, 3, 1, 9, 30, 0, 120000000, time.UTC)
	for _, test := range []struct {
		kind Kind
		fill func(*Column)
		want string
	}{
		{Bool, integer(1), `true`},
		{Bool, integer(0), `false`},
		{Int, integer(-2147483648), `-2147483648`},
		{BigInt, integer(math.MaxInt64), `"9223372036854775807"`},
		{Decimal, text("12.50"), `"12.50"`},
		{String, text("a\"\\\b\t\n\f\r\x1f<&>\u2028é"), "\"a\\\"\\\\\\b\\t\\n\\f\\r\\u001f<&>\u2028é\""},
		{Date, text("1980-05-17"), `"1980-05-17"`},
		{Time, integer(instant.UnixMicro()), `"2025-03-01T09:30:00.12Z"`},
		{Time, integer(-1), `"1969-12-31T23:59:59.999999Z"`},
		{JSON, text(` {"b": [1, "x y"]} `), `{"b":[1,"x y"]}`},
		{Float, float(0.1), `0.1`},
		{Float, float(math.Copysign(0, -1)), `0`},
		{Float, float(1e21), `1e+21`},
		{Float, float(1e-7), `1e-7`},
		{Float, float(333333333.33333329), `333333333.3333333`},
		{Float, float(math.NaN()), `null`},
		{String, func(c *Column) { c.AppendNull() }, `null`},
		{String, func(c *Column) { c.AppendState(Denied) }, `null`},
		{Int, func(c *Column) { c.AppendState(Suppressed) }, `null`},
	} {
		got, err := AppendJSON(nil, one(test.kind, test.fill), 0)
		if err != nil || string(got) != test.want {
			t.Errorf("kind %d: got %s, %v; want %s", test.kind, got, err, test.want)
		}
	}
}

func TestJSONRefusesWhatHasNoForm(t *testing.T) {
	for _, test := range []struct {
		column *Column
		want   error
	}{
		{one(Int, func(c *Column) { c.AppendInt(1 << 31) }), ErrRange},
		{one(String, func(c *Column) { c.AppendText("\xff") }), ErrText},
		{one(JSON, func(c *Column) { c.AppendText("{") }), ErrJSON},
		{one(Time, func(c *Column) { c.AppendInt(math.MaxInt64) }), ErrRange},
		{&Column{States: []State{Value}}, ErrKind},
	} {
		got, err := AppendJSON([]byte("before"), test.column, 0)
		if !errors.Is(err, test.want) || string(got) != "before" {
			t.Errorf("got %q, %v; want %v", got, err, test.want)
		}
	}
}

func TestJSONDoesNotAllocate(t *testing.T) {
	columns := []*Column{
		one(Int, func(c *Column) { c.AppendInt(7) }),
		one(Float, func(c *Column) { c.AppendFloat(1.25e-9) }),
		one(String, func(c *Column) { c.AppendText("a \"quoted\" word") }),
		one(Time, func(c *Column) { c.AppendInt(1740821400000000) }),
	}
	buf := make([]byte, 0, 256)
	for _, c := range columns {
		if n := testing.AllocsPerRun(100, func() { _, _ = AppendJSON(buf, c, 0) }); n != 0 {
			t.Errorf("kind %d: %v allocations", c.Kind, n)
		}
	}
}

// The oracle is the canonical form of what encoding/json writes.
func FuzzJSONString(f *testing.F) {
	for _, s := range []string{"", "a", "\"\\\x00\x7f", "é\u2028\U0001f600", "\xc3\x28"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := AppendJSON(nil, one(String, func(c *Column) { c.AppendText(s) }), 0)
		if !utf8.ValidString(s) {
			if !errors.Is(err, ErrText) {
				t.Fatalf("invalid UTF-8 was written: %q", got)
			}
			return
		}
		compareCanonical(t, got, s)
	})
}

func FuzzJSONFloat(f *testing.F) {
	for _, v := range []float64{0, 1, 0.1, 1e-6, 1e-7, 1e20, 1e21, 5e-324, math.MaxFloat64, -1.5} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v float64) {
		if v-v != 0 {
			return
		}
		got, err := AppendJSON(nil, one(Float, func(c *Column) { c.AppendFloat(v) }), 0)
		if err != nil {
			t.Fatal(err)
		}
		compareCanonical(t, got, v)
	})
}

func compareCanonical(t *testing.T, got []byte, v any) {
	t.Helper()
	plain, err := json.Marshal([]any{v})
	if err != nil {
		t.Fatal(err)
	}
	want, err := jcs.Transform(plain)
	if err != nil {
		t.Fatal(err)
	}
	if "["+string(got)+"]" != string(want) {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	for name, c := range map[string]*Column{
		"int":    one(Int, func(c *Column) { c.AppendInt(123456) }),
		"float":  one(Float, func(c *Column) { c.AppendFloat(36.6) }),
		"text":   one(String, func(c *Column) { c.AppendText("Acute bronchitis (disorder)") }),
		"note":   one(String, func(c *Column) { c.AppendText(strings.Repeat("Admitted; no \"fever\".\n", 20)) }),
		"time":   one(Time, func(c *Column) { c.AppendInt(1740821400000000) }),
		"denied": NewDeniedColumn("c", "T.c", String, 1),
	} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 1024)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = AppendJSON(buf, c, 0)
			}
		})
	}
}
