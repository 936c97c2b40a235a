package plan

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"concordat/federation/compose"
	"concordat/policy"
	"concordat/policy/predicate"
)

// SecureArguments are what the caller asks of a Secure step beside its filter.
type SecureArguments struct {
	Measures []SecureMeasure
	Key      string // thumbprint of the caller's key
}

// SecureMeasure is one measure, in package secagg's words: numbers in units of their field's scale.
type SecureMeasure struct {
	Fn       string
	Field    string
	By       string
	Edges    []int64
	Permille int
	With     string
	Features []string
	Event    string
	Buckets  int
}

// Fields lists what a measure reads.
func (m *SecureMeasure) Fields() []string {
	return slices.DeleteFunc(append([]string{m.Field, m.By, m.With, m.Event}, m.Features...), func(f string) bool { return f == "" })
}

// Bounds of one question; package secagg has its own, and refuses what cannot be asked.
const (
	maxSecureMeasures = 32
	maxSecureEdges    = 4096
)

// secure plans a secure aggregate: its answer is one object, whatever is asked of it.
func (b *builder) secure(s *Step, f *collected) *Node {
	n := &Node{Key: f.Alias, Kind: NodeSecure, Step: s}
	for _, sub := range b.collect.sub("SecureAggregate", f) {
		n.Kids = append(n.Kids, b.secureMember(sub))
	}
	return node(n)
}

func (b *builder) secureMember(f *collected) *Node {
	n := &Node{Key: f.Alias, Kind: NodeSecureMember, Name: f.Name}
	if f.Name == "__typename" {
		n.Kind, n.Name = NodeTypename, f.ObjectDefinition.Name
		return n
	}
	for _, sub := range b.collect.sub("", f) {
		n.Kids = append(n.Kids, b.secureMember(sub))
	}
	return node(n)
}

// bindSecure reads the measures. A filter follows no relation: an agency's agent knows its own rows alone.
func (s *Step) bindSecure(raw map[string]any, a *Arguments) error {
	if len(a.relations) > 0 {
		return &InputError{Path: s.Path, Message: "the filter of a secure aggregate follows no relation"}
	}
	key, _ := raw["key"].(string)
	items := list(raw["measures"])
	if key == "" || len(key) > 64 || len(items) == 0 || len(items) > maxSecureMeasures {
		return &InputError{Path: s.Path, Message: "a secure aggregate needs a key and at least one measure"}
	}
	a.Secure = &SecureArguments{Key: key}
	for _, item := range items {
		m, _ := item.(map[string]any)
		measure, wrong := s.secureMeasure(m)
		if wrong != "" {
			return &InputError{Path: s.Path, Message: wrong}
		}
		a.Secure.Measures = append(a.Secure.Measures, measure)
	}
	return nil
}

func (s *Step) secureMeasure(raw map[string]any) (m SecureMeasure, wrong string) {
	text := func(name string) string { v, _ := raw[name].(string); return v }
	m = SecureMeasure{Fn: strings.ToLower(text("fn")), Field: text("field"), By: text("by"), With: text("with"), Event: text("event")}
	for _, v := range list(raw["features"]) {
		name, _ := v.(string)
		m.Features = append(m.Features, name)
	}
	for _, name := range m.Fields() {
		if f := s.scalar(name); f == nil || f.Secure == nil {
			return m, "a measure names a field that is not asked"
		}
	}
	if p, ok := raw["p"]; ok && p != nil {
		v, isNumber := decimal(p)
		n, exact := compose.Scaled(v, 3)
		if !isNumber || !exact || n < 1 || n > 999 {
			return m, "p is between 0 and 1, to a thousandth"
		}
		m.Permille = int(n)
	}
	if v, ok := raw["buckets"]; ok && v != nil {
		n, isNumber := integer(v)
		if !isNumber || n < 1 || n > math.MaxInt32 {
			return m, "buckets is a positive number"
		}
		m.Buckets = int(n)
	}
	return m, s.secureEdges(&m, list(raw["edges"]))
}

func (s *Step) secureEdges(m *SecureMeasure, edges []any) (wrong string) {
	f := s.scalar(m.Field)
	if len(edges) > 0 && f == nil || len(edges) > maxSecureEdges {
		return "edges are of a field, and not too many"
	}
	for _, e := range edges {
		text, isNumber := decimal(e)
		v, exact := compose.Scaled(text, f.Secure.Scale)
		if !isNumber || !exact {
			return "an edge is a number of its field's scale"
		}
		m.Edges = append(m.Edges, v)
	}
	return ""
}

// decimal spells a coerced Float as the shortest decimal that reads back: what the caller wrote.
func decimal(v any) (string, bool) {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case int:
		return strconv.Itoa(v), true
	case fmt.Stringer: // json.Number
		return v.String(), true
	}
	return "", false
}

// secure decides a secure aggregate like any aggregate: every field that it reads has to be given to aggregates, or to
// encrypted ones, by every agency that is asked, and as it is: nobody can transform what nobody sees.
func (r *restriction) secure(out *AuthorizedStep, active []*compose.Part) error {
	names := slices.Clone(out.filters)
	for i := range out.Secure.Measures {
		names = append(names, out.Secure.Measures[i].Fields()...)
	}
	for _, name := range names {
		f := out.Entity.Members[name].Field
		for _, part := range active {
			permitted, err := r.secureField(out, part, f)
			if err != nil {
				return err
			}
			if !permitted {
				r.deny(out.Errors, f.Coordinate)
				out.Denied = true
				return nil
			}
		}
	}
	for _, part := range active {
		row := r.decision.Row(policy.TypeKey{Agency: part.Agency, Type: out.Entity.Name})
		out.Parts = append(out.Parts, AuthorizedPart{Part: part, Where: predicate.And(row, out.Where)})
	}
	return nil
}

func (r *restriction) secureField(out *AuthorizedStep, part *compose.Part, f *compose.Field) (bool, error) {
	if _, ok := part.Relation.Columns[f.Name]; !ok {
		return false, nil
	}
	ruling := r.ruling(part.Agency, f.Coordinate)
	switch ruling.Effect {
	case policy.Allow, policy.Aggregate, policy.Encrypted:
		if ruling.Obligation.Method != "" {
			return false, &NotPermittedError{Path: out.Errors, Coordinate: f.Coordinate}
		}
		return true, nil
	case policy.Transform:
		return false, &NotPermittedError{Path: out.Errors, Coordinate: f.Coordinate}
	}
	return false, nil // fail closed
}
