package plan

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// groupKey is what a key of groups is beyond what the sources group by.
type groupKey struct {
	joined *compose.Joined   // nil: a field of the type's own rows
	of     source.Group      // of the joined rows
	names  map[string]string // of a level, by value; nil: the value itself
}

// bindGroup reads one key: {field, grain, timeZone, level}.
func (s *Step) bindGroup(term map[string]any) (source.Group, groupKey, error) {
	name, _ := term["field"].(string)
	f, k := s.scalar(name), groupKey{}
	if joined, ok := s.Entity.Joined[name]; ok && f == nil {
		f, k.joined = joined.Field, &joined
	}
	if f == nil {
		return source.Group{}, k, &InputError{Path: s.Path, Message: "groupBy names no field"}
	}
	g := source.Group{Field: f.Name, As: column("key", name)}
	wrong := bindLevel(term, f, &g, &k)
	if wrong == "" {
		wrong = bindPeriod(term, f, &g)
	}
	if wrong != "" {
		return g, k, &InputError{Path: s.Path, Message: wrong}
	}
	if k.joined != nil {
		k.of = g
		g = source.Group{Field: k.joined.Join.Join.From, As: g.As}
	}
	return g, k, nil
}

func bindLevel(term map[string]any, f *compose.Field, g *source.Group, k *groupKey) (wrong string) {
	name, ok := term["level"].(string)
	if !ok {
		return ""
	}
	level, ok := f.Level(name)
	if !ok || term["grain"] != nil {
		return "the field has no such level, or a grain besides"
	}
	g.Grain, g.Prefix, k.names = level.Grain, level.Prefix, level.Names
	return ""
}

// atLevel reads {level, in}: the values below some names of a level.
func (w *whereReader) atLevel(f *compose.Field, v any) (predicate.Predicate, error) {
	m, _ := v.(map[string]any)
	level, _ := m["level"].(string)
	l, ok := f.Level(level)
	names := list(m["in"])
	if !ok || l.Grain != source.NoGrain || len(names) > maxFilterList {
		return predicate.Never(), w.fail("atLevel on " + f.Name + " takes a level of its hierarchy and a list of names")
	}
	if w.terms += 1 + len(names); w.terms > maxFilterTerms && l.Prefix > 0 {
		return predicate.Never(), w.fail("the filter has too many terms")
	}
	if l.Names != nil {
		w.terms -= len(names) // one set
		return below(f.Name, l.Names, names), nil
	}
	var begins []predicate.Predicate
	for _, item := range names {
		text, ok := item.(string)
		if !ok || utf8.RuneCountInString(text) != l.Prefix {
			return predicate.Never(), w.fail("atLevel on " + f.Name + " takes beginnings of the level's length")
		}
		begins = append(begins, predicate.Compare(f.Name, predicate.HasPrefix, predicate.String(text)))
	}
	return predicate.Or(begins...), nil
}

// below is the values that a level gives one of these names.
func below(field string, of map[string]string, names []any) predicate.Predicate {
	var values []predicate.Value
	for value, name := range of {
		if slices.Contains(names, any(name)) {
			values = append(values, predicate.String(value))
		}
	}
	slices.SortFunc(values, func(a, b predicate.Value) int { return cmp.Compare(a.Text, b.Text) })
	return predicate.In(field, values...)
}

func bindPeriod(term map[string]any, f *compose.Field, g *source.Group) (wrong string) {
	if name, ok := term["grain"].(string); ok {
		if g.Grain, ok = compose.GrainNamed(name, f.Kind); !ok {
			return "a grain does not fit the field it groups"
		}
	}
	zone, ok := term["timeZone"].(string)
	if !ok || zone == "UTC" && g.Grain != source.NoGrain && f.Kind == privacy.Time {
		return ""
	}
	if g.Grain == source.NoGrain || f.Kind != privacy.Time {
		return "a time zone goes with a period of times"
	}
	if zone == "" || zone == "Local" || len(zone) > 64 { // to package time: UTC, and wherever this machine stands
		return "timeZone names no time zone"
	}
	if _, err := time.LoadLocation(zone); err != nil {
		return "timeZone names no time zone"
	}
	g.Zone = zone
	return ""
}

// coarser reports whether a key is made of whole buckets of a field that is seen transformed: it tells less than the
// bucket does. Years of a time zone are not made of those of UTC.
func coarser(o privacy.Obligation, g source.Group, k groupKey) bool {
	switch {
	case g.Zone != "" || k.names != nil:
		return false
	case g.Prefix > 0:
		var of struct{ Length int }
		return o.Method == "prefix" && json.Unmarshal([]byte(o.Arguments), &of) == nil && g.Prefix <= of.Length
	}
	return grained(o.Method, g.Grain)
}

