package plan

import (
	"reflect"
	"slices"
	"strings"

	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Shared is steps that become ready together and ask the same agencies for rows of the same entity in the same way: one
// statement of each agency fetches for all of them, and each takes its own rows and columns.
type Shared struct {
	Steps []*AuthorizedStep // in order of ID, at least two
	// Parts are those of the first step with the columns of all. Where is that of each; of roots by key, without the key.
	Parts []AuthorizedPart
	// Key is the field by which each step knows its rows; "" where they are all of them: of lists at the root.
	Key string
}

// Leads reports whether s is the step that a shared statement is listed with.
func (x *Shared) Leads(s *AuthorizedStep) bool { return x.Steps[0].ID == s.ID }

// Along is a step whose rows the statement of another one fetches.
type Along struct {
	Step int    `json:"step"`
	Path string `json:"path"`
	Join string `json:"join,omitempty"`
}

// along lists the other steps that the statement of p is for; nil where p is a step's own.
func (x *Shared) along(p *AuthorizedPart) []Along {
	if x == nil || !x.has(p) {
		return nil
	}
	others := make([]Along, 0, len(x.Steps)-1)
	for _, s := range x.Steps[1:] {
		a := Along{Step: s.ID, Path: strings.Join(s.Path, ".")}
		if s.Parent != nil {
			a.Join = joinText(s.Parent.Entity, s.Join, s.Entity)
		}
		others = append(others, a)
	}
	return others
}

func (x *Shared) has(p *AuthorizedPart) bool {
	for i := range x.Parts {
		if &x.Parts[i] == p {
			return true
		}
	}
	return false
}

// siblings is what steps that may share a statement have in common before their arguments are known.
type siblings struct {
	parent *Step
	kind   Kind
	entity string
	to     string // the field that they are joined by; "" at the root
}

// alike lists the steps of each such group that has more than one.
func alike(steps []*Step) [][]*Step {
	var out [][]*Step
	at := map[siblings]int{}
	for _, s := range steps {
		if s.Kind != ByKey && s.Kind != List || s.Abstract != nil {
			continue
		}
		k := siblings{parent: s.Parent, kind: s.Kind, entity: s.Entity.Name}
		if s.Join != nil {
			k.to = s.Join.Join.To
		}
		n, ok := at[k]
		if !ok {
			n = len(out)
			at[k], out = n, append(out, nil)
		}
		out[n] = append(out[n], s)
	}
	return slices.DeleteFunc(out, func(group []*Step) bool { return len(group) < 2 })
}

// share finds the steps that share a statement. It runs once all that they fetch is known.
func (r *restriction) share() {
	for _, group := range r.bound.Plan.alike {
		var sets [][]*AuthorizedStep
		for _, s := range group {
			sets = r.place(sets, &r.out.steps[s.ID])
		}
		for _, set := range sets {
			if len(set) > 1 {
				r.join(set)
			}
		}
	}
}

// place adds a step to the first set with all of whose steps it may share.
func (r *restriction) place(sets [][]*AuthorizedStep, s *AuthorizedStep) [][]*AuthorizedStep {
	if s.Denied || s.fused || len(s.Relations) > 0 {
		return sets
	}
	for i, set := range sets {
		if !slices.ContainsFunc(set, func(o *AuthorizedStep) bool { return !r.sharable(o, s) }) {
			sets[i] = append(set, s)
			return sets
		}
	}
	return append(sets, []*AuthorizedStep{s})
}

// sharable reports whether one statement may fetch for both steps: what is asked is the same, and so is what is allowed.
func (r *restriction) sharable(a, b *AuthorizedStep) bool {
	return samePages(a, b) && slices.Equal(a.Derived, b.Derived) && len(a.Parts) == len(b.Parts) && r.sameRulings(a, b)
}

// sameRulings reports whether both steps read the same agencies' rows under the same rules, and neither would be fetched
// a column that only the other may see.
func (r *restriction) sameRulings(a, b *AuthorizedStep) bool {
	for i := range a.Parts {
		p, o := &a.Parts[i], &b.Parts[i]
		if p.Part != o.Part || !sameRows(a, b, p, o) || !sameOutputs(p, o) || !r.mayFetch(p, o) || !r.mayFetch(o, p) {
			return false
		}
	}
	return true
}

// samePages compares what lists are cut by; a cursor is good for the list that it is bound to.
func samePages(a, b *AuthorizedStep) bool {
	if a.Kind != List {
		return true
	}
	return a.Size == b.Size && a.Backward == b.Backward && slices.Equal(a.Order, b.Order) && a.Cursor == b.Cursor &&
		(a.Cursor == "" || slices.Equal(a.Binding, b.Binding))
}

// sameRows compares the row rules and filters of two parts. Roots by key differ in their key alone.
func sameRows(a, b *AuthorizedStep, p, o *AuthorizedPart) bool {
	if a.Kind == ByKey && a.Parent == nil {
		_, one := a.rootKey()
		_, other := b.rootKey()
		return one && other
	}
	return reflect.DeepEqual(p.Where, o.Where)
}

// rootKey is the key that a root by key asks for, where rows can be known by it: one field of one value with an exact
// equality.
func (s *AuthorizedStep) rootKey() (predicate.Value, bool) {
	n := s.Where.Node()
	if len(s.Entity.Key) != 1 || n.Kind != predicate.KindCompare || n.Op != predicate.Eq || n.Field != s.Entity.Key[0] {
		return predicate.Value{}, false
	}
	switch s.Entity.Members[n.Field].Field.Kind {
	case privacy.String:
		return n.Value, n.Value.Kind == predicate.TextValue
	case privacy.Int, privacy.BigInt:
		return n.Value, n.Value.Kind == predicate.IntValue
	}
	return predicate.Value{}, false
}

// RootKey is the key by which a root by key that shares a statement knows its row.
func (s *AuthorizedStep) RootKey() predicate.Value {
	v, _ := s.rootKey()
	return v
}

// sameOutputs compares what is done to each column that both show.
func sameOutputs(p, o *AuthorizedPart) bool {
	for _, x := range p.Outputs {
		for _, y := range o.Outputs {
			if x.As == y.As && x != y {
				return false
			}
		}
	}
	return true
}

// mayFetch reports whether each column of o is one that is fetched for p anyway, or that policy would show of p's rows. A
// column that only serves o's plan, a key that it follows say, is not fetched of rows that have no use for it.
func (r *restriction) mayFetch(p, o *AuthorizedPart) bool {
	for _, name := range o.Select {
		if slices.Contains(p.Select, name) {
			continue
		}
		c, ok := p.Relation.Columns[name]
		if !ok {
			return false
		}
		if effect := r.ruling(p.Agency, c.Coordinate).Effect; effect != policy.Allow && effect != policy.Transform {
			return false
		}
	}
	return true
}

// join makes the statement of a set of steps.
func (r *restriction) join(set []*AuthorizedStep) {
	lead := set[0]
	x := &Shared{Steps: set, Parts: slices.Clone(lead.Parts)}
	switch {
	case lead.Join != nil:
		x.Key = lead.Join.Join.To
	case lead.Kind == ByKey:
		x.Key = lead.Entity.Key[0]
	}
	for i := range x.Parts {
		p := &x.Parts[i]
		p.Select = slices.Clone(p.Select)
		for _, s := range set[1:] {
			for _, name := range s.Parts[i].Select {
				p.Select = appendNew(p.Select, name)
			}
		}
		if lead.Join == nil && lead.Kind == ByKey {
			p.Select = appendNew(p.Select, x.Key)
			p.Where = r.decision.Row(policy.TypeKey{Agency: p.Agency, Type: lead.Entity.Name})
		}
	}
	for _, s := range set {
		s.Shared = x
	}
}
