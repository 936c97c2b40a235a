package source

import (
	"slices"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// Batches is q as several queries of at most so many keys each, whose answers one below the other are q's. nil: q is asked
// as it is, because it has no more keys, or because its rows are ordered, cut or grouped over all of them.
func (q *Query) Batches(most int) []*Query {
	if q == nil || q.Relation == nil || q.Keys == nil || most <= 0 || len(q.Keys.Values) <= most || !q.byKey() {
		return nil
	}
	values, ok := q.distinctKeys()
	if !ok {
		return nil
	}
	var out []*Query
	for batch := range slices.Chunk(values, most) {
		keys := *q.Keys
		keys.Values = batch
		part := *q
		part.Keys = &keys
		out = append(out, &part)
	}
	return out
}

// distinctKeys are the keys once each; false where two of them might be equal and not alike, as 1 and 1.0 are: in two
// statements, a row of theirs would come twice.
func (q *Query) distinctKeys() ([]predicate.Value, bool) {
	switch q.Relation.Columns[q.Keys.Field].Kind {
	case privacy.Bool, privacy.Int, privacy.BigInt, privacy.String, privacy.Date, privacy.Time:
	default:
		return nil, false
	}
	seen := make(map[predicate.Value]bool, len(q.Keys.Values))
	distinct := make([]predicate.Value, 0, len(q.Keys.Values))
	for _, v := range q.Keys.Values {
		if v.Kind != q.Keys.Values[0].Kind {
			return nil, false
		}
		if !seen[v] {
			seen[v] = true
			distinct = append(distinct, v)
		}
	}
	return distinct, true
}

// byKey reports whether the answer for each key hangs on that key's rows alone.
func (q *Query) byKey() bool {
	if q.Aggregate == nil {
		return q.Keys.PerKey && q.Limit > 0 || q.Limit == 0 && len(q.Order) == 0
	}
	return slices.ContainsFunc(q.Aggregate.Group, func(g Group) bool {
		return g.Field == q.Keys.Field && g.Via == "" && g.Grain == NoGrain && g.Prefix == 0 && g.Edges == nil
	})
}
