package policy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// checkObligation is a small set of transforms: redact for all but numbers, year for dates, round with {"to":n} for numbers.
func checkObligation(kind privacy.Kind, ob privacy.Obligation) error {
	switch {
	case ob.Method == "redact" && ob.Arguments == "" && kind != privacy.Int, // careless of joins: the engine is not
		ob.Method == "pseudonym" && kind == privacy.String,
		ob.Method == "year" && kind == privacy.Date,
		ob.Method == "round" && strings.HasPrefix(ob.Arguments, `{"to":`) && kind == privacy.Int:
		return nil
	}
	return fmt.Errorf("no transform %q for this kind", ob.Method)
}

func field(agency policy.AgencyID, coordinate, classification string, kind privacy.Kind) policy.Field {
	typ, name, _ := strings.Cut(coordinate, ".")
	return policy.Field{Agency: agency, Coordinate: privacy.Coordinate(coordinate), Type: typ, Name: name,
		Classification: classification, Kind: kind, Join: kind == 0}
}

// catalog is two hospitals that share a type, and a registry.
func catalog() policy.Catalog {
	var fields []policy.Field
	for _, h := range []policy.AgencyID{"north", "south"} {
		fields = append(fields,
			field(h, "Admission.id", "NON_SENSITIVE", privacy.String),
			field(h, "Admission.patientId", "DIRECT_IDENTIFIER", privacy.String),
			field(h, "Admission.region", "NON_SENSITIVE", privacy.String),
			field(h, "Admission.diagnosis", "SENSITIVE", privacy.String),
			field(h, "Admission.days", "NON_SENSITIVE", privacy.Int),
			field(h, "Admission.serial", "NON_SENSITIVE", privacy.BigInt),
			field(h, "Admission.score", "SENSITIVE", privacy.Float),
			field(h, "Admission.cost", "SENSITIVE", privacy.Decimal),
			field(h, "Admission.urgent", "NON_SENSITIVE", privacy.Bool),
			field(h, "Admission.admittedOn", "QUASI_IDENTIFIER", privacy.Date),
			field(h, "Admission.seenAt", "QUASI_IDENTIFIER", privacy.Time),
			field(h, "Admission.note", "FREE_TEXT", privacy.String),
			field(h, "Admission.patient", "NON_SENSITIVE", 0))
	}
	fields = append(fields,
		field("registry", "Resident.id", "DIRECT_IDENTIFIER", privacy.String),
		field("registry", "Resident.birthDate", "QUASI_IDENTIFIER", privacy.Date))
	return policy.Catalog{Fields: fields}
}

// rules are bundles by agency, each one Rego file; "AGENCY/data" is a data.json.
type rules map[string]string

func (r rules) options() policy.Options {
	files := map[policy.AgencyID]fstest.MapFS{}
	for name, text := range r {
		agency, file, ok := strings.Cut(name, "/")
		if !ok {
			file = "policy.rego"
			text = "package concordat.access." + agency + "\n" + text
		}
		id := policy.AgencyID(agency)
		if files[id] == nil {
			files[id] = fstest.MapFS{}
		}
		files[id][file] = &fstest.MapFile{Data: []byte(text)}
	}
	o := policy.Options{Catalog: catalog(), CheckObligation: checkObligation,
		Now: func() time.Time { return time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC) },
		Agreements: map[string]any{"a1": map[string]any{"regions": []any{"n", "s"}, "purposes": []any{"research"},
			"parties": []any{"institute"}, "datasets": []any{"Admission"}}}}
	for id, f := range files {
		o.Bundles = append(o.Bundles, policy.Bundle{Agency: id, Files: f})
	}
	return o
}

