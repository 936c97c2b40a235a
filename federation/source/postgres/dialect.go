package postgres

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"concordat/federation/source"
	"concordat/federation/source/sql"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// dialect implements sql.Dialect.
type dialect struct{}

func (dialect) Quote(name string) string { return quote(name) }

func (dialect) Mark(n int) string { return "$" + strconv.Itoa(n) }

func (dialect) Limit(p *sql.Printer, n int64) {
	p.Write(" LIMIT ")
	p.Bind(strconv.FormatInt(n, 10), "%::bigint")
}

func (dialect) OrderTerm(sortable string, o source.Order) string {
	direction, nulls := " ASC", " NULLS LAST"
	if o.Descending {
		direction = " DESC"
	}
	if o.NullsFirst {
		nulls = " NULLS FIRST"
	}
	return sortable + direction + nulls
}

// Cannot: a field's pattern comes from another column with an escape of ours, and a double against an exact number
// would be rounded to fifteen digits.
func (dialect) Cannot(_ *source.Query, l sql.Leaf) bool {
	if l.Use != sql.UseFields {
		return false
	}
	mixed := (l.Column.Kind == privacy.Float) != (l.Other.Kind == privacy.Float)
	return mixed || l.Op >= predicate.HasPrefix
}

func (dialect) Projected(o *sql.Operand) string {
	switch {
	case o.Kind == privacy.Float:
		return o.SQL + "::float8"
	case o.Kind == privacy.String && o.Class != sql.Text, o.Kind == privacy.JSON:
		return o.SQL + "::text"
	}
	return o.SQL
}

// plain is a value as text; of a date, YYYY-MM-DD.
func plain(o *sql.Operand) string {
	switch o.Class {
	case sql.Text:
		return o.SQL
	case sql.Date:
		return "to_char(" + o.SQL + ", 'YYYY-MM-DD')"
	}
	return o.SQL + "::text"
}

func bytewise(o *sql.Operand) string {
	if o.Class == sql.Text && o.Bytewise {
		return o.SQL
	}
	return plain(o) + ` COLLATE "C"`
}

// bounds are what a column may hold beside values: numbers from -infinity to NaN, days outside the years 1 to 9999.
func bounds(o *sql.Operand) (low, high string) {
	if o.Exact {
		return "", ""
	}
	switch o.Class {
	case sql.Float, sql.Decimal:
		return o.SQL + " > '-Infinity'", o.SQL + " < 'Infinity'" // NaN is above it
	case sql.Date, sql.LocalTime:
		return o.SQL + " >= '0001-01-01'", o.SQL + " < '10000-01-01'"
	case sql.ZonedTime:
		return o.SQL + " >= '0001-01-01 00:00:00+00'", o.SQL + " < '10000-01-01 00:00:00+00'"
	}
	return "", ""
}

func guard(o *sql.Operand) string {
	low, high := bounds(o)
	if low == "" {
		return o.SQL + " IS NOT NULL"
	}
	return low + " AND " + high
}

func (dialect) NotNull(p *sql.Printer, o *sql.Operand) { p.Write(guard(o)) }

func (dialect) Sortable(o *sql.Operand) string { return sortable(o) }

func sortable(o *sql.Operand) string {
	if o.Textual() {
		return bytewise(o)
	}
	if low, _ := bounds(o); low != "" {
		return "CASE WHEN " + guard(o) + " THEN " + o.SQL + " END"
	}
	return o.SQL
}

// cast is the parameter of one value, as the column's own type, so that an index serves it.
func cast(o *sql.Operand) string {
	switch o.Class {
	case sql.Bool:
		return "%::boolean"
	case sql.Integer:
		return "%::bigint"
	case sql.Decimal:
		return "%::numeric"
	case sql.Float:
		return "%::float8"
	case sql.Date:
		return "%::date"
	case sql.ZonedTime:
		return "%::timestamptz"
	case sql.LocalTime:
		return "%::timestamp"
	case sql.UUID:
		return "%::uuid"
	}
	return "%::text"
}

// literal is a narrowed value as text.
func literal(o *sql.Operand, v predicate.Value) string {
	switch v.Kind {
	case predicate.FloatValue:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case predicate.TextValue, predicate.DecimalValue:
		return v.Text
	case predicate.BoolValue:
		return strconv.FormatBool(v.Int != 0)
	case predicate.TimeValue:
		if o.Class == sql.ZonedTime {
			return sql.Instant(v.Int) + "+00"
		}
		return sql.Instant(v.Int)
	}
	return strconv.FormatInt(v.Int, 10)
}

