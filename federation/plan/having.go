package plan

import (
	"maps"
	"slices"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// called is a measure that the caller reads without showing it.
type called struct {
	Measure
	condition bool // in having, not only in an order
}

func calledFields(list []called) []string {
	out := make([]string, len(list))
	for i, m := range list {
		out[i] = m.Field
	}
	return out
}

// bindHaving reads the conditions on groups.
func (s *Step) bindHaving(raw map[string]any, a *Arguments) error {
	a.Having = predicate.Always()
	having, ok := raw["having"].(map[string]any)
	if !ok {
		if raw["having"] != nil { // never as if there were none
			return &InputError{Path: s.Path, Message: "having is not a filter"}
		}
		return nil
	}
	w := whereReader{entity: s.Entity, path: s.Path}
	w.leaf = func(name string, v any) (predicate.Predicate, error) { return s.groupCondition(&w, a, name, v) }
	p, err := w.object(having, 0)
	a.Having = p
	return err
}

// groupCondition reads count: {...}, or sum: {field: {...}} and the like.
func (s *Step) groupCondition(w *whereReader, a *Arguments, fn string, v any) (predicate.Predicate, error) {
	on := func(name string, kind privacy.Kind, v any) (predicate.Predicate, error) {
		return w.each(name, v, func(op string, v any) (predicate.Predicate, error) {
			if err := w.wholeDates(kind, v); err != nil {
				return predicate.Never(), err
			}
			return w.condition(name, kind, op, v)
		})
	}
	if fn == CountColumn {
		return on(CountColumn, privacy.Int, v)
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return predicate.Never(), w.fail("the condition on " + fn + " is no object")
	}
	var all []predicate.Predicate
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f := s.scalar(name)
		if f == nil || !measurable(fn, f.Kind) {
			return predicate.Never(), w.fail("having names no measure")
		}
		if fields[name] == nil {
			continue
		}
		a.called = appendNew(a.called, called{Measure{Func: fn, Field: name}, true})
		p, err := on(column(fn, name), MeasureKind(fn, f.Kind), fields[name])
		if err != nil {
			return predicate.Never(), err
		}
		all = append(all, p)
	}
	return predicate.And(all...), nil
}

// wholeDates refuses parts of dates: the least and greatest dates are whole.
func (w *whereReader) wholeDates(kind privacy.Kind, v any) error {
	for _, item := range list(v) {
		if text, ok := item.(string); ok && kind == privacy.Date && len(text) != len("2006-01-02") {
			return w.fail("a condition on a date takes a whole date")
		}
	}
	return nil
}

// measurable reports whether a column of a kind has a measure.
func measurable(fn string, kind privacy.Kind) bool {
	number := kind == privacy.Int || kind == privacy.BigInt || kind == privacy.Float || kind == privacy.Decimal
	switch fn {
	case "sum", "avg", "stddev":
		return number
	case "min", "max":
		return number || kind == privacy.Date || kind == privacy.Time
	case "countDistinct":
		return kind != privacy.JSON && kind != 0
	}
	return false
}

var groupMeasures = map[string]string{"SUM": "sum", "AVG": "avg", "MIN": "min", "MAX": "max", "STDDEV": "stddev", "COUNT_DISTINCT": "countDistinct"}

// bindGroupOrder reads the order of groups, which ends with their keys: no two groups are equal in it.
func (s *Step) bindGroupOrder(raw map[string]any, a *Arguments) error {
	has := func(name string) bool {
		return slices.ContainsFunc(a.GroupOrder, func(o source.Order) bool { return o.Field == name })
	}
	for _, item := range list(raw["orderBy"]) {
		term, _ := item.(map[string]any)
		name, err := s.groupTerm(term, a)
		if err != nil {
			return err
		}
		if has(name) {
			return &InputError{Path: s.Path, Message: "orderBy names a measure twice"}
		}
		a.GroupOrder = append(a.GroupOrder, source.Order{Field: name, Descending: term["direction"] == "DESC"})
	}
	for _, g := range a.Group {
		if !has(g.As) {
			a.GroupOrder = append(a.GroupOrder, source.Order{Field: g.As})
		}
	}
	return nil
}

// groupTerm is the column that one term of an order is by.
func (s *Step) groupTerm(term map[string]any, a *Arguments) (string, error) {
	by, _ := term["by"].(string)
	field, named := term["field"].(string)
	switch by {
	case "COUNT":
		if named {
			return "", &InputError{Path: s.Path, Message: "an order by COUNT takes no field"}
		}
		return CountColumn, nil
	case "KEY":
		if !slices.ContainsFunc(a.Group, func(g source.Group) bool { return g.As == column("key", field) }) {
			return "", &InputError{Path: s.Path, Message: "orderBy names no key of the groups"}
		}
		return column("key", field), nil
	}
	fn, f := groupMeasures[by], s.scalar(field)
	if f == nil || !measurable(fn, f.Kind) {
		return "", &InputError{Path: s.Path, Message: "orderBy names no measure"}
	}
	m := called{Measure{Func: fn, Field: field}, false}
	a.called = appendNew(a.called, m)
	return column(fn, field), nil
}

// Measured is what has to be known of each group: what is shown of it, and what the caller's conditions and order read.
func (s *AuthorizedStep) Measured() []Measure {
	var out []Measure
	for _, m := range s.Measures {
		if !slices.Contains(s.Withheld, column(m.Func, m.Field)) {
			out = append(out, m)
		}
	}
	for _, m := range s.called {
		out = appendNew(out, m.Measure)
	}
	return out
}

// ValueColumn is the column of a spread that holds the value.
const ValueColumn = "#value"

// Spreads lists the fields of whose values the measures of a step have to know how often each occurs: distinct counts,
// standard deviations and percentiles of several agencies' rows cannot be made of those of each.
func (s *AuthorizedStep) Spreads() []string {
	var out []string
	for _, m := range s.Measured() {
		if m.Func == "stddev" || m.Func == "countDistinct" && !s.Counts() || m.IsPercentile() {
			out = appendNew(out, m.Field)
		}
	}
	return out
}

// Counts reports whether the one source that holds all rows counts distinct values itself: its groups are the groups.
func (s *AuthorizedStep) Counts() bool {
	return len(s.Parts) == 1 && !slices.ContainsFunc(s.Mapped, func(m MappedKey) bool { return m.Names != nil || !m.Joined.Inside })
}

// Spread asks how often each value of a field occurs in each group. What is seen transformed is counted so.
func (s *AuthorizedStep) Spread(p *AuthorizedPart, field string) *source.Query {
	if d := s.derivation(shownColumn + field); d != nil {
		field = d.Name
	}
	return &source.Query{Relation: &p.Relation, Where: p.Where, Related: p.Related, Aggregate: &source.Aggregate{
		Group:    append(slices.Clone(s.Group), source.Group{Field: field, As: ValueColumn}),
		Measures: []source.Measure{{Func: source.CountRows, As: CountColumn}}}}
}
