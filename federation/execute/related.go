package execute

import (
	"context"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/policy/predicate"
)

// related is s with the relations in its filter resolved: s itself where there are none. Related rows in the same source
// are looked for there; of others the keys are fetched, bounded like the rows of any fetch. One agency's failure fails
// the whole: without its rows, a filter would be another one.
func (r *run) related(ctx context.Context, s *plan.AuthorizedStep) (*plan.AuthorizedStep, error) {
	if len(s.Relations) == 0 {
		return s, nil
	}
	return plan.Resolver{
		Relation: func(s *plan.AuthorizedStep, p *plan.AuthorizedPart) (*source.Relation, error) {
			return (&fetch{run: r, step: s}).relation(p)
		},
		Relates: func(p *plan.AuthorizedPart, q *source.Query) bool {
			src, ok := r.executor.Sources[p.Source] // what it can do does not hang on its state
			return ok && checked{src}.Relates(q)
		},
		Keys: func(rel *plan.AuthorizedRelation, s *plan.AuthorizedStep, p *plan.AuthorizedPart) ([]predicate.Value, error) {
			return r.relatedKeys(ctx, rel, s, p)
		},
		Each: inParallel,
	}.Resolve(s)
}

// relatedKeys is the distinct keys of the rows of one agency that a relation leads to.
func (r *run) relatedKeys(ctx context.Context, rel *plan.AuthorizedRelation, s *plan.AuthorizedStep, p *plan.AuthorizedPart) ([]predicate.Value, error) {
	t, err := (&fetch{run: r, step: s}).ask(ctx, p, rel.Keys(p))
	if err != nil {
		return nil, err
	}
	c := t.Column(plan.RelatedColumn)
	keys := make([]predicate.Value, 0, t.Rows)
	seen := make(map[predicate.Value]bool, t.Rows)
	for row := range t.Rows {
		if v := constantOf(c, row); !c.IsNull(row) && !seen[v] {
			seen[v] = true
			keys = append(keys, v)
		}
	}
	return keys, nil
}
