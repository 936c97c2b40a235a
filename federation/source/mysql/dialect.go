package mysql

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"concordat/federation/source"
	"concordat/federation/source/sql"
	"concordat/policy/predicate"
	"concordat/privacy"
)

const (
	sortOctets = 4096 // of a text that a server sorts or groups by, see max_sort_length: it compares no more
	manyValues = 1024 // of a list of parameters; a larger set is one document
	longValue  = 250  // characters of an element of such a document
	sumDigits  = 43   // of a decimal whose sum is exact: a sum has 22 digits more, and 65 at most
)

// dialect implements sql.Dialect. Its parameters are positional: each is bound where it is written.
type dialect struct{}

func (dialect) Quote(name string) string { return quote(name) }

func (dialect) Mark(int) string { return "?" }

func (dialect) Limit(p *sql.Printer, n int64) {
	p.Write(" LIMIT ")
	p.Bind(n, "%")
}

// OrderTerm: MySQL has NULL first ascending and last descending, and no word to change that.
func (dialect) OrderTerm(x string, o source.Order) string {
	term := x + " ASC"
	if o.Descending {
		term = x + " DESC"
	}
	switch {
	case o.NullsFirst && o.Descending:
		return x + " IS NULL DESC, " + term
	case !o.NullsFirst && !o.Descending:
		return x + " IS NULL, " + term
	}
	return term
}

func (dialect) Cannot(_ *source.Query, l sql.Leaf) bool {
	o := l.Column
	switch l.Use {
	case sql.UseFields: // a double against an exact number would be rounded; an escape of ours in another column
		return (o.Kind == privacy.Float) != (l.Other.Kind == privacy.Float) || l.Op >= predicate.HasPrefix
	case sql.UseOrder: // a server may not know zones: its tables of them are loaded by hand
		return long(o) || l.Zone != ""
	case sql.UseRelated: // MariaDB 10.11 answers wrongly where texts relate rows by their bytes, or one EXISTS stands in another
		return l.Deep || o.Class == sql.Text
	case sql.UseMeasure: // added up in doubles, in any order; beyond 65 digits cut
		return l.Func == source.Sum && (o.Kind == privacy.Float || o.Class == sql.Decimal && o.Digits > sumDigits) ||
			l.Func == source.CountDistinct && long(o)
	case sql.UseIn:
		return len(l.Values) > manyValues && (o.Kind == privacy.Float || slices.ContainsFunc(l.Values, func(v predicate.Value) bool {
			return utf8.RuneCountInString(v.Text) > longValue || strings.IndexByte(v.Text, 0) >= 0
		}))
	}
	return false
}

// long reports whether a server sorts or groups by less than the whole.
func long(o *sql.Operand) bool {
	return o.Textual() && o.Class == sql.Text && (o.Octets == 0 || o.Octets > sortOctets) || o.Class == sql.JSON
}

func (dialect) Projected(o *sql.Operand) string {
	switch {
	case o.Class == sql.Bool:
		return o.SQL + " + 0"
	case (o.Kind == privacy.String || o.Kind == privacy.JSON) && o.Class != sql.Text:
		return text(o)
	}
	return o.SQL
}

// text is a value as text in UTF-8; of a date, YYYY-MM-DD.
func text(o *sql.Operand) string {
	switch o.Class {
	case sql.Text:
		if inUTF8(o) {
			return o.SQL
		}
	case sql.Date:
		return "DATE_FORMAT(" + o.SQL + ", '%Y-%m-%d')"
	case sql.Integer, sql.Tiny, sql.JSON:
		return "CAST(" + o.SQL + " AS CHAR)"
	}
	return "CONVERT(" + o.SQL + " USING utf8mb4)"
}

func inUTF8(o *sql.Operand) bool {
	return o.Charset == "utf8mb4" || o.Charset == "utf8mb3" || o.Charset == "utf8"
}

// bytewise compares by bytes, and pads nothing.
func bytewise(o *sql.Operand) string { return "CAST(" + text(o) + " AS BINARY)" }

// isTime reports whether a column may hold a zero date.
func isTime(o *sql.Operand) bool { return o.Class == sql.Date || o.Class == sql.LocalTime }

func guard(o *sql.Operand) string {
	if isTime(o) && !o.Exact {
		return o.SQL + " >= '0001-01-01'"
	}
	return o.SQL + " IS NOT NULL"
}

