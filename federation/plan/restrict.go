package plan

import (
	"slices"
	"strings"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Authorized is a bound plan cut down to what a decision allows. Restrict is its only maker, and the executor takes
// nothing else; the zero value has no steps.
type Authorized struct {
	bound       *Bound
	steps       []AuthorizedStep
	denials     []Denial
	obligations []Obligated
}

// Denial is one field of the operation that policy denies, wholly or for some agency's rows.
type Denial struct {
	Path       []string
	Coordinate privacy.Coordinate
}

// Obligated says what is done to a coordinate on its way out.
type Obligated struct {
	Coordinate privacy.Coordinate
	Method     string
}

// AuthorizedStep is a step with what may be fetched for it.
type AuthorizedStep struct {
	*Step
	Arguments
	Denied       bool // nothing is fetched; the field is null
	fused        bool
	Parts        []AuthorizedPart
	MinimumGroup int
	// Unjoined lists agencies that deny following this step's join from their own rows.
	Unjoined []policy.AgencyID
	// Withheld lists measures ("sum:costCents") that policy denies: null in every group.
	Withheld []string
	// Shown is what is released of a group table.
	Shown []privacy.Output
	// Relations are the related rows that the filter reads. Their marks stand in the parts' predicates.
	Relations []AuthorizedRelation
	// Mapped lists keys that the gateway makes of those that the sources group by.
	Mapped []MappedKey
	// Derived lists columns that are computed before rows are filtered, ordered or grouped.
	Derived []Derivation
	// Shared is the statement that fetches its rows together with those of others; nil: it has its own.
	Shared *Shared
}

// AuthorizedPart is one agency's share of a step.
type AuthorizedPart struct {
	*compose.Part
	Where   predicate.Predicate // the row rule and the caller's filter
	Select  []string            // raw columns to fetch, internal ones included
	Outputs []privacy.Output    // what is released of them
	// Usable lists the fields that rules of survivorship may read of these rows.
	Usable []string
	// Computed is what may be computed of them; a computed field that is not in it is null for these rows.
	Computed []Computation
	// Related are the related rows that Where asks about once it is resolved.
	Related map[string]*source.Related
}

// Steps lists the steps, parents before children.
func (a *Authorized) Steps() []AuthorizedStep { return a.steps }

// Roots lists the agency root fields in response order.
func (a *Authorized) Roots() []*Node {
	if a.bound == nil {
		return nil
	}
	return a.bound.Plan.Roots
}

// Denials lists the denied fields, once each.
func (a *Authorized) Denials() []Denial { return a.denials }

// Obligations lists what is done on the way, once for each coordinate and method, in order of coordinate.
func (a *Authorized) Obligations() []Obligated { return a.obligations }

// Coordinates lists every coordinate read.
func (a *Authorized) Coordinates() []privacy.Coordinate {
	if a.bound == nil {
		return nil
	}
	return a.bound.Coordinates
}

// Restrict cuts a bound plan down to a decision. A caller's filter, order, group or measure over a field that the
// subject sees only transformed is moved to the transformed value where t's algebra says that this has a meaning; else
// the error is a *NotPermittedError. A filter by a part of a date that is seen whole is an *InputError. What is denied
// is left out. Without transforms, nothing is moved.
func Restrict(b *Bound, d *policy.Decision, t privacy.Transforms) (*Authorized, error) {
	r := &restriction{bound: b, decision: d, transforms: t, out: &Authorized{bound: b}}
	for _, s := range b.Plan.Steps {
		step, err := r.step(s)
		if err != nil {
			return nil, err
		}
		r.out.steps = append(r.out.steps, step)
	}
	if err := r.abstracts(); err != nil {
		return nil, err
	}
	for i := range r.out.steps {
		r.internal(&r.out.steps[i])
	}
	r.share()
	slices.SortFunc(r.out.obligations, func(x, y Obligated) int {
		if x.Coordinate != y.Coordinate {
			return compareText(string(x.Coordinate), string(y.Coordinate))
		}
		return compareText(x.Method, y.Method)
	})
	return r.out, nil
}

type restriction struct {
	bound    *Bound
	decision *policy.Decision
	out      *Authorized

	transforms privacy.Transforms
}

func (r *restriction) step(s *Step) (AuthorizedStep, error) {
	out := AuthorizedStep{Step: s, Arguments: r.bound.arguments[s.ID], MinimumGroup: r.decision.Limits.MinimumGroup}
	if s.Parent != nil && r.out.steps[s.Parent.ID].Denied {
		out.Denied = true // with its parent, whose denial is the one that is reported
		return out, nil
	}
	parts := r.joinable(&out)
	active := parts[:0:0]
	for _, part := range parts {
		if !r.decision.Row(policy.TypeKey{Agency: part.Agency, Type: s.Entity.Name}).IsNever() {
			active = append(active, part)
		}
	}
	if len(active) == 0 {
		out.Denied = true
		r.deny(s.Errors, s.coordinate())
		return out, nil
	}
	if s.Kind == Secure {
		return out, r.secure(&out, active)
	}
	out.fused = s.Entity.Fusion != nil && len(active) > 1
	permitted, err := r.callerUses(&out, active)
	if err != nil {
		return out, err
	}
	if !permitted {
		out.Denied = true
		return out, nil
	}
	if s.Kind == Group {
		out.Shown = out.shown()
	}
	for _, part := range active {
		out.Parts = append(out.Parts, r.part(&out, part))
	}
	return out, nil
}

// coordinate names a step in errors: the join field that leads to it, or its type.
func (s *Step) coordinate() privacy.Coordinate {
	if s.Join != nil {
		return s.Join.Coordinate
	}
	return privacy.Coordinate(s.Entity.Name)
}

// joinable keeps the parts that the join may reach. An agency that declares the join decides it: over its own rows
// of the target, over its own rows of the parent (Unjoined), or, where it holds neither, over the whole join.
func (r *restriction) joinable(out *AuthorizedStep) []*compose.Part {
	if out.Join == nil {
		return out.Entity.Parts
	}
	parts := slices.Clone(out.Entity.Parts)
	for _, agency := range out.Join.Agencies {
		if r.follows(out.Kind, agency, out.Join.Coordinate) {
			continue
		}
		r.deny(out.Errors, out.Join.Coordinate)
		holdsTarget, holdsParent := holds(out.Entity, agency), holds(out.Parent.Entity, agency)
		if holdsTarget {
			parts = slices.DeleteFunc(parts, func(p *compose.Part) bool { return p.Agency == agency })
		}
		if holdsParent {
			out.Unjoined = append(out.Unjoined, agency)
		}
		if !holdsTarget && !holdsParent {
			return nil
		}
	}
	return parts
}

// follows reports whether an agency lets a join be followed: rows need allow, aggregates also aggregate.
func (r *restriction) follows(kind Kind, agency policy.AgencyID, c privacy.Coordinate) bool {
	effect := r.ruling(agency, c).Effect
	return effect == policy.Allow || kind == Group && effect == policy.Aggregate
}

func holds(e *compose.Entity, agency policy.AgencyID) bool {
	return slices.ContainsFunc(e.Parts, func(p *compose.Part) bool { return p.Agency == agency })
}

// part decides what of one agency's rows is fetched and released.
func (r *restriction) part(out *AuthorizedStep, part *compose.Part) AuthorizedPart {
	row := r.decision.Row(policy.TypeKey{Agency: part.Agency, Type: out.Entity.Name})
	p := AuthorizedPart{Part: part, Where: predicate.And(row, out.Where)}
	if out.fused {
		p.Where, p.Usable = predicate.And(row, keyTerms(out.Entity, out.Where)), r.usable(out.Entity, part)
	}
	for _, name := range out.Fields {
		f := out.Entity.Members[name].Field
		o := r.output(out.Step, part, f)
		if o.Release == privacy.ReleaseRaw || o.Release == privacy.ReleaseTransformed {
			p.Select = appendNew(p.Select, name)
		}
		if o.Subject != "" {
			p.Select = appendNew(p.Select, o.Subject)
		}
		p.Outputs = append(p.Outputs, o)
	}
	r.computed(out.Step, &p)
	return p
}

func (r *restriction) output(s *Step, part *compose.Part, f *compose.Field) privacy.Output {
	o := privacy.Output{Column: f.Name, As: f.Name, Coordinate: f.Coordinate, Kind: f.Kind, Release: privacy.ReleaseDenied}
	if _, ok := part.Relation.Columns[f.Name]; !ok {
		return o // this agency's rows hold nothing there: null, and nobody's denial
	}
	ruling := r.ruling(part.Agency, f.Coordinate)
	switch ruling.Effect {
	case policy.Allow:
		o.Release = privacy.ReleaseRaw
	case policy.Transform:
		subject, ok := r.subject(part, ruling.Obligation)
		if !ok { // fail closed: the rows do not say whom they are about
			r.deny(s.paths[f.Name], f.Coordinate)
			return o
		}
		o.Release, o.Obligation, o.Subject = privacy.ReleaseTransformed, ruling.Obligation, subject
		r.oblige(f.Coordinate, ruling.Obligation.Method)
	default: // fail closed: whatever else was ruled shows nothing
		r.deny(s.paths[f.Name], f.Coordinate)
	}
	return o
}

// subject is the field by which an obligation is keyed, "" where it is keyed by none; false where the agency's rows do not
// hold that field. It is an internal column: it serves the transform, and is not released by it.
func (r *restriction) subject(part *compose.Part, ob privacy.Obligation) (string, bool) {
	t, ok := r.transforms.(interface {
		Subject(privacy.Obligation) string
	})
	if !ok {
		return "", true
	}
	name := t.Subject(ob)
	_, held := part.Relation.Columns[name]
	return name, name == "" || held
}

func (r *restriction) ruling(agency policy.AgencyID, c privacy.Coordinate) policy.Ruling {
	return r.decision.Field(policy.FieldKey{Agency: agency, Coordinate: c})
}

// internal adds the columns that serve the plan and never reach a released table: this step's join key, its
// children's join keys, and what its order and cursors are made of.
func (r *restriction) internal(s *AuthorizedStep) {
	if s.Kind == Group || s.Kind == Secure || s.Denied {
		return
	}
	var names []string
	if s.Join != nil {
		names = append(names, s.Join.Join.To)
	}
	for _, child := range r.bound.Plan.Steps {
		if child.Parent == s.Step {
			names = append(names, child.Join.Join.From)
		}
	}
	if s.Kind == List && (s.Paged || len(s.Parts) > 1 || s.Abstract != nil) {
		for _, o := range s.Order {
			names = append(names, o.Field)
		}
	}
	if s.fused {
		names = append(names, s.Reads()...)
		for i := range s.Parts {
			p := &s.Parts[i]
			p.Select = s.Share(p, append(p.Select, names...)).Select
		}
		return
	}
	for i := range s.Parts {
		p := &s.Parts[i]
		for _, name := range names {
			p.Select = appendNew(p.Select, name)
		}
		if len(p.Select) == 0 { // nothing shown and nothing needed but how many rows there are
			p.Select = append(p.Select, s.Entity.Key[0])
		}
	}
}

func (r *restriction) deny(path []string, c privacy.Coordinate) {
	for _, d := range r.out.denials {
		if d.Coordinate == c && slices.Equal(d.Path, path) {
			return
		}
	}
	r.out.denials = append(r.out.denials, Denial{Path: path, Coordinate: c})
}

func (r *restriction) oblige(c privacy.Coordinate, method string) {
	r.out.obligations = appendNew(r.out.obligations, Obligated{Coordinate: c, Method: method})
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Query is the fetch of one part of a step without its keys and cursor, as execute and `schema plan` build on it.
func (s *AuthorizedStep) Query(p *AuthorizedPart) *source.Query {
	q := &source.Query{Relation: &p.Relation, Where: p.Where, Related: p.Related}
	if s.Kind == Group {
		q.Aggregate = s.aggregate()
		return q
	}
	q.Select = p.Select
	if s.fused {
		return s.Share(p, p.Select)
	}
	if s.Kind == List {
		q.Order, q.Limit = s.order(), s.Size+1 // one more says whether there is a next page
	}
	return q
}

// order is the order to fetch in: reversed for a page that is counted from the end.
func (s *AuthorizedStep) order() []source.Order {
	if !s.Backward {
		return s.Order
	}
	out := slices.Clone(s.Order)
	for i := range out {
		out[i].Descending, out[i].NullsFirst = !out[i].Descending, true
	}
	return out
}

// aggregate lists the measures to fetch. The count is always among them: the minimum group needs it. Averages are
// fetched as sums and counts of values, so that they combine over agencies.
func (s *AuthorizedStep) aggregate() *source.Aggregate {
	a := &source.Aggregate{Group: s.Group, Measures: []source.Measure{{Func: source.CountRows, As: CountColumn}}}
	add := func(f source.Func, name, field string) {
		m := source.Measure{Func: f, Field: field, As: column(name, field)}
		if d := s.derivation(shownColumn + field); d != nil {
			m.Field = d.Name
		}
		a.Measures = appendNew(a.Measures, m)
	}
	for _, m := range s.Measured() {
		switch m.Func {
		case "sum":
			add(source.Sum, "sum", m.Field)
		case "avg":
			add(source.Sum, "sum", m.Field)
			add(source.CountValues, "values", m.Field)
		case "min":
			add(source.Min, "min", m.Field)
		case "max":
			add(source.Max, "max", m.Field)
		case "countDistinct":
			if s.Counts() {
				add(source.CountDistinct, "countDistinct", m.Field)
			}
		}
	}
	return a
}

// shown lists the columns of a group table that are released: keys grouped by, the count, measures not withheld.
func (s *AuthorizedStep) shown() []privacy.Output {
	release := func(name string, f *compose.Field, domain privacy.Domain, kind func(privacy.Kind) privacy.Kind) privacy.Output {
		o := privacy.Output{Column: name, As: name, Coordinate: f.Coordinate, Kind: kind(f.Kind), Release: privacy.ReleaseRaw}
		if !domain.Raw() {
			o.Release, o.Obligation = privacy.ReleaseTransformed, privacy.Obligation(domain)
		}
		return o
	}
	var out []privacy.Output
	for _, g := range s.Group {
		f, domain := s.KeyField(g)
		out = append(out, release(g.As, f, domain, func(k privacy.Kind) privacy.Kind { return k }))
	}
	out = append(out, privacy.Output{Column: CountColumn, As: CountColumn, Coordinate: privacy.Coordinate(s.Entity.Name),
		Kind: privacy.Int, Release: privacy.ReleaseRaw})
	for _, m := range s.Measures {
		if name := column(m.Func, m.Field); !slices.Contains(s.Withheld, name) {
			field, names := m.Field, []string{name}
			if m.IsHistogram() {
				names = m.bins(len(s.Edges[m.Func]))
			}
			if d := s.derivation(shownColumn + field); d != nil && MeasureKind(m.Func, 0) != privacy.Int { // a number, not a value
				field = d.Name
			}
			f, domain := s.Field(field)
			for _, name := range names {
				out = append(out, release(name, f, domain, func(k privacy.Kind) privacy.Kind { return MeasureKind(m.Func, k) }))
			}
		}
	}
	return out
}

// MeasureKind is the kind of an aggregate over a column of a kind: sums of integers are BigInt, averages and standard
// deviations Float.
func MeasureKind(fn string, kind privacy.Kind) privacy.Kind {
	switch {
	case fn == "avg", fn == "stddev":
		return privacy.Float
	case fn == "countDistinct", strings.HasPrefix(fn, histogramMark):
		return privacy.Int
	case fn == "sum" && kind == privacy.Int:
		return privacy.BigInt
	}
	return kind
}

// CountColumn is the column of a group table that holds its number of rows.
const CountColumn = "count"

// MeasureColumn names the column of a group table for a measure or key: "sum:costCents", "key:region".
func MeasureColumn(fn, field string) string { return column(fn, field) }
