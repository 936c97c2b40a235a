package sqlite

import (
	"context"
	"errors"
	"slices"

	"concordat/federation/source"
	"concordat/privacy"
)

// atOnce is how many rows are read before a window is worth its price: numbering the rows of each key costs SQLite
// more than reading a few too many.
const atOnce = 1000

// perKey answers a query for the first rows of each key by reading every row of these keys and keeping the first
// ones; false where there are more than atOnce, and the window has to choose.
func (s *Source) perKey(ctx context.Context, t *table, q *source.Query) (*privacy.Table, bool, error) {
	if !windowed(q) || q.MaxRows < atOnce || !(capability{q.Relation}).query(q) {
		return nil, false, nil
	}
	// Without the key in the answer, or with a key that has no exact equality, only the window knows which row is whose.
	if !slices.Contains(q.Select, q.Keys.Field) || q.Relation.Columns[q.Keys.Field].Kind == privacy.Float {
		return nil, false, nil
	}
	flat := *q
	flat.Keys = &source.Keys{Field: q.Keys.Field, Values: q.Keys.Values}
	flat.Limit, flat.MaxRows = 0, atOnce
	st, err := s.statement(t, &flat)
	if err != nil {
		return nil, false, err
	}
	rows, err := s.run(ctx, st)
	if errors.Is(err, source.ErrTooLarge) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return firstOfEach(rows, rows.Column(q.Keys.Field), q.Limit), true, nil
}

// windowed reports whether a query is for the first rows of each of several keys.
func windowed(q *source.Query) bool {
	return q.Keys != nil && q.Keys.PerKey && q.Limit > 0 && len(q.Keys.Values) > 1
}

// firstOfEach keeps the first n rows of each key.
func firstOfEach(t *privacy.Table, key *privacy.Column, n int) *privacy.Table {
	if t.Rows <= n {
		return t
	}
	texts, numbers := map[string]int{}, map[int64]int{}
	kept := make([]int32, 0, t.Rows)
	for row := range t.Rows {
		var seen int
		switch {
		case key.Kind.Text():
			texts[key.Text(row)]++
			seen = texts[key.Text(row)]
		default:
			numbers[key.Int(row)]++
			seen = numbers[key.Int(row)]
		}
		if seen <= n {
			kept = append(kept, int32(row))
		}
	}
	if len(kept) == t.Rows {
		return t
	}
	return t.Gather(kept)
}
