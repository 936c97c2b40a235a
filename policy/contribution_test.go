package policy_test

import (
	"context"
	"errors"
	"testing"

	"concordat/policy"
)

const contributionRules = `package concordat.secagg

default allow := false

allow if {
	input.purpose == "research"
	count(input.members) >= 3
	every m in input.question.measures { m.fn in {"count", "sum"} }
}
`

func TestContributionIsAllowedOnlyWhereTheRulesSayTrue(t *testing.T) {
	rules, err := policy.LoadContributionRules(t.Context(), "east.rego", []byte(contributionRules))
	if err != nil {
		t.Fatal(err)
	}
	input := func(purpose, fn string) any {
		return map[string]any{"purpose": purpose, "members": []string{"a", "b", "c"},
			"question": map[string]any{"measures": []any{map[string]any{"fn": fn}}}}
	}
	if err := rules.Allow(t.Context(), input("research", "sum")); err != nil {
		t.Fatal(err)
	}
	for _, refused := range []any{input("marketing", "sum"), input("research", "regression"), nil, map[string]any{}} {
		if err := rules.Allow(t.Context(), refused); !errors.Is(err, policy.ErrContribution) {
			t.Errorf("%v: %v", refused, err)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := rules.Allow(over, input("research", "sum")); !errors.Is(err, policy.ErrContribution) {
		t.Errorf("with a cancelled context: %v", err)
	}
}

func TestContributionRulesThatSayNothingRefuse(t *testing.T) {
	for _, text := range []string{"package concordat.secagg\n\nallow := \"yes\"\n", "package concordat.secagg\n\nallow if input.x\n"} {
		rules, err := policy.LoadContributionRules(t.Context(), "x.rego", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := rules.Allow(t.Context(), map[string]any{}); !errors.Is(err, policy.ErrContribution) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestContributionRulesOutsideTheFragmentAreNotLoaded(t *testing.T) {
	for _, text := range []string{
		"package concordat.access.east\n\nallow := true\n", "package concordat.secagg\n\nallow if {\n",
		"package concordat.secagg\n\nallow if http.send({\"method\": \"get\", \"url\": \"http://x\"}).status_code == 200\n",
	} {
		if _, err := policy.LoadContributionRules(t.Context(), "x.rego", []byte(text)); err == nil {
			t.Errorf("loaded: %s", text)
		}
	}
}
