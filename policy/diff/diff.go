// Package diff says what a change of policy alters: for each persona, which coordinates get another ruling, and which
// rows are gained or lost, each by a row that shows it.
//
//	report, err := diff.Compare(ctx, before, after, catalog, personas)
//	row, outcome := diff.Witness(in, out, kinds) // a row that in lets through and out keeps back
//
// Row rules are compared by search: for each field, one value of every class that the literals of both rules tell
// apart (one below, equal, one above, absent, empty), and every combination that could matter. Found rows are checked
// by the predicates' own evaluator. None is said only where the search was complete, which it is for everything that
// a row rule can say short of relations and LIKE; Undecided where it was not.
//
// The package is pure. It knows no rule and no file, compares only for the subjects that it is given, and does not
// say that a row it shows exists in any source.
package diff

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Policy is one side of a comparison; *policy.Engine is one.
type Policy interface {
	Decide(ctx context.Context, s policy.Subject, r policy.Request) (*policy.Decision, error)
}

// Persona is a subject under the name that the report gives it.
type Persona struct {
	Name    string
	Subject policy.Subject
}

// Change is a coordinate, or a limit of an agency, that a persona has another ruling on.
type Change struct {
	Persona    string          `json:"persona"`
	Agency     policy.AgencyID `json:"agency"`
	Coordinate string          `json:"coordinate"` // or "limits.minimumGroup", "limits.mark"
	Before     string          `json:"before"`
	After      string          `json:"after"`
	Weaker     bool            `json:"weaker"` // or not known to be as strict
}

// RowChange is a type whose row rule changed for a persona. There is one for rows gained and one for rows lost; where
// the rule reads otherwise and no row shows a difference, one with neither.
type RowChange struct {
	Persona string          `json:"persona"`
	Agency  policy.AgencyID `json:"agency"`
	Type    string          `json:"type"`
	Gained  bool            `json:"gained"`
	Lost    bool            `json:"lost"`
	Witness any             `json:"witness"` // a row as an object, "none" or "undecided"
}

// Report is what a change alters.
type Report struct {
	Changes []Change    `json:"changes"`
	Rows    []RowChange `json:"rows"`
}

// Weaker reports whether protection is weaker, or may be: a ruling is weaker, rows are gained, or that is undecided.
func (r *Report) Weaker() bool {
	return slices.ContainsFunc(r.Changes, func(c Change) bool { return c.Weaker }) ||
		slices.ContainsFunc(r.Rows, RowChange.Weaker)
}

// Weaker reports whether rows are gained, or may be.
func (c RowChange) Weaker() bool { return c.Gained || c.Witness == Undecided.String() }

// Compare asks both policies about everything in the catalog, for each persona.
func Compare(ctx context.Context, before, after Policy, catalog policy.Catalog, personas []Persona) (*Report, error) {
	report := &Report{Changes: []Change{}, Rows: []RowChange{}}
	for _, agency := range agencies(catalog) {
		request, kinds := everything(catalog, agency)
		for _, p := range personas {
			old, err := before.Decide(ctx, p.Subject, request)
			if err != nil {
				return nil, fmt.Errorf("diff: %s before: %w", p.Name, err)
			}
			next, err := after.Decide(ctx, p.Subject, request)
			if err != nil {
				return nil, fmt.Errorf("diff: %s after: %w", p.Name, err)
			}
			report.rulings(p.Name, agency, request, old, next)
			for _, k := range request.Types {
				report.rows(p.Name, k, old.Row(k), next.Row(k), kinds[k.Type])
			}
		}
	}
	report.sort(personas)
	return report, nil
}

