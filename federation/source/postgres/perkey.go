package postgres

import (
	"context"
	"errors"
	"slices"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/federation/source/sql"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// atOnce is how many rows are read before a window is worth its price: sorting and numbering the rows of each key
// costs the server more than reading a few too many.
const atOnce = 1000

// perKey answers a query for the first rows of each key by reading every row of these keys and choosing here; false
// where there are more than atOnce, and the window has to choose.
func (s *Source) perKey(ctx context.Context, t *sql.Table, q *source.Query, others sql.Tables, run runner) (*privacy.Table, bool, error) {
	if q.Aggregate != nil || q.Keys == nil || !q.Keys.PerKey || q.Limit == 0 || len(q.Keys.Values) < 2 || q.MaxRows < atOnce {
		return nil, false, nil
	}
	flat := &source.Query{Relation: q.Relation, Where: q.Where, Related: q.Related, MaxRows: atOnce, Select: wanted(q),
		Keys: &source.Keys{Field: q.Keys.Field, Values: q.Keys.Values}}
	st, err := sql.Plan(dialect{}, t, flat, s.maxScan, others)
	if err != nil || st.Local {
		return nil, false, nil // the usual way says what is wrong
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
