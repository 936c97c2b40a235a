package execute

import (
	"maps"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/privacy"
)

// relation is a part's relation with the columns that the step computes for this caller: the keys of pseudonyms and
// order hashes are the caller's agreement's.
func (f *fetch) relation(p *plan.AuthorizedPart) (*source.Relation, error) {
	if len(f.step.Derived) == 0 {
		return &p.Relation, nil
	}
	r := p.Relation
	r.Columns = maps.Clone(r.Columns)
	for _, d := range f.step.Derived {
		c, err := f.derived(d)
		if err != nil {
			return nil, err
		}
		r.Columns[d.Name] = c
	}
	return &r, nil
}

func (f *fetch) derived(d plan.Derivation) (source.Column, error) {
	x, scope := f.run.executor, f.run.caller.Scope
	c := source.Column{Coordinate: d.Field.Coordinate, Kind: d.Field.Kind, Derived: &source.Derived{From: d.Field.Name, Is: d.Obligation}}
	if d.Obligation.Method != "" {
		var err error
		c.Derived.Do, err = transformer(x.Transforms, d, scope)
		return c, err
	}
	h, err := privacy.NewOrderHash(scope, d.Field.Coordinate)
	if err != nil {
		return c, err
	}
	c.Kind = privacy.BigInt
	c.Derived.Is, c.Derived.Do, c.Derived.Hash = h.Obligation(), h.Column, h
	return c, nil
}

// transformer is a transform that is held to its obligation, as one over what is released is.
func transformer(t privacy.Transforms, d plan.Derivation, s privacy.Scope) (func(*privacy.Column) (*privacy.Column, error), error) {
	do, err := t.Prepare(d.Field.Kind, d.Obligation, s)
	if err != nil {
		return nil, err
	}
	return func(in *privacy.Column) (*privacy.Column, error) {
		out, err := do(in)
		if err != nil {
			return nil, err
		}
		return out, d.Obligation.Met(in, out)
	}, nil
}
