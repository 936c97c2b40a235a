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

// Explained is one fetch of a plan, as `schema plan` prints it.
type Explained struct {
	Step      int      `json:"step"`
	With      []Along  `json:"with,omitempty"`  // other steps whose rows the same statement fetches
	After     *int     `json:"after,omitempty"` // the step whose rows give the keys
	Path      string   `json:"path"`
	Does      string   `json:"does"` // "row by key", "list", "aggregate", "values of FIELD in each group", "keys for a filter"
	Type      string   `json:"type"`
	Source    string   `json:"source"`
	Join      string   `json:"join,omitempty"`
	Select    []string `json:"select,omitempty"`
	Statement string   `json:"statement,omitempty"`
	// Statements is how many there are, one after the other, where the keys are more than the source takes at once.
	Statements int      `json:"statements,omitempty"`
	Pushed     []string `json:"pushed,omitempty"`
	Local      []string `json:"local,omitempty"`
	// EstimatedRows is how many rows the source expects to read, from its statistics; nil where it cannot say.
	EstimatedRows *int64 `json:"estimatedRows,omitempty"`
}

func (e *Explained) says(x source.Explanation) {
	e.Statement, e.Statements, e.Pushed, e.Local, e.EstimatedRows = x.Statement, x.Statements, x.Pushed, x.Local, x.EstimatedRows
}

// Asked describes a query as it is sent, for a plan that has run.
func (s *AuthorizedStep) Asked(p *AuthorizedPart, q *source.Query, x source.Explanation) Explained {
	e := Explained{Step: s.ID, Path: strings.Join(s.Path, "."), Does: s.does(), Type: s.Entity.Name, Source: p.Source, Select: q.Select, With: s.Shared.along(p)}
	e.says(x)
	switch {
	case s.fused && q.Aggregate == nil:
		e.Does += " of fused rows"
		e.Local = append(slices.Clone(e.Local), s.fusedLocally()...)
	case s.fused:
		e.Does = "keys of candidates for fused rows"
	case q.Aggregate != nil && s.Kind == List:
		e.Does = "count"
	}
	if s.Parent != nil {
		e.After = &s.Parent.ID
		e.Join = joinText(s.Parent.Entity, s.Join, s.Entity)
	}
	return e
}

func (s *AuthorizedStep) does() string {
	return [...]string{ByKey: "row by key", List: "list", Group: "aggregate", Related: "keys for a filter",
		Secure: "secure aggregation by the agency's agent"}[s.Kind]
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
		s, keys, err := a.steps[i].explainRelations(explain)
		if err != nil {
			return nil, err
		}
		out = append(out, keys...)
		s = s.Inside(storedHere(explain))
		for j := range s.Parts {
			p := &s.Parts[j]
			switch {
			case s.Shared == nil:
				out = append(out, s.explain(p, s.Query(p), explain))
			case s.Shared.Leads(s):
				all := &s.Shared.Parts[j]
				out = append(out, s.explain(all, s.Query(all), explain))
			}
			for _, field := range s.Spreads() {
				e := s.explain(p, s.Spread(p, field), explain)
				e.Does = "values of " + field + " in each group"
				out = append(out, e)
			}
			for _, m := range s.Histograms() {
				e := s.explain(p, s.Histogram(p, m), explain)
				e.Does = "bins of " + m.Field + " in each group"
				out = append(out, e)
			}
		}
		for j := range s.Mapped {
			out = append(out, s.explainKey(&s.Mapped[j], explain)...)
		}
	}
	return out, nil
}

// storedHere is how a plan is looked at: derived columns hang on the caller, and an explanation says what a source relates.
func storedHere(explain func(string, *source.Query) source.Explanation) Resolver {
	return Resolver{
		Relation: func(_ *AuthorizedStep, p *AuthorizedPart) (*source.Relation, error) { return &p.Relation, nil },
		Relates: func(p *AuthorizedPart, q *source.Query) bool {
			return explain != nil && explain(p.Source, q).Relates
		},
	}
}

