// Package memory answers queries from tables in memory, loaded from CSV.
//
//	rows, err := memory.Load(file, relation)
//	s := memory.New(map[string]*privacy.Table{relation.Type: rows})
//
// Everything is done by package eval, so a query costs a pass over its table. Tables do not change after New.
package memory

import (
	"context"
	"fmt"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/privacy"
)

// Source holds tables by the type of their relation.
type Source struct{ tables map[string]*privacy.Table }

// New is a source of the given tables, whose columns are named as the fields of the type.
func New(tables map[string]*privacy.Table) *Source { return &Source{tables} }

// Fetch implements source.Source.
func (s *Source) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, source.Ended(err)
	}
	t, ok := s.tables[q.Relation.Type]
	if !ok {
		return nil, fmt.Errorf("no table of %s: %w", q.Relation.Type, source.ErrInvalid)
	}
	return eval.Run(t, q)
}

// Estimate implements source.Estimator: the rows of the table, all of which a query passes over.
func (s *Source) Estimate(_ context.Context, q *source.Query) (int64, bool) {
	t, ok := s.tables[q.Relation.Type]
	if !ok {
		return 0, false
	}
	return int64(t.Rows), true
}

// Explain implements source.Explainer.
func (s *Source) Explain(q *source.Query) source.Explanation {
	e := source.Explanation{
		Statement: "pass over " + q.Relation.Table + " in memory",
		Pushed:    []string{"projection", "filter"},
	}
	note := func(on bool, what string) {
		if on {
			e.Pushed = append(e.Pushed, what)
		}
	}
	note(q.Keys != nil, "keys")
	note(len(q.Order) > 0, "order")
	note(q.Limit > 0, "limit")
	note(q.Aggregate != nil, "aggregate")
	return e
}
