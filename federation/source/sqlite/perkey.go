package sqlite

import (
	"context"
	"errors"
	"slices"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// atOnce is how many rows are read before a window is worth its price: sorting and numbering the rows of each key
// costs SQLite more than reading a few too many.
const atOnce = 1000

// perKey answers a query for the first rows of each key by reading every row of these keys and choosing here; false
// where there are more than atOnce, and the window has to choose.
func (s *Source) perKey(ctx context.Context, t *table, q *source.Query, others tables, run runner) (*privacy.Table, bool, error) {
	if !windowed(q) || q.MaxRows < atOnce || !capabilityOf(t, q, others).query(q) {
		return nil, false, nil
	}
	flat := &source.Query{Relation: q.Relation, Where: q.Where, Related: q.Related, MaxRows: atOnce, Select: wanted(q),
		Keys: &source.Keys{Field: q.Keys.Field, Values: q.Keys.Values}}
	st, err := s.statement(t, flat, others)
	if err != nil {
		return nil, false, err
	}
	rows, err := run(ctx, st)
	if errors.Is(err, source.ErrTooLarge) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	chosen := *q
	chosen.Where = predicate.Always() // holds for each of them
	answer, err := eval.Run(rows, &chosen)
	return answer, true, err
}

// windowed reports whether a query is for the first rows of each of several keys.
func windowed(q *source.Query) bool {
	return q.Keys != nil && q.Keys.PerKey && q.Limit > 0 && len(q.Keys.Values) > 1
}

// wanted is what choosing needs besides what is selected: the key and the order's fields.
func wanted(q *source.Query) []string {
	fields := slices.Clone(q.Select)
	add := func(name string) {
		if !slices.Contains(fields, name) {
			fields = append(fields, name)
		}
	}
	add(q.Keys.Field)
	for _, o := range q.Order {
		add(o.Field)
	}
	return fields
}