func agencies(catalog policy.Catalog) []policy.AgencyID {
	var out []policy.AgencyID
	for _, f := range catalog.Fields {
		out = append(out, f.Agency)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// everything of one agency: limits are then its own and the gateway's.
func everything(catalog policy.Catalog, agency policy.AgencyID) (policy.Request, map[string]map[string]privacy.Kind) {
	r := policy.Request{Operation: "query"}
	kinds := map[string]map[string]privacy.Kind{}
	for _, f := range catalog.Fields {
		if f.Agency != agency {
			continue
		}
		r.Fields = append(r.Fields, policy.FieldKey{Agency: agency, Coordinate: f.Coordinate})
		if kinds[f.Type] == nil {
			kinds[f.Type] = map[string]privacy.Kind{}
			r.Types = append(r.Types, policy.TypeKey{Agency: agency, Type: f.Type})
		}
		if f.Column() {
			kinds[f.Type][f.Name] = f.Kind
		}
	}
	return r, kinds
}

func (r *Report) rulings(persona string, agency policy.AgencyID, request policy.Request, old, next *policy.Decision) {
	for _, k := range request.Fields {
		a, b := old.Field(k), next.Field(k)
		if a.Effect != b.Effect || a.Obligation != b.Obligation || a.Declassified != b.Declassified {
			r.Changes = append(r.Changes, Change{Persona: persona, Agency: agency, Coordinate: string(k.Coordinate),
				Before: words(a), After: words(b), Weaker: weaker(a, b)})
		}
	}
	r.limits(persona, agency, old.Limits, next.Limits)
}

// limits compares what holds for the whole of an answer. A mark that goes is a trace that is lost.
func (r *Report) limits(persona string, agency policy.AgencyID, a, b policy.Limits) {
	change := Change{Persona: persona, Agency: agency}
	if a.MinimumGroup != b.MinimumGroup {
		change.Coordinate, change.Before, change.After = "limits.minimumGroup", fmt.Sprint(a.MinimumGroup), fmt.Sprint(b.MinimumGroup)
		change.Weaker = b.MinimumGroup < a.MinimumGroup
		r.Changes = append(r.Changes, change)
	}
	if a.Mark != b.Mark {
		change.Coordinate, change.Before, change.After, change.Weaker = "limits.mark", a.Mark, b.Mark, a.Mark != ""
		r.Changes = append(r.Changes, change)
	}
}

func (r *Report) rows(persona string, k policy.TypeKey, old, next predicate.Predicate, kinds map[string]privacy.Kind) {
	if equal(old, next) {
		return
	}
	change := RowChange{Persona: persona, Agency: k.Agency, Type: k.Type}
	gained, how := Witness(next, old, kinds)
	lost, other := Witness(old, next, kinds)
	if how == Found {
		with := change
		with.Gained, with.Witness = true, gained
		r.Rows = append(r.Rows, with)
	}
	if other == Found {
		with := change
		with.Lost, with.Witness = true, lost
		r.Rows = append(r.Rows, with)
	}
	switch {
	case how == Undecided || other == Undecided && how != Found:
		change.Witness = Undecided.String()
		r.Rows = append(r.Rows, change)
	case how == None && other == None:
		change.Witness = None.String()
		r.Rows = append(r.Rows, change)
	}
}

func (r *Report) sort(personas []Persona) {
	place := map[string]int{}
	for i, p := range personas {
		place[p.Name] = i
	}
	slices.SortStableFunc(r.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(place[a.Persona], place[b.Persona]), cmp.Compare(a.Agency, b.Agency), cmp.Compare(a.Coordinate, b.Coordinate))
	})
	slices.SortStableFunc(r.Rows, func(a, b RowChange) int {
		return cmp.Or(cmp.Compare(place[a.Persona], place[b.Persona]), cmp.Compare(a.Agency, b.Agency), cmp.Compare(a.Type, b.Type))
	})
}

// equal compares what two predicates are written as.
func equal(a, b predicate.Predicate) bool {
	x, y := a.Node(), b.Node()
	if x.Kind != y.Kind || x.Field != y.Field || x.Op != y.Op || x.Value != y.Value || x.Other != y.Other ||
		x.Relation != y.Relation || !slices.Equal(x.Values, y.Values) || len(x.Kids) != len(y.Kids) {
		return false
	}
	for i := range x.Kids {
		if !equal(x.Kids[i], y.Kids[i]) {
			return false
		}
	}
	return true
}
