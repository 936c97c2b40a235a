package policy_test

import (
	"strings"
	"testing"

	"concordat/policy"
	"concordat/privacy"
)

// withEntities is the rules' engine over a catalog where both hospitals' notes have names.
func withEntities(t *testing.T, r rules) *policy.Engine {
	t.Helper()
	o := r.options()
	for _, h := range []policy.AgencyID{"north", "south"} {
		f := field(h, "Admission.entities", "FREE_TEXT", 0)
		f.Join, f.Computed = false, "Admission.note"
		o.Catalog.Fields = append(o.Catalog.Fields, f)
	}
	e, err := policy.Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Only a rule of the agency on the computed coordinate itself declassifies, and nothing weakens what stricter rules say.
func TestOnlyTheAgencysOwnRuleOnTheFieldDeclassifies(t *testing.T) {
	const labels = `"effect": "transform", "method": "labels"}` + "\n"
	own := `fields contains {"coordinate": "Admission.entities", ` + labels
	allow := `fields contains {"type": "Admission", "effect": "allow"}` + "\n"
	for name, c := range map[string]struct {
		rules        rules
		effect       policy.Effect
		declassified bool
	}{
		"the agency on the field":          {rules{"north": own}, policy.Transform, true},
		"and a weaker rule of the agency":  {rules{"north": own + allow}, policy.Transform, true},
		"the agency on the type":           {rules{"north": `fields contains {"type": "Admission", ` + labels}, policy.Transform, false},
		"the agency on the class":          {rules{"north": `fields contains {"classification": "FREE_TEXT", ` + labels}, policy.Transform, false},
		"the gateway where the agency not": {rules{"gateway": own, "north": allow}, policy.Transform, false},
		"the gateway alone":                {rules{"gateway": own}, policy.Deny, false},
		"another agency":                   {rules{"south": own, "north": allow}, policy.Allow, false},
		"allow on the field":               {rules{"north": `fields contains {"coordinate": "Admission.entities", "effect": "allow"}`}, policy.Allow, false},
		"a stricter rule of the agency":    {rules{"north": own + `fields contains {"classification": "FREE_TEXT", "effect": "deny"}`}, policy.Deny, false},
		"a stricter rule of the gateway":   {rules{"north": own, "gateway": `fields contains {"classification": "FREE_TEXT", "effect": "aggregate"}`}, policy.Aggregate, false},
		"a transform made for its text":    {rules{"north": own + `fields contains {"classification": "FREE_TEXT", "effect": "transform", "method": "redact"}`}, policy.Deny, false},
	} {
		got := ruling(t, withEntities(t, c.rules), analyst(), "north", "Admission.entities")
		if got.Effect != c.effect || got.Declassified != c.declassified {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestNoColumnIsDeclassified(t *testing.T) {
	e := withEntities(t, rules{"north": `fields contains {"coordinate": "Admission.note", "effect": "transform", "method": "redact"}`})
	if got := ruling(t, e, analyst(), "north", "Admission.note"); got.Effect != policy.Transform || got.Declassified {
		t.Errorf("%+v", got)
	}
}

func TestAComputedFieldHasOneTransformAndIsNoColumn(t *testing.T) {
	for name, text := range map[string]string{
		"another transform": `fields contains {"coordinate": "Admission.entities", "effect": "transform", "method": "redact"}`,
		"with arguments":    `fields contains {"coordinate": "Admission.entities", "effect": "transform", "method": "labels", "args": {"a": 1}}`,
		"labels of a text":  `fields contains {"coordinate": "Admission.note", "effect": "transform", "method": "labels"}`,
		"a row rule on it":  "include.Admission if input.row.entities == \"x\"",
	} {
		o := rules{"north": text}.options()
		f := field("north", "Admission.entities", "FREE_TEXT", 0)
		f.Join, f.Computed = false, privacy.Coordinate("Admission.note")
		o.Catalog.Fields = append(o.Catalog.Fields, f)
		if _, err := policy.Load(t.Context(), o); err == nil || !strings.Contains(err.Error(), "north") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
