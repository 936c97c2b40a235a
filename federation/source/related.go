package source

import (
	"fmt"
	"slices"

	"concordat/policy/predicate"
)

// Related is rows of another relation of the same source that a filter asks about: predicate.Exists(name, p) holds for
// a row where some related row has To equal to the row's From, neither of them NULL, and satisfies p.
type Related struct {
	Relation *Relation
	From, To string              // stored fields: of the row, and of the related one
	Related  map[string]*Related // what p asks about
}

// Relater is a Source that can look for related rows while it filters. Any other Source is never asked to, and one that
// says no to a query is not asked that query: its filter holds the keys of the related rows instead.
type Relater interface {
	// Relates reports whether the source answers every Exists in q's filter, whatever else q or a query with the same
	// filter asks for; and all of q, where a group is of related rows.
	Relates(q *Query) bool
}

// relations reports what is wrong with the relations that a filter names.
func relations(of *Relation, known map[string]*Related, where predicate.Predicate) error {
	n := where.Node()
	if n.Kind != predicate.KindExists {
		for _, k := range n.Kids {
			if err := relations(of, known, k); err != nil {
				return err
			}
		}
		return nil
	}
	r := known[n.Relation]
	if r == nil || r.Relation == nil {
		return fmt.Errorf("%s has no relation %q: %w", of.Type, n.Relation, ErrInvalid)
	}
	if !of.stores(r.From) || !r.Relation.stores(r.To) {
		return fmt.Errorf("%s and %s are related by no stored field: %w", of.Type, r.Relation.Type, ErrInvalid)
	}
	inner := Query{Relation: r.Relation, Where: n.Kids[0], Related: r.Related}
	if err := inner.known(inner.names()...); err != nil {
		return err
	}
	return relations(r.Relation, r.Related, n.Kids[0])
}

// Key is the column that a grouping key is made of.
func (q *Query) Key(g Group) Column {
	if g.Via == "" {
		return q.Relation.Columns[g.Field]
	}
	if r := q.Related[g.Via]; r != nil && r.Relation != nil {
		return r.Relation.Columns[g.Field]
	}
	return Column{}
}

// GroupsRelated reports whether a group is of related rows.
func (q *Query) GroupsRelated() bool {
	return q.Aggregate != nil && slices.ContainsFunc(q.Aggregate.Group, func(g Group) bool { return g.Via != "" })
}

// relatedKeys reports what is wrong with keys of related rows.
func (q *Query) relatedKeys() error {
	for _, g := range q.Aggregate.Group {
		if g.Via == "" {
			continue
		}
		if err := relations(q.Relation, q.Related, predicate.Exists(g.Via, g.Where)); err != nil {
			return err
		}
		if _, ok := q.Related[g.Via].Relation.Columns[g.Field]; !ok {
			return fmt.Errorf("rows related to %s have no column %q: %w", q.Relation.Type, g.Field, ErrInvalid)
		}
	}
	return nil
}

func (r *Relation) stores(field string) bool {
	c, ok := r.Columns[field]
	return ok && c.Derived == nil
}

// Asks reports whether p asks about related rows.
func Asks(p predicate.Predicate) bool {
	n := p.Node()
	if n.Kind == predicate.KindExists {
		return true
	}
	for _, k := range n.Kids {
		if Asks(k) {
			return true
		}
	}
	return false
}

// Terms are the conditions that p is the conjunction of.
func Terms(p predicate.Predicate) []predicate.Predicate {
	if n := p.Node(); n.Kind == predicate.KindAnd {
		return n.Kids
	}
	return []predicate.Predicate{p}
}

// Met is q without the conditions on related rows that the rows at hand have met already, which the gateway could not
// evaluate: it has no related rows.
func (q *Query) Met(by func(term predicate.Predicate) bool) *Query {
	if len(q.Related) == 0 {
		return q
	}
	rest := *q
	var kept []predicate.Predicate
	for _, t := range Terms(q.Where) {
		if !Asks(t) || !by(t) {
			kept = append(kept, t)
		}
	}
	rest.Where = predicate.And(kept...)
	return &rest
}