func (dialect) NotNull(p *sql.Printer, o *sql.Operand) { p.Write(guard(o)) }

func (dialect) Sortable(o *sql.Operand) string { return sortable(o) }

func sortable(o *sql.Operand) string {
	switch {
	case o.Textual():
		return bytewise(o)
	case isTime(o) && !o.Exact:
		return "CASE WHEN " + guard(o) + " THEN " + o.SQL + " END"
	case o.Class == sql.Float:
		return "(" + o.SQL + " + 0e0)" // -0 and 0 are one
	case o.Class == sql.Bool:
		return "(" + o.SQL + " + 0)"
	}
	return o.SQL
}

// parameter is a narrowed value as it is bound, and the cast that makes it one of the column's own type.
func parameter(o *sql.Operand, v predicate.Value) (any, string) {
	switch {
	case v.Kind == predicate.FloatValue:
		return v.Float, "%"
	case v.Kind == predicate.DecimalValue:
		return v.Text, "CAST(% AS DECIMAL(65," + strconv.Itoa(max(o.Scale, 0)) + "))"
	case v.Kind == predicate.TimeValue:
		return sql.Instant(v.Int), "CAST(% AS DATETIME(6))"
	case v.Kind == predicate.TextValue && o.Class == sql.Date:
		return v.Text, "CAST(% AS DATE)"
	case v.Kind == predicate.TextValue && o.Class.Whole():
		n, _ := strconv.ParseInt(v.Text, 10, 64) // canonical: sql narrows
		return n, "%"
	case v.Kind == predicate.TextValue:
		return v.Text, "CAST(% AS BINARY)"
	}
	return v.Int, "%"
}

func (dialect) Compare(p *sql.Printer, o *sql.Operand, op predicate.Op, v predicate.Value) {
	value, cast := parameter(o, v)
	switch {
	case o.Class == sql.Date && !sql.IsDate(v):
		p.Write(guard(o), " AND ", bytewise(o), sql.Operator(op))
		p.Bind(v.Text, "CAST(% AS BINARY)")
	case o.Textual() && o.Class.Whole() && op == predicate.Eq:
		p.Write(o.SQL, " = ")
		p.Bind(value, cast)
	case o.Textual():
		if op == predicate.Eq && indexed(o) {
			p.Write(o.SQL, " = ")
			p.Bind(v.Text, "% AND ")
		}
		p.Write(bytewise(o), sql.Operator(op))
		p.Bind(v.Text, "CAST(% AS BINARY)")
	default:
		p.Write(o.SQL, sql.Operator(op))
		p.Bind(value, cast)
		if isTime(o) && !o.Exact && op != predicate.Eq {
			p.Write(" AND ", guard(o))
		}
	}
}

// indexed reports whether equality in the column's own collation, which takes more texts for equal than bytes do,
// pays as the first half of a comparison.
func indexed(o *sql.Operand) bool {
	return o.Class == sql.Text && o.Leads && inUTF8(o) && word(o.Charset) && word(o.Collate)
}