func (d dialect) Compare(p *sql.Printer, o *sql.Operand, op predicate.Op, v predicate.Value) {
	switch {
	case v.Kind == predicate.TextValue && strings.IndexByte(v.Text, 0) >= 0:
		d.compareNUL(p, o, op, v)
	case o.Class == sql.Date && !sql.IsDate(v):
		p.Write(guard(o), " AND ", bytewise(o), sql.Operator(op))
		p.Bind(v.Text, "%::text")
	case op == predicate.Eq && o.Class != sql.Other && o.Class != sql.JSON:
		p.Write(o.SQL, " = ")
		p.Bind(literal(o, v), cast(o))
	case o.Textual():
		p.Write(bytewise(o), sql.Operator(op))
		p.Bind(literal(o, v), "%::text")
	default:
		p.Write(o.SQL, sql.Operator(op))
		p.Bind(literal(o, v), cast(o))
		p.Write(open(o, op))
	}
}

// open closes the side of a range that a comparison leaves open.
func open(o *sql.Operand, op predicate.Op) string {
	low, high := bounds(o)
	switch {
	case low == "":
		return ""
	case op == predicate.Lt || op == predicate.Lte:
		return " AND " + low
	case op == predicate.Ne:
		return " AND " + low + " AND " + high
	}
	return " AND " + high
}

// compareNUL compares with a text that PostgreSQL cannot hold. No stored text has a NUL, so one is below it exactly
// where it is not above what stands before the NUL.
func (d dialect) compareNUL(p *sql.Printer, o *sql.Operand, op predicate.Op, v predicate.Value) {
	before := predicate.String(v.Text[:strings.IndexByte(v.Text, 0)])
	switch op {
	case predicate.Eq:
		p.Write("FALSE")
	case predicate.Ne:
		p.Write(guard(o))
	case predicate.Lt, predicate.Lte:
		d.Compare(p, o, predicate.Lte, before)
	default:
		d.Compare(p, o, predicate.Gt, before)
	}
}

