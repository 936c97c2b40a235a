// Package sql turns a source.Query into one SQL statement: it reads the query and the condition in it as a typed tree,
// makes every constant one of the column's own type with the same truth (so `n < 2.5` over integers is `n <= 2`, and
// a text with a NUL is compared as a database without NULs compares), and hands each leaf to a Dialect, which prints
// it. Values are only ever bound, names only ever quoted.
//
//	st, err := sql.Plan(dialect, table, query, maxScan)
//	rows := run(st.Text, st.Arguments)
//	if st.Local { answer, err = eval.Run(rows, query) }
//
// What a dialect cannot answer with the meaning of package eval it says in Cannot; the statement is then one for a
// superset of rows, and the gateway does the rest. The package runs nothing and knows no database: postgres and mysql
// do. SQLite, whose cells have no declared type, has a printer of its own.
package sql

import (
	"fmt"
	"strconv"
	"strings"

	"concordat/federation/source"
	"concordat/privacy"
)

// Class is what a physical column holds, in the words that printers need.
type Class uint8

const (
	Other     Class = iota // anything else: read as the text the database makes of it
	Text                   // text of any length
	Bool                   // a truth value
	Integer                // up to 64 bits
	Tiny                   // a small integer, or a truth value
	Decimal                // exact numbers
	Float                  // binary floating point
	Date                   // a day
	ZonedTime              // an instant
	LocalTime              // a date and time of day, read as UTC
	UUID                   // written in lower case
	JSON                   // a document
	Binary                 // bytes
)

// Column is a physical column as the catalog of the database describes it.
type Column struct {
	Name     string
	Class    Class
	Bytewise bool   // its own collation already compares bytes
	Charset  string // MySQL: of a text
	Collate  string // of a text, as the database names or numbers it
	Scale    int    // digits after the point of a decimal; -1: any number
	Digits   int    // digits of a decimal; 0: any number
	Octets   int    // longest text in bytes; 0: not known
	Leads    bool   // an index of all rows begins with it
}

// Table is a table or view.
type Table struct {
	Name    string // quoted, qualified where need be
	Columns map[string]Column
}

// Fits reports whether the table has the relation's columns and can hold their kinds.
func (t *Table) Fits(r *source.Relation) error {
	for field, c := range r.Columns {
		if c.Derived != nil {
			continue // made of another, which is looked at
		}
		physical, ok := t.Columns[c.Physical]
		if !ok {
			return fmt.Errorf("%s.%s: table %q has no column %q: %w", r.Type, field, r.Table, c.Physical, source.ErrInvalid)
		}
		if !physical.Class.holds(c.Kind) {
			return fmt.Errorf("%s.%s: column %q is of another type than the field: %w", r.Type, field, c.Physical, source.ErrInvalid)
		}
	}
	return nil
}

// Whole reports whether it holds integers.
func (c Class) Whole() bool { return c == Integer || c == Tiny }

func (c Class) holds(k privacy.Kind) bool {
	switch k {
	case privacy.Bool:
		return c == Bool || c == Tiny
	case privacy.Int, privacy.BigInt:
		return c.Whole()
	case privacy.Float:
		return c == Float
	case privacy.Decimal:
		return c == Decimal || c.Whole()
	case privacy.Date:
		return c == Date
	case privacy.Time:
		return c == ZonedTime || c == LocalTime
	case privacy.JSON:
		return c == JSON || c == Text
	}
	return c != Binary
}

// Operand is a column of a query: a stored one, or one computed of it.
type Operand struct {
	Column
	Field string
	Kind  privacy.Kind // of the field
	SQL   string       // the qualified name, or the expression in parentheses
	Exact bool         // cannot hold what its kind cannot: no infinity, no year but 1 to 9999
}

// Textual reports whether its values compare by bytes.
func (o *Operand) Textual() bool {
	return o.Kind == privacy.String || o.Kind == privacy.JSON || (o.Kind == privacy.Date && o.Class != Date)
}

// Template is a column of the result before there are rows.
type Template struct {
	Name       string
	Coordinate privacy.Coordinate
	Kind       privacy.Kind
	Sum        bool            // a sum, which may overflow its kind
	Derived    *source.Derived // values of a computed column
}

// Statement is one SQL text, what is bound to it and how its rows are read.
type Statement struct {
	Text      string
	Arguments []any
	Columns   []Template
	MaxRows   int
	Query     *source.Query // what the text asks for
	Local     bool          // its rows are a superset, for eval.Run over Rest
	Rest      *source.Query // what is left to do with them
}

// Tables are those of related rows, by the name that Relation.Table has.
type Tables map[string]*Table

// Printer writes one statement.
type Printer struct {
	strings.Builder
	Arguments []any
	dialect   Dialect
	tables    Tables
	scope
}

// scope is the table that fields are columns of.
type scope struct {
	table    *Table
	relation *source.Relation
	related  map[string]*source.Related
	alias    string
}

func newPrinter(d Dialect, t *Table, q *source.Query, tables Tables) *Printer {
	return &Printer{dialect: d, tables: tables, scope: scope{t, q.Relation, q.Related, mainAlias}}
}

const mainAlias = "t"

// Write writes parts one after the other.
func (p *Printer) Write(parts ...string) {
	for _, s := range parts {
		p.WriteString(s)
	}
}

// Bind writes a parameter, as the dialect's cast asks for it.
func (p *Printer) Bind(v any, cast string) { p.Write(p.Parameter(v, cast)) }

// Parameter binds v and is its SQL: cast has a % where the parameter stands.
func (p *Printer) Parameter(v any, cast string) string {
	p.Arguments = append(p.Arguments, v)
	return strings.Replace(cast, "%", p.dialect.Mark(len(p.Arguments)), 1)
}

func itoa(i int) string { return strconv.Itoa(i) }

var errUnknown = fmt.Errorf("a condition that this source does not know: %w", source.ErrInvalid)

func incomparable(field string) error {
	return fmt.Errorf("condition on %q compares what does not compare: %w", field, source.ErrInvalid)
}
