package sql

import (
	"slices"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// enter makes p write, or able ask, about the related rows of r; the function that it gives leaves them again. It
// reports false where nothing is known of their table, or it does not hold them.
func (p *Printer) enter(r *source.Related) (leave func(), ok bool) {
	t := p.tables[r.Relation.Table]
	if t == nil || t.Fits(r.Relation) != nil {
		return nil, false
	}
	outer := p.scope
	p.scope = scope{table: t, relation: r.Relation, related: r.Related, alias: outer.alias + "r"}
	return func() { p.scope = outer }, true
}

// exists writes that a related row exists: true or false, never NULL.
func (p *Printer) exists(n *predicate.Node) error {
	r := p.related[n.Relation]
	if r == nil {
		return errUnknown
	}
	from := p.operand(r.From)
	leave, ok := p.enter(r)
	if !ok {
		return errUnknown
	}
	defer leave()
	to := p.operand(r.To)
	if !joinable(from, to) {
		return errUnknown
	}
	p.Write("EXISTS (SELECT 1 FROM ", p.table.Name, " AS ", p.alias, " WHERE ")
	p.dialect.Joined(p, from, to)
	var err error
	if !n.Kids[0].IsAlways() {
		p.Write(" AND ")
		err = p.predicate(n.Kids[0])
	}
	p.Write(")")
	return err
}

// joinable reports whether two columns are equal in the database where their cells are equal here.
func joinable(a, b *Operand) bool {
	whole := a.Class.Whole() && b.Class.Whole()
	integers := (a.Kind == privacy.Int || a.Kind == privacy.BigInt) && (b.Kind == privacy.Int || b.Kind == privacy.BigInt)
	if a.Kind != b.Kind && !integers || a.Class != b.Class && !whole {
		return false
	}
	switch a.Class {
	case Text, Integer, Tiny, Decimal, Date, ZonedTime, LocalTime, UUID:
		return true
	}
	return false
}

// exists asks about the leaves of a condition on related rows.
func (a able) exists(n *predicate.Node) bool {
	r := a.p.related[n.Relation]
	if r == nil {
		return false
	}
	from, deep := a.p.operand(r.From), a.p.alias != mainAlias
	leave, ok := a.p.enter(r)
	if !ok {
		return false
	}
	defer leave()
	inner := &source.Query{Relation: r.Relation, Where: n.Kids[0], Related: r.Related}
	to := a.p.operand(r.To)
	return joinable(from, to) && a.can(Leaf{Use: UseRelated, Column: from, Other: to, Deep: deep}) && a.derives(inner) && a.predicate(n.Kids[0])
}

// Relates reports whether every condition on related rows in q's filter is pushed down, alone or as a term beside
// others: what is left to the gateway is never about related rows.
func Relates(d Dialect, t *Table, q *source.Query, tables Tables) bool {
	if t == nil || t.Fits(q.Relation) != nil {
		return false
	}
	a := able{newPrinter(d, t, q, tables), q}
	for _, term := range source.Terms(q.Where) {
		if source.Asks(term) && !(q.Stores(term) && a.predicate(term)) {
			return false
		}
	}
	return !q.GroupsRelated() || a.query(q)
}

// relatedKey writes the key of the related row: looked for by an index, the least where there are several.
func (p *Printer) relatedKey(g source.Group) error {
	r := p.related[g.Via]
	if r == nil {
		return errUnknown
	}
	from := p.operand(r.From)
	leave, ok := p.enter(r)
	if !ok {
		return errUnknown
	}
	defer leave()
	p.Write("(SELECT ")
	own := g
	own.Via = ""
	if err := p.key(own); err != nil {
		return err
	}
	p.Write(" AS k FROM ", p.table.Name, " AS ", p.alias, " WHERE ")
	p.dialect.Joined(p, from, p.operand(r.To))
	if !g.Where.IsAlways() {
		p.Write(" AND ")
		if err := p.predicate(g.Where); err != nil {
			return err
		}
	}
	p.Write(" ORDER BY ", p.dialect.OrderTerm("k", source.Order{}), " LIMIT 1)")
	return nil
}

// relatedKey asks about the key of a related row. Without an index it would be looked for among all of them, once for
// each row.
func (a able) relatedKey(g source.Group) bool {
	r := a.p.related[g.Via]
	if r == nil {
		return false
	}
	from := a.p.operand(r.From)
	leave, ok := a.p.enter(r)
	if !ok {
		return false
	}
	defer leave()
	to := a.p.operand(r.To)
	inner := &source.Query{Relation: r.Relation, Select: []string{g.Field}, Where: g.Where, Related: r.Related}
	sums := slices.ContainsFunc(a.q.Aggregate.Measures, func(m source.Measure) bool {
		return m.Func == source.Sum && a.q.Relation.Columns[m.Field].Kind == privacy.Float // which may have to be added here
	})
	return !sums && to.Leads && joinable(from, to) && a.can(Leaf{Use: UseRelated, Column: from, Other: to}) &&
		a.derives(inner) && a.predicate(g.Where) && a.key(g)
}
