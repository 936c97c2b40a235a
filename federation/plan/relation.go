package plan

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/predicate"
)

// Bounds of the relations in one filter: each is a fetch of its own.
const (
	maxRelations     = 8
	maxRelationDepth = 4
)

// relation is one condition on related rows: it stands for the rows whose From is among the keys (To) of the related
// rows that meet a filter. In the predicate of its step it is a mark that execution replaces by those keys.
type relation struct {
	mark   string
	join   *compose.Field
	target *compose.Entity
	Arguments
}

// relationMark begins the names of marks. No relation of a source has such a column, so that a mark that nobody
// replaces is refused there.
const relationMark = "#relation:"

func (r *relation) holds() predicate.Predicate {
	return predicate.Compare(r.mark, predicate.Eq, predicate.Bool(true))
}

// relation reads {some: {...}, every: {...}, none: {...}}.
func (w *whereReader) relation(name string, join *compose.Field, v any) (predicate.Predicate, error) {
	quantified, ok := v.(map[string]any)
	if !ok {
		return predicate.Never(), w.fail("the filter on " + name + " is no object")
	}
	var all []predicate.Predicate
	for _, quantifier := range slices.Sorted(maps.Keys(quantified)) {
		if quantified[quantifier] == nil {
			continue
		}
		p, err := w.quantified(name, join, quantifier, quantified[quantifier])
		if err != nil {
			return predicate.Never(), err
		}
		all = append(all, p)
	}
	return predicate.And(all...), nil
}

func (w *whereReader) quantified(name string, join *compose.Field, quantifier string, v any) (predicate.Predicate, error) {
	filter, ok := v.(map[string]any)
	if !ok {
		return predicate.Never(), w.fail(quantifier + " on " + name + " takes a filter")
	}
	if w.depth >= maxRelationDepth {
		return predicate.Never(), w.fail("the filter follows too many relations, one after the other")
	}
	r := &relation{join: join, target: w.entities[join.Join.Target]}
	inner := whereReader{entity: r.target, path: w.path, entities: w.entities, depth: w.depth + 1, terms: w.terms}
	p, err := inner.object(filter, 0)
	if err != nil {
		return predicate.Never(), err
	}
	if quantifier == "every" { // none of them fails it
		p = predicate.Not(p)
	}
	w.terms = inner.terms
	r.Where, r.filters, r.relations = p, inner.fields, inner.relations
	r.mark = relationMark + strconv.Itoa(len(w.relations))
	w.relations = append(w.relations, r)
	if countRelations(w.relations) > maxRelations {
		return predicate.Never(), w.fail("the filter follows too many relations")
	}
	if quantifier == "some" {
		return r.holds(), nil
	}
	return predicate.Not(r.holds()), nil
}

func countRelations(list []*relation) int {
	n := len(list)
	for _, r := range list {
		n += countRelations(r.relations)
	}
	return n
}

// related lists what relations in filters of an entity read.
func (b *Bound) related(from *compose.Entity, list []*relation) {
	for _, r := range list {
		for _, part := range r.target.Parts {
			b.Request.Types = append(b.Request.Types, policy.TypeKey{Agency: part.Agency, Type: r.target.Name})
		}
		b.read(r.join)
		for _, name := range fusion(r.target, r.filters) {
			b.read(r.target.Members[name].Field)
		}
		b.Coordinates = append(b.Coordinates, from.Members[r.join.Join.From].Field.Coordinate, r.target.Members[r.join.Join.To].Field.Coordinate)
		b.related(r.target, r.relations)
	}
}

// AuthorizedRelation is the related rows that a filter reads: the keys of those that its step allows and the filter
// wants.
type AuthorizedRelation struct {
	Mark     string // the field of the predicate that stands for it
	From, To string // a row meets it where its From is the To of a related row
	Step     *AuthorizedStep
	from     string // the type that From is a field of
}

// RelatedColumn is the column of a relation's keys.
const RelatedColumn = "#related"

// Keys asks for the distinct keys of one agency's related rows.
func (r *AuthorizedRelation) Keys(p *AuthorizedPart) *source.Query {
	return &source.Query{Relation: &p.Relation, Where: p.Where, Related: p.Related, Aggregate: &source.Aggregate{
		Group: []source.Group{{Field: r.To, As: RelatedColumn}}}}
}

// relations authorizes the relations in a step's filter: false where following one is denied, by any agency that
// decides the join, or where no related row may be seen. What is seen of their rows counts, as it does in a list.
func (r *restriction) relations(out *AuthorizedStep) (bool, error) {
	for _, rel := range out.relations {
		step, err := r.relation(out, rel)
		if err != nil || step == nil {
			return false, err
		}
		out.Relations = append(out.Relations, AuthorizedRelation{Mark: rel.mark, From: rel.join.Join.From, To: rel.join.Join.To, Step: step, from: out.Entity.Name})
	}
	return true, nil
}

func (r *restriction) relation(outer *AuthorizedStep, rel *relation) (*AuthorizedStep, error) {
	for _, agency := range rel.join.Agencies {
		if r.ruling(agency, rel.join.Coordinate).Effect != policy.Allow {
			r.deny(outer.Errors, rel.join.Coordinate)
			return nil, nil
		}
	}
	out := &AuthorizedStep{Arguments: rel.Arguments, Step: &Step{ID: outer.ID, Kind: Related, Entity: rel.target, Path: outer.Path, Errors: outer.Errors}}
	active := r.active(rel.target)
	if len(active) == 0 {
		r.deny(outer.Errors, rel.join.Coordinate)
		return nil, nil
	}
	out.fused = rel.target.Fusion != nil && len(active) > 1
	permitted, err := r.callerUses(out, active)
	if err != nil || !permitted {
		return nil, err
	}
	for _, part := range active {
		out.Parts = append(out.Parts, r.part(out, part))
	}
	return out, nil
}

// IsMark reports whether a predicate's field stands for related rows.
func IsMark(field string) bool { return strings.HasPrefix(field, relationMark) }
