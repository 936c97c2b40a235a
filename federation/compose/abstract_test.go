package compose

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"pgregory.net/rapid"

	"concordat/policy"
	"concordat/privacy"
	"concordat/schema"
)

func abstracts(t testing.TB) *Supergraph {
	t.Helper()
	sg, problems := Compose([]File{
		{"air.graphqls", "air", `interface Measurement { id: ID! at: DateTime place: String }
			type AirReading implements Measurement @source(table: "a") @key(fields: "id") { id: ID! @classify(as: NON_SENSITIVE)
				at: DateTime @classify(as: NON_SENSITIVE) place: String @classify(as: NON_SENSITIVE) no2: Float @classify(as: NON_SENSITIVE) }
			union Thing = AirReading | Sign`},
		{"roads.graphqls", "roads", `type SpeedReading implements Measurement @source(table: "s") @key(fields: "id") { id: ID! @classify(as: NON_SENSITIVE)
				at: DateTime @classify(as: NON_SENSITIVE) place: String @classify(as: NON_SENSITIVE) sign: Sign @join(on: "place = code") @classify(as: NON_SENSITIVE) }
			type Sign @source(table: "g") @key(fields: "code") { code: String @classify(as: NON_SENSITIVE) }`},
	}, Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatalf("composition: %v", problems)
	}
	return sg
}

func possible(s *ast.Schema, name string) string {
	var out []string
	for _, d := range s.PossibleTypes[name] {
		out = append(out, d.Name)
	}
	return strings.Join(out, " ")
}

func valid(s *ast.Schema, query string) bool {
	_, errs := gqlparser.LoadQueryWithRules(s, query, rules.NewDefaultRules())
	return len(errs) == 0
}

func TestAnInvisibleTypeIsNoPossibleType(t *testing.T) {
	sg := abstracts(t)
	view := sg.View(effects(sg, func(f policy.Field) policy.Effect {
		if f.Type == "AirReading" {
			return policy.Invisible
		}
		return policy.Allow
	}))
	reload(t, view)
	if got := possible(view, "Measurement"); got != "SpeedReading" {
		t.Errorf("a measurement may be a %s", got)
	}
	if got := possible(view, "Thing"); got != "Sign" || len(view.Types["Thing"].Types) != 1 {
		t.Errorf("a thing may be a %s", got)
	}
	if strings.Contains(Print(view), "AirReading") {
		t.Error("the view speaks of what is invisible")
	}
	if !valid(view, `{ measurements { nodes { id ... on SpeedReading { at } } } }`) || valid(view, `{ measurements { nodes { ... on AirReading { id } } } }`) {
		t.Error("fragments are not validated against the view")
	}
}

func TestATypeOfWhichOnlyAggregatesAreGivenHasNoRowsInAList(t *testing.T) {
	sg := abstracts(t)
	view := sg.View(effects(sg, func(f policy.Field) policy.Effect {
		if f.Type == "AirReading" {
			return policy.Aggregate
		}
		return policy.Allow
	}))
	reload(t, view)
	if got := possible(view, "Measurement"); got != "SpeedReading" {
		t.Errorf("a measurement may be a %s", got)
	}
}

// A field that one type hides is no field of the interface: neither shown nor filtered nor ordered by.
func TestAFieldThatOneTypeHidesIsNoFieldOfTheInterface(t *testing.T) {
	sg := abstracts(t)
	view := sg.View(effects(sg, func(f policy.Field) policy.Effect {
		if f.Coordinate == "SpeedReading.place" {
			return policy.Invisible
		}
		return policy.Allow
	}))
	reload(t, view)
	for query, want := range map[string]bool{
		`{ measurements { nodes { at } } }`:                                      true,
		`{ measurements { nodes { place } } }`:                                   false,
		`{ measurements { nodes { ... on AirReading { place } } } }`:             true,
		`{ measurements(orderBy: [{field: place}]) { totalCount } }`:             false,
		`{ measurements(where: {place: {eq: "x"}}) { totalCount } }`:             false,
		`{ measurements(where: {at: {isNull: true}}) { nodes { __typename } } }`: true,
	} {
		if valid(view, query) != want {
			t.Errorf("%s: valid is %t", query, !want)
		}
	}
}

func TestAListOfNothingVisibleIsNone(t *testing.T) {
	sg := abstracts(t)
	view := sg.View(effects(sg, func(f policy.Field) policy.Effect {
		if f.Type == "Sign" {
			return policy.Allow
		}
		return policy.Invisible
	}))
	reload(t, view)
	if text := Print(view); strings.Contains(text, "Measurement") || strings.Contains(text, "measurements") {
		t.Error("the interface of invisible types is in the view")
	}
}

// Whatever is visible, the view is a schema, and every element of an abstract type is one of all its types.
func TestEveryViewOfAbstractTypesIsASchema(t *testing.T) {
	sg := abstracts(t)
	rapid.Check(t, func(t *rapid.T) {
		drawn := map[privacy.Coordinate]policy.Effect{}
		for _, f := range sg.Catalog.Fields {
			drawn[f.Coordinate] = rapid.SampledFrom([]policy.Effect{policy.Allow, policy.Invisible, policy.Invisible, policy.Aggregate, policy.Deny}).Draw(t, string(f.Coordinate))
		}
		view := sg.View(effects(sg, func(f policy.Field) policy.Effect { return drawn[f.Coordinate] }))
		reload(t, view)
		for name, a := range sg.Abstracts {
			def := view.Types[name]
			if def == nil {
				continue
			}
			for _, f := range a.Fields {
				if def.Fields.ForName(f.Name) == nil {
					continue
				}
				for _, p := range view.PossibleTypes[name] {
					if p.Fields.ForName(f.Name) == nil {
						t.Fatalf("%s.%s is shown, but %s hides it", name, f.Name, p.Name)
					}
				}
			}
		}
		for c, e := range drawn {
			typeName, field, _ := strings.Cut(string(c), ".")
			if def := view.Types[typeName]; e == policy.Invisible && def != nil && def.Fields.ForName(field) != nil {
				t.Fatalf("%s is invisible and in the view", c)
			}
		}
	})
}
