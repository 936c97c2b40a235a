package eval_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// The conformance suite compares adapters with this package, SQLite's engine among them. The tests here pin what
// that comparison cannot: absolute answers, worked out by hand.

// table reads "name:kind v v v" columns; "-" is NULL.
func table(t testing.TB, columns ...string) *privacy.Table {
	t.Helper()
	kinds := map[string]privacy.Kind{"int": privacy.Int, "big": privacy.BigInt, "float": privacy.Float, "text": privacy.String,
		"date": privacy.Date, "decimal": privacy.Decimal, "bool": privacy.Bool, "time": privacy.Time}
	out := &privacy.Table{}
	for _, line := range columns {
		parts := strings.Fields(line)
		name, kind, _ := strings.Cut(parts[0], ":")
		c := privacy.NewColumn(name, privacy.Coordinate("T."+name), kinds[kind], 8)
		for _, v := range parts[1:] {
			put(t, c, v)
		}
		out.Columns = append(out.Columns, c)
		out.Rows = c.Len()
	}
	return out
}

func put(t testing.TB, c *privacy.Column, v string) {
	t.Helper()
	var i int64
	var f float64
	switch {
	case v == "-":
		c.AppendNull()
	case c.Kind.Text():
		c.AppendText(v)
	case c.Kind == privacy.Float:
		if _, err := fmt.Sscan(v, &f); err != nil {
			t.Fatal(err)
		}
		c.AppendFloat(f)
	case c.Kind == privacy.Time:
		at, err := time.Parse(time.RFC3339, v)
		if err != nil {
			t.Fatal(err)
		}
		c.AppendInt(at.UnixMicro())
	default:
		if _, err := fmt.Sscan(v, &i); err != nil {
			t.Fatal(err)
		}
		c.AppendInt(i)
	}
}

// show writes rows as "a b | c d".
func show(t *privacy.Table) string {
	rows := make([]string, t.Rows)
	for row := range rows {
		var cells []string
		for _, c := range t.Columns {
			switch {
			case c.IsNull(row):
				cells = append(cells, "-")
			case c.Kind.Text():
				cells = append(cells, c.Text(row))
			case c.Kind == privacy.Float:
				cells = append(cells, fmt.Sprint(c.Float(row)))
			case c.Kind == privacy.Time:
				cells = append(cells, time.UnixMicro(c.Int(row)).UTC().Format(time.RFC3339))
			default:
				cells = append(cells, fmt.Sprint(c.Int(row)))
			}
		}
		rows[row] = strings.Join(cells, " ")
	}
	return strings.Join(rows, " | ")
}

func expect(t *testing.T, in *privacy.Table, q *source.Query, want string) {
	t.Helper()
	got, err := eval.Run(in, q)
	if err != nil {
		t.Fatalf("want %s, got %v", want, err)
	}
	if show(got) != want {
		t.Errorf("want %s, got %s", want, show(got))
	}
}

func people(t testing.TB) *privacy.Table {
	return table(t, "id:text a b c d e", "age:int 40 - 7 40 12", "region:text north south - north south")
}

func TestComparisonsWithNullDoNotHoldAndTheirNegationsDo(t *testing.T) {
	ages := func(p predicate.Predicate) *source.Query { return &source.Query{Select: []string{"id"}, Where: p} }
	old := predicate.Compare("age", predicate.Gte, predicate.Int(12))
	expect(t, people(t), ages(old), "a | d | e")
	expect(t, people(t), ages(predicate.Not(old)), "b | c")
	expect(t, people(t), ages(predicate.Compare("age", predicate.Ne, predicate.Int(40))), "c | e")
	expect(t, people(t), ages(predicate.Not(predicate.In("region", predicate.String("north")))), "b | c | e")
	expect(t, people(t), ages(predicate.Null("region")), "c")
	expect(t, people(t), ages(predicate.Predicate{}), "")
}

func TestNullIsLastInBothDirections(t *testing.T) {
	by := func(descending bool) *source.Query {
		return &source.Query{Select: []string{"id"}, Where: predicate.Always(),
			Order: []source.Order{{Field: "age", Descending: descending}, {Field: "id", Descending: true}}}
	}
	expect(t, people(t), by(false), "c | e | d | a | b")
	expect(t, people(t), by(true), "d | a | e | c | b")
}

