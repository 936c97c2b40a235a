package sql

import (
	"concordat/federation/source"
	"concordat/policy/predicate"
)

// Dialect prints the leaves of a query. Every condition is true where it holds, and false or NULL where it does not.
type Dialect interface {
	Syntax
	Columns
	Conditions
	// Cannot says what is left to the gateway.
	Cannot(q *source.Query, leaf Leaf) bool
}

// Syntax is names, parameters and orders.
type Syntax interface {
	Quote(name string) string
	Mark(n int) string // parameter n, from 1
	OrderTerm(sortable string, o source.Order) string
	Limit(p *Printer, n int64)
}

// Columns is expressions of one column.
type Columns interface {
	Projected(o *Operand) string // as it is read
	Sortable(o *Operand) string  // as it is ordered, grouped and counted: NULL for what counts as NULL, texts by bytes
	Grain(p *Printer, o *Operand, g source.Group) string
	Prefix(o *Operand, n int) string          // the first n characters of a text, as Sortable has it
	Measure(o *Operand, f source.Func) string // of all but CountRows
	// Total is the sum of an expression over integers, read as a BigInt, and Whole an exact number as an integer.
	Total(sql string) string
	Whole(sql string) string
	// Derive is a computed column and its class, of the stored one; false where the dialect has no such expression.
	Derive(p *Printer, stored *Operand, d *source.Derived) (sql string, class Class, ok bool)
}

// Conditions is comparisons. Values are already of the column's own type.
type Conditions interface {
	Compare(p *Printer, o *Operand, op predicate.Op, v predicate.Value)
	In(p *Printer, o *Operand, values []predicate.Value)
	Pattern(p *Printer, o *Operand, op predicate.Op, text string)
	Fields(p *Printer, a *Operand, op predicate.Op, b *Operand)
	NotNull(p *Printer, o *Operand)
	// Joined is that two columns of one class are equal, so that an index of either serves it; NULL equals nothing.
	Joined(p *Printer, a, b *Operand)
}

// Leaf is one use of a column, for Cannot.
type Leaf struct {
	Use    Use
	Column *Operand
	Other  *Operand // UseFields
	Op     predicate.Op
	Value  predicate.Value
	Values []predicate.Value
	Func   source.Func
	Deep   bool   // UseRelated: the row is itself a related one
	Zone   string // UseOrder: of the periods to group by
}

// Use is what a column is used for.
type Use uint8

const (
	UseCompare Use = iota
	UseIn
	UseFields
	UseOrder // order, group and partition
	UseMeasure
	UseDerive
	UseRelated // Column of a row, Other of the related one
)

// Operator is the SQL of a comparison.
func Operator(op predicate.Op) string {
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