func (r rules) load(t testing.TB) *policy.Engine {
	t.Helper()
	e, err := policy.Load(context.Background(), r.options())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// problems loads and expects to be refused.
func (r rules) problems(t testing.TB) []policy.Problem {
	t.Helper()
	_, err := policy.Load(context.Background(), r.options())
	var refused *policy.LoadError
	if !errors.As(err, &refused) {
		t.Fatalf("loaded, or failed otherwise: %v", err)
	}
	return refused.Problems
}

func analyst() policy.Subject {
	return policy.Subject{ID: "u1", Organisation: "institute", Client: "app", Scopes: []string{"query"}, Agreement: "a1",
		Purpose: "research", Purposes: []string{"research"}}
}

func ask(agency policy.AgencyID, coordinates ...string) policy.Request {
	r := policy.Request{Operation: "query"}
	types := map[string]bool{}
	for _, c := range coordinates {
		r.Fields = append(r.Fields, policy.FieldKey{Agency: agency, Coordinate: privacy.Coordinate(c)})
		if typ, _, _ := strings.Cut(c, "."); !types[typ] {
			types[typ] = true
			r.Types = append(r.Types, policy.TypeKey{Agency: agency, Type: typ})
		}
	}
	return r
}

func decide(t testing.TB, e *policy.Engine, s policy.Subject, r policy.Request) *policy.Decision {
	t.Helper()
	d, err := e.Decide(context.Background(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func ruling(t testing.TB, e *policy.Engine, s policy.Subject, agency policy.AgencyID, coordinate string) policy.Ruling {
	t.Helper()
	return decide(t, e, s, ask(agency, coordinate)).Field(policy.FieldKey{Agency: agency, Coordinate: privacy.Coordinate(coordinate)})
}

func row(t testing.TB, e *policy.Engine, s policy.Subject, agency policy.AgencyID, typ string) predicate.Predicate {
	t.Helper()
	k := policy.TypeKey{Agency: agency, Type: typ}
	return decide(t, e, s, policy.Request{Operation: "query", Types: []policy.TypeKey{k}}).Row(k)
}

func TestDecisionFollowsTheRules(t *testing.T) {
	e := rules{"north": `
import data.concordat.lib
fields contains {"classification": "NON_SENSITIVE", "effect": "allow"} if lib.purpose("research")
fields contains {"classification": "DIRECT_IDENTIFIER", "effect": "transform", "method": "pseudonym", "reason": "research"} if lib.purpose("research")
fields contains {"coordinate": "Admission.note", "effect": "invisible"}
limits contains {"minimumGroup": 10}
include.Admission if input.row.region in data.agreements[input.subject.agreement].regions
exclude.Admission if input.row.patientId in data.sets.objectors
`, "north/data.json": `{"sets": {"objectors": ["p1", "p2"]}}`}.load(t)

	d := decide(t, e, analyst(), ask("north", "Admission.id", "Admission.patientId", "Admission.note", "Admission.diagnosis"))
	want := map[string]policy.Effect{"Admission.id": policy.Allow, "Admission.patientId": policy.Transform,
		"Admission.note": policy.Invisible, "Admission.diagnosis": policy.Deny}
	for c, effect := range want {
		if got := d.Field(policy.FieldKey{Agency: "north", Coordinate: privacy.Coordinate(c)}); got.Effect != effect {
			t.Errorf("%s: %v, want %v", c, got, effect)
		}
	}
	if d.Limits.MinimumGroup != 10 {
		t.Errorf("minimum group %d", d.Limits.MinimumGroup)
	}
	if d.Revision != e.Revision() || len(d.Revision) != 64 {
		t.Errorf("revision %q", d.Revision)
	}
	p := d.Row(policy.TypeKey{Agency: "north", Type: "Admission"})
	text := predicate.And(
		predicate.In("region", predicate.String("n"), predicate.String("s")),
		predicate.Not(predicate.In("patientId", predicate.String("p1"), predicate.String("p2"))))
	if fmt.Sprint(show(p)) != fmt.Sprint(show(text)) {
		t.Errorf("rows: %s", show(p))
	}
	profile, err := e.Profile(context.Background(), analyst())
	if err != nil || !profile.Granted {
		t.Fatalf("profile: %v %v", profile, err)
	}
}

// show prints a predicate for comparison in tests.
func show(p predicate.Predicate) string {
	n := p.Node()
	kids := make([]string, len(n.Kids))
	for i, k := range n.Kids {
		kids[i] = show(k)
	}
	return fmt.Sprintf("(%d %s %d %v %v %s %s %s)", n.Kind, n.Field, n.Op, n.Value, n.Values, n.Other, n.Relation, strings.Join(kids, " "))
}
