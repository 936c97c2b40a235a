package sourcetest

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// fields is the columns of the suite, in order.
func fields() []source.Column {
	return []source.Column{
		{Physical: "id", Kind: privacy.String},
		{Physical: "name", Kind: privacy.String},
		{Physical: "other", Kind: privacy.String},
		{Physical: "flag", Kind: privacy.Bool},
		{Physical: "tag", Kind: privacy.Int},
		{Physical: "small", Kind: privacy.Int},
		{Physical: "big", Kind: privacy.BigInt},
		{Physical: "ratio", Kind: privacy.Float},
		{Physical: "price", Kind: privacy.Decimal},
		{Physical: "day", Kind: privacy.Date},
		{Physical: "at", Kind: privacy.Time},
		{Physical: "doc", Kind: privacy.JSON},
	}
}

func fieldNames() []string {
	var names []string
	for _, f := range fields() {
		names = append(names, f.Physical)
	}
	return names
}

// Relation is the relation the suite asks for.
func Relation() *source.Relation {
	r := &source.Relation{Type: "Awkward", Table: "awkward", Columns: map[string]source.Column{}}
	for _, f := range fields() {
		f.Coordinate = privacy.Coordinate("Awkward." + f.Physical)
		r.Columns[f.Physical] = f
	}
	return r
}

