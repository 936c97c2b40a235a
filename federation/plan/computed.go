package plan

import (
	"slices"

	"concordat/federation/compose"
	"concordat/policy"
	"concordat/privacy"
)

// Computation is one computed field of one agency's rows: what the model reads, and what is released of what it finds.
type Computation struct {
	Field *compose.Field
	// Input is the text as the subject sees it; under a declassification, and only there, the raw text of a subject
	// who may see less.
	Input   privacy.Output
	Outputs []privacy.Output // by name of NamedEntity's fields
}

// computed plans a computed field.
func (b *builder) computed(s *Step, f *collected) *Node {
	s.shows(f.Name, f)
	s.Computed = appendNew(s.Computed, f.Name)
	n := &Node{Key: f.Alias, Kind: NodeComputed, Name: f.Name}
	for _, sub := range b.collect.sub(entityType, f.asList()) {
		k := &Node{Key: sub.Alias, Kind: NodeColumn, Name: sub.Name}
		if sub.Name == "__typename" {
			k.Kind, k.Name = NodeTypename, entityType
		}
		n.Kids = append(n.Kids, k)
	}
	return node(n)
}

const entityType = "NamedEntity"

// entityColumns are the fields of NamedEntity; located ones say words of the text or where they stand.
func entityColumns() []entityColumn {
	return []entityColumn{{"text", privacy.String, true}, {"label", privacy.String, false}, {"start", privacy.Int, true}, {"end", privacy.Int, true},
		{"byteStart", privacy.Int, true}, {"byteEnd", privacy.Int, true}, {"score", privacy.Float, false}, {"model", privacy.String, false}}
}

type entityColumn struct {
	name    string
	kind    privacy.Kind
	located bool
}

// entityOutputs releases everything, or labels alone.
func entityOutputs(labels bool) []privacy.Output {
	var out []privacy.Output
	for _, c := range entityColumns() {
		o := privacy.Output{Column: c.name, As: c.name, Coordinate: privacy.Coordinate(entityType + "." + c.name), Kind: c.kind, Release: privacy.ReleaseRaw}
		if labels && c.located {
			o.Release = privacy.ReleaseDenied
		}
		out = append(out, o)
	}
	return out
}

// computed decides what of one agency's rows is computed.
func (r *restriction) computed(s *Step, p *AuthorizedPart) {
	for _, name := range s.Computed {
		f := s.Entity.Members[name].Field
		_, held := p.Relation.Columns[f.Computed.Text]
		if !held || !slices.Contains(f.Agencies, p.Agency) {
			continue // this agency does not offer it: null, and nobody's denial
		}
		c, ok := r.computation(s, p, f)
		if !ok {
			r.deny(s.paths[name], f.Coordinate)
			continue
		}
		p.Select = appendNew(p.Select, f.Computed.Text)
		if c.Input.Subject != "" {
			p.Select = appendNew(p.Select, c.Input.Subject)
		}
		p.Computed = append(p.Computed, c)
	}
}

// computation is false where the field is denied. What is computed shows no more than its text does, whatever is
// allowed of it, except where the owning agency itself declassifies it.
func (r *restriction) computation(s *Step, p *AuthorizedPart, f *compose.Field) (Computation, bool) {
	text := s.Entity.Members[f.Computed.Text].Field
	c := Computation{Field: f, Input: privacy.Output{Column: text.Name, As: text.Name, Coordinate: text.Coordinate, Kind: text.Kind}}
	mine, its := r.ruling(p.Agency, f.Coordinate), r.ruling(p.Agency, text.Coordinate)
	labels := mine.Effect == policy.Transform
	switch {
	case !labels && mine.Effect != policy.Allow, labels && mine.Obligation.Method != policy.Labels:
		return c, false
	case its.Effect == policy.Allow:
		c.Input.Release = privacy.ReleaseRaw
	case labels && mine.Declassified:
		c.Input.Release = privacy.ReleaseRaw
		c.Outputs = entityOutputs(true)
		r.oblige(f.Coordinate, DeclassifiedLabels)
		return c, true
	case its.Effect == policy.Transform:
		subject, ok := r.subject(p.Part, its.Obligation)
		if !ok {
			return c, false
		}
		c.Input.Release, c.Input.Obligation, c.Input.Subject = privacy.ReleaseTransformed, its.Obligation, subject
		r.oblige(f.Coordinate, its.Obligation.Method)
	default:
		return c, false
	}
	if labels {
		r.oblige(f.Coordinate, policy.Labels)
	}
	c.Outputs = entityOutputs(labels)
	return c, true
}

// DeclassifiedLabels is the method that obligations and the ledger name where labels are computed on a text that the
// subject may not see.
const DeclassifiedLabels = "declassified:" + policy.Labels
