package graphql

import (
	"fmt"
	"slices"
	"strings"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// batch bounds the representations of one document.
const batch = 1000

// entities is what an answer of _entities has to hold: at each place the entity with that key, or null (Apollo
// Federation subgraph specification, Query._entities).
type entities struct {
	typeName string
	column   int // of the key
	keys     []predicate.Value
}

// checkEntity reports a key that is no field, or of a kind without an exact equality in JSON.
func (t *Table) checkEntity(r *source.Relation) error {
	if t.Entity == nil {
		return nil
	}
	switch c, ok := r.Columns[t.Entity.Key]; {
	case !ok:
		return fmt.Errorf("%s: the entity's key %q is no field: %w", r.Type, t.Entity.Key, source.ErrInvalid)
	case c.Kind != privacy.String && c.Kind != privacy.Int && c.Kind != privacy.Date:
		return fmt.Errorf("%s.%s: a key of this kind cannot be sent: %w", r.Type, t.Entity.Key, source.ErrInvalid)
	}
	return nil
}

// entityDocuments asks for rows by their key; nil where the query does not say which keys, or one cannot be written.
func (t *Table) entityDocuments(q *source.Query) []*document {
	values := t.entityKeys(q)
	if values == nil {
		return nil
	}
	column := q.Relation.Columns[t.Entity.Key]
	texts := make([]string, len(values))
	for i, v := range values {
		text, ok := literal(column.Kind, v, false)
		if !ok {
			return nil
		}
		texts[i] = `{"__typename":` + string(appendString(nil, t.Entity.Type)) + `,"` + column.Physical + `":` + text + `}`
	}
	var all []*document
	for from := 0; from < len(values); from += batch {
		to := min(from+batch, len(values))
		all = append(all, &document{
			field: "_entities", keyed: q.Keys != nil && q.Keys.Field == t.Entity.Key,
			selection: "__typename ... on " + t.Entity.Type + " { " + selection(q) + " }",
			arguments: []argument{{"representations", "[_Any!]!", "[" + strings.Join(texts[from:to], ",") + "]"}},
			entities:  &entities{t.Entity.Type, slices.Index(q.Needed(), t.Entity.Key), values[from:to]},
		})
	}
	return all
}

// entityKeys is the distinct keys that every row of the answer has one of; nil where the query does not say.
func (t *Table) entityKeys(q *source.Query) []predicate.Value {
	if t.Entity == nil {
		return nil
	}
	if q.Keys != nil && q.Keys.Field == t.Entity.Key {
		return q.Keys.Values
	}
	for _, n := range terms(q.Where) {
		switch {
		case n.Field != t.Entity.Key:
		case n.Kind == predicate.KindIn:
			return distinct(n.Values)
		case n.Kind == predicate.KindCompare && n.Op == predicate.Eq:
			return []predicate.Value{n.Value}
		}
	}
	return nil
}

func distinct(values []predicate.Value) []predicate.Value {
	seen := make(map[predicate.Value]bool, len(values))
	var out []predicate.Value
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// isKey reports whether the last row read has the key at a place.
func (e *entities) isKey(rows *privacy.Table, place int) bool {
	c, row, key := rows.Columns[e.column], rows.Rows-1, e.keys[place]
	switch {
	case c.IsNull(row):
		return false
	case c.Kind.Text():
		return c.Text(row) == key.Text
	}
	return c.Int(row) == key.Int
}

func (e *entities) wrong(what string) error {
	return fmt.Errorf("%s: %s: %w", e.typeName, what, source.ErrInvalid)
}
