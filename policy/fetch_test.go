package policy_test

import (
	"errors"
	"testing"

	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

const fetchRules = `package concordat.fetch

default allow := false

allow if input.purpose == "care"

include.Bed if {
	input.agreement == "a1"
	input.row.ward in {"north wing", "south wing"}
	not input.row.floor > 3
}

include.Bed if input.agreement == "all"
`

func served() map[string]map[string]privacy.Kind {
	return map[string]map[string]privacy.Kind{"Bed": {"ward": privacy.String, "floor": privacy.Int}, "Lift": {"ward": privacy.String}}
}

// bed is a row as predicates read it.
type bed map[string]predicate.Value

func (b bed) Value(field string) predicate.Value { return b[field] }

func TestFetchRulesSayWhichRows(t *testing.T) {
	rules, err := policy.LoadFetchRules(t.Context(), "fetch.rego", []byte(fetchRules), served())
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bed{"in": {"ward": predicate.String("north wing"), "floor": predicate.Int(3)}, "too high": {"ward": predicate.String("north wing"), "floor": predicate.Int(4)},
		"elsewhere": {"ward": predicate.String("east wing"), "floor": predicate.Int(1)}, "of no ward": {"floor": predicate.Int(1)}, "of no floor": {"ward": predicate.String("south wing")}}
	for agreement, holds := range map[string]map[string]bool{"a1": {"in": true}, "other": {},
		"all": {"in": true, "too high": true, "elsewhere": true, "of no ward": true, "of no floor": true}} {
		p, err := rules.Rows(t.Context(), "Bed", map[string]any{"agreement": agreement, "purpose": "care"})
		if err != nil {
			t.Fatal(err)
		}
		for name, row := range rows {
			if p.Holds(row) != holds[name] {
				t.Errorf("%s: the row %s: %t", agreement, name, p.Holds(row))
			}
		}
	}
	if p, err := rules.Rows(t.Context(), "Lift", map[string]any{}); err != nil || !p.Holds(bed{}) {
		t.Error("a type without a rule of its own:", err)
	}
	if err := rules.Allow(t.Context(), map[string]any{"purpose": "sale"}); !errors.Is(err, policy.ErrContribution) {
		t.Error(err)
	}
}

func TestFetchRulesThatWouldNotHoldAreNotLoaded(t *testing.T) {
	for name, rule := range map[string]string{"a type that is not served": "include.Bedd if input.row.ward == \"a\"", "an exclude": "exclude.Bed if input.row.ward == \"a\"",
		"all types at once": "include := true", "another package's built-ins": "allow if http.send({})"} {
		if _, err := policy.LoadFetchRules(t.Context(), "x.rego", []byte("package concordat.fetch\n\n"+rule+"\n"), served()); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}

// TestFetchRuleThatCannotBePutAsAConditionReadsNoRow: the agent refuses the question.
func TestFetchRuleThatCannotBePutAsAConditionReadsNoRow(t *testing.T) {
	for _, rule := range []string{"count(input.row.ward) > 3", "input.row.colour == \"red\""} {
		rules, err := policy.LoadFetchRules(t.Context(), "x.rego", []byte("package concordat.fetch\n\ninclude.Bed if "+rule+"\n"), served())
		if err != nil {
			continue // better still
		}
		if p, err := rules.Rows(t.Context(), "Bed", map[string]any{}); err == nil || p.Holds(bed{"ward": predicate.String("long enough"), "colour": predicate.String("red")}) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}