// word reports whether a name from the catalog can stand in a statement as it is.
func word(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool { return c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') }) < 0
}

func (d dialect) In(p *sql.Printer, o *sql.Operand, values []predicate.Value) {
	if o.Class == sql.Date {
		values = slices.DeleteFunc(slices.Clone(values), func(v predicate.Value) bool { return !sql.IsDate(v) })
	}
	switch {
	case len(values) == 0:
		p.Write("FALSE")
	case len(values) > manyValues:
		document(p, o, values)
	case o.Textual() && !o.Class.Whole():
		if indexed(o) {
			members(p, o.SQL, values, func(v predicate.Value) (any, string) { return v.Text, "%" })
			p.Write(" AND ")
		}
		members(p, bytewise(o), values, func(v predicate.Value) (any, string) { return v.Text, "CAST(% AS BINARY)" })
	default:
		members(p, o.SQL, values, func(v predicate.Value) (any, string) { return parameter(o, v) })
	}
}

// members writes a list whose length is a power of two, so that there are few different statements.
func members(p *sql.Printer, x string, values []predicate.Value, as func(predicate.Value) (any, string)) {
	size := 1
	for size < len(values) {
		size *= 2
	}
	p.Write(x, " IN (")
	for i := range size {
		if i > 0 {
			p.Write(", ")
		}
		p.Bind(as(values[min(i, len(values)-1)]))
	}
	p.Write(")")
}

func (dialect) Pattern(p *sql.Printer, o *sql.Operand, op predicate.Op, pattern string) {
	if o.Class == sql.Date {
		p.Write(guard(o), " AND ")
	}
	x, n := bytewise(o), strconv.Itoa(len(pattern))
	switch op {
	case predicate.HasPrefix:
		p.Write("LEFT(", x, ", ", n, ") = ")
		p.Bind(pattern, "CAST(% AS BINARY)")
	case predicate.HasSuffix:
		p.Write("RIGHT(", x, ", ", n, ") = ")
		p.Bind(pattern, "CAST(% AS BINARY)")
	case predicate.Contains:
		p.Write("LOCATE(")
		p.Bind(pattern, "CAST(% AS BINARY)")
		p.Write(", ", x, ") > 0")
	case predicate.Like:
		p.Write("LOCATE(CHAR(0), ", x, ") = 0 AND CONVERT(", text(o), " USING utf8mb4) COLLATE utf8mb4_bin LIKE ")
		p.Bind(sql.LikePattern(pattern, "|"), "% ESCAPE '|'")
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

func (dialect) Joined(p *sql.Printer, a, b *sql.Operand) {
	p.Write(a.SQL, " = ", b.SQL)
	if isTime(b) {
		p.Write(" AND ", guard(b))
	}
}

func (dialect) Measure(o *sql.Operand, f source.Func) string {
	switch x := sortable(o); f {
	case source.CountValues:
		return "count(" + x + ")"
	case source.CountDistinct:
		return "count(DISTINCT " + x + ")"
	case source.Sum:
		return "sum(" + x + ")" // a decimal
	case source.Min:
		return "min(" + x + ")"
	default:
		return "max(" + x + ")"
	}
}

// Total implements sql.Columns: a decimal.
func (dialect) Total(x string) string { return "sum(" + x + ")" }

// Whole implements sql.Columns.
func (dialect) Whole(x string) string { return "CAST(" + x + " AS SIGNED)" }

func (dialect) Prefix(o *sql.Operand, n int) string {
	return "CAST(LEFT(" + text(o) + ", " + strconv.Itoa(n) + ") AS BINARY)"
}

func (dialect) Grain(_ *sql.Printer, o *sql.Operand, g source.Group) string {
	x := sortable(o)
	if g.Grain == source.Hour {
		return "CAST(DATE_FORMAT(" + x + ", '%Y-%m-%d %H:00:00') AS DATETIME)"
	}
	day := "CAST(" + x + " AS DATE)"
	first := "(" + day + " - INTERVAL (DAYOFMONTH(" + x + ") - 1) DAY)"
	switch g.Grain {
	case source.Week: // Monday is 0
		day = "(" + day + " - INTERVAL WEEKDAY(" + x + ") DAY)"
	case source.Month:
		day = first
	case source.Quarter:
		day = "(" + first + " - INTERVAL ((MONTH(" + x + ") - 1) MOD 3) MONTH)"
	case source.Year:
		day = "(" + day + " - INTERVAL (DAYOFYEAR(" + x + ") - 1) DAY)"
	}
	if o.Class == sql.Date {
		return day
	}
	return "CAST(" + day + " AS DATETIME)"
}

// Derive implements sql.Columns: parts of dates. Keys of hashes would have to be bound at each mention.
func (dialect) Derive(_ *sql.Printer, o *sql.Operand, d *source.Derived) (string, sql.Class, bool) {
	format := map[string]string{"year": "%Y", "month": "%Y-%m"}[d.Is.Method]
	if format == "" || d.Hash != nil || !isTime(o) {
		return "", 0, false
	}
	part := "DATE_FORMAT(" + o.SQL + ", '" + format + "')"
	if o.Class == sql.Date {
		return "CASE WHEN " + guard(o) + " THEN " + part + " END", sql.Other, true
	}
	rest := strings.TrimPrefix("-01-01", strings.Repeat("-01", strings.Count(format, "-")))
	return "CASE WHEN " + guard(o) + " THEN CAST(CONCAT(" + part + ", '" + rest + "') AS DATETIME) END", sql.LocalTime, true
}
