package sqlite

import (
	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// statement is one SQL text, what is bound to it and how its rows are read.
type statement struct {
	text      string
	arguments []any
	hashes    []source.Hash
	columns   []template
	maxRows   int
	query     *source.Query // what the text asks for
	local     bool          // its rows are a superset, for eval.Run over rest
	rest      *source.Query // what is left to do with them
}

// template is a column of the result before there are rows.
type template struct {
	name       string
	coordinate privacy.Coordinate
	kind       privacy.Kind
	sum        bool // an infinity is an overflow
	derived    *source.Derived
}

// statement plans q: as one statement where SQLite means the same by it, else as the fetch of a superset of rows.
func (s *Source) statement(t *table, q *source.Query, others tables) (*statement, error) {
	if err := s.tables.fits(t, q.Relation); err != nil {
		return nil, err
	}
	c := capabilityOf(t, q, others)
	if c.query(q) {
		return whole(t, q, others)
	}
	if q.GroupsRelated() {
		return nil, errUnknown // the gateway has no related rows
	}
	return superset(t, q, c, s.maxScan)
}

func whole(t *table, q *source.Query, others tables) (*statement, error) {
	p := newPrinter(t, q, others)
	st := &statement{maxRows: q.MaxRows, query: q}
	p.Grow(512)
	var err error
	if q.Aggregate != nil {
		err = p.aggregate(st, q)
	} else {
		err = p.rows(st, q)
	}
	st.text, st.arguments, st.hashes = p.String(), p.arguments, p.hashes
	return st, err
}

// superset keeps the terms of the filter that can be pushed and reads what the rest needs.
func superset(t *table, q *source.Query, c capability, maxScan int) (*statement, error) {
	stored := q
	if !c.derives(q) {
		stored = q.Stored()
	}
	wide := &source.Query{Relation: q.Relation, Select: stored.Needed(), Where: c.necessary(stored.Where), Related: q.Related, MaxRows: maxScan}
	if q.Keys != nil && c.in(q.Keys.Field, q.Keys.Values) {
		wide.Keys = &source.Keys{Field: q.Keys.Field, Values: q.Keys.Values}
	}
	st, err := whole(t, wide, c.tables)
	if err != nil {
		return nil, err
	}
	st.local, st.query = true, wide
	st.rest = q.Met(func(term predicate.Predicate) bool { return c.relates(q, term) })
	return st, nil
}

// Explain implements source.Explainer.
func (s *Source) Explain(q *source.Query) source.Explanation {
	t, ok := s.tables.tables.Load(q.Relation.Table)
	if !ok {
		return source.Explanation{Statement: "table not checked"}
	}
	st, err := s.statement(t.(*table), q, s.tables.known(q.Related, nil))
	if err != nil {
		return source.Explanation{Statement: "refused"}
	}
	e := source.Explanation{Statement: st.text, Pushed: append([]string{"projection"}, powers(st.query)...), Relates: true}
	if st.local {
		e.Local, e.Relates = powers(st.rest), !source.Asks(st.rest.Where)
	}
	return e
}

// powers names what answering q takes, besides choosing columns.
func powers(q *source.Query) []string {
	var names []string
	note := func(on bool, name string) {
		if on {
			names = append(names, name)
		}
	}
	note(!q.Where.IsAlways(), "filter")
	note(source.Asks(q.Where), "related rows")
	note(q.Keys != nil, "keys")
	note(len(q.Order) > 0, "order")
	note(q.Limit > 0, "limit")
	note(q.Aggregate != nil, "aggregate")
	return names
}

// capability says what SQLite answers with the same meaning as eval. What it does not is decimals, which compare
// by value and are stored as text, and texts with a NUL where SQLite's functions read C strings.
type capability struct {
	relation *source.Relation
	table    *table
	related  map[string]*source.Related
	tables   tables
}

func capabilityOf(t *table, q *source.Query, others tables) capability {
	return capability{relation: q.Relation, table: t, related: q.Related, tables: others}
}

func (c capability) decimal(field string) bool {
	return c.relation.Columns[field].Kind == privacy.Decimal
}

func (c capability) query(q *source.Query) bool {
	if !c.derives(q) || !c.predicate(q.Where) || (q.Keys != nil && !c.in(q.Keys.Field, q.Keys.Values)) {
		return false
	}
	for _, o := range q.Order {
		if c.decimal(o.Field) {
			return false
		}
	}
	return q.Aggregate == nil || c.aggregate(q.Aggregate)
}

func (c capability) aggregate(a *source.Aggregate) bool {
	for _, g := range a.Group {
		if g.Via != "" {
			if !c.relatedKey(g) {
				return false
			}
			continue
		}
		if !c.key(g) {
			return false
		}
	}
	for _, m := range a.Measures {
		if m.Func == source.Total {
			if !c.totals(m) {
				return false
			}
			continue
		}
		if m.Func > source.CountValues && c.decimal(m.Field) {
			return false
		}
	}
	return true
}

func (c capability) predicate(p predicate.Predicate) bool {
	n := p.Node()
	switch n.Kind {
	case predicate.KindCompare:
		return !c.decimal(n.Field) && (n.Op != predicate.Like || likeFits(n.Value.Text))
	case predicate.KindIn:
		return c.in(n.Field, n.Values)
	case predicate.KindExists:
		return c.exists(n)
	case predicate.KindFields:
		return n.Op < predicate.HasPrefix && !c.decimal(n.Field) && !c.decimal(n.Other)
	}
	for _, k := range n.Kids {
		if !c.predicate(k) {
			return false
		}
	}
	return true
}

// manyFloats bounds a set of floats, which are bound one by one: JSON would round them.
const manyFloats = 100

func (c capability) in(field string, values []predicate.Value) bool {
	if c.decimal(field) || (c.relation.Columns[field].Kind == privacy.Float && len(values) > manyFloats) {
		return false
	}
	for _, v := range values {
		if hasNUL(v.Text) {
			return false // json_each ends a text there
		}
	}
	return true
}

// necessary drops the top-level terms that cannot be pushed: every row of the answer still satisfies the rest.
func (c capability) necessary(p predicate.Predicate) predicate.Predicate {
	n := p.Node()
	if n.Kind != predicate.KindAnd {
		if c.predicate(p) {
			return p
		}
		return predicate.Always()
	}
	var kept []predicate.Predicate
	for _, k := range n.Kids {
		if c.predicate(k) {
			kept = append(kept, k)
		}
	}
	return predicate.And(kept...)
}
