package source

import (
	"context"
	"fmt"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// Derived says how a column is made of a stored one of the same row: a transform, so that a caller's filter, order
// and groups are over what the caller sees, or the keyed hash that stands for the order of a key nobody may see.
// NULL stays NULL.
type Derived struct {
	From string             // a stored field of the relation
	Is   privacy.Obligation // what it is called, for sources that compute it by name
	// Do is its meaning: a source that computes by name answers as Do would. Its columns are in the domain of Is.
	Do   func(stored *privacy.Column) (*privacy.Column, error)
	Hash Hash // set where Is is the order hash
}

// Hash is the keyed hash of a value as text (*privacy.OrderHash).
type Hash interface{ Of(text []byte) int64 }

// Deriver is a Source that computes derived columns itself. Of any other Source they are never asked.
type Deriver interface {
	Derives(q *Query) bool
}

// Compute adds the derived columns that q reads to a table of stored ones.
func (q *Query) Compute(t *privacy.Table) error {
	for _, name := range q.Needed() {
		d := q.Relation.Columns[name].Derived
		if d == nil || t.Column(name) != nil {
			continue
		}
		from := t.Column(d.From)
		if from == nil {
			return fmt.Errorf("no column %q: %w", d.From, ErrInvalid)
		}
		c, err := d.Do(from)
		if err != nil {
			return fmt.Errorf("computing a column of %q: %w", d.From, err)
		}
		named := *c
		named.Name, named.Coordinate = name, q.Relation.Columns[name].Coordinate
		t.Columns = append(t.Columns, &named)
	}
	return nil
}

// ReadsDerived reports whether q reads a derived column.
func (q *Query) ReadsDerived() bool {
	for _, f := range q.names() {
		if q.Relation.Columns[f].Derived != nil {
			return true
		}
	}
	return false
}

// Stored is the query for the rows that q is computed over where its derived columns are left to the gateway: every
// stored column that q reads or derives from, and the terms of its filter that read no derived one.
func (q *Query) Stored() *Query {
	wide := &Query{Relation: q.Relation, Where: q.storedTerms(q.Where), Related: q.Related, MaxRows: q.MaxRows}
	if q.Keys != nil {
		wide.Keys = &Keys{Field: q.Keys.Field, Values: q.Keys.Values}
	}
	seen := map[string]bool{}
	for _, name := range q.Needed() {
		if d := q.Relation.Columns[name].Derived; d != nil {
			name = d.From
		}
		if !seen[name] {
			seen[name] = true
			wide.Select = append(wide.Select, name)
		}
	}
	return wide
}

// storedTerms keeps the top-level terms without a derived column: a superset of the rows satisfies them.
func (q *Query) storedTerms(p predicate.Predicate) predicate.Predicate {
	terms := []predicate.Predicate{p}
	if n := p.Node(); n.Kind == predicate.KindAnd {
		terms = n.Kids
	}
	var kept []predicate.Predicate
	for _, t := range terms {
		if q.Stores(t) {
			kept = append(kept, t)
		}
	}
	return predicate.And(kept...)
}

// Stores reports whether a condition on q's rows reads no derived column of theirs.
func (q *Query) Stores(term predicate.Predicate) bool {
	derived := false
	term.Names(func(f string) { derived = derived || q.Relation.Columns[f].Derived != nil })
	return !derived
}

// Fetch asks s for q; where s computes no derived columns, it asks for stored ones and answers with local, which is
// eval.Run. The rows that this takes are bounded by MaxRows as any others are.
func Fetch(ctx context.Context, s Source, q *Query, local func(*privacy.Table, *Query) (*privacy.Table, error)) (*privacy.Table, error) {
	if d, ok := s.(Deriver); !q.ReadsDerived() || ok && d.Derives(q) {
		return s.Fetch(ctx, q)
	}
	if err := q.Check(); err != nil {
		return nil, err
	}
	rows, err := s.Fetch(ctx, q.Stored())
	if err != nil {
		return nil, err
	}
	computed := &privacy.Table{Rows: rows.Rows, Columns: append([]*privacy.Column{}, rows.Columns...)}
	if err := q.Compute(computed); err != nil {
		return nil, err
	}
	return local(computed, q)
}
