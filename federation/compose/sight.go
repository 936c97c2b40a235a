package compose

import (
	"concordat/policy"
	"concordat/privacy"
)

// sight is what a subject may know of, coordinate by coordinate.
type sight struct {
	visible map[privacy.Coordinate]bool // fields and types
	rowless map[string]bool             // entities of which only aggregates are given
}

// admits reports whether an element with this gate exists for the subject. The zero gate is open: plumbing.
func (s sight) admits(g gate) bool {
	for _, c := range g.needs {
		if !s.visible[c] {
			return false
		}
	}
	return g.rows == "" || !s.rowless[g.rows]
}

// sight reads a profile. What it does not name is denied, and what is denied is visible.
func (s *Supergraph) sight(p *policy.Profile) sight {
	out := sight{
		visible: make(map[privacy.Coordinate]bool, len(s.Catalog.Fields)+len(s.Entities)),
		rowless: map[string]bool{},
	}
	for name, e := range s.Entities {
		for _, f := range e.Fields {
			if anyVisible(p, f) {
				out.visible[f.Coordinate] = true
				out.visible[typeOf(e)] = out.visible[typeOf(e)] || f.Scalar != ""
			}
		}
		out.rowless[name] = rowless(p, e)
	}
	s.joinsVisible(out)
	s.abstractsVisible(out)
	return out
}

// joinsVisible makes an entity with no visible column visible where a relation leads on to a visible one. It starts
// from columns, so that two types that only lead to each other stay hidden.
func (s *Supergraph) joinsVisible(out sight) {
	for changed := true; changed; {
		changed = false
		for _, e := range s.Entities {
			for _, f := range e.Fields {
				leads := f.Join != nil && out.visible[f.Coordinate] && out.visible[privacy.Coordinate(f.Join.Target)]
				if leads && !out.visible[typeOf(e)] {
					out.visible[typeOf(e)], changed = true, true
				}
			}
		}
	}
}

// anyVisible reports whether any agency that offers a field shows that it exists.
func anyVisible(p *policy.Profile, f *Field) bool {
	for _, agency := range f.Agencies {
		if p.Effects[policy.FieldKey{Agency: agency, Coordinate: f.Coordinate}] != policy.Invisible {
			return true
		}
	}
	return false
}

// rowless reports whether a subject gets aggregates of an entity and no value of any row. One that is denied
// everything keeps its rows' shape: it may ask, and is told no.
func rowless(p *policy.Profile, e *Entity) bool {
	aggregated := false
	for _, f := range e.Fields {
		if f.Join != nil {
			continue
		}
		for _, agency := range f.Agencies {
			switch p.Effects[policy.FieldKey{Agency: agency, Coordinate: f.Coordinate}] {
			case policy.Allow, policy.Transform:
				return false
			case policy.Aggregate, policy.Encrypted:
				aggregated = true
			}
		}
	}
	return aggregated
}
