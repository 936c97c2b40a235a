package sqlite

import (
	"context"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// exists writes that a related row exists. Where an index finds the related rows of one row they are looked for row by
// row, with the rest of their condition hidden from SQLite's planner as in from; elsewhere their keys are collected once.
func (p *printer) exists(n *predicate.Node) error {
	r := p.related[n.Relation]
	if r == nil || p.tables[r.Relation.Table] == nil {
		return errUnknown
	}
	outer, from := p.scope, p.collated(r.From)
	p.scope = scope{p.tables[r.Relation.Table], r.Relation, r.Related, outer.alias + "r"}
	defer func() { p.scope = outer }()
	to := p.collated(r.To)
	if p.indexed(r.To) {
		p.write("EXISTS (SELECT 1 FROM ", quote(p.table.name), " AS ", p.alias, " WHERE ", to, " = ", from)
	} else {
		p.write(from, " IN (SELECT ", to, " FROM ", quote(p.table.name), " AS ", p.alias, " WHERE 1")
	}
	p.write(" AND ", p.guard(r.To), " AND coalesce(")
	err := p.predicate(n.Kids[0])
	p.write(", 0))")
	return err
}

// exists asks about the leaves of a condition on related rows.
func (c capability) exists(n *predicate.Node) bool {
	r := c.related[n.Relation]
	if r == nil {
		return false
	}
	t := c.tables[r.Relation.Table]
	if t == nil || c.table == nil || t.fits(r.Relation) != nil {
		return false
	}
	inner := capability{relation: r.Relation, table: t, related: r.Related, tables: c.tables}
	q := &source.Query{Relation: r.Relation, Where: n.Kids[0], Related: r.Related}
	return c.joins(r.From, inner, r.To) && inner.derives(q) && inner.predicate(n.Kids[0])
}

// joins reports whether SQLite takes two columns for equal where the gateway does: their cells are stored alike, and
// neither is converted before it is compared.
func (c capability) joins(from string, other capability, to string) bool {
	a, b := c.relation.Columns[from], other.relation.Columns[to]
	x, y := c.table.columns[a.Physical].affinity, other.table.columns[b.Physical].affinity
	switch a.Kind {
	case privacy.Int, privacy.BigInt:
		return (b.Kind == privacy.Int || b.Kind == privacy.BigInt) && x == y
	case privacy.String:
		return b.Kind == a.Kind && x != numeric && y != numeric
	case privacy.Date, privacy.Time:
		return b.Kind == a.Kind && x == y
	}
	return false
}

// Relates implements source.Relater, of tables that Check or a fetch has looked at.
func (s *Source) Relates(q *source.Query) bool {
	t, ok := s.tables.tables.Load(q.Relation.Table)
	if !ok || s.tables.fits(t.(*table), q.Relation) != nil {
		return false
	}
	c := capabilityOf(t.(*table), q, s.tables.known(q.Related, nil))
	for _, term := range source.Terms(q.Where) {
		if source.Asks(term) && !c.relates(q, term) {
			return false
		}
	}
	return !q.GroupsRelated() || c.query(q)
}

// relatedKey writes the key of the related row: looked for by an index, the least where there are several.
func (p *printer) relatedKey(g source.Group) error {
	r := p.related[g.Via]
	if r == nil || p.tables[r.Relation.Table] == nil {
		return errUnknown
	}
	outer, from := p.scope, p.collated(r.From)
	p.scope = scope{p.tables[r.Relation.Table], r.Relation, r.Related, outer.alias + "r"}
	defer func() { p.scope = outer }()
	p.write("(SELECT ")
	own := g
	own.Via = ""
	if err := p.key(own); err != nil {
		return err
	}
	p.write(" AS k FROM ", quote(p.table.name), " AS ", p.alias, " WHERE ", p.collated(r.To), " = ", from, " AND ", p.guard(r.To), " AND coalesce(")
	err := p.predicate(g.Where)
	p.write(", 0) ORDER BY k ASC NULLS LAST LIMIT 1)")
	return err
}

// relatedKey asks about the key of a related row. Without an index it would be looked for among all of them, once for
// each row.
func (c capability) relatedKey(g source.Group) bool {
	r := c.related[g.Via]
	if r == nil {
		return false
	}
	t := c.tables[r.Relation.Table]
	if t == nil || c.table == nil || t.fits(r.Relation) != nil || !t.columns[r.Relation.Columns[r.To].Physical].leads {
		return false
	}
	inner := capability{relation: r.Relation, table: t, related: r.Related, tables: c.tables}
	q := &source.Query{Relation: r.Relation, Select: []string{g.Field}, Where: g.Where, Related: r.Related}
	return c.joins(r.From, inner, r.To) && inner.derives(q) && inner.predicate(g.Where) && inner.key(g)
}

// key asks about a key that is made of a column of the table at hand.
func (c capability) key(g source.Group) bool {
	return !c.decimal(g.Field) && g.Zone == "" && g.Prefix == 0
}

func (c capability) relates(q *source.Query, term predicate.Predicate) bool {
	return q.Stores(term) && c.predicate(term)
}

// known collects the tables of related rows that were looked at before.
func (c *catalog) known(related map[string]*source.Related, into tables) tables {
	for _, r := range related {
		if into == nil {
			into = tables{}
		}
		if t, ok := c.tables.Load(r.Relation.Table); ok {
			into[r.Relation.Table] = t.(*table)
		}
		c.known(r.Related, into)
	}
	return into
}

// others looks at the tables of related rows.
func (c *catalog) others(ctx context.Context, related map[string]*source.Related) (tables, error) {
	if len(related) == 0 {
		return nil, nil
	}
	for _, r := range related {
		if _, err := c.table(ctx, r.Relation.Table); err != nil {
			return nil, err
		}
		if _, err := c.others(ctx, r.Related); err != nil {
			return nil, err
		}
	}
	return c.known(related, nil), nil
}