// In binds a whole set as one array.
func (dialect) In(p *sql.Printer, o *sql.Operand, values []predicate.Value) {
	size := 2
	for i := range values {
		size += len(values[i].Text) + 24
	}
	b := append(make([]byte, 0, size), '{')
	for _, v := range values {
		if v.Kind == predicate.TextValue && (strings.IndexByte(v.Text, 0) >= 0 || o.Class == sql.Date && !sql.IsDate(v)) {
			continue // equals nothing that is stored
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = appendElement(b, literal(o, v))
	}
	of, as := o.SQL, cast(o)
	if o.Class == sql.Other || o.Class == sql.JSON {
		of, as = bytewise(o), "%::text"
	}
	p.Write(of, " = ANY(")
	p.Bind(string(append(b, '}')), as+"[]")
	p.Write(")")
}

// appendElement quotes an element of an array (PostgreSQL manual, section 8.15.2).
func appendElement(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

func (dialect) Pattern(p *sql.Printer, o *sql.Operand, op predicate.Op, text string) {
	if strings.IndexByte(text, 0) >= 0 {
		p.Write("FALSE")
		return
	}
	if o.Class == sql.Date {
		p.Write(guard(o), " AND ")
	}
	x := bytewise(o)
	switch op {
	case predicate.HasPrefix:
		p.Write("starts_with(", x, ", ")
		p.Bind(text, "%::text)")
	case predicate.HasSuffix:
		p.Write("right(", x, ", ", strconv.Itoa(utf8.RuneCountInString(text)), ") = ")
		p.Bind(text, "%::text")
	case predicate.Contains:
		p.Write("strpos(", x, ", ")
		p.Bind(text, "%::text) > 0")
	case predicate.Like:
		p.Write(x, " LIKE ")
		p.Bind(sql.LikePattern(text, `\`), `%::text ESCAPE '\'`)
	}
}

func (dialect) Fields(p *sql.Printer, a *sql.Operand, op predicate.Op, b *sql.Operand) {
	p.Write(guard(a), " AND ", guard(b), " AND ")
	if a.Class == sql.Date && b.Class == sql.Date || !a.Textual() && !b.Textual() && a.Kind != privacy.Date && b.Kind != privacy.Date {
		p.Write(a.SQL, sql.Operator(op), b.SQL)
		return
	}
	p.Write(bytewise(a), sql.Operator(op), bytewise(b))
}

// Joined: texts of two collations are compared as bytes, which PostgreSQL would otherwise refuse.
func (dialect) Joined(p *sql.Printer, a, b *sql.Operand) {
	x, y := a.SQL, b.SQL
	if a.Class == sql.Text && a.Collate != b.Collate {
		x, y = bytewise(a), bytewise(b)
	}
	p.Write(x, " = ", y)
	if low, _ := bounds(b); low != "" {
		p.Write(" AND ", guard(b))
	}
}

func (dialect) Measure(o *sql.Operand, f source.Func) string {
	x := sortable(o)
	switch {
	case f == source.CountValues:
		return "count(" + x + ")"
	case f == source.CountDistinct:
		return "count(DISTINCT " + x + ")"
	case f == source.Sum && o.Kind == privacy.Float:
		return floatSum("(" + x + ")::float8::text::numeric")
	case f == source.Sum:
		return "sum(" + x + ")::text" // a numeric where 64 bits may not do
	case o.Kind == privacy.Bool && f == source.Min:
		return "bool_and(" + x + ")"
	case o.Kind == privacy.Bool:
		return "bool_or(" + x + ")"
	}
	name := "max("
	if f == source.Min {
		name = "min("
	}
	if o.Kind == privacy.Float {
		return name + x + ")::float8"
	}
	return name + x + ")"
}

// Total implements sql.Columns: a numeric where 64 bits may not do.
func (dialect) Total(x string) string { return "sum(" + x + ")::text" }

// Whole implements sql.Columns.
func (dialect) Whole(x string) string { return "(" + x + ")::bigint" }

// floatSum adds the shortest decimals of doubles, exactly: the order of rows does not show, and no step overflows. Each
// decimal is within half a bit of its double, so the sum is as good as a double unless terms cancel each other out. Then
// it is NaN, and the gateway adds.
func floatSum(x string) string {
	sum, size := "sum("+x+")", "sum(abs("+x+"))"
	return "CASE WHEN " + sum + " IS NULL OR abs(" + sum + ") >= 0.001 * " + size + " THEN " + sum + "::float8 ELSE 'NaN' END"
}

func (dialect) Prefix(o *sql.Operand, n int) string {
	return "left(" + plain(o) + ", " + strconv.Itoa(n) + `) COLLATE "C"`
}

func (dialect) Grain(p *sql.Printer, o *sql.Operand, g source.Group) string {
	unit := [...]string{source.Hour: "hour", source.Day: "day", source.Week: "week", source.Month: "month",
		source.Quarter: "quarter", source.Year: "year"}[g.Grain] // weeks are those of ISO 8601
	x := sortable(o)
	if g.Zone != "" {
		return zoned(p, o, unit, g.Zone)
	}
	switch o.Class {
	case sql.Date:
		return "date_trunc('" + unit + "', (" + x + ")::timestamp)::date"
	case sql.ZonedTime:
		return "date_trunc('" + unit + "', (" + x + ") AT TIME ZONE 'UTC')"
	}
	return "date_trunc('" + unit + "', " + x + ")"
}

// zoned truncates in a time zone. What would begin before the year 1 begins with it.
func zoned(p *sql.Printer, o *sql.Operand, unit, zone string) string {
	x := o.SQL
	if o.Class == sql.LocalTime {
		x += " AT TIME ZONE 'UTC'"
	}
	return "CASE WHEN " + guard(o) + " THEN greatest(date_trunc('" + unit + "', " + x + ", " + p.Parameter(zone, "%::text") +
		"), '0001-01-01 00:00:00+00'::timestamptz) END"
}

// keyed is a hash that the database may compute: over its own values, with the key of one field of one agreement.
type keyed interface{ Key() []byte }

// Derive implements sql.Columns. Keys of pseudonyms stay in the gateway.
func (dialect) Derive(p *sql.Printer, o *sql.Operand, d *source.Derived) (string, sql.Class, bool) {
	when := "CASE WHEN " + guard(o) + " THEN "
	switch {
	case d.Hash != nil:
		h, ok := d.Hash.(keyed)
		text, known := hashed(o)
		if !ok || !known {
			return "", 0, false
		}
		key := p.Parameter(`\x`+hex.EncodeToString(h.Key()), "%::bytea")
		return when + "('x' || encode(substr(sha256(" + key + " || convert_to(" + text + ", 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint END", sql.Integer, true
	case d.Is.Method != "year" && d.Is.Method != "month":
		return "", 0, false
	case o.Class == sql.Date && d.Is.Method == "year":
		return when + "to_char(" + o.SQL + ", 'YYYY') END", sql.Text, true
	case o.Class == sql.Date:
		return when + "to_char(" + o.SQL + ", 'YYYY-MM') END", sql.Text, true
	case o.Class == sql.ZonedTime:
		return when + "date_trunc('" + d.Is.Method + "', " + o.SQL + " AT TIME ZONE 'UTC') END", sql.LocalTime, true
	case o.Class == sql.LocalTime:
		return when + "date_trunc('" + d.Is.Method + "', " + o.SQL + ") END", sql.LocalTime, true
	}
	return "", 0, false
}

// hashed is the text that an order hash is over.
func hashed(o *sql.Operand) (string, bool) {
	switch o.Kind {
	case privacy.String, privacy.JSON, privacy.Date:
		return plain(o), true
	case privacy.Int, privacy.BigInt:
		return o.SQL + "::text", true
	case privacy.Time:
		return "(extract(epoch FROM " + o.SQL + ") * 1000000)::bigint::text", true
	}
	return "", false
}