func TestNullIsFirstWhereAsked(t *testing.T) {
	expect(t, people(t), &source.Query{Select: []string{"id"}, Where: predicate.Always(),
		Order: []source.Order{{Field: "age", NullsFirst: true}, {Field: "id", Descending: true}}}, "b | c | e | d | a")
}

func TestALimitPerKeyHoldsWithinEachKey(t *testing.T) {
	q := &source.Query{Select: []string{"region", "id"}, Where: predicate.Always(), Limit: 1,
		Order: []source.Order{{Field: "age", Descending: true}},
		Keys:  &source.Keys{Field: "region", PerKey: true, Values: []predicate.Value{predicate.String("north"), predicate.String("south"), predicate.String("x")}}}
	expect(t, people(t), q, "north a | south e")
	q.Keys.PerKey = false
	expect(t, people(t), q, "north a")
}

func TestAggregatesOverNullsAndNothing(t *testing.T) {
	measures := []source.Measure{{Func: source.CountRows, As: "n"}, {Func: source.CountValues, Field: "age", As: "v"}, {Func: source.Sum, Field: "age", As: "s"},
		{Func: source.Min, Field: "age", As: "min"}, {Func: source.Max, Field: "age", As: "max"}}
	q := &source.Query{Where: predicate.Always(), Aggregate: &source.Aggregate{Measures: measures}}
	expect(t, people(t), q, "5 4 99 7 40")
	q.Aggregate.Group = []source.Group{{Field: "region", As: "region"}}
	expect(t, people(t), q, "north 2 2 80 40 40 | south 2 1 12 12 12 | - 1 1 7 7 7")
	q.Where = predicate.Never()
	expect(t, people(t), q, "")
	q.Aggregate.Group = nil
	expect(t, people(t), q, "0 0 - - -")
}

func TestASumIsRefusedOnlyWhereItsResultDoesNotFit(t *testing.T) {
	sum := &source.Query{Where: predicate.Always(), Aggregate: &source.Aggregate{Measures: []source.Measure{{Func: source.Sum, Field: "n", As: "s"}}}}
	expect(t, table(t, "n:big 9223372036854775807 9223372036854775807 -9223372036854775808"), sum, "9223372036854775806")
	expect(t, table(t, "n:big -9223372036854775808 -1 1"), sum, "-9223372036854775808")
	for _, in := range []string{"n:big 9223372036854775807 1", "n:big -9223372036854775808 -1", "n:float 1.7e308 1.7e308"} {
		if _, err := eval.Run(table(t, in), sum); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%s: got %v", in, err)
		}
	}
	expect(t, table(t, "n:float 1e100 1 -1e100"), sum, "1")
}

func TestGrains(t *testing.T) {
	days := table(t, "day:date 2024-12-30 2025-01-05 2025-01-06 2024-02-29 0001-01-07 9999-12-31 -", "n:int 1 1 1 1 1 1 1")
	for grain, want := range map[source.Grain]string{
		source.Day:     "0001-01-07 | 2024-02-29 | 2024-12-30 | 2025-01-05 | 2025-01-06 | 9999-12-31 | -",
		source.Week:    "0001-01-01 | 2024-02-26 | 2024-12-30 | 2025-01-06 | 9999-12-27 | -", // ISO 8601: 2024-12-30 is the Monday of 2025-W01
		source.Month:   "0001-01-01 | 2024-02-01 | 2024-12-01 | 2025-01-01 | 9999-12-01 | -",
		source.Quarter: "0001-01-01 | 2024-01-01 | 2024-10-01 | 2025-01-01 | 9999-10-01 | -",
		source.Year:    "0001-01-01 | 2024-01-01 | 2025-01-01 | 9999-01-01 | -",
	} {
		expect(t, days, &source.Query{Where: predicate.Always(), Aggregate: &source.Aggregate{Group: []source.Group{{Field: "day", Grain: grain, As: "g"}}}}, want)
	}
	times := table(t, "at:time 1969-12-31T23:59:59Z 2025-03-02T10:59:59Z 2025-03-02T10:00:00Z")
	hours := &source.Query{Where: predicate.Always(), Aggregate: &source.Aggregate{Group: []source.Group{{Field: "at", Grain: source.Hour, As: "g"}}}}
	expect(t, times, hours, "1969-12-31T23:00:00Z | 2025-03-02T10:00:00Z")
}

