package compose_test

import (
	"strings"
	"testing"

	"concordat/federation/compose"
	"concordat/policy"
	"concordat/schema"
)

func clinics(t *testing.T, stay string, agencies ...string) (*compose.Supergraph, string) {
	t.Helper()
	var files []compose.File
	for _, a := range agencies {
		files = append(files, compose.File{Name: a + ".graphqls", Agency: policy.AgencyID(a),
			Text: `type Stay @source(table: "stays") @key(fields: "id") { id: ID! @classify(as: NON_SENSITIVE) ` + stay + ` }`})
	}
	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	var said []string
	for _, p := range problems {
		if p.Severity == compose.Error {
			said = append(said, p.String())
		}
	}
	return sg, strings.Join(said, "\n")
}

const securedStay = `
	days: Int @classify(as: SENSITIVE) @secure(lower: "0", upper: "60")
	cost: Decimal @classify(as: SENSITIVE) @secure(lower: "0", upper: "50000", scale: "2")
	ward: String @classify(as: SENSITIVE) @secure(domain: ["surgery", "medicine"])
	patient: ID @classify(as: SENSITIVE) @secure
	note: String @classify(as: FREE_TEXT)`

func TestSecureAggregateIsDerivedWhereSeveralPartiesHoldTheType(t *testing.T) {
	sg, wrong := clinics(t, securedStay, "north", "south")
	if wrong != "" {
		t.Fatal(wrong)
	}
	root := sg.Schema.Query.Fields.ForName("staysSecureAggregate")
	if root == nil || root.Type.Name() != "SecureAggregate" || len(root.Arguments) != 3 || sg.Roots[root.Name].Kind != compose.RootSecure {
		t.Fatal("no root", root)
	}
	fields := sg.Schema.Types["StaySecureField"].EnumValues
	if len(fields) != 4 || fields.ForName("note") != nil || fields.ForName("cost") == nil {
		t.Error(fields)
	}
	cost := sg.Entities["Stay"].Members["cost"].Field.Secure
	if cost.Kind != compose.SecureInteger || cost.Upper != 5_000_000 || cost.Scale != 2 {
		t.Errorf("%+v", cost)
	}
	if one, wrong := clinics(t, securedStay, "north"); wrong != "" || one.Schema.Query.Fields.ForName("staysSecureAggregate") != nil || one.Schema.Types["SecureAggregate"] != nil {
		t.Error("derived for a single party", wrong)
	}
}

// TestSecureAggregateExistsWhereItsFieldsDo looks through the eyes of a subject from whom cost is hidden, and one from
// whom all is.
func TestSecureAggregateExistsWhereItsFieldsDo(t *testing.T) {
	sg, _ := clinics(t, securedStay, "north", "south")
	p := &policy.Profile{Key: "a", Effects: map[policy.FieldKey]policy.Effect{}}
	hide := func(names ...string) {
		for _, n := range names {
			for _, a := range []policy.AgencyID{"north", "south"} {
				p.Effects[policy.FieldKey{Agency: a, Coordinate: sg.Entities["Stay"].Members[n].Field.Coordinate}] = policy.Invisible
			}
		}
	}
	hide("cost")
	view := sg.View(p)
	if fields := view.Types["StaySecureField"].EnumValues; fields.ForName("cost") != nil || fields.ForName("days") == nil || view.Types["SecureAggregate"] == nil {
		t.Error(fields)
	}
	hide("id", "days", "ward", "patient", "note")
	view = sg.View(p)
	if view.Types["StaySecureField"] != nil || view.Types["SecureAggregate"] != nil || view.Query.Fields.ForName("staysSecureAggregate") != nil {
		t.Error("shown to whom nothing is shown")
	}
}

func TestSecureDeclarationsThatAreWrongOrDifferAreReported(t *testing.T) {
	for _, bad := range []string{
		`days: Int @secure`, `days: Int @secure(lower: "1")`, `days: Int @secure(lower: "2", upper: "1")`, `days: Int @secure(lower: "0", upper: "1.5")`,
		`days: Int @secure(lower: "0", upper: "1", scale: "10")`, `days: Int @secure(lower: "0", upper: "1", domain: ["a"])`, `ward: String @secure(lower: "0")`,
		`at: Date @secure`, `days: Int @secure(lower: "0", upper: "99999999999999999999")`,
	} {
		if _, wrong := clinics(t, bad, "north", "south"); !strings.Contains(wrong, "DIRECTIVE_ARGUMENT") {
			t.Errorf("%s: accepted (%s)", bad, wrong)
		}
	}
	files := []compose.File{
		{Name: "north.graphqls", Agency: "north", Text: `type Stay @source(table: "s") @key(fields: "id") { id: ID! days: Int @secure(lower: "0", upper: "60") }`},
		{Name: "south.graphqls", Agency: "south", Text: `type Stay @source(table: "s") @key(fields: "id") { id: ID! days: Int @secure(lower: "0", upper: "90") }`},
	}
	_, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	found := false
	for _, p := range problems {
		found = found || p.Coordinate == "Stay.days" && p.Severity == compose.Error && strings.Contains(p.Message, "north.graphqls")
	}
	if !found {
		t.Error("two parties declare different bounds, and nobody says so", problems)
	}
}
