package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Sizes of a page: what is given where the caller says nothing, and the most a caller may ask for.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Bound is a plan with its arguments, and everything that it reads.
type Bound struct {
	Plan    *Plan
	Request policy.Request
	// Coordinates is every coordinate read, also inside filters, orders, groups and join keys, sorted.
	Coordinates []privacy.Coordinate

	arguments []Arguments // by step ID
}

// Arguments are what the caller wrote on one step's field.
type Arguments struct {
	Where    predicate.Predicate // Always where the caller wrote nothing
	Order    []source.Order      // the caller's terms, then the entity's key
	Size     int                 // rows of a page, for each parent
	Backward bool                // the page is the last Size rows, before Cursor
	Cursor   string              // sealed; "" for none
	Group    []source.Group
	First    int // Group: the most groups shown; 0: all
	// Having and GroupOrder are over the columns of the group table; the order ends with the keys.
	Having     predicate.Predicate
	GroupOrder []source.Order
	// Percentiles are the arguments of the measures whose Func they are listed by.
	Percentiles map[string]float64
	Edges       map[string][]float64 // the same of histograms
	// Binding is equal for two pages of one list: its filter and order. A cursor is good for it alone.
	Binding []byte

	Secure *SecureArguments // of a Secure step

	keys    []groupKey // of Group, one for each
	filters []string   // fields that the caller's filter reads
	orders  []string   // fields that the caller's order reads

	relations []*relation // relations that the caller's filter reads
	called    []called    // measures that the caller's conditions on groups and their order read
}

// Bind resolves the arguments of every step, as d writes them: a document of the shape that was planned. Its errors
// are *InputError.
func (p *Plan) Bind(d *Document, variables map[string]any) (*Bound, error) {
	b := &Bound{Plan: p, Request: policy.Request{Operation: "query"}, arguments: make([]Arguments, len(p.Steps))}
	for _, s := range p.Steps {
		raw := d.arguments(s.position, variables)
		a, err := s.bind(raw)
		if err != nil {
			return nil, err
		}
		if err := s.bindPercentiles(d, variables, &a); err != nil {
			return nil, err
		}
		if err := s.bindHistograms(d, variables, &a); err != nil {
			return nil, err
		}
		b.arguments[s.ID] = a
	}
	b.collect()
	return b, nil
}

func (s *Step) bind(raw map[string]any) (Arguments, error) {
	if s.Kind == ByKey {
		return s.bindKey(raw)
	}
	a := Arguments{Where: predicate.Always()}
	w := whereReader{entity: s.Entity, path: s.Path, entities: s.entities}
	where, ok := raw["where"].(map[string]any)
	if !ok && raw["where"] != nil { // never as if there were no filter
		return a, &InputError{Path: s.Path, Message: "where is not a filter"}
	}
	if ok {
		p, err := w.object(where, 0)
		if err != nil {
			return a, err
		}
		a.Where, a.filters, a.relations = p, w.fields, w.relations
	}
	switch s.Kind {
	case Group:
		return a, s.bindGroups(raw, &a)
	case Secure:
		return a, s.bindSecure(raw, &a)
	}
	if err := s.bindOrder(raw, &a); err != nil {
		return a, err
	}
	if err := s.bindPage(raw, &a); err != nil {
		return a, err
	}
	if s.Paged || a.Cursor != "" {
		a.Binding = s.binding(raw, &a)
	}
	return a, nil
}

// binding spells the list that a cursor belongs to. Maps are marshalled in order of key.
func (s *Step) binding(raw map[string]any, a *Arguments) []byte {
	where, err := json.Marshal(raw["where"])
	if err != nil { // coerced arguments always marshal; a cursor bound to nothing opens nothing
		return nil
	}
	out := fmt.Appendf(nil, "%s\x00%s\x00%s\x00", s.Entity.Name, s.coordinate(), where)
	for _, o := range a.Order {
		out = fmt.Appendf(out, "%s %t\x00", o.Field, o.Descending)
	}
	return out
}

// bindKey reads the arguments of a by-key root; a to-one join has none.
func (s *Step) bindKey(raw map[string]any) (Arguments, error) {
	a := Arguments{Where: predicate.Always()}
	if s.Join != nil {
		return a, nil
	}
	w := whereReader{entity: s.Entity, path: s.Path}
	var terms []predicate.Predicate
	for _, k := range s.Entity.Key {
		p, err := w.compare(k, "eq", raw[k])
		if err != nil {
			return a, err
		}
		terms = append(terms, p)
	}
	a.Where, a.filters = predicate.And(terms...), w.fields
	return a, nil
}

func (s *Step) bindOrder(raw map[string]any, a *Arguments) error {
	for _, item := range list(raw["orderBy"]) {
		term, _ := item.(map[string]any)
		field, _ := term["field"].(string)
		if s.scalar(field) == nil {
			return &InputError{Path: s.Path, Message: "orderBy names no field"}
		}
		if slices.Contains(a.orders, field) {
			return &InputError{Path: s.Path, Message: "orderBy names a field twice"}
		}
		a.orders = append(a.orders, field)
		a.Order = append(a.Order, source.Order{Field: field, Descending: term["direction"] == "DESC"})
	}
	for _, k := range s.Entity.Key {
		if !slices.Contains(a.orders, k) {
			a.Order = append(a.Order, source.Order{Field: k})
		}
	}
	return nil
}

