package check_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"concordat/policy"
	"concordat/policy/check"
	"concordat/privacy"
)

func field(agency policy.AgencyID, coordinate, class string, kind privacy.Kind) policy.Field {
	typ, name, _ := strings.Cut(coordinate, ".")
	return policy.Field{Agency: agency, Coordinate: privacy.Coordinate(coordinate), Type: typ, Name: name, Classification: class, Kind: kind}
}

func options(bundles map[policy.AgencyID]string) policy.Options {
	o := policy.Options{Now: func() time.Time { return time.Unix(0, 0) },
		Catalog: policy.Catalog{Fields: []policy.Field{field("north", "Stay.id", "NON_SENSITIVE", privacy.String),
			field("north", "Stay.note", "FREE_TEXT", privacy.String), field("registry", "Resident.id", "DIRECT_IDENTIFIER", privacy.String)}},
		Agreements: map[string]any{"a1": map[string]any{"id": "a1", "parties": []any{"institute"}, "purposes": []any{"research"}, "scopes": []any{"graph:read"}}},
		CheckObligation: func(_ privacy.Kind, ob privacy.Obligation) error {
			if ob.Method != "mask" && ob.Method != "redact" {
				return errors.New("no such transform")
			}
			return nil
		}}
	for id, text := range bundles {
		o.Bundles = append(o.Bundles, policy.Bundle{Agency: id, Files: fstest.MapFS{"a.rego": {Data: []byte("package concordat.access." + string(id) + "\n" + text)}}})
	}
	return o
}

const sound = `import data.concordat.lib
fields contains {"type": "Stay", "effect": "allow"} if lib.purpose("research")
include.Stay if lib.purpose("research")
`

const resident = `fields contains {"type": "Resident", "effect": "deny"} if input.purpose == "research"`

// Each mistake is one line, found by its code, file and line; the sound policy has none.
func TestFindings(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"sound", "", ""},
		{"unknown coordinate", `fields contains {"coordinate": "Stay.nope", "effect": "deny"}`, "north/a.rego:5: Stay.nope: error: there is no Stay.nope (POLICY_UNKNOWN)"},
		{"unknown classification", `fields contains {"classification": "SECRET", "effect": "deny"}`, "north/a.rego:5: SECRET: error: there is no SECRET (POLICY_UNKNOWN)"},
		{"another agency's", `fields contains {"coordinate": "Resident.id", "effect": "allow"}`, "POLICY_FOREIGN"},
		{"outside the fragment", `include.Stay if lower(input.row.id) == "x"`, "north/a.rego:5: Stay: error: lower cannot be asked of a row (POLICY_FRAGMENT)"},
		{"strict mode", `other if { x := 1; true }`, "north/a.rego:5: error: assigned var x unused (POLICY_COMPILE)"},
		{"never", `fields contains {"type": "Stay", "effect": "deny"} if lib.purpose("reserch")`, "north/a.rego:5: warning: fields: no request can meet this rule"},
		{"scope", `fields contains {"type": "Stay", "effect": "deny"} if lib.has_scope("graph:raed")`, `north/a.rego:5: warning: no agreement or persona grants the scope "graph:raed" (POLICY_SCOPE)`},
		{"conflict", "fields contains {\"coordinate\": \"Stay.note\", \"effect\": \"transform\", \"method\": \"mask\"}\nfields contains {\"classification\": \"FREE_TEXT\", \"effect\": \"transform\", \"method\": \"redact\"}",
			"north/a.rego:5: Stay.note: error: different transforms are demanded: mask (north/a.rego:5), redact (north/a.rego:6); denied to ana, institute under a1 for research (POLICY_CONFLICT)"},
		{"a computed name", `fields contains {"coordinate": c, "effect": "deny"} if some c in ["Stay.id", "Stay.nmae"]`, "north/a.rego:5: Stay.nmae: error: it names Stay.nmae, which is none of north's (POLICY_UNKNOWN)"},
		{"a computed statement", `fields contains {"type": "Stay", "effect": e} if e := concat("", ["al", "lowed"])`, "north/a.rego:5: Stay: error: effect is one of"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			findings, err := check.Run(t.Context(), options(map[policy.AgencyID]string{"north": sound + c.text, "registry": resident}),
				[]check.Persona{{Name: "ana", Subject: policy.Subject{Organisation: "institute", Agreement: "a1", Purpose: "research"}}})
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, f := range findings {
				lines = append(lines, f.String())
			}
			if c.want == "" && len(lines) > 0 || !slices.ContainsFunc(append(lines, ""), func(l string) bool { return strings.Contains(l, c.want) }) {
				t.Errorf("%q is not among\n%s", c.want, strings.Join(lines, "\n"))
			}
			if failed := strings.Contains(c.want, "error") || strings.HasPrefix(c.want, "POLICY"); check.Failed(findings) != failed {
				t.Errorf("failed: %v", !failed)
			}
		})
	}
}

