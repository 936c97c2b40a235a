package policy_test

import (
	"testing"

	"concordat/policy"
)

// fails is a statement whose built-in fails for every caller; it hides nothing itself.
const fails = `fields contains {"type": "Admission", "effect": "allow"} if to_number(input.purpose) > 3` + "\n"

// Where an agency's rules fail, nobody knows what they would have hidden. Names that they could hide are gone; those
// that they could not are denied.
func TestRulesThatFailHideWhatTheyCouldHide(t *testing.T) {
	const hidden, denied = policy.Invisible, policy.Deny
	cases := []struct {
		name, text string
		note, id   policy.Effect
	}{
		{"nothing hides", `fields contains {"coordinate": "Admission.note", "effect": "deny"} if input.purpose == "x"`, denied, denied},
		{"by coordinate", `fields contains {"coordinate": "Admission.note", "effect": "invisible"} if input.purpose == "x"`, hidden, denied},
		{"by classification", `fields contains {"classification": "FREE_TEXT", "effect": "invisible"} if input.purpose == "x"`, hidden, denied},
		{"by type", `fields contains {"type": "Admission", "effect": "invisible"} if input.purpose == "x"`, hidden, hidden},
		{"a computed name", `fields contains {"coordinate": c, "effect": "invisible"} if { input.purpose == "x"; some c in ["Admission.note"] }`, hidden, hidden},
		{"a computed effect", `fields contains {"coordinate": "Admission.note", "effect": e} if { input.purpose == "x"; some e in ["deny", "invisible"] }`, hidden, denied},
		{"a computed effect that is not that", `fields contains {"coordinate": "Admission.note", "effect": e} if { input.purpose == "x"; some e in ["deny", "allow"] }`, denied, denied},
		{"put together", `fields contains {"coordinate": "Admission.note", "effect": concat("", ["invis", "ible"])} if input.purpose == "x"`, hidden, denied},
		{"from data", `fields contains {"coordinate": "Admission.note", "effect": data.sets.word} if input.purpose == "x"`, hidden, denied},
		{"from the request", `fields contains {"coordinate": "Admission.note", "effect": input.subject.persona} if input.purpose == "x"`, hidden, denied},
		{"through a rule", "w := \"invisible\"\nfields contains {\"coordinate\": \"Admission.note\", \"effect\": w} if input.purpose == \"x\"", hidden, denied},
		{"the library hides", "import data.concordat.lib.classification\nfields contains s if { input.purpose == \"x\"; some s in classification.hide([\"FREE_TEXT\"], \"r\") }", hidden, hidden},
		{"the library denies", "import data.concordat.lib.classification\nfields contains s if { input.purpose == \"x\"; some s in classification.deny([\"FREE_TEXT\"], \"r\") }", denied, denied},
	}
	for _, c := range cases {
		for _, owner := range []string{"north", "gateway"} {
			if owner == "gateway" && c.note == c.id && c.note == denied {
				continue // it cannot allow, so most of these are refused at load
			}
			r := rules{"north": `fields contains {"type": "Admission", "effect": "allow"}`, "north/data.json": `{"sets": {"word": "invisible"}}`}
			if owner == "north" {
				r["north"] = c.text + "\n" + fails
			} else {
				r["gateway"] = c.text + "\n" + `fields contains {"type": "Admission", "effect": "deny"} if to_number(input.purpose) > 3`
			}
			e := r.load(t)
			for coordinate, want := range map[string]policy.Effect{"Admission.note": c.note, "Admission.id": c.id} {
				if got := ruling(t, e, analyst(), "north", coordinate); got.Effect != want {
					t.Errorf("%s, %s fails: %s is %v, want %v", c.name, owner, coordinate, got.Effect, want)
				}
			}
			p, err := e.Profile(t.Context(), analyst())
			if err != nil || p.Effects[policy.FieldKey{Agency: "north", Coordinate: "Admission.note"}] != c.note {
				t.Errorf("%s, %s fails: the view knows the note as %v", c.name, owner, p.Effects)
			}
		}
	}
}

// A statement that is not valid and says invisible still hides: what is wrong with it is something else.
func TestAWrongStatementThatHidesStillHides(t *testing.T) {
	e := rules{"north": `fields contains {"type": "Admission", "effect": "allow"}
fields contains object.union({"coordinate": "Admission.note", "effect": "invisible"}, {k: 1}) if some k in ["colour"]`}.load(t)
	if got := ruling(t, e, analyst(), "north", "Admission.note"); got.Effect != policy.Invisible {
		t.Errorf("%+v", got)
	}
}