func (s *Step) bindPage(raw map[string]any, a *Arguments) error {
	first, hasFirst, err := s.size(raw, "first", 0)
	if err != nil {
		return err
	}
	last, hasLast, err := s.size(raw, "last", 0)
	if err != nil {
		return err
	}
	after, hasAfter := raw["after"].(string)
	before, hasBefore := raw["before"].(string)
	switch {
	case !hasAfter && raw["after"] != nil, !hasBefore && raw["before"] != nil: // gqlparser lets a number pass for a text
		return &InputError{Path: s.Path, Message: "a cursor is a text"}
	case hasFirst && hasLast:
		return &InputError{Path: s.Path, Message: "first and last exclude each other"}
	case hasLast && hasAfter, hasBefore && !hasLast:
		return &InputError{Path: s.Path, Message: "after goes with first, before with last"}
	case hasLast:
		a.Size, a.Backward, a.Cursor = last, true, before
	case hasFirst:
		a.Size, a.Cursor = first, after
	default:
		a.Size, a.Cursor = DefaultPage, after
	}
	return nil
}

func (s *Step) size(raw map[string]any, name string, least int64) (int, bool, error) {
	v, ok := raw[name]
	if !ok || v == nil {
		return 0, false, nil
	}
	n, ok := integer(v)
	if !ok || n < least || n > MaxPage {
		return 0, false, &InputError{Path: s.Path, Message: name + " is out of range"}
	}
	return int(n), true, nil
}

func (s *Step) bindGroups(raw map[string]any, a *Arguments) error {
	for _, item := range list(raw["groupBy"]) {
		term, _ := item.(map[string]any)
		g, k, err := s.bindGroup(term)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(a.Group, func(o source.Group) bool { return o.As == g.As }) {
			return &InputError{Path: s.Path, Message: "groupBy names a field twice"}
		}
		a.Group, a.keys = append(a.Group, g), append(a.keys, k)
	}
	if err := s.bindHaving(raw, a); err != nil {
		return err
	}
	if err := s.bindGroupOrder(raw, a); err != nil {
		return err
	}
	var err error
	a.First, _, err = s.size(raw, "first", 1)
	return err
}

func (s *Step) scalar(name string) *compose.Field {
	m := s.Entity.Members[name]
	if m.Role != compose.RoleScalar {
		return nil
	}
	return m.Field
}

// collect lists what the plan reads, for policy and for the ledger.
func (b *Bound) collect() {
	var names []string
	for _, s := range b.Plan.Steps {
		for _, part := range s.Entity.Parts {
			b.Request.Types = append(b.Request.Types, policy.TypeKey{Agency: part.Agency, Type: s.Entity.Name})
		}
		b.related(s.Entity, b.arguments[s.ID].relations)
		b.readKeys(s)
		names = fusion(s.Entity, b.reads(names[:0], s))
		for _, name := range names {
			b.read(s.Entity.Members[name].Field)
		}
		if s.Kind == List { // every list is ordered by its key in the end: policy says whether by the key itself
			for _, k := range s.Entity.Key {
				b.read(s.Entity.Members[k].Field)
			}
		}
		if s.Entity.Fusion != nil { // rows are put together by it, and it is not shown for that
			for _, k := range s.Entity.Key {
				b.Coordinates = append(b.Coordinates, s.Entity.Members[k].Field.Coordinate)
			}
		}
		if s.Join != nil {
			b.read(s.Join)
			from := s.Parent.Entity.Members[s.Join.Join.From].Field
			b.Coordinates = append(b.Coordinates, from.Coordinate)
		}
	}
	b.Request.Fields = sorted(b.Request.Fields, func(x, y policy.FieldKey) int {
		return cmp.Or(cmp.Compare(x.Coordinate, y.Coordinate), cmp.Compare(x.Agency, y.Agency))
	})
	b.Request.Types = sorted(b.Request.Types, func(x, y policy.TypeKey) int {
		return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(x.Agency, y.Agency))
	})
	b.Coordinates = sorted(b.Coordinates, cmp.Compare[privacy.Coordinate])
}

func (b *Bound) read(f *compose.Field) {
	b.Coordinates = append(b.Coordinates, f.Coordinate)
	for _, agency := range f.Agencies {
		b.Request.Fields = append(b.Request.Fields, policy.FieldKey{Agency: agency, Coordinate: f.Coordinate})
	}
}

// reads appends every field of the step's entity that its fetch touches; some may stand twice.
func (b *Bound) reads(names []string, s *Step) []string {
	a := &b.arguments[s.ID]
	names = append(append(append(names, s.Fields...), a.filters...), a.orders...)
	for _, c := range s.Computed {
		names = append(names, c, s.Entity.Members[c].Field.Computed.Text)
	}
	names = append(names, a.ownKeys()...)
	for _, m := range s.Measures {
		names = append(names, m.Field)
	}
	if a.Secure != nil {
		for i := range a.Secure.Measures {
			names = append(names, a.Secure.Measures[i].Fields()...)
		}
	}
	for _, m := range a.called {
		names = append(names, m.Field)
	}
	if s.Join != nil {
		names = append(names, s.Join.Join.To)
	}
	return names
}

// sorted is the distinct elements of a list, in order.
func sorted[K comparable](list []K, compare func(x, y K) int) []K {
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}
