package plan

import (
	"strings"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Explained is one fetch of a plan, as `schema plan` prints it.
type Explained struct {
	Step      int      `json:"step"`
	After     *int     `json:"after,omitempty"` // the step whose rows give the keys
	Path      string   `json:"path"`
	Does      string   `json:"does"` // "row by key", "list", "aggregate", "values of FIELD in each group", "keys for a filter"
	Type      string   `json:"type"`
	Source    string   `json:"source"`
	Join      string   `json:"join,omitempty"`
	Select    []string `json:"select,omitempty"`
	Statement string   `json:"statement,omitempty"`
	Pushed    []string `json:"pushed,omitempty"`
	Local     []string `json:"local,omitempty"`
}

// Explain lists the fetches of a plan that policy would allow whole. explain says what a source would do with a
// query; it may be nil.
func Explain(b *Bound, explain func(sourceName string, q *source.Query) source.Explanation) ([]Explained, error) {
	a, err := Restrict(b, allowed(b), nil)
	if err != nil {
		return nil, err
	}
	var out []Explained
	for i := range a.steps {
		s := &a.steps[i]
		for j := range s.Parts {
			p := &s.Parts[j]
			if j == 0 {
				out = append(out, s.explainRelations(s, explain)...)
			}
			out = append(out, s.explain(p, s.Query(p), explain))
			for _, field := range s.Spreads() {
				e := s.explain(p, s.Spread(p, field), explain)
				e.Does = "values of " + field + " in each group"
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// explainRelations lists the fetches that a filter's relations cost, innermost first, as fetches of the step outer.
func (s *AuthorizedStep) explainRelations(outer *AuthorizedStep, explain func(string, *source.Query) source.Explanation) []Explained {
	var out []Explained
	for i := range s.Relations {
		r := &s.Relations[i]
		out = append(out, r.Step.explainRelations(outer, explain)...)
		for j := range r.Step.Parts {
			p := &r.Step.Parts[j]
			q := r.Keys(p)
			q.MaxRows = 1
			e := Explained{Step: outer.ID, Path: strings.Join(outer.Path, "."), Does: "keys for a filter", Type: p.Relation.Type, Source: p.Source,
				Join: s.Entity.Name + "." + r.From + " = " + r.Step.Entity.Name + "." + r.To}
			if explain != nil {
				x := explain(p.Source, q)
				e.Statement, e.Pushed, e.Local = x.Statement, x.Pushed, x.Local
			}
			out = append(out, e)
		}
	}
	return out
}

// allowed is a decision that allows everything a plan reads: for looking at plans, never for answering.
func allowed(b *Bound) *policy.Decision {
	d := &policy.Decision{Fields: map[policy.FieldKey]policy.Ruling{}, Rows: map[policy.TypeKey]predicate.Predicate{}}
	for _, k := range b.Request.Fields {
		d.Fields[k] = policy.Ruling{Effect: policy.Allow}
	}
	for _, k := range b.Request.Types {
		d.Rows[k] = predicate.Always()
	}
	return d
}

func (s *AuthorizedStep) explain(p *AuthorizedPart, q *source.Query, explain func(string, *source.Query) source.Explanation) Explained {
	e := Explained{Step: s.ID, Path: strings.Join(s.Path, "."), Does: [...]string{ByKey: "row by key", List: "list", Group: "aggregate"}[s.Kind],
		Type: s.Entity.Name, Source: p.Source, Select: p.Select}
	q.MaxRows = 1
	if s.Parent != nil {
		e.After = &s.Parent.ID
		e.Join = joinText(s.Parent.Entity, s.Join, s.Entity)
		q.Keys = &source.Keys{Field: s.Join.Join.To, Values: someKeys(p.Relation.Columns[s.Join.Join.To].Kind), PerKey: s.Kind == List}
		if q.Aggregate != nil {
			q.Aggregate.Group = append([]source.Group{{Field: s.Join.Join.To, As: "#key"}}, q.Aggregate.Group...)
		}
	}
	if explain != nil {
		x := explain(p.Source, q)
		e.Statement, e.Pushed, e.Local = x.Statement, x.Pushed, x.Local
	}
	return e
}

// someKeys stands for the keys of a batch, which only the parent's rows know.
func someKeys(kind privacy.Kind) []predicate.Value {
	switch {
	case kind == privacy.Time:
		return []predicate.Value{predicate.Micros(0), predicate.Micros(1)}
	case kind.Text():
		return []predicate.Value{predicate.String("a"), predicate.String("b")}
	}
	return []predicate.Value{predicate.Int(0), predicate.Int(1)}
}

func joinText(from *compose.Entity, j *compose.Field, to *compose.Entity) string {
	return from.Name + "." + j.Join.From + " = " + to.Name + "." + j.Join.To
}