// Rows is the rows of the suite: each column cycles through its constants and NULL at a pace of its own, so that
// values meet in many combinations and repeat.
func Rows(limits ...Limit) *privacy.Table {
	const n = 101
	t := &privacy.Table{Rows: n}
	for i, f := range fields() {
		c := privacy.NewColumn(f.Physical, privacy.Coordinate("Awkward."+f.Physical), f.Kind, n)
		values := stored(f)
		for row := range n {
			if f.Physical == "id" {
				c.AppendText("row " + strconv.Itoa(row*7919%n))
				continue
			}
			v := values[(row*(2*i+1)+row/17)%len(values)]
			if slices.Contains(limits, NoNUL) {
				v.Text = strings.ReplaceAll(v.Text, "\x00", "")
			}
			appendValue(c, v)
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

func appendValue(c *privacy.Column, v predicate.Value) {
	switch {
	case v.Kind == predicate.NullValue:
		c.AppendNull()
	case c.Kind.Text():
		c.AppendText(v.Text)
	case c.Kind == privacy.Float:
		c.AppendFloat(v.Float)
	default:
		c.AppendInt(v.Int)
	}
}

// stored is the values a column holds, NULL among them.
func stored(f source.Column) []predicate.Value {
	values := []predicate.Value{{}}
	switch f.Physical {
	case "tag":
		return append(values, ints(0, 1, 2, 3)...)
	case "small":
		return append(values, ints(math.MinInt32, -7, -1, 0, 1, 2, 3, math.MaxInt32)...)
	}
	switch f.Kind {
	case privacy.Bool:
		return append(values, predicate.Bool(true), predicate.Bool(false))
	case privacy.BigInt:
		return append(values, ints(math.MinInt64, -1<<53-1, -1, 0, 1<<53-1, 1<<53, 9007199254740993, math.MaxInt64-1, math.MaxInt64)...)
	case privacy.Float:
		return append(values, floats()...)
	case privacy.Decimal:
		return append(values, decimals()...)
	case privacy.Date:
		return append(values, strs("0001-01-01", "1970-01-01", "2024-02-29", "2024-12-30", "2025-01-01", "2025-06-30", "2025-07-01", "9999-12-31")...)
	case privacy.Time:
		return append(values, times()...)
	case privacy.JSON:
		return append(values, documents()...)
	}
	return append(values, texts()...)
}

// constants is what columns of a kind are compared with: what they hold and values beside it.
func constants(k privacy.Kind) []predicate.Value {
	switch k {
	case privacy.Bool:
		return []predicate.Value{predicate.Bool(true), predicate.Bool(false)}
	case privacy.Int, privacy.BigInt, privacy.Float, privacy.Decimal:
		all := ints(math.MinInt64, -7, 0, 1, 2, 1<<53, 9007199254740993, math.MaxInt64-1, math.MaxInt64)
		all = append(all, floats()...)
		all = append(all, predicate.Float(2.5), predicate.Float(-0.5), predicate.Float(9223372036854775808))
		all = append(all, decimals()...)
		return append(all, predicate.Decimal("9223372036854775807.5"), predicate.Decimal("1e400"), predicate.Decimal("-1e400"))
	case privacy.Date:
		return strs("0001-01-01", "2024-02-29", "2024-06-01", "2025-01-01", "9999-12-31", "", "20", "2025-0%")
	case privacy.Time:
		return append(times(), predicate.Micros(math.MinInt64), predicate.Micros(math.MaxInt64),
			predicate.Micros(500_000), predicate.Micros(-1), instant("2025-03-02T10:59:59.999999Z"))
	case privacy.JSON:
		return append(documents(), strs("", "{%", "%text%")...)
	}
	return append(texts(), strs("%", "_", "a%", "%b", `a\%b`, `\`, `a\_b`, "%é%", "[a-z]*", "?", "a__", "%\x00%", "ro%", "row 7")...)
}

// texts holds what escaping, collation, normalisation and length counting get wrong.
func texts() []predicate.Value {
	return strs("", " ", "a", "A", "aa", "ab", "a'b", `a"b`, "a%b", "a_b", `a\b`, "a*b", "a?b", "[a]", "a\x00b",
		"é", "e\u0301", "É", "ß", "ss", "漢字", "👩‍👩‍👧", "\U0010FFFF", "\u2028", "1", "01", "1.0", "true", "null", "NaN", "2025-01-01",
		"; DROP TABLE awkward; --", "\x7f", "\n", "\t")
}

func documents() []predicate.Value {
	return strs(`{}`, `{"a":[1,2.50,"x"]}`, `[]`, `"text"`)
}

func floats() []predicate.Value {
	var out []predicate.Value
	for _, f := range []float64{-math.MaxFloat64, -1e18, -0.1, math.Copysign(0, -1), 0, 5e-324, 0.1, 0.30000000000000004, 1, 9007199254740992, math.MaxFloat64 / 4} {
		out = append(out, predicate.Float(f))
	}
	return out
}

func decimals() []predicate.Value {
	var out []predicate.Value
	for _, d := range []string{"-0.0", "0", "0.1", "0.10", "1.00", "1", "9", "10", "10.000000000000000000001", "123456789012345678901234567890.5", "-2",
		"99999999999999999999999999999999999999", "-12345678901234567890123456789012345.678"} {
		out = append(out, predicate.Decimal(d))
	}
	return out
}

func times() []predicate.Value {
	var out []predicate.Value
	for _, s := range []string{"0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2024-12-30T00:00:00Z",
		"2025-01-01T00:00:00Z", "2025-03-02T10:59:59Z", "2025-03-02T11:00:00Z", "9999-12-31T23:59:59Z",
		"2018-11-04T02:59:59Z", "2018-11-04T03:00:00Z", "2025-03-30T01:30:00Z", "2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z",
		"2024-11-03T04:30:00Z", "2024-11-03T05:30:00Z", "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z", "1890-01-01T00:00:00Z"} {
		out = append(out, instant(s))
	}
	return out
}

func instant(s string) predicate.Value {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err) // a typing mistake in this file
	}
	return predicate.Micros(t.UnixMicro())
}

func ints(all ...int64) []predicate.Value {
	var out []predicate.Value
	for _, i := range all {
		out = append(out, predicate.Int(i))
	}
	return out
}

func strs(all ...string) []predicate.Value {
	var out []predicate.Value
	for _, s := range all {
		out = append(out, predicate.String(s))
	}
	return out
}
