package mysql

import (
	"strconv"

	"concordat/federation/source/sql"
	"concordat/policy/predicate"
)

// document binds a whole set as one JSON array, which the server reads as a table.
func document(p *sql.Printer, o *sql.Operand, values []predicate.Value) {
	set := array(o, values)
	if o.Textual() && !o.Class.Whole() {
		texts(p, o, set, width(values))
		return
	}
	kind := "BIGINT"
	switch o.Class {
	case sql.Decimal:
		kind = "DECIMAL(65," + strconv.Itoa(max(o.Scale, 0)) + ")"
	case sql.Date:
		kind = "DATE"
	case sql.LocalTime:
		kind = "DATETIME(6)"
	}
	p.Write(o.SQL, " IN (SELECT v FROM JSON_TABLE(")
	p.Bind(set, "%")
	p.Write(", '$[*]' COLUMNS (v ", kind, " PATH '$')) AS j)")
}

// texts compares in utf8mb4_bin with a character at the end, so that no padding makes texts of unequal length equal: a
// comparison of BINARY would be by bytes as it stands, but no server builds a hashed table for it.
func texts(p *sql.Printer, o *sql.Operand, set string, width int) {
	table := ", '$[*]' COLUMNS (v VARCHAR(" + strconv.Itoa(width) + ") CHARACTER SET utf8mb4 PATH '$')) AS "
	if indexed(o) {
		p.Write(o.SQL, " IN (SELECT CONVERT(v USING ", o.Charset, ") COLLATE ", o.Collate, " FROM JSON_TABLE(")
		p.Bind(set, "%")
		p.Write(table, "j) AND ")
	}
	p.Write("CONCAT(CONVERT(", text(o), " USING utf8mb4), '.') COLLATE utf8mb4_bin IN (SELECT CONCAT(v, '.') COLLATE utf8mb4_bin FROM JSON_TABLE(")
	p.Bind(set, "%")
	p.Write(table, "k)")
}

// width is a column that holds every text of a set: one of few, for few different statements, and no wider than need
// be, because the server's table in memory is as wide.
func width(values []predicate.Value) int {
	longest := 0
	for _, v := range values {
		longest = max(longest, len(v.Text))
	}
	for _, w := range []int{16, 40, 100} {
		if longest <= w {
			return w
		}
	}
	return longValue
}

// array is the set in JSON: integers as numbers, everything else as text.
func array(o *sql.Operand, values []predicate.Value) string {
	size := 2
	for i := range values {
		size += len(values[i].Text) + 30
	}
	b := append(make([]byte, 0, size), '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case v.Kind == predicate.TimeValue:
			b = appendText(b, sql.Instant(v.Int))
		case v.Kind == predicate.TextValue && o.Class.Whole():
			b = append(b, v.Text...) // canonical: sql narrows
		case v.Kind == predicate.TextValue || v.Kind == predicate.DecimalValue:
			b = appendText(b, v.Text)
		default:
			b = strconv.AppendInt(b, v.Int, 10)
		}
	}
	return string(append(b, ']'))
}

// appendText escapes what RFC 8259 section 7 demands and nothing else.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
