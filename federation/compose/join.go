package compose

import (
	"strings"
)

// resolveJoins reads the relations of every draft, now that every type is known.
func resolveJoins(drafts []*draft, declared *declarations, ps *problems) {
	byName := map[string]*draft{}
	for _, d := range drafts {
		byName[d.name()] = d
	}
	r := joiner{byName: byName, abstract: map[string]bool{}, complete: !declared.unread, ps: ps}
	for _, a := range declared.abstracts {
		r.abstract[a.def.Name] = true
	}
	for _, d := range drafts {
		for _, f := range d.fields {
			if f.field.Scalar == "" && !isComputed(f.said[0].as.def) {
				r.field(d, f)
			}
		}
	}
}

type joiner struct {
	byName   map[string]*draft
	abstract map[string]bool // names of interfaces and unions
	complete bool            // every file was read: what is not there does not exist
	ps       *problems
}

func (r joiner) field(d *draft, f *draftField) {
	for _, s := range f.said {
		join := r.resolve(d, f, s.as)
		switch {
		case join == nil:
		case f.field.Join == nil:
			f.field.Join = join
		case *f.field.Join != *join:
			r.ps.add(s.as.at, string(f.field.Coordinate), FieldTypeMismatch,
				"the relation is not that of %s:%d", f.said[0].as.at.file, f.said[0].as.at.line)
		}
	}
}

func (r joiner) resolve(d *draft, f *draftField, as *declaredField) *Join {
	coordinate := string(f.field.Coordinate)
	name := as.def.Type.Name()
	target := r.byName[name]
	given := as.def.Directives.ForName("join") != nil
	switch {
	case target == nil && r.abstract[name]:
		r.ps.add(as.at, coordinate, NotSupported, "a relation leads to one type, not to the interface or union %s", name)
		return nil
	case target == nil && !r.complete:
		return nil
	case target == nil && given:
		r.ps.add(as.at, coordinate, JoinTargetUnknown, "no agency declares the type %s", name)
		return nil
	case target == nil:
		r.ps.add(as.at, coordinate, UnknownType, "there is no type %s", name)
		return nil
	case !given:
		r.ps.add(as.at, coordinate, JoinSyntax, `a field of an agency's type needs @join(on: "fieldHere = fieldThere")`)
		return nil
	case as.join == nil:
		return nil // the directive is wrong in itself: reported already
	}
	return r.sides(d, target, coordinate, as)
}

// sides reads "from = to" and checks both columns.
func (r joiner) sides(d, target *draft, coordinate string, as *declaredField) *Join {
	from, to, ok := strings.Cut(argument(as.join, "on"), "=")
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	if !ok || !graphQLName.MatchString(from) || !graphQLName.MatchString(to) {
		r.ps.add(as.joinAt, coordinate, JoinSyntax, `a relation is written "fieldHere = fieldThere"`)
		return nil
	}
	here, there := r.column(d, from, coordinate, as), r.column(target, to, coordinate, as)
	if here == nil || there == nil {
		return nil
	}
	if here.Kind != there.Kind {
		r.ps.add(as.joinAt, coordinate, JoinTypeMismatch, "%s is %s, but %s is %s",
			here.Coordinate, here.Scalar, there.Coordinate, there.Scalar)
		return nil
	}
	return &Join{Target: target.name(), From: from, To: to, Many: as.many()}
}

func (r joiner) column(d *draft, name, coordinate string, as *declaredField) *Field {
	f := d.column(name)
	switch {
	case f == nil && r.complete:
		r.ps.add(as.joinAt, coordinate, JoinFieldUnknown, "%s has no column %s", d.name(), name)
	case f != nil && len(scalars[f.Scalar].filters) == 0:
		r.ps.add(as.joinAt, coordinate, JoinTypeMismatch, "%s is %s, which cannot be compared", f.Coordinate, f.Scalar)
		return nil
	}
	return f
}
