package execute

import (
	"context"
	"slices"

	"concordat/federation/plan"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// related is s with the relations in its filter replaced by the keys of the related rows: s itself where there are
// none. The keys are bounded like the rows of any fetch. One agency's failure fails the whole: without its rows, a
// filter would be another one.
func (r *run) related(ctx context.Context, s *plan.AuthorizedStep) (*plan.AuthorizedStep, error) {
	if len(s.Relations) == 0 {
		return s, nil
	}
	sets := make([][]predicate.Value, len(s.Relations))
	errs := make([]error, len(sets))
	inParallel(len(sets), func(i int) { sets[i], errs[i] = r.relatedKeys(ctx, &s.Relations[i]) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	resolved := *s
	resolved.Parts = slices.Clone(s.Parts)
	for i := range resolved.Parts {
		p := &resolved.Parts[i]
		p.Where = replaceMarks(p.Where, func(mark string) predicate.Predicate {
			at := slices.IndexFunc(s.Relations, func(rel plan.AuthorizedRelation) bool { return rel.Mark == mark })
			if at < 0 {
				return predicate.Compare(mark, predicate.Eq, predicate.Bool(true)) // fail closed: no source knows it
			}
			if _, ok := p.Relation.Columns[s.Relations[at].From]; !ok { // rows of this agency relate to nothing
				return predicate.Never()
			}
			return predicate.In(s.Relations[at].From, sets[at]...)
		})
	}
	return &resolved, nil
}

// relatedKeys is the distinct keys of the rows that a relation leads to, over all agencies that hold them.
func (r *run) relatedKeys(ctx context.Context, rel *plan.AuthorizedRelation) ([]predicate.Value, error) {
	step, err := r.related(ctx, rel.Step)
	if err != nil {
		return nil, err
	}
	f := &fetch{run: r, step: step}
	tables := make([]*privacy.Table, len(step.Parts))
	errs := make([]error, len(tables))
	inParallel(len(tables), func(i int) { tables[i], errs[i] = f.ask(ctx, &step.Parts[i], rel.Keys(&step.Parts[i])) })
	seen := map[predicate.Value]bool{}
	var distinct []predicate.Value
	for i, t := range tables {
		if errs[i] != nil {
			return nil, errs[i]
		}
		for row := range t.Rows {
			c := t.Column(plan.RelatedColumn)
			if v := constantOf(c, row); !c.IsNull(row) && !seen[v] {
				seen[v] = true
				distinct = append(distinct, v)
			}
		}
	}
	return distinct, nil
}

// replaceMarks rebuilds a predicate with its marks replaced.
func replaceMarks(p predicate.Predicate, by func(mark string) predicate.Predicate) predicate.Predicate {
	n := p.Node()
	switch {
	case n.Kind == predicate.KindCompare && plan.IsMark(n.Field):
		return by(n.Field)
	case n.Kind == predicate.KindAnd, n.Kind == predicate.KindOr, n.Kind == predicate.KindNot:
		kids := make([]predicate.Predicate, len(n.Kids))
		for i, k := range n.Kids {
			kids[i] = replaceMarks(k, by)
		}
		switch n.Kind {
		case predicate.KindAnd:
			return predicate.And(kids...)
		case predicate.KindOr:
			return predicate.Or(kids...)
		}
		return predicate.Not(kids[0])
	}
	return p
}