func TestDecimalsCompareByValue(t *testing.T) {
	in := table(t, "d:decimal 9.90 10 9.9 1e1 - 100000000000000000000.01")
	q := &source.Query{Select: []string{"d"}, Where: predicate.Compare("d", predicate.Eq, predicate.Decimal("9.900"))}
	expect(t, in, q, "9.90 | 9.9")
	q.Where = predicate.Compare("d", predicate.Gt, predicate.Float(9.9)) // the double is a little more than 9.9
	expect(t, in, q, "10 | 1e1 | 100000000000000000000.01")
	q.Where = predicate.In("d", predicate.Int(10))
	expect(t, in, q, "10 | 1e1")
	count := &source.Query{Where: predicate.Always(), Aggregate: &source.Aggregate{
		Group: []source.Group{{Field: "d", As: "d"}}, Measures: []source.Measure{{Func: source.CountRows, As: "n"}}}}
	expect(t, in, count, "9.90 2 | 10 2 | 100000000000000000000.01 1 | - 1")
}

func TestLike(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"%", "", true}, {"_", "é", true}, {"_", "e\u0301", false}, {"a%c", "abbc", true}, {"a%c", "abcd", false},
		{`50\%`, "50%", true}, {`50\%`, "500", false}, {`\\`, `\`, true}, {`a\`, `a\`, true}, {"A", "a", false}, {"%a%b%", "xaxxb", true},
		{strings.Repeat("%a", 50) + "%b", strings.Repeat("a", 5000), false}, {"_%_", "漢字", true}, {"_%_", "漢", false},
	} {
		in := &privacy.Table{Rows: 1, Columns: []*privacy.Column{privacy.NewColumn("s", "T.s", privacy.String, 1)}}
		in.Columns[0].AppendText(c.text)
		got, err := eval.Run(in, &source.Query{Select: []string{"s"}, Where: predicate.Compare("s", predicate.Like, predicate.String(c.pattern))})
		if err != nil || (got.Rows == 1) != c.want {
			t.Errorf("%q like %q: got %v, %v", c.text, c.pattern, got.Rows == 1, err)
		}
	}
}

// Narrow must not change the truth of a comparison for any value that the column can hold.
func TestNarrowKeepsTheTruthOfEveryComparison(t *testing.T) {
	near := []int64{math.MinInt64, math.MinInt64 + 1, -1 << 53, -2, -1, 0, 1, 2, 1 << 53, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.OneOf(rapid.Int64(), rapid.SampledFrom(near)).Draw(t, "x")
		f := rapid.OneOf(rapid.Float64(), rapid.Map(rapid.SampledFrom(near), func(i int64) float64 { return float64(i) })).Draw(t, "f")
		if math.IsInf(f, 0) || math.IsNaN(f) {
			t.Skip()
		}
		op := rapid.SampledFrom([]predicate.Op{predicate.Eq, predicate.Ne, predicate.Lt, predicate.Lte, predicate.Gt, predicate.Gte}).Draw(t, "op")
		ints := &privacy.Table{Rows: 1, Columns: []*privacy.Column{privacy.NewColumn("x", "T.x", privacy.BigInt, 1), privacy.NewColumn("f", "T.f", privacy.Float, 1)}}
		ints.Columns[0].AppendInt(x)
		ints.Columns[1].AppendFloat(f)
		want := run(t, ints, predicate.Fields("x", op, "f")) // compares exact rationals
		if got := run(t, ints, predicate.Compare("x", op, predicate.Float(f))); got != want {
			t.Fatalf("int %d op%d float %v: got %v", x, op, f, got)
		}
		mirrored := map[predicate.Op]predicate.Op{predicate.Eq: predicate.Eq, predicate.Ne: predicate.Ne, predicate.Lt: predicate.Gt,
			predicate.Lte: predicate.Gte, predicate.Gt: predicate.Lt, predicate.Gte: predicate.Lte}
		if got := run(t, ints, predicate.Compare("f", mirrored[op], predicate.Int(x))); got != want {
			t.Fatalf("float %v op%d int %d: got %v", f, mirrored[op], x, got)
		}
	})
}

func run(t *rapid.T, in *privacy.Table, p predicate.Predicate) bool {
	got, err := eval.Run(in, &source.Query{Select: []string{"x"}, Where: p})
	if err != nil {
		t.Fatal(err)
	}
	return got.Rows == 1
}

func TestInputIsNotChanged(t *testing.T) {
	in := people(t)
	before := show(in)
	expect(t, in, &source.Query{Where: predicate.Always(), Aggregate: &source.Aggregate{Group: []source.Group{{Field: "region", As: "r"}}}}, "north | south | -")
	expect(t, in, &source.Query{Select: []string{"id"}, Where: predicate.Always(), Order: []source.Order{{Field: "age"}}}, "c | e | a | d | b")
	if show(in) != before || in.Columns[2].Name != "region" {
		t.Error("the input has changed")
	}
}

func BenchmarkRun(b *testing.B) {
	in := &privacy.Table{Rows: 50_000}
	id, region, n := privacy.NewColumn("id", "T.id", privacy.String, in.Rows), privacy.NewColumn("region", "T.region", privacy.String, in.Rows), privacy.NewColumn("n", "T.n", privacy.Int, in.Rows)
	for row := range in.Rows {
		id.AppendText(fmt.Sprint(row * 7919 % in.Rows))
		region.AppendText(fmt.Sprint("region ", row%12))
		n.AppendInt(int64(row % 997))
	}
	in.Columns = []*privacy.Column{id, region, n}
	where := predicate.And(predicate.Compare("n", predicate.Gt, predicate.Int(100)), predicate.Compare("region", predicate.Ne, predicate.String("region 3")))
	for name, q := range map[string]*source.Query{
		"filter":    {Select: []string{"id", "n"}, Where: where},
		"order":     {Select: []string{"id"}, Where: where, Order: []source.Order{{Field: "id"}}, Limit: 20},
		"aggregate": {Where: where, Aggregate: &source.Aggregate{Group: []source.Group{{Field: "region", As: "r"}}, Measures: []source.Measure{{Func: source.Sum, Field: "n", As: "s"}}}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := eval.Run(in, q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Where clocks skip or repeat a time. That PostgreSQL says the same is what its conformance test asks.
func TestPeriodsOfZonesBeginWhenClocksSaySo(t *testing.T) {
	for _, c := range []struct {
		at, zone string
		grain    source.Grain
		want     string
	}{
		{"2018-11-04T12:00:00Z", "America/Sao_Paulo", source.Day, "2018-11-04T03:00:00Z"}, // no midnight: the day began at one
		{"2024-11-03T12:00:00Z", "America/Havana", source.Day, "2024-11-03T05:00:00Z"},    // two midnights: the second
		{"2024-11-03T05:30:00Z", "America/New_York", source.Hour, "2024-11-03T05:00:00Z"}, // one o'clock
		{"2024-11-03T06:30:00Z", "America/New_York", source.Hour, "2024-11-03T06:00:00Z"}, // and one o'clock again
		{"2025-03-30T01:30:00Z", "Europe/Berlin", source.Day, "2025-03-29T23:00:00Z"},
		{"2025-10-27T01:30:00Z", "Europe/Berlin", source.Week, "2025-10-26T23:00:00Z"},
		{"2025-01-01T00:10:00Z", "Asia/Kathmandu", source.Hour, "2024-12-31T23:15:00Z"},
		{"2011-12-31T00:00:00Z", "Pacific/Apia", source.Month, "2011-12-01T10:00:00Z"},
		{"0001-01-01T00:00:00Z", "America/New_York", source.Year, "0001-01-01T00:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := time.Parse(time.RFC3339, c.at)
		if got := eval.Start(at, c.grain, zone).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.at, c.zone, got, c.want)
		}
	}
}
