package sqlite

import (
	"slices"
	"strings"

	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// printer writes one statement. Values are only ever bound, names only ever quoted, and columns qualified: SQLite
// reads an unknown quoted name as a string where it is not.
type printer struct {
	strings.Builder
	scope
	tables    tables
	arguments []any
	hashes    []source.Hash
	bare      bool // the next comparison leaves its guard to the term after it
}

// scope is the table that fields are columns of.
type scope struct {
	table    *table
	relation *source.Relation
	related  map[string]*source.Related
	alias    string
}

// tables are those of related rows, by name.
type tables map[string]*table

func newPrinter(t *table, q *source.Query, others tables) *printer {
	return &printer{scope: scope{t, q.Relation, q.Related, mainAlias}, tables: others}
}

// mainAlias is the name that column.text is qualified with.
const mainAlias = "t"

func (p *printer) write(parts ...string) {
	for _, s := range parts {
		p.WriteString(s)
	}
}

// bind writes a parameter.
func (p *printer) bind(v any) {
	p.WriteByte('?')
	p.arguments = append(p.arguments, v)
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// raw is the column as it is stored, or as it is computed.
func (p *printer) raw(field string) string {
	if d := p.relation.Columns[field].Derived; d != nil {
		return "(" + p.expression(d) + ")"
	}
	text := p.table.columns[p.relation.Columns[field].Physical].text
	if p.alias != mainAlias {
		return p.alias + text[len(mainAlias):]
	}
	return text
}

// value is the column as its kind says. Text in a column of numeric affinity was perhaps stored as a number.
func (p *printer) value(field string) string {
	if p.cast(field) {
		return "CAST(" + p.raw(field) + " AS TEXT)"
	}
	return p.raw(field)
}

func (p *printer) cast(field string) bool {
	c := p.relation.Columns[field]
	return c.Derived == nil && (c.Kind == privacy.String || c.Kind == privacy.JSON) && p.table.columns[c.Physical].affinity == numeric
}

// sortable is the column where it is compared: text by bytes, infinities as NULL.
func (p *printer) sortable(field string) string {
	switch v := p.value(field); {
	case p.relation.Columns[field].Kind == privacy.Float:
		return "CASE WHEN abs(" + v + ") < 9e999 THEN " + v + " END" // 9e999 reads as infinity
	case p.isText(field):
		return v + " COLLATE BINARY"
	default:
		return v
	}
}

// isText reports whether the column is stored as text; times are.
func (p *printer) isText(field string) bool {
	k := p.relation.Columns[field].Kind
	return k.Text() || k == privacy.Time
}

// guard is a condition that holds where the cell has the type of its kind: SQLite orders any text after any
// number, so a comparison alone would let a row with a misplaced text through.
func (p *printer) guard(field string) string {
	v := p.value(field)
	switch {
	case p.relation.Columns[field].Derived != nil: // computed in its own type
		return v + " IS NOT NULL"
	case p.relation.Columns[field].Kind == privacy.Float:
		return "typeof(" + v + ") IN ('real', 'integer') AND abs(" + v + ") < 9e999"
	case p.isText(field):
		return "typeof(" + v + ") = 'text'"
	}
	return "typeof(" + v + ") = 'integer'"
}

// from writes FROM and WHERE. Where an index serves the keys, the rest of the condition is hidden from SQLite's
// planner: without statistics it takes two sets for equally selective, and would read a whole district to find
// twenty residents.
func (p *printer) from(q *source.Query) error {
	p.write(" FROM ", quote(p.table.name), " AS ", p.alias)
	if q.Keys == nil {
		return p.where(q.Where)
	}
	keys := predicate.In(q.Keys.Field, q.Keys.Values...)
	if q.Where.IsAlways() || !p.indexed(q.Keys.Field) {
		return p.where(predicate.And(q.Where, keys))
	}
	if err := p.where(keys); err != nil {
		return err
	}
	p.write(" AND coalesce(")
	err := p.predicate(q.Where)
	p.write(", 0)")
	return err
}

func (p *printer) where(w predicate.Predicate) error {
	if w.IsAlways() {
		return nil
	}
	p.write(" WHERE ")
	return p.predicate(w)
}

// indexed reports whether an index begins with the column as it is stored.
func (p *printer) indexed(field string) bool {
	c := p.relation.Columns[field]
	return c.Derived == nil && p.table.columns[c.Physical].leads
}

// predicate writes a condition that is NULL only where it does not hold. AND and OR keep that; NOT is written over
// a coalesced operand, so that the negation of a comparison on NULL holds.
func (p *printer) predicate(w predicate.Predicate) error {
	n := w.Node()
	switch n.Kind {
	case predicate.KindNever:
		p.write("0")
	case predicate.KindAlways:
		p.write("1")
	case predicate.KindAnd:
		return p.list(cheapFirst(n.Kids), " AND ")
	case predicate.KindOr:
		return p.list(n.Kids, " OR ")
	case predicate.KindExists:
		return p.exists(n)
	case predicate.KindNot:
		p.write("NOT coalesce(")
		err := p.predicate(n.Kids[0])
		p.write(", 0)")
		return err
	case predicate.KindCompare:
		return p.compare(n)
	case predicate.KindIn:
		return p.in(n)
	case predicate.KindNull:
		p.null(n.Field)
	case predicate.KindFields:
		return p.fields(n)
	default:
		return errUnknown
	}
	return nil
}

// cheapFirst moves conditions on sets behind all others: SQLite evaluates the terms of an AND as they stand, and
// builds a set when a row first asks for it.
func cheapFirst(kids []predicate.Predicate) []predicate.Predicate {
	out := make([]predicate.Predicate, 0, len(kids))
	for _, sets := range []bool{false, true} {
		for _, k := range kids {
			if hasSet(k) == sets {
				out = append(out, k)
			}
		}
	}
	return out
}

func hasSet(p predicate.Predicate) bool {
	n := p.Node()
	return n.Kind == predicate.KindIn || n.Kind == predicate.KindExists || slices.ContainsFunc(n.Kids, hasSet)
}

func (p *printer) list(kids []predicate.Predicate, between string) error {
	p.write("(")
	for i, k := range kids {
		if i > 0 {
			p.write(between)
		}
		p.bare = between == " AND " && i+1 < len(kids) && boundsOfOne(k, kids[i+1])
		err := p.predicate(k)
		p.bare = false
		if err != nil {
			return err
		}
	}
	p.write(")")
	return nil
}

// boundsOfOne reports whether two terms are bounds of one field, as of a range: the type need be asked but once.
func boundsOfOne(a, b predicate.Predicate) bool {
	x, y := a.Node(), b.Node()
	bound := func(n *predicate.Node) bool {
		return n.Kind == predicate.KindCompare && n.Op >= predicate.Lt && n.Op <= predicate.Gte
	}
	return bound(x) && bound(y) && x.Field == y.Field
}

func (p *printer) null(field string) {
	v := p.value(field)
	if p.relation.Columns[field].Kind == privacy.Float {
		p.write("(", v, " IS NULL OR abs(", v, ") = 9e999)")
		return
	}
	p.write(v, " IS NULL")
}

func operator(op predicate.Op) string {
	switch op {
	case predicate.Eq:
		return " = "
	case predicate.Ne:
		return " <> "
	case predicate.Lt:
		return " < "
	case predicate.Lte:
		return " <= "
	case predicate.Gt:
		return " > "
	}
	return " >= "
}

func (p *printer) compare(n *predicate.Node) error {
	kind := p.relation.Columns[n.Field].Kind
	if !source.Comparable(kind, n.Value.Kind) {
		return incomparable(n.Field)
	}
	if n.Op >= predicate.HasPrefix {
		return p.pattern(n)
	}
	op, v, outcome := eval.Narrow(kind, n.Op, n.Value)
	switch {
	case outcome == eval.NeverTrue:
		p.write("0")
	case outcome == eval.NotNull:
		p.write("(", p.guard(n.Field), ")")
	case op == predicate.Eq:
		p.equal(n.Field, v)
	case kind == privacy.Time:
		p.compareTime(n.Field, op, v.Int)
	default:
		p.ordered(n.Field, op, argument(v))
	}
	return nil
}

func (p *printer) ordered(field string, op predicate.Op, v any) {
	column := p.collated(field)
	if s, ok := v.(string); ok && p.converts(field, s) {
		column = "CAST(" + p.raw(field) + " AS TEXT) COLLATE BINARY"
	}
	p.write("(", column, operator(op)) // the comparison first: what fails it need not be asked for its type
	p.bind(v)
	if !p.bare {
		p.write(" AND ", p.guard(field))
	}
	p.write(")")
}

// converts reports whether SQLite would read a text as a number before it compares it: a column declared DATE has
// numeric affinity. No whole date reads as one.
func (p *printer) converts(field, text string) bool {
	c := p.relation.Columns[field]
	return c.Derived == nil && c.Kind == privacy.Date && p.table.columns[c.Physical].affinity == numeric && !cell.Date([]byte(text))
}

// collated is the column as compared with a constant: infinities are the guard's business.
func (p *printer) collated(field string) string {
	if p.isText(field) {
		return p.value(field) + " COLLATE BINARY"
	}
	return p.value(field)
}

// equal writes equality with a constant, so that an index can be used.
func (p *printer) equal(field string, v predicate.Value) {
	if p.relation.Columns[field].Kind == privacy.Time {
		instant, exact := timeText(v.Int)
		if !exact {
			p.write("0")
			return
		}
		v = predicate.String(instant)
	}
	if p.cast(field) {
		p.write("(", p.raw(field), " = ")
		p.bind(argument(v))
		p.write(" AND ", p.collated(field), " = ")
		p.bind(argument(v))
		p.write(")")
		return
	}
	p.write(p.collated(field), " = ")
	p.bind(argument(v))
}

// compareTime compares stored whole seconds with an instant in microseconds.
func (p *printer) compareTime(field string, op predicate.Op, micros int64) {
	instant, exact := timeText(micros) // the second that holds it
	if !exact {
		switch op {
		case predicate.Ne:
			p.write("(", p.guard(field), ")")
			return
		case predicate.Lt:
			op = predicate.Lte
		case predicate.Gte:
			op = predicate.Gt
		}
	}
	p.ordered(field, op, instant)
}

func (p *printer) pattern(n *predicate.Node) error {
	if !p.isText(n.Field) || p.relation.Columns[n.Field].Kind == privacy.Time {
		return incomparable(n.Field)
	}
	v, t := p.value(n.Field), n.Value.Text
	p.write("(", p.guard(n.Field), " AND ")
	switch n.Op {
	case predicate.HasPrefix:
		if p.converts(n.Field, t) {
			v = "CAST(" + v + " AS TEXT)"
		}
		p.prefix(v, t)
	case predicate.HasSuffix:
		p.suffix(v, t)
	case predicate.Contains:
		p.write("instr(", v, ", ")
		p.bind(t)
		p.write(") > 0")
	case predicate.Like:
		p.write("instr(", v, ", char(0)) = 0 AND ", v, " GLOB ") // GLOB stops at a NUL
		p.bind(globOf(t))
	}
	p.write(")")
	return nil
}

// suffix compares the last bytes: SQLite counts the characters of a text up to a NUL only.
func (p *printer) suffix(v, t string) {
	if t == "" {
		p.write("1")
		return
	}
	blob := "CAST(" + v + " AS BLOB)"
	p.write("substr(", blob, ", max(0, length(", blob, ") - ")
	p.bind(int64(len(t)))
	p.write(") + 1) = ")
	p.bind([]byte(t))
}

// prefix is a range, which an index serves. No UTF-8 text has a byte 0xFF, so the last byte can be counted up.
func (p *printer) prefix(v, t string) {
	if t == "" {
		p.write("1")
		return
	}
	beyond := []byte(t)
	beyond[len(beyond)-1]++
	p.write(v, " COLLATE BINARY >= ")
	p.bind(t)
	p.write(" AND ", v, " COLLATE BINARY < ")
	p.bind(string(beyond))
}

func (p *printer) in(n *predicate.Node) error {
	kind := p.relation.Columns[n.Field].Kind
	values, err := narrowSet(n.Field, kind, n.Values)
	switch {
	case err != nil:
		return err
	case len(values) == 0:
		p.write("0")
	case len(values) == 1:
		p.equal(n.Field, values[0])
	case kind == privacy.Float:
		p.write(p.value(n.Field), " IN (")
		for i, v := range values {
			if i > 0 {
				p.write(", ")
			}
			p.bind(argument(v))
		}
		p.write(")")
	default:
		p.inJSON(n.Field, jsonSet(values))
	}
	return nil
}

// inJSON binds a whole set as one parameter, so that the statement's text does not depend on its size.
func (p *printer) inJSON(field, set string) {
	const of = " IN (SELECT value FROM json_each("
	if p.cast(field) {
		p.write("(", p.raw(field), of)
		p.bind(set)
		p.write(")) AND ", p.collated(field), of)
		p.bind(set)
		p.write(")))")
		return
	}
	p.write(p.collated(field), of)
	p.bind(set)
	p.write("))")
}

func (p *printer) fields(n *predicate.Node) error {
	a, b := p.relation.Columns[n.Field].Kind, p.relation.Columns[n.Other].Kind
	if class(a) != class(b) {
		return incomparable(n.Field)
	}
	p.write("(", p.guard(n.Field), " AND ", p.guard(n.Other), " AND ",
		p.plain(n.Field), operator(n.Op), p.plain(n.Other), ")")
	return nil
}

// plain is the column where it is compared with another: dates without the numeric affinity of their declaration,
// which would make numbers of the other column's texts.
func (p *printer) plain(field string) string {
	if p.relation.Columns[field].Kind == privacy.Date {
		return "CAST(" + p.raw(field) + " AS TEXT) COLLATE BINARY"
	}
	return p.collated(field)
}

// class groups the kinds that compare with each other.
func class(k privacy.Kind) privacy.Kind {
	switch k {
	case privacy.BigInt, privacy.Float:
		return privacy.Int
	case privacy.Date, privacy.JSON:
		return privacy.String
	}
	return k
}
