package diff

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// Outcome of a search.
type Outcome uint8

const (
	Undecided Outcome = iota // neither a row nor a proof that there is none
	Found
	None
)

func (o Outcome) String() string { return [...]string{"undecided", "found", "none"}[o] }

// Row is values by field; an absent field is NULL.
type Row map[string]predicate.Value

// Value is what the predicates' evaluator reads.
func (r Row) Value(field string) predicate.Value { return r[field] }

// MarshalJSON writes the row as a source would give it; NULL is null.
func (r Row) MarshalJSON() ([]byte, error) {
	out := make(map[string]any, len(r))
	for name, v := range r {
		out[name] = plain(v)
	}
	return json.Marshal(out)
}

func plain(v predicate.Value) any {
	switch v.Kind {
	case predicate.BoolValue:
		return v.Int != 0
	case predicate.IntValue:
		return v.Int
	case predicate.FloatValue:
		return v.Float
	case predicate.DecimalValue, predicate.TextValue:
		return v.Text
	case predicate.TimeValue:
		return time.UnixMicro(v.Int).UTC().Format(time.RFC3339Nano)
	}
	return nil
}

// searchSteps bounds one search. More is Undecided.
const searchSteps = 200_000

// Witness looks for a row that `in` lets through and `out` does not. kinds are the kinds of the type's fields.
func Witness(in, out predicate.Predicate, kinds map[string]privacy.Kind) (Row, Outcome) {
	goal := predicate.And(in, predicate.Not(out))
	if goal.IsNever() {
		return nil, None
	}
	s := newSearch(goal, kinds)
	row := Row{}
	if s.find(0, row) {
		if in.Holds(row) && !out.Holds(row) {
			return row, Found
		}
		return nil, Undecided // cannot be, unless the search and the evaluator differ: then neither is believed
	}
	if s.complete && s.steps > 0 {
		return nil, None
	}
	return nil, Undecided
}

// search assigns fields one after another and leaves a branch as soon as the goal cannot hold in it.
type search struct {
	goal     predicate.Predicate
	fields   []string
	values   map[string][]predicate.Value
	known    map[*predicate.Node]map[predicate.Value]bool // answers of one-field conditions: lists are long
	complete bool
	steps    int
}

func newSearch(goal predicate.Predicate, kinds map[string]privacy.Kind) *search {
	s := &search{goal: goal, values: map[string][]predicate.Value{}, known: map[*predicate.Node]map[predicate.Value]bool{},
		complete: true, steps: searchSteps}
	atoms := collect(goal)
	s.complete = !atoms.opaque
	for _, name := range slices.Sorted(maps.Keys(atoms.fields)) {
		list, whole := atoms.candidates(name, kinds)
		s.complete = s.complete && whole
		s.values[name] = list
		s.fields = append(s.fields, name)
	}
	slices.SortStableFunc(s.fields, func(a, b string) int { return len(s.values[a]) - len(s.values[b]) })
	return s
}

// find extends row by the fields from i on; true where the goal holds whatever else.
func (s *search) find(i int, row Row) bool {
	if s.steps <= 0 {
		return false
	}
	s.steps--
	switch s.truth(s.goal, row) {
	case yes:
		for _, name := range s.fields[i:] { // any value does: show one all the same
			row[name] = s.values[name][0]
		}
		return true
	case no:
		return false
	}
	if i == len(s.fields) {
		return false // turns on a relation
	}
	name := s.fields[i]
	for _, v := range s.values[name] {
		row[name] = v
		if s.find(i+1, row) {
			return true
		}
	}
	delete(row, name)
	return false
}

// truth of a condition while some fields have no value yet.
type truth uint8

const (
	unknown truth = iota
	yes
	no
)

func (s *search) truth(p predicate.Predicate, row Row) truth {
	n := p.Node()
	switch n.Kind {
	case predicate.KindAlways:
		return yes
	case predicate.KindNever:
		return no
	case predicate.KindNot:
		return not(s.truth(n.Kids[0], row))
	case predicate.KindAnd:
		return s.junction(n.Kids, row, no)
	case predicate.KindOr:
		return s.junction(n.Kids, row, yes)
	case predicate.KindExists:
		return unknown
	}
	v, has := row[n.Field]
	if _, both := row[n.Other]; !has || n.Kind == predicate.KindFields && !both {
		return unknown
	}
	if n.Kind == predicate.KindFields {
		return truthOf(p.Holds(row))
	}
	answers := s.known[n]
	if answers == nil {
		answers = map[predicate.Value]bool{}
		s.known[n] = answers
	}
	held, seen := answers[v]
	if !seen {
		held = p.Holds(row)
		answers[v] = held
	}
	return truthOf(held)
}

func (s *search) junction(kids []predicate.Predicate, row Row, stop truth) truth {
	result := not(stop)
	for _, k := range kids {
		switch s.truth(k, row) {
		case stop:
			return stop
		case unknown:
			result = unknown
		}
	}
	return result
}

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func not(t truth) truth { return [...]truth{unknown, no, yes}[t] }
