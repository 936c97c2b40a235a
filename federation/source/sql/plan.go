package sql

import (
	"concordat/federation/source"
	"concordat/policy/predicate"
)

// Plan is q as one statement where the dialect means the same by it, else the statement for a superset of its rows,
// at most maxScan.
func Plan(d Dialect, t *Table, q *source.Query, maxScan int, tables Tables) (*Statement, error) {
	if err := t.Fits(q.Relation); err != nil {
		return nil, err
	}
	a := able{newPrinter(d, t, q, tables), q}
	if a.query(q) {
		return whole(d, t, q, tables)
	}
	if q.GroupsRelated() {
		return nil, errUnknown // the gateway has no related rows
	}
	return a.superset(d, t, q, maxScan)
}

// Superset is the statement for rows of which the gateway answers q, whatever the dialect could do of it.
func Superset(d Dialect, t *Table, q *source.Query, maxScan int, tables Tables) (*Statement, error) {
	return able{newPrinter(d, t, q, tables), q}.superset(d, t, q, maxScan)
}

func whole(d Dialect, t *Table, q *source.Query, tables Tables) (*Statement, error) {
	p := newPrinter(d, t, q, tables)
	st := &Statement{MaxRows: q.MaxRows, Query: q}
	p.Grow(512)
	var err error
	if q.Aggregate != nil {
		err = p.aggregate(st, q)
	} else {
		err = p.rows(st, q)
	}
	st.Text, st.Arguments = p.String(), p.Arguments
	return st, err
}

// superset keeps the terms of the filter that can be pushed and reads what the rest needs.
func (a able) superset(d Dialect, t *Table, q *source.Query, maxScan int) (*Statement, error) {
	stored := q
	if !a.derives(q) {
		stored = q.Stored()
	}
	wide := &source.Query{Relation: q.Relation, Select: stored.Needed(), Where: a.necessary(stored.Where), Related: q.Related, MaxRows: maxScan}
	if q.Keys != nil && a.in(q.Keys.Field, q.Keys.Values) {
		wide.Keys = &source.Keys{Field: q.Keys.Field, Values: q.Keys.Values}
	}
	st, err := whole(d, t, wide, a.p.tables)
	if err != nil {
		return nil, err
	}
	st.Local, st.Query = true, wide
	st.Rest = q.Met(func(term predicate.Predicate) bool { return q.Stores(term) && a.predicate(term) })
	return st, nil
}

// Explain is what a plan pushes down and what it leaves.
func (st *Statement) Explain(q *source.Query) source.Explanation {
	e := source.Explanation{Statement: st.Text, Pushed: append([]string{"projection"}, powers(st.Query)...), Relates: true}
	if st.Local {
		e.Local, e.Relates = powers(st.Rest), !source.Asks(st.Rest.Where)
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

// able asks the dialect about every leaf of a query.
type able struct {
	p *Printer
	q *source.Query
}

func (a able) can(l Leaf) bool { return !a.p.dialect.Cannot(a.q, l) }

func (a able) derives(q *source.Query) bool {
	for _, f := range q.Needed() {
		c := q.Relation.Columns[f]
		if c.Derived == nil {
			continue
		}
		if _, _, ok := a.p.dialect.Derive(a.p, a.p.stored(c.Derived.From), c.Derived); !ok {
			return false
		}
	}
	return true
}

func (a able) query(q *source.Query) bool {
	if !a.derives(q) || !a.predicate(q.Where) || (q.Keys != nil && !a.in(q.Keys.Field, q.Keys.Values)) {
		return false
	}
	for _, o := range q.Order {
		if !a.can(Leaf{Use: UseOrder, Column: a.p.operand(o.Field)}) {
			return false
		}
	}
	if windowed(q) && !a.can(Leaf{Use: UseOrder, Column: a.p.operand(q.Keys.Field)}) {
		return false
	}
	return q.Aggregate == nil || a.aggregate(q.Aggregate)
}

func (a able) aggregate(g *source.Aggregate) bool {
	for _, k := range g.Group {
		if k.Via != "" {
			if !a.relatedKey(k) {
				return false
			}
			continue
		}
		if !a.key(k) {
			return false
		}
	}
	for _, m := range g.Measures {
		if m.Func == source.Total {
			if !a.totals(m) {
				return false
			}
			continue
		}
		if m.Func != source.CountRows && !a.can(Leaf{Use: UseMeasure, Column: a.p.operand(m.Field), Func: m.Func}) {
			return false
		}
	}
	return true
}

// key asks about a key that is made of a column of the table at hand.
func (a able) key(k source.Group) bool {
	if !a.can(Leaf{Use: UseOrder, Column: a.p.operand(k.Field), Zone: k.Zone}) {
		return false
	}
	for _, edge := range k.Edges {
		if !a.can(Leaf{Use: UseCompare, Column: a.p.operand(k.Field), Op: predicate.Lt, Value: edge}) {
			return false
		}
	}
	return true
}

func (a able) predicate(p predicate.Predicate) bool {
	n := p.Node()
	switch n.Kind {
	case predicate.KindCompare:
		return a.can(Leaf{Use: UseCompare, Column: a.p.operand(n.Field), Op: n.Op, Value: n.Value})
	case predicate.KindIn:
		return a.in(n.Field, n.Values)
	case predicate.KindExists:
		return a.exists(n)
	case predicate.KindFields:
		return a.can(Leaf{Use: UseFields, Column: a.p.operand(n.Field), Other: a.p.operand(n.Other), Op: n.Op})
	}
	for _, k := range n.Kids {
		if !a.predicate(k) {
			return false
		}
	}
	return true
}

func (a able) in(field string, values []predicate.Value) bool {
	return a.can(Leaf{Use: UseIn, Column: a.p.operand(field), Values: values})
}

// necessary drops the top-level terms that cannot be pushed: every row of the answer still satisfies the rest. What
// is wrong stays, to be refused.
func (a able) necessary(p predicate.Predicate) predicate.Predicate {
	terms := []predicate.Predicate{p}
	if n := p.Node(); n.Kind == predicate.KindAnd {
		terms = n.Kids
	}
	var kept []predicate.Predicate
	for _, t := range terms {
		if a.predicate(t) {
			kept = append(kept, t)
		}
	}
	return predicate.And(kept...)
}
