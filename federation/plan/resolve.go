package plan

import (
	"maps"
	"slices"
	"strconv"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy/predicate"
)

// Resolver says how the relations in a filter are looked up: in the statement itself where the related rows lie in the
// same source and it can look for them, else by the keys of the related rows, fetched before.
type Resolver struct {
	// Relation is a part's relation with the step's derived columns.
	Relation func(s *AuthorizedStep, p *AuthorizedPart) (*source.Relation, error)
	// Relates reports whether the source of p answers q with its related rows.
	Relates func(p *AuthorizedPart, q *source.Query) bool
	// Keys fetches the distinct keys of one agency's related rows. s is the relation's step, resolved itself.
	Keys func(r *AuthorizedRelation, s *AuthorizedStep, p *AuthorizedPart) ([]predicate.Value, error)
	// Each calls do for 0..n-1, perhaps side by side.
	Each func(n int, do func(i int))
}

// Resolve is s with every mark in its parts' filters replaced: s itself where there are none.
func (x Resolver) Resolve(s *AuthorizedStep) (*AuthorizedStep, error) {
	if len(s.Relations) == 0 {
		return s, nil
	}
	r := resolution{Resolver: x, step: s, targets: make([]*AuthorizedStep, len(s.Relations)), keys: map[lookup][]predicate.Value{}}
	if err := r.inner(); err != nil {
		return nil, err
	}
	if s.fused {
		return r.fused()
	}
	for out := *s; ; {
		out.Parts = slices.Clone(s.Parts)
		missing := r.place(out.Parts)
		if len(missing) == 0 {
			return &out, nil
		}
		if err := r.fetch(missing); err != nil { // once more with them: what a source answers may hang on the keys
			return nil, err
		}
	}
}

// resolution is one step on its way.
type resolution struct {
	Resolver
	step    *AuthorizedStep
	targets []*AuthorizedStep // of each relation, resolved
	keys    map[lookup][]predicate.Value
}

// lookup is the related rows that one agency holds: indices of the relation and of its part.
type lookup struct{ relation, part int }

// fused is the step with the marks of its own filter replaced: that is over rows which no source holds as they are.
func (r *resolution) fused() (*AuthorizedStep, error) {
	all := AuthorizedPart{Part: &compose.Part{Relation: source.Relation{Columns: map[string]source.Column{}}}, Where: r.step.Where}
	for i := range r.step.Parts {
		maps.Copy(all.Relation.Columns, r.step.Parts[i].Relation.Columns)
	}
	if err := r.fetch(r.absent(&all, false)); err != nil {
		return nil, err
	}
	out := *r.step
	out.Where = r.part(&all, false, nil).Where
	return &out, nil
}

func (r *resolution) inner() error {
	errs := make([]error, len(r.targets))
	r.Each(len(errs), func(i int) { r.targets[i], errs[i] = r.Resolve(r.step.Relations[i].Step) })
	return first(errs)
}

func (r *resolution) fetch(missing []lookup) error {
	sets, errs := make([][]predicate.Value, len(missing)), make([]error, len(missing))
	r.Each(len(missing), func(i int) {
		target := r.targets[missing[i].relation]
		sets[i], errs[i] = r.Keys(&r.step.Relations[missing[i].relation], target, &target.Parts[missing[i].part])
	})
	for i, l := range missing {
		r.keys[l] = sets[i]
	}
	return first(errs)
}

func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// place replaces the marks of each part, and lists the keys that are not there yet. A part whose source does not answer
// with its related rows has keys for all of them.
func (r *resolution) place(parts []AuthorizedPart) (missing []lookup) {
	for i := range parts {
		p := parts[i]
		local := r.part(&p, true, nil)
		if len(local.Related) > 0 && r.relates(&local) {
			missing = append(missing, r.absent(&p, true)...)
			parts[i] = local
			continue
		}
		missing = append(missing, r.absent(&p, false)...)
		parts[i] = r.part(&p, false, nil)
	}
	slices.SortFunc(missing, func(a, b lookup) int { return (a.relation-b.relation)*1000 + a.part - b.part })
	return slices.Compact(missing)
}

func (r *resolution) relates(p *AuthorizedPart) bool {
	relation, err := r.Relation(r.step, p)
	return err == nil && r.Relates(p, &source.Query{Relation: relation, Where: p.Where, Related: p.Related, MaxRows: 1})
}

