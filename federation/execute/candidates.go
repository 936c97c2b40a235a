package execute

import (
	"context"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// candidates is the keys of all fused rows that can be wanted, so that only these are fetched whole; nil where nothing
// narrows them. A row that became of several meets a condition on one field only where one of the several does.
func (f *fetch) candidates(ctx context.Context) (*source.Keys, error) {
	key := f.step.Entity.Key
	if len(key) != 1 || f.step.Entity.Members[key[0]].Field.Kind == privacy.Float {
		return nil, nil
	}
	if f.keys != nil && f.keys.field == key[0] {
		return &source.Keys{Field: key[0], Values: f.keys.values}, nil
	}
	condition := f.necessary(f.step.Where)
	if f.keys != nil {
		condition = predicate.In(f.keys.field, f.keys.values...)
	}
	if condition.IsAlways() || f.step.Pushed() {
		return nil, nil
	}
	return f.keysOf(ctx, condition)
}

// necessary is a condition on single rows that one of those that make up a wanted row meets; Always where there is none.
func (f *fetch) necessary(p predicate.Predicate) predicate.Predicate {
	n := p.Node()
	switch n.Kind {
	case predicate.KindAnd:
		for _, k := range n.Kids {
			if c := f.necessary(k); !c.IsAlways() {
				return c
			}
		}
	case predicate.KindOr:
		kids := make([]predicate.Predicate, len(n.Kids))
		for i, k := range n.Kids {
			if kids[i] = f.necessary(k); kids[i].IsAlways() {
				return kids[i]
			}
		}
		return predicate.Or(kids...)
	case predicate.KindCompare, predicate.KindIn, predicate.KindNever:
		return p
	}
	return predicate.Always()
}

// keysOf asks each agency for the keys of its rows that meet a condition.
func (f *fetch) keysOf(ctx context.Context, condition predicate.Predicate) (*source.Keys, error) {
	key := f.step.Entity.Key[0]
	tables := make([]*privacy.Table, len(f.step.Parts))
	errs := make([]error, len(tables))
	inParallel(len(tables), func(i int) {
		p := &f.step.Parts[i]
		q := &source.Query{Relation: &p.Relation, Where: predicate.And(p.Where, f.within(p, condition)),
			Aggregate: &source.Aggregate{Group: []source.Group{{Field: key, As: keyColumn}}}}
		tables[i], errs[i] = f.askPart(ctx, p, q)
	})
	keys := &source.Keys{Field: key}
	seen := map[predicate.Value]bool{}
	for i, t := range tables {
		if errs[i] != nil { // one agency's silence would hide rows of the others
			return nil, errs[i]
		}
		c := t.Column(keyColumn)
		for row := range t.Rows {
			if v := constantOf(c, row); !c.IsNull(row) && !seen[v] {
				seen[v] = true
				keys.Values = append(keys.Values, v)
			}
		}
	}
	return keys, nil
}

// within is a condition without the fields that an agency lacks: none of its rows meets those.
func (f *fetch) within(p *plan.AuthorizedPart, c predicate.Predicate) predicate.Predicate {
	n := c.Node()
	switch n.Kind {
	case predicate.KindOr:
		kids := make([]predicate.Predicate, len(n.Kids))
		for i, k := range n.Kids {
			kids[i] = f.within(p, k)
		}
		return predicate.Or(kids...)
	case predicate.KindCompare, predicate.KindIn:
		field, _ := f.step.Field(n.Field)
		if field == nil {
			return predicate.Never()
		}
		if _, ok := p.Relation.Columns[field.Name]; !ok {
			return predicate.Never()
		}
	}
	return c
}
