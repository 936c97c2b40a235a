package demo_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"concordat/demo"
	"concordat/federation/compose"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/predicate"
	"concordat/privacy/deid"
)

var update = flag.Bool("update", false, "write testdata/effects.txt again")

func engine(t *testing.T, graph *compose.Supergraph) *policy.Engine {
	t.Helper()
	folder, err := fs.Sub(demo.Files, "agreements")
	if err != nil {
		t.Fatal(err)
	}
	agreements, err := agreement.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := fs.ReadDir(demo.Files, "policies")
	if err != nil {
		t.Fatal(err)
	}
	var bundles []policy.Bundle
	for _, entry := range entries {
		files, err := fs.Sub(demo.Files, "policies/"+entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		bundles = append(bundles, policy.Bundle{Agency: policy.AgencyID(entry.Name()), Files: files})
	}
	e, err := policy.Load(t.Context(), policy.Options{Bundles: bundles, Agreements: agreements.Data(), Catalog: graph.Catalog,
		CheckObligation: deid.New().Check, Fault: func(a policy.AgencyID, err error) { t.Errorf("%s: %v", a, err) }})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// subject is who a persona is to policy.
func subject(p demo.Persona) policy.Subject {
	return policy.Subject{ID: p.Subject, Organisation: p.Organisation, Client: p.Client, Scopes: strings.Fields(p.Scope),
		Agreement: p.Agreement, Purposes: p.Purposes, Purpose: p.Purposes[0]}
}

// everything asks for each field and each type of each agency.
func everything(graph *compose.Supergraph) policy.Request {
	r := policy.Request{Operation: "query"}
	for _, f := range graph.Catalog.Fields {
		r.Fields = append(r.Fields, policy.FieldKey{Agency: f.Agency, Coordinate: f.Coordinate})
		if k := (policy.TypeKey{Agency: f.Agency, Type: f.Type}); !slices.Contains(r.Types, k) {
			r.Types = append(r.Types, k)
		}
	}
	return r
}

// What each persona gets, coordinate by coordinate, is a golden file: a change to a policy shows here what it alters.
func TestEffectsOfEveryPersona(t *testing.T) {
	graph := supergraph(t)
	e := engine(t, graph)
	var out bytes.Buffer
	personas := demo.Personas()
	for _, name := range demo.PersonaNames() {
		decision, err := e.Decide(t.Context(), subject(personas[name]), everything(graph))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "# %s\n", name)
		writeDecision(&out, t, graph, decision)
	}
	if *update {
		if err := os.WriteFile("testdata/effects.txt", out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/effects.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, out.Bytes()) {
		t.Error("the policies decide otherwise than testdata/effects.txt says; run with -update and read the difference")
	}
}

func writeDecision(out io.Writer, t *testing.T, graph *compose.Supergraph, d *policy.Decision) {
	request := everything(graph)
	for _, k := range request.Types {
		rows := d.Row(k)
		text := "some rows"
		if rows.IsNever() {
			text = "no rows"
		} else if rows.IsAlways() {
			text = "all rows"
		}
		fmt.Fprintf(out, "%s %s: %s%s\n", k.Agency, k.Type, text, comparisons(rows))
	}
	var lines []string
	for _, k := range request.Fields {
		ruling := d.Field(k)
		if ruling.Conflict {
			t.Errorf("%s %s: two transforms conflict", k.Agency, k.Coordinate)
		}
		line := fmt.Sprintf("%s %s: %s", k.Agency, k.Coordinate, ruling.Effect)
		if ruling.Obligation.Method != "" {
			line += " " + ruling.Obligation.Method + ruling.Obligation.Arguments
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	fmt.Fprintf(out, "%s\nminimum group %d\n\n", strings.Join(lines, "\n"), d.Limits.MinimumGroup)
}

// comparisons names what a row rule compares, without long lists of values.
func comparisons(p predicate.Predicate) string {
	node := p.Node()
	text := ""
	switch node.Kind {
	case predicate.KindCompare:
		text = fmt.Sprintf(" %s=%q", node.Field, node.Value.Text)
	case predicate.KindIn:
		text = fmt.Sprintf(" %s in %d values", node.Field, len(node.Values))
	case predicate.KindNot:
		text = " not"
	}
	for _, kid := range node.Kids {
		text += comparisons(kid)
	}
	return text
}

func TestAnonymousIsGrantedNothing(t *testing.T) {
	graph := supergraph(t)
	profile, err := engine(t, graph).Profile(t.Context(), policy.Subject{ID: "anonymous", Anonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	if profile.Granted {
		t.Error("some field is granted to callers without a token")
	}
}

// A persona that borrows another's purpose or agreement gets nothing from it.
func TestPurposeAndAgreementBelongTogether(t *testing.T) {
	graph := supergraph(t)
	e := engine(t, graph)
	personas := demo.Personas()
	for _, name := range demo.PersonaNames() {
		for _, other := range demo.PersonaNames() {
			if name == other {
				continue
			}
			s := subject(personas[name])
			s.Purpose = personas[other].Purposes[0]
			profile, err := e.Profile(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if profile.Granted {
				t.Errorf("%s is granted something for the purpose of %s", name, other)
			}
		}
	}
}