func TestFieldsThatNobodyDecidedAreNamedWithWhoSeesTheName(t *testing.T) {
	findings, err := check.Run(t.Context(), options(map[policy.AgencyID]string{"north": sound,
		"gateway": `fields contains {"type": "Resident", "effect": "invisible"} if input.subject.organisation == "hidden"`}),
		[]check.Persona{{Name: "ana"}, {Name: "hid", Subject: policy.Subject{Organisation: "hidden"}}})
	if err != nil || len(findings) != 1 || findings[0].Code != check.CodeUndecided || findings[0].Coordinate != "Resident.id" ||
		!strings.Contains(findings[0].Message, "shown to ana") || strings.Contains(findings[0].Message, "hid,") {
		t.Errorf("%+v %v", findings, err)
	}
}

// many is 500 rules over 2,000 coordinates of twenty agencies.
func many() policy.Options {
	o := options(nil)
	o.Catalog = policy.Catalog{}
	classes := []string{"NON_SENSITIVE", "SENSITIVE", "QUASI_IDENTIFIER", "DIRECT_IDENTIFIER"}
	for a := range 20 {
		agency := policy.AgencyID(fmt.Sprintf("agency%d", a))
		text := "package concordat.access." + string(agency) + "\nimport data.concordat.lib\nresearch if lib.purpose(\"research\")\n"
		for i := range 100 {
			o.Catalog.Fields = append(o.Catalog.Fields, field(agency, fmt.Sprintf("Type%d_%d.field%d", a, i/10, i), classes[i%4], privacy.String))
		}
		for i := range 22 {
			text += fmt.Sprintf("fields contains {\"coordinate\": \"Type%d_%d.field%d\", \"effect\": \"allow\"} if { research; lib.has_scope(\"s%d\") }\n", a, i/10, i, i)
		}
		text += "fields contains {\"classification\": \"SENSITIVE\", \"effect\": \"aggregate\"} if research\n"
		text += fmt.Sprintf("include.Type%d_0 if { research; input.row.field4 in lib.regions }\nexclude.Type%[1]d_0 if input.row.field8 == input.subject.id\n", a)
		o.Bundles = append(o.Bundles, policy.Bundle{Agency: agency, Files: fstest.MapFS{"a.rego": {Data: []byte(text)}}})
	}
	return o
}

func BenchmarkCheck(b *testing.B) {
	o := many()
	personas := make([]check.Persona, 5)
	for i := range personas {
		personas[i] = check.Persona{Name: fmt.Sprint("p", i), Subject: policy.Subject{ID: fmt.Sprint(i), Organisation: "institute", Agreement: "a1", Purpose: "research"}}
	}
	b.ReportAllocs()
	for b.Loop() {
		findings, err := check.Run(context.Background(), o, personas)
		if err != nil || len(findings) == 0 || check.Failed(findings) {
			b.Fatal(err, len(findings))
		}
	}
}