// MappedKey is a key that the gateway makes of what the sources grouped by.
type MappedKey struct {
	As     string
	Joined *JoinedKey        // nil: a field of the type's own rows
	Names  map[string]string // of a level, by value; nil: the value itself
}

// JoinedKey is a key of the rows that a to-one relation leads to. Groups whose rows lead to none, or to none that may be
// seen, have NULL: as the relation is shown.
type JoinedKey struct {
	Field *compose.Field
	To    string       // the sources grouped by what equals it
	Group source.Group // over the joined rows
	Step  *AuthorizedStep

	Inside bool // the one source makes it in its statement
}

// Query asks one agency for the joined rows, without their keys; where rows are fused, for what becomes of them.
func (k *JoinedKey) Query(p *AuthorizedPart) *source.Query {
	q := &source.Query{Relation: &p.Relation, Where: p.Where, Related: p.Related}
	fields := appendNew([]string{k.To}, k.Group.Field)
	if !k.Step.fused {
		q.Select = fields
		return q
	}
	q.Aggregate = &source.Aggregate{}
	for _, f := range fields {
		q.Aggregate.Group = append(q.Aggregate.Group, source.Group{Field: f, As: f})
	}
	return q
}

// rowOf begins the names of related rows that a key is of.
const rowOf = "#row of "

// Inside is s with its keys of joined rows made by the source, where all rows lie in one that can: in one statement, of
// which only whole groups leave the source. Else it is s.
func (s *AuthorizedStep) Inside(x Resolver) *AuthorizedStep {
	if len(s.Parts) != 1 || !slices.ContainsFunc(s.Mapped, func(m MappedKey) bool { return m.Joined != nil }) {
		return s
	}
	out := *s
	out.Group, out.Mapped, out.Parts = slices.Clone(s.Group), slices.Clone(s.Mapped), slices.Clone(s.Parts)
	p := &out.Parts[0]
	p.Related = maps.Clone(p.Related)
	if p.Related == nil {
		p.Related = map[string]*source.Related{}
	}
	for i := range out.Mapped {
		if m := &out.Mapped[i]; m.Joined != nil && !out.place(m, p, x) {
			return s
		}
	}
	for _, q := range out.questions(p) {
		relation, err := x.Relation(&out, p)
		if q.Relation, q.MaxRows = relation, 1; err != nil || !x.Relates(p, q) {
			return s
		}
	}
	return &out
}

// place makes one key of joined rows the source's; false where the rows lie elsewhere.
func (s *AuthorizedStep) place(m *MappedKey, p *AuthorizedPart, x Resolver) bool {
	to := m.Joined.Step
	if len(to.Parts) != 1 || to.Parts[0].Source != p.Source {
		return false
	}
	relation, err := x.Relation(to, &to.Parts[0])
	if err != nil {
		return false
	}
	i := slices.IndexFunc(s.Group, func(g source.Group) bool { return g.As == m.As })
	name := rowOf + m.As
	p.Related[name] = &source.Related{Relation: relation, From: s.Group[i].Field, To: m.Joined.To, Related: to.Parts[0].Related}
	key, joined := m.Joined.Group, *m.Joined
	key.Via, key.Where = name, to.Parts[0].Where
	joined.Inside = true
	s.Group[i], m.Joined = key, &joined
	return true
}

// questions are what a step of groups asks of one part.
func (s *AuthorizedStep) questions(p *AuthorizedPart) []*source.Query {
	out := []*source.Query{s.Query(p)}
	for _, field := range s.Spreads() {
		out = append(out, s.Spread(p, field))
	}
	for _, m := range s.Histograms() {
		out = append(out, s.Histogram(p, m))
	}
	return out
}

// mapped is the key of a name, nil where the sources' own is the one that is shown.
func (s *AuthorizedStep) mapped(as string) *MappedKey {
	for i := range s.Mapped {
		if s.Mapped[i].As == as {
			return &s.Mapped[i]
		}
	}
	return nil
}

// KeyField is the field behind a key, and the domain of its values.
func (s *AuthorizedStep) KeyField(g source.Group) (*compose.Field, privacy.Domain) {
	if m := s.mapped(g.As); m != nil && m.Joined != nil {
		_, domain := m.Joined.Step.Field(m.Joined.Group.Field)
		return m.Joined.Field, domain
	}
	return s.Field(g.Field)
}

