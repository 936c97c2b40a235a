package sql

import (
	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// stored is a column as the table has it.
func (p *Printer) stored(field string) *Operand {
	c := p.relation.Columns[field]
	physical := p.table.Columns[c.Physical]
	return &Operand{Column: physical, Field: field, Kind: c.Kind, SQL: p.alias + "." + p.dialect.Quote(physical.Name)}
}

// operand is a column as it is stored, or as it is computed.
func (p *Printer) operand(field string) *Operand {
	c := p.relation.Columns[field]
	if c.Derived == nil {
		return p.stored(field)
	}
	sql, class, ok := p.dialect.Derive(p, p.stored(c.Derived.From), c.Derived)
	if !ok {
		return &Operand{Field: field, Kind: c.Kind, SQL: "NULL"} // never asked for: able.derives
	}
	return &Operand{Field: field, Kind: c.Kind, SQL: "(" + sql + ")", Exact: true, Column: Column{Name: field, Class: class, Scale: -1}}
}

// from writes FROM and WHERE.
func (p *Printer) from(q *source.Query) error {
	p.Write(" FROM ", p.table.Name, " AS ", p.alias)
	w := q.Where
	if q.Keys != nil {
		w = predicate.And(w, predicate.In(q.Keys.Field, q.Keys.Values...))
	}
	if w.IsAlways() {
		return nil
	}
	p.Write(" WHERE ")
	return p.predicate(w)
}

// predicate writes a condition that is NULL only where it does not hold. AND and OR keep that; a negation asks
// whether its operand is true, so that the negation of a comparison on NULL holds.
func (p *Printer) predicate(w predicate.Predicate) error {
	n := w.Node()
	switch n.Kind {
	case predicate.KindNever:
		p.Write("FALSE")
	case predicate.KindAlways:
		p.Write("TRUE")
	case predicate.KindAnd:
		return p.list(n.Kids, " AND ")
	case predicate.KindOr:
		return p.list(n.Kids, " OR ")
	case predicate.KindExists:
		return p.exists(n)
	case predicate.KindNot:
		if inner := n.Kids[0].Node(); inner.Kind == predicate.KindExists { // never NULL, and the server sees an anti-join
			p.Write("NOT ")
			return p.exists(inner)
		}
		p.Write("((")
		err := p.predicate(n.Kids[0])
		p.Write(") IS NOT TRUE)")
		return err
	case predicate.KindCompare:
		return p.compare(n)
	case predicate.KindIn:
		return p.in(n)
	case predicate.KindNull:
		p.Write("((")
		p.dialect.NotNull(p, p.operand(n.Field))
		p.Write(") IS NOT TRUE)")
	case predicate.KindFields:
		return p.fields(n)
	default:
		return errUnknown
	}
	return nil
}

func (p *Printer) list(kids []predicate.Predicate, between string) error {
	p.Write("(")
	for i, k := range kids {
		if i > 0 {
			p.Write(between)
		}
		if err := p.predicate(k); err != nil {
			return err
		}
	}
	p.Write(")")
	return nil
}

func (p *Printer) compare(n *predicate.Node) error {
	o := p.operand(n.Field)
	if !source.Comparable(o.Kind, n.Value.Kind) {
		return incomparable(n.Field)
	}
	if n.Op >= predicate.HasPrefix {
		return p.pattern(o, n)
	}
	op, v, outcome, ok := narrow(o, n.Op, n.Value)
	switch {
	case !ok:
		return incomparable(n.Field)
	case outcome == never:
		p.Write("FALSE")
	case outcome == notNull:
		p.dialect.NotNull(p, o)
	default:
		p.Write("(")
		p.dialect.Compare(p, o, op, v)
		p.Write(")")
	}
	return nil
}

func (p *Printer) pattern(o *Operand, n *predicate.Node) error {
	if o.Kind != privacy.String && o.Kind != privacy.Date && o.Kind != privacy.JSON {
		return incomparable(n.Field)
	}
	p.Write("(")
	p.dialect.Pattern(p, o, n.Op, n.Value.Text)
	p.Write(")")
	return nil
}

func (p *Printer) in(n *predicate.Node) error {
	o := p.operand(n.Field)
	kept := make([]predicate.Value, 0, len(n.Values))
	for _, v := range n.Values {
		if v.Kind == predicate.NullValue {
			continue // equals nothing
		}
		if !source.Comparable(o.Kind, v.Kind) {
			return incomparable(n.Field)
		}
		if _, narrowed, outcome, ok := narrow(o, predicate.Eq, v); ok && outcome == compares {
			kept = append(kept, narrowed)
		}
	}
	p.Write("(")
	switch len(kept) {
	case 0:
		p.Write("FALSE")
	case 1:
		p.dialect.Compare(p, o, predicate.Eq, kept[0])
	default:
		p.dialect.In(p, o, kept)
	}
	p.Write(")")
	return nil
}

func (p *Printer) fields(n *predicate.Node) error {
	a, b := p.operand(n.Field), p.operand(n.Other)
	if kindOf(a.Kind) != kindOf(b.Kind) || (n.Op >= predicate.HasPrefix && kindOf(a.Kind) != privacy.String) {
		return incomparable(n.Field)
	}
	p.Write("(")
	p.dialect.Fields(p, a, n.Op, b)
	p.Write(")")
	return nil
}

// kindOf groups the kinds that compare with each other.
func kindOf(k privacy.Kind) privacy.Kind {
	switch k {
	case privacy.BigInt, privacy.Float, privacy.Decimal:
		return privacy.Int
	case privacy.Date, privacy.JSON:
		return privacy.String
	}
	return k
}
