package plan

import (
	"slices"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/predicate"
)

// Fused reports whether the rows of this step are made of those of several agencies, one for each key. What the caller
// wrote then holds of the fused rows: of an agency's own only what reads nothing but the key, in which they agree.
func (s *AuthorizedStep) Fused() bool { return s.fused }

// conflicts plans what a fused row says of the agencies' differences.
func (b *builder) conflicts(s *Step, f *collected) *Node {
	s.Conflicts = true
	return node(&Node{Key: f.Alias, Kind: NodeConflicts, Kids: b.conflictFields("FusedConflict", f.asList())})
}

var conflictKinds = map[string]NodeKind{"field": NodeConflictField, "values": NodeConflictValues, "source": NodeConflictSource, "value": NodeConflictValue}

func (b *builder) conflictFields(on string, f *collected) []*Node {
	var kids []*Node
	for _, sub := range b.collect.sub(on, f) {
		k := &Node{Key: sub.Alias, Kind: conflictKinds[sub.Name]}
		switch sub.Name {
		case "__typename":
			k.Kind, k.Name = NodeTypename, on
		case "values":
			k.Kids = b.conflictFields("FusedValue", sub)
		}
		kids = append(kids, node(k))
	}
	return kids
}

// fusion adds the fields that the rules of the given ones read.
func fusion(e *compose.Entity, names []string) []string {
	if e.Fusion == nil {
		return names
	}
	for _, name := range slices.Clone(names) {
		if f := e.Members[name].Field; f != nil && f.Survivorship != nil {
			names = append(names, f.Survivorship.By...)
		}
	}
	return names
}

// usable lists the fields of an agency's rows that a rule may read: those that the subject sees as they are. A rule that
// reads what is hidden would say something about it.
func (r *restriction) usable(e *compose.Entity, part *compose.Part) []string {
	var out []string
	for _, f := range e.Fields {
		if f.Survivorship == nil {
			continue
		}
		for _, by := range f.Survivorship.By {
			if has(part, by) && r.ruling(part.Agency, e.Members[by].Field.Coordinate).Effect == policy.Allow {
				out = appendNew(out, by)
			}
		}
	}
	return out
}

func has(p *compose.Part, field string) bool {
	_, ok := p.Relation.Columns[field]
	return ok
}

// having is the parts that have a column.
func having(parts []*compose.Part, field string) []*compose.Part {
	return slices.DeleteFunc(slices.Clone(parts), func(p *compose.Part) bool { return !has(p, field) })
}

// keyTerms is what of a filter reads nothing but the key: the terms that hold of each agency's rows where they hold of
// the fused one.
func keyTerms(e *compose.Entity, p predicate.Predicate) predicate.Predicate {
	var kept []predicate.Predicate
	for _, t := range terms(p) {
		if readsOnly(t, e.Key) {
			kept = append(kept, t)
		}
	}
	return predicate.And(kept...)
}

func terms(p predicate.Predicate) []predicate.Predicate {
	if n := p.Node(); n.Kind == predicate.KindAnd {
		return n.Kids
	}
	return []predicate.Predicate{p}
}

func readsOnly(p predicate.Predicate, names []string) bool {
	only := true
	p.Names(func(f string) { only = only && slices.Contains(names, f) })
	return only
}

// Pushed reports whether each agency can order and cut its rows itself: the order is by the key, and so is the filter.
func (s *AuthorizedStep) Pushed() bool {
	return s.Kind == List && s.Parent == nil && readsOnly(s.Where, s.Entity.Key) &&
		!slices.ContainsFunc(s.Order, func(o source.Order) bool { return !slices.Contains(s.Entity.Key, o.Field) })
}

// Reads lists what a list of fused rows is filtered and ordered by, beside what a query over it reads.
func (s *AuthorizedStep) Reads() []string {
	var names []string
	s.Where.Names(func(f string) {
		if !IsMark(f) {
			names = appendNew(names, f)
		}
	})
	for i := range s.Relations {
		names = appendNew(names, s.Relations[i].From)
	}
	for _, o := range s.Order {
		names = appendNew(names, o.Field)
	}
	return names
}

// Share asks one agency for its share of fused rows: the given columns as far as it has them, its key, and what the rules
// read.
func (s *AuthorizedStep) Share(p *AuthorizedPart, names []string) *source.Query {
	q := &source.Query{Relation: &p.Relation, Where: p.Where, Select: slices.Clone(s.Entity.Key)}
	for _, name := range names {
		f, _ := s.Field(name)
		if f == nil || !has(p.Part, f.Name) {
			continue
		}
		q.Select = appendNew(q.Select, name)
		for _, by := range f.Survivorship.By {
			if slices.Contains(p.Usable, by) {
				q.Select = appendNew(q.Select, by)
			}
		}
	}
	if s.Pushed() {
		q.Order, q.Limit = s.Ordered(), s.Size+1
	}
	return q
}

// Ordered is the order to fetch in: reversed for a page that is counted from the end.
func (s *AuthorizedStep) Ordered() []source.Order { return s.order() }
