package plan

import (
	"slices"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// use is what a caller does with a field beside reading it.
type use uint8

const (
	useEqual   use = iota // eq, ne, in, notIn
	useRange              // lt, lte, gt, gte
	usePrefix             // startsWith
	usePattern            // like
	useNull               // isNull
	useKey                // the key of a root that finds one row
	useOrder
	useGroup
	useExtreme // min, max
	useSum     // sum, avg
)

// permits is the one table of what may be done with a field that is seen only transformed. All of it is done on the
// transformed value, so that the answer tells nothing that the field itself does not; what a transform leaves no
// meaning to is refused.
func permits(a privacy.Algebra, u use) bool {
	switch u {
	case useEqual, useNull:
		return a.Equality || a.Group
	case useKey: // a bucket is not one row
		return a.Equality
	case useRange, usePrefix:
		return a.Range
	case useOrder, useExtreme:
		return a.Order
	case useGroup:
		return a.Group
	}
	return false // patterns tell values of one bucket apart in no order; sums of buckets are sums of nothing
}

// useOf is what a comparison does.
func useOf(op predicate.Op) use {
	switch op {
	case predicate.Eq, predicate.Ne:
		return useEqual
	case predicate.Lt, predicate.Lte, predicate.Gt, predicate.Gte:
		return useRange
	case predicate.HasPrefix:
		return usePrefix
	}
	return usePattern
}

// grained says which periods are made of whole buckets: grouping by them tells less than the bucket does.
func grained(method string, g source.Grain) bool {
	switch method {
	case "year":
		return g == source.Year
	case "month":
		return g == source.Month || g == source.Quarter || g == source.Year
	}
	return false
}

// sight is how the agencies of a step show one field to the subject.
type sight struct {
	field      *compose.Field
	seen       seen
	obligation privacy.Obligation // where transformed
}

type seen uint8

const (
	seenRaw seen = iota
	seenTransformed
	seenDifferently // by agency: values of two domains, which compare with nothing
	seenNever
)

func (r *restriction) sight(out *AuthorizedStep, parts []*compose.Part, name string) sight {
	s := sight{field: out.Entity.Members[name].Field}
	if out.fused { // what one agency lacks, another's row may have
		parts = having(parts, name)
	}
	if len(parts) == 0 {
		return sight{field: s.field, seen: seenNever}
	}
	for i, part := range parts {
		one, ob := r.seenAt(out.Kind, part, s.field)
		switch {
		case one == seenNever:
			return sight{field: s.field, seen: seenNever}
		case i == 0:
			s.seen, s.obligation = one, ob
		case one != s.seen || ob != s.obligation:
			s.seen = seenDifferently
		}
	}
	return s
}

// seenAt is how one agency shows a field. Inside an aggregate, a transform that any rule demands holds too.
func (r *restriction) seenAt(kind Kind, part *compose.Part, f *compose.Field) (seen, privacy.Obligation) {
	if _, ok := part.Relation.Columns[f.Name]; !ok {
		return seenNever, privacy.Obligation{}
	}
	ruling := r.ruling(part.Agency, f.Coordinate)
	switch {
	case ruling.Effect == policy.Transform, ruling.Effect == policy.Aggregate && kind == Group && ruling.Obligation.Method != "":
		return seenTransformed, ruling.Obligation
	case ruling.Effect == policy.Allow, ruling.Effect == policy.Aggregate && kind == Group:
		return seenRaw, privacy.Obligation{}
	}
	return seenNever, privacy.Obligation{}
}

// Derivation is a column that a step computes of a field before it filters, orders or groups.
type Derivation struct {
	Name       string
	Field      *compose.Field
	Obligation privacy.Obligation // zero: the order hash of the field
}

// Names of derived columns are no GraphQL names.
const (
	shownColumn = "shown:"
	hashColumn  = "hash:"
)

// shownAs is the column of what the subject sees of a field.
func (s *AuthorizedStep) shownAs(v sight) string {
	return s.derive(Derivation{Name: shownColumn + v.field.Name, Field: v.field, Obligation: v.obligation})
}

func (s *AuthorizedStep) hashOf(f *compose.Field) string {
	return s.derive(Derivation{Name: hashColumn + f.Name, Field: f})
}

func (s *AuthorizedStep) derive(d Derivation) string {
	s.Derived = appendNew(s.Derived, d)
	return d.Name
}

// Field is the field behind a column of a step's queries, and the domain of the column's values.
func (s *AuthorizedStep) Field(name string) (*compose.Field, privacy.Domain) {
	if d := s.derivation(name); d != nil {
		return d.Field, d.Obligation.Domain()
	}
	return s.Entity.Members[name].Field, privacy.Domain{}
}

func (s *AuthorizedStep) derivation(name string) *Derivation {
	for i := range s.Derived {
		if s.Derived[i].Name == name {
			return &s.Derived[i]
		}
	}
	return nil
}

// callerUses moves what the caller wrote over the fields of a step to what the subject sees of them: false where a
// field is denied (the step then is), an error where no safe meaning exists.
func (r *restriction) callerUses(out *AuthorizedStep, parts []*compose.Part) (bool, error) {
	u := uses{restriction: r, step: out, parts: parts}
	for _, name := range slices.Concat(out.filters, out.orders, out.ownKeys(), calledFields(out.called)) {
		if v := u.sight(name); v.seen == seenNever {
			r.deny(out.Errors, v.field.Coordinate)
			return false, nil
		}
	}
	if permitted, err := r.relations(out); err != nil || !permitted {
		return false, err
	}
	var err error
	if out.Where, err = u.where(out.Where); err != nil {
		return false, err
	}
	if err := u.orders(); err != nil {
		return false, err
	}
	if permitted, err := u.groups(); err != nil || !permitted {
		return false, err
	}
	if err := u.calls(); err != nil {
		return false, err
	}
	return true, u.measures()
}

// uses is the work of callerUses on one step.
type uses struct {
	*restriction
	step  *AuthorizedStep
	parts []*compose.Part
}

func (u *uses) sight(name string) sight { return u.restriction.sight(u.step, u.parts, name) }

func (u *uses) refuse(v sight) error {
	return &NotPermittedError{Path: u.step.Errors, Coordinate: v.field.Coordinate}
}

// permitted is an error unless the field may be used so.
func (u *uses) permitted(v sight, what use) error {
	if u.transforms == nil || v.seen != seenTransformed || !permits(u.transforms.Algebra(v.obligation.Method), what) {
		return u.refuse(v)
	}
	return nil
}

// orders moves the caller's terms to what is seen, and ends every list by its key: by the key itself where the
// subject sees it, else by its hash, since the order of rows would tell the order of the keys.
func (u *uses) orders() error {
	if u.step.Kind != List {
		return nil
	}
	var terms []source.Order
	for _, o := range u.step.Order[:len(u.step.orders)] {
		if v := u.sight(o.Field); v.seen != seenRaw {
			if err := u.permitted(v, useOrder); err != nil {
				return err
			}
			u.oblige(v.field.Coordinate, v.obligation.Method)
			o.Field = u.step.shownAs(v)
		}
		terms = append(terms, o)
	}
	for _, k := range u.step.Entity.Key {
		v := u.sight(k)
		switch {
		case v.seen != seenRaw:
			terms = append(terms, source.Order{Field: u.step.hashOf(v.field)})
		case !slices.Contains(u.step.orders, k):
			terms = append(terms, source.Order{Field: k})
		}
	}
	u.step.Order = terms
	u.bindCursor()
	return nil
}

// bindCursor makes cursors good for this order alone: under another policy the same list has another.
func (u *uses) bindCursor() {
	if len(u.step.Derived) == 0 || u.step.Binding == nil {
		return
	}
	binding := slices.Clone(u.step.Binding)
	for _, d := range u.step.Derived {
		binding = append(binding, d.Name+"\x00"+d.Obligation.Method+"\x00"+d.Obligation.Arguments+"\x00"...)
	}
	u.step.Binding = binding
}

// calls moves the measures that conditions on groups and their order read to what is seen. A condition on values is on
// what is seen raw alone: a value that the field could not show has no place in it.
func (u *uses) calls() error {
	for _, m := range u.step.called {
		v := u.sight(m.Field)
		if v.seen == seenRaw {
			continue
		}
		if m.condition && m.Func != "countDistinct" {
			return u.refuse(v)
		}
		if err := u.measured(v, m.Measure); err != nil {
			return err
		}
	}
	return nil
}

// measured makes a measure of a field that is seen transformed one of what is seen.
func (u *uses) measured(v sight, m Measure) error {
	if m.IsHistogram() {
		return u.bins(v, m)
	}
	what := useSum
	switch {
	case m.Func == "min", m.Func == "max", m.IsPercentile():
		what = useExtreme
	case m.Func == "countDistinct":
		what = useGroup
	}
	if err := u.permitted(v, what); err != nil {
		return err
	}
	u.step.shownAs(v)
	u.oblige(v.field.Coordinate, v.obligation.Method)
	return nil
}

// measures withholds what is denied; least and greatest are of what is seen.
func (u *uses) measures() error {
	for _, m := range u.step.Measures {
		v := u.sight(m.Field)
		switch v.seen {
		case seenRaw:
		case seenNever:
			u.deny(u.step.paths[m.Field], v.field.Coordinate)
			u.step.Withheld = append(u.step.Withheld, column(m.Func, m.Field))
		default:
			if err := u.measured(v, m); err != nil {
				return err
			}
		}
	}
	return nil
}