// absent lists the keys that a part needs and that were not fetched.
func (r *resolution) absent(p *AuthorizedPart, local bool) []lookup {
	var out []lookup
	r.part(p, local, func(l lookup) {
		if _, ok := r.keys[l]; !ok {
			out = append(out, l)
		}
	})
	return out
}

// part is p with its marks replaced; needs hears of each set of keys in it.
func (r *resolution) part(p *AuthorizedPart, local bool, needs func(lookup)) AuthorizedPart {
	out := *p
	out.Related = nil
	out.Where = replaceMarks(p.Where, func(mark string) predicate.Predicate {
		at := slices.IndexFunc(r.step.Relations, func(rel AuthorizedRelation) bool { return rel.Mark == mark })
		if at < 0 {
			return predicate.Compare(mark, predicate.Eq, predicate.Bool(true)) // fail closed: no source knows it
		}
		return r.held(&out, at, local, needs)
	})
	return out
}

// held is that a row of p has a related row, with any agency that holds them. Where some of them lie elsewhere their keys
// are needed, and all are looked up so: a source searches by one set of keys, and not by one set or another search.
func (r *resolution) held(p *AuthorizedPart, at int, local bool, needs func(lookup)) predicate.Predicate {
	rel, target := &r.step.Relations[at], r.targets[at]
	if _, ok := p.Relation.Columns[rel.From]; !ok { // rows of this agency relate to nothing
		return predicate.Never()
	}
	var any []predicate.Predicate
	var keys []predicate.Value
	for i := range target.Parts {
		t := &target.Parts[i]
		if _, ok := t.Relation.Columns[rel.To]; !ok && !target.fused {
			continue // nothing relates to rows of that one
		}
		if local && target.only(p.Source) {
			if related, name := r.related(rel, target, t, i); related != nil {
				if p.Related == nil {
					p.Related = map[string]*source.Related{}
				}
				p.Related[name] = related
				any = append(any, predicate.Exists(name, t.Where))
				continue
			}
		}
		l := lookup{at, i}
		if needs != nil {
			needs(l)
		}
		keys = union(keys, r.keys[l])
	}
	return predicate.Or(append(any, predicate.In(rel.From, keys...))...)
}

// union is the distinct keys of two sets; the first is made anew where both hold some.
func union(a, b []predicate.Value) []predicate.Value {
	if len(a) == 0 {
		return b
	}
	seen := make(map[predicate.Value]bool, len(a))
	for _, v := range a {
		seen[v] = true
	}
	out := slices.Clone(a)
	for _, v := range b {
		if !seen[v] {
			out = append(out, v)
		}
	}
	return out
}

// only reports whether all rows of a step lie in one source.
func (s *AuthorizedStep) only(name string) bool {
	return !slices.ContainsFunc(s.Parts, func(p AuthorizedPart) bool { return p.Source != name })
}

// related is one agency's related rows, as its source is asked about them.
func (r *resolution) related(rel *AuthorizedRelation, target *AuthorizedStep, t *AuthorizedPart, at int) (*source.Related, string) {
	relation, err := r.Relation(target, t)
	if err != nil {
		return nil, "" // the fetch of its keys says why
	}
	return &source.Related{Relation: relation, From: rel.From, To: rel.To, Related: t.Related}, rel.Mark + ":" + strconv.Itoa(at)
}

// replaceMarks rebuilds a predicate with its marks replaced.
func replaceMarks(p predicate.Predicate, by func(mark string) predicate.Predicate) predicate.Predicate {
	n := p.Node()
	switch {
	case n.Kind == predicate.KindCompare && IsMark(n.Field):
		return by(n.Field)
	case n.Kind == predicate.KindAnd, n.Kind == predicate.KindOr, n.Kind == predicate.KindNot:
		kids := make([]predicate.Predicate, len(n.Kids))
		for i, k := range n.Kids {
			kids[i] = replaceMarks(k, by)
		}
		switch n.Kind {
		case predicate.KindAnd:
			return predicate.And(kids...)
		case predicate.KindOr:
			return predicate.Or(kids...)
		}
		return predicate.Not(kids[0])
	}
	return p
}