// explainRelations resolves the relations in a step's filter as execution does, and lists the fetches that they cost,
// innermost first. Related rows that the source looks for itself cost none.
func (s *AuthorizedStep) explainRelations(explain func(string, *source.Query) source.Explanation) (*AuthorizedStep, []Explained, error) {
	var out []Explained
	resolved, err := Resolver{
		Relation: func(_ *AuthorizedStep, p *AuthorizedPart) (*source.Relation, error) { return &p.Relation, nil },
		Relates: func(p *AuthorizedPart, q *source.Query) bool {
			return explain != nil && explain(p.Source, q).Relates
		},
		Keys: func(r *AuthorizedRelation, of *AuthorizedStep, p *AuthorizedPart) ([]predicate.Value, error) {
			e := Explained{Step: s.ID, Path: strings.Join(s.Path, "."), Does: "keys for a filter", Type: p.Relation.Type, Source: p.Source,
				Join: r.from + "." + r.From + " = " + of.Entity.Name + "." + r.To}
			if explain != nil {
				q := r.Keys(p)
				q.MaxRows = 1
				x := explain(p.Source, q)
				e.says(x)
			}
			out = append(out, e)
			return someKeys(p.Relation.Columns[r.To].Kind), nil
		},
		Each: func(n int, do func(int)) {
			for i := range n {
				do(i)
			}
		},
	}.Resolve(s)
	return resolved, out, err
}

// explainKey lists the fetches that a key of joined rows costs, and says where the gateway makes a key.
func (s *AuthorizedStep) explainKey(m *MappedKey, explain func(string, *source.Query) source.Explanation) []Explained {
	base := Explained{Step: s.ID, Path: strings.Join(s.Path, "."), Does: "groups of " + m.As + " put together", Type: s.Entity.Name, Local: []string{"levels"}}
	if m.Joined == nil {
		return []Explained{base}
	}
	if m.Joined.Inside {
		return nil
	}
	base.Does = "rows that a key of groups leads to"
	to := m.Joined.Step
	base.Type, base.Join, base.Local = to.Entity.Name, to.Entity.Name+"."+m.Joined.To, nil
	var out []Explained
	for i := range to.Parts {
		p := &to.Parts[i]
		q := m.Joined.Query(p)
		q.MaxRows, q.Keys = 1, &source.Keys{Field: m.Joined.To, Values: someKeys(p.Relation.Columns[m.Joined.To].Kind)}
		e := base
		e.Source = p.Source
		if explain != nil {
			x := explain(p.Source, q)
			e.says(x)
		}
		e.Local = append(e.Local, "groups of each key put together")
		out = append(out, e)
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
	e := Explained{Step: s.ID, Path: strings.Join(s.Path, "."), Does: s.does(),
		Type: s.Entity.Name, Source: p.Source, Select: p.Select, With: s.Shared.along(p)}
	if s.fused {
		q, e.Does = s.explainShare(p, q), e.Does+" of fused rows"
	}
	q.MaxRows = 1
	if s.Parent != nil {
		e.After = &s.Parent.ID
		e.Join = joinText(s.Parent.Entity, s.Join, s.Entity)
		q.Keys = &source.Keys{Field: s.Join.Join.To, Values: someKeys(p.Relation.Columns[s.Join.Join.To].Kind), PerKey: s.Kind == List}
		if s.fused {
			q.Keys = &source.Keys{Field: s.Entity.Key[0], Values: someKeys(p.Relation.Columns[s.Entity.Key[0]].Kind)}
		}
		if q.Aggregate != nil {
			q.Aggregate.Group = append([]source.Group{{Field: s.Join.Join.To, As: "#key"}}, q.Aggregate.Group...)
		}
	}
	if s.Parent == nil && e.With != nil && s.Shared.Key != "" {
		q.Keys = &source.Keys{Field: s.Shared.Key, Values: someKeys(p.Relation.Columns[s.Shared.Key].Kind)}
	}
	if explain != nil && s.Kind != Secure {
		x := explain(p.Source, q)
		e.says(x)
	}
	if s.fused {
		e.Local = append(slices.Clone(e.Local), s.fusedLocally()...)
	}
	return e
}

// fusedLocally is what the gateway does with the shares of fused rows.
func (s *AuthorizedStep) fusedLocally() []string {
	done := []string{"fusion by key"}
	if s.Kind == Group {
		return append(done, "filter", "aggregate")
	}
	if s.Kind == List && !s.Pushed() {
		done = append(done, "filter", "order", "limit")
	}
	return done
}

// explainShare is what one agency is asked for fused rows: where the key does not narrow them, all that the caller may see,
// or those whose keys a fetch before found to be candidates.
func (s *AuthorizedStep) explainShare(p *AuthorizedPart, q *source.Query) *source.Query {
	if q.Aggregate == nil {
		return q
	}
	share := s.Share(p, q.Needed())
	share.Order, share.Limit = nil, 0
	return share
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