// groups moves the caller's keys to what is seen: false where one is denied.
func (u *uses) groups() (bool, error) {
	groups := slices.Clone(u.step.Group)
	for i := range groups {
		k := u.step.keys[i]
		if k.joined != nil {
			permitted, err := u.joined(groups[i], k)
			if err != nil || !permitted {
				return false, err
			}
			continue
		}
		if err := u.key(u.step, u.sight(groups[i].Field), &groups[i], k); err != nil {
			return false, err
		}
		if k.names != nil {
			u.step.Mapped = append(u.step.Mapped, MappedKey{As: groups[i].As, Names: k.names})
		}
	}
	u.step.Group = groups
	return true, nil
}

// key moves one key over rows of a step to what is seen of its field.
func (u *uses) key(of *AuthorizedStep, v sight, g *source.Group, k groupKey) error {
	if v.seen == seenRaw {
		return nil
	}
	if err := u.permitted(v, useGroup); err != nil {
		return err
	}
	u.oblige(v.field.Coordinate, v.obligation.Method)
	switch plain := g.Grain == source.NoGrain && g.Prefix == 0 && k.names == nil; {
	case plain:
		g.Field = of.shownAs(v)
	case !coarser(v.obligation, *g, k):
		return u.refuse(v)
	}
	return nil
}

// joined authorizes a key of joined rows as a filter on them is: every agency that decides the relation has to let it be
// followed, and the joined rows and their field are shown as their own agencies say.
func (u *uses) joined(g source.Group, k groupKey) (bool, error) {
	join := k.joined.Join
	for _, agency := range join.Agencies {
		if !u.follows(Group, agency, join.Coordinate) {
			u.deny(u.step.Errors, join.Coordinate)
			return false, nil
		}
	}
	for _, part := range u.parts {
		if _, ok := part.Relation.Columns[g.Field]; !ok { // rows of this agency lead nowhere: nobody can say whether they should
			u.deny(u.step.Errors, join.Coordinate)
			return false, nil
		}
	}
	target := u.step.entities[join.Join.Target]
	out := &AuthorizedStep{Arguments: Arguments{Where: predicate.Always()},
		Step: &Step{Kind: Group, Entity: target, Path: u.step.Path, Errors: u.step.Errors}}
	active := u.active(target)
	if len(active) == 0 {
		u.deny(u.step.Errors, join.Coordinate)
		return false, nil
	}
	out.fused = target.Fusion != nil && len(active) > 1
	v := u.restriction.sight(out, active, k.joined.Field.Name)
	if v.seen == seenNever {
		u.deny(u.step.Errors, v.field.Coordinate)
		return false, nil
	}
	if err := u.key(out, v, &k.of, k); err != nil {
		return false, err
	}
	for _, part := range active {
		out.Parts = append(out.Parts, u.part(out, part))
	}
	u.step.Mapped = append(u.step.Mapped, MappedKey{As: g.As, Names: k.names,
		Joined: &JoinedKey{Field: v.field, To: join.Join.To, Group: k.of, Step: out}})
	return true, nil
}

// active is the agencies of which any row may be seen.
func (r *restriction) active(e *compose.Entity) []*compose.Part {
	var out []*compose.Part
	for _, part := range e.Parts {
		if !r.decision.Row(policy.TypeKey{Agency: part.Agency, Type: e.Name}).IsNever() {
			out = append(out, part)
		}
	}
	return out
}

// ownKeys are the fields of the type's own rows that groups are made by, as the caller named them.
func (a *Arguments) ownKeys() []string {
	var out []string
	for i, g := range a.Group {
		if a.keys[i].joined == nil {
			out = append(out, g.Field)
		}
	}
	return out
}

// readKeys lists what keys of joined rows read.
func (b *Bound) readKeys(s *Step) {
	for _, k := range b.arguments[s.ID].keys {
		if k.joined == nil {
			continue
		}
		join, target := k.joined.Join, s.entities[k.joined.Join.Join.Target]
		for _, part := range target.Parts {
			b.Request.Types = append(b.Request.Types, policy.TypeKey{Agency: part.Agency, Type: target.Name})
		}
		b.read(join)
		b.read(k.joined.Field)
		b.Coordinates = append(b.Coordinates, s.Entity.Members[join.Join.From].Field.Coordinate, target.Members[join.Join.To].Field.Coordinate)
	}
}
