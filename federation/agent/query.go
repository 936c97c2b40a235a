package agent

import (
	"encoding/json"
	"fmt"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// wireQuery is a source.Query between the two ends. Tables and physical columns stay at the agency: the agent knows its
// own by the type's name.
type wireQuery struct {
	Type      string         `json:"type"`
	Select    []string       `json:"select,omitempty"`
	Where     wirePredicate  `json:"where"`
	Keys      *source.Keys   `json:"keys,omitempty"`
	Order     []source.Order `json:"order,omitempty"`
	Limit     int            `json:"limit,omitempty"`
	Aggregate *wireAggregate `json:"aggregate,omitempty"`
	MaxRows   int            `json:"maxRows"`
}

type wireAggregate struct {
	Group    []wireGroup      `json:"group,omitempty"`
	Measures []source.Measure `json:"measures,omitempty"`
}

type wireGroup struct {
	Field  string            `json:"field"`
	Grain  source.Grain      `json:"grain,omitempty"`
	Zone   string            `json:"zone,omitempty"`
	Prefix int               `json:"prefix,omitempty"`
	Edges  []predicate.Value `json:"edges,omitempty"`
	As     string            `json:"as"`
}

// wirePredicate is a predicate.Node; its zero value is Never, as a predicate's is.
type wirePredicate struct {
	Kind   predicate.Kind    `json:"kind,omitempty"`
	Kids   []wirePredicate   `json:"kids,omitempty"`
	Field  string            `json:"field,omitempty"`
	Op     predicate.Op      `json:"op,omitempty"`
	Value  predicate.Value   `json:"value,omitzero"`
	Values []predicate.Value `json:"values,omitempty"`
	Other  string            `json:"other,omitempty"`
}

// encodeQuery refuses what an agent's source is never asked: rows of other types.
func encodeQuery(q *source.Query) ([]byte, error) {
	w := wireQuery{Type: q.Relation.Type, Select: q.Select, Keys: q.Keys, Order: q.Order, Limit: q.Limit, MaxRows: q.MaxRows}
	var ok bool
	if w.Where, ok = encodePredicate(q.Where); !ok || len(q.Related) > 0 {
		return nil, fmt.Errorf("a query over related rows: %w", source.ErrInvalid)
	}
	if a := q.Aggregate; a != nil {
		w.Aggregate = &wireAggregate{Measures: a.Measures}
		for _, g := range a.Group {
			if g.Via != "" {
				return nil, fmt.Errorf("a group of related rows: %w", source.ErrInvalid)
			}
			w.Aggregate.Group = append(w.Aggregate.Group, wireGroup{g.Field, g.Grain, g.Zone, g.Prefix, g.Edges, g.As})
		}
	}
	return json.Marshal(w)
}

func encodePredicate(p predicate.Predicate) (wirePredicate, bool) {
	n := p.Node()
	w := wirePredicate{Kind: n.Kind, Field: n.Field, Op: n.Op, Value: n.Value, Values: n.Values, Other: n.Other}
	if n.Kind == predicate.KindExists {
		return w, false
	}
	for _, k := range n.Kids {
		kid, ok := encodePredicate(k)
		if !ok {
			return w, false
		}
		w.Kids = append(w.Kids, kid)
	}
	return w, true
}

// maxPredicateDepth keeps a hostile gateway from the agent's stack.
const maxPredicateDepth = 64

// decodeQuery makes a query over the agency's own relation. Whether it has a meaning there is for Query.Check.
func decodeQuery(text []byte, relations func(typeName string) *source.Relation) (*source.Query, error) {
	var w wireQuery
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, CodeMalformed.failure()
	}
	r := relations(w.Type)
	if r == nil {
		return nil, CodeData.failure()
	}
	where, ok := decodePredicate(&w.Where, 0)
	if !ok || len(w.Select) > 0 && w.Aggregate != nil {
		return nil, CodeMalformed.failure()
	}
	q := &source.Query{Relation: r, Select: w.Select, Where: where, Keys: w.Keys, Order: w.Order, Limit: w.Limit, MaxRows: w.MaxRows}
	if w.Aggregate != nil {
		q.Aggregate = &source.Aggregate{Measures: w.Aggregate.Measures}
		for _, g := range w.Aggregate.Group {
			q.Aggregate.Group = append(q.Aggregate.Group, source.Group{Field: g.Field, Grain: g.Grain, Zone: g.Zone, Prefix: g.Prefix, Edges: g.Edges, As: g.As})
		}
	}
	if q.MaxRows > maxFetchRows {
		return nil, CodeTooLarge.failure()
	}
	return q, nil
}

func decodePredicate(w *wirePredicate, depth int) (p predicate.Predicate, ok bool) {
	if depth > maxPredicateDepth {
		return p, false
	}
	kids := make([]predicate.Predicate, len(w.Kids))
	for i := range w.Kids {
		if kids[i], ok = decodePredicate(&w.Kids[i], depth+1); !ok {
			return p, false
		}
	}
	switch w.Kind {
	case predicate.KindNever:
		return predicate.Never(), true
	case predicate.KindAlways:
		return predicate.Always(), true
	case predicate.KindAnd:
		return predicate.And(kids...), true
	case predicate.KindOr:
		return predicate.Or(kids...), true
	case predicate.KindNot:
		if len(kids) == 1 {
			return predicate.Not(kids[0]), true
		}
	case predicate.KindCompare:
		return predicate.Compare(w.Field, w.Op, w.Value), true
	case predicate.KindIn:
		return predicate.In(w.Field, w.Values...), true
	case predicate.KindNull:
		return predicate.Null(w.Field), true
	case predicate.KindFields:
		return predicate.Fields(w.Field, w.Op, w.Other), true
	}
	return p, false
}

// shape is what an answer to q has to look like: names and kinds of its columns, in order.
func shape(q *source.Query) []privacy.Column {
	kind := func(field string) privacy.Kind { return q.Relation.Columns[field].Kind }
	coordinate := func(field string) privacy.Coordinate { return q.Relation.Columns[field].Coordinate }
	var out []privacy.Column
	if q.Aggregate == nil {
		for _, name := range q.Select {
			out = append(out, privacy.Column{Name: name, Kind: kind(name), Coordinate: coordinate(name)})
		}
		return out
	}
	for _, g := range q.Aggregate.Group {
		k := kind(g.Field)
		if len(g.Edges) > 0 {
			k = privacy.Int
		}
		out = append(out, privacy.Column{Name: g.As, Kind: k, Coordinate: coordinate(g.Field)})
	}
	for _, m := range q.Aggregate.Measures {
		k := kind(m.Field)
		switch m.Func {
		case source.CountRows, source.CountValues, source.CountDistinct:
			k = privacy.Int
		case source.Sum:
			if k == privacy.Int {
				k = privacy.BigInt
			}
		}
		out = append(out, privacy.Column{Name: m.As, Kind: k, Coordinate: coordinate(m.Field)})
	}
	return out
}
