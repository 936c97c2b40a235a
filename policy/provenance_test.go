package policy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"concordat/policy"
)

func inspect(t *testing.T, r rules) *policy.Inspector {
	t.Helper()
	x, err := policy.Inspect(t.Context(), r.options())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Every rule's own answer, combined, is the engine's, whoever asks; Explain itself refuses otherwise.
func TestRulesOneByOneGiveTheEnginesDecision(t *testing.T) {
	x := inspect(t, rules{"north": varied, "gateway": `
fields contains {"coordinate": c, "effect": "deny"} if { some c, f in data.fields; not f.type in data.agreements[input.subject.agreement].datasets }
fields contains {"type": "Admission", "effect": "transform", "method": "redact"} if input.subject.persona == "other"
fields contains {"classification": "FREE_TEXT", "effect": "aggregate"} if input.purpose == "research"`})
	names := []string{"id", "organisation", "client", "scopes", "agreement", "purposes", "persona", "anonymous", "purpose"}
	fields := catalog().Fields
	rapid.Check(t, func(t *rapid.T) {
		s := analyst()
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 0, 3).Draw(t, "changes") {
			changes()[name](&s)
		}
		if _, err := x.Explain(context.Background(), s, "query", fields); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
	})
}

func TestAnExplanationNamesTheRuleByFileAndLine(t *testing.T) {
	x := inspect(t, rules{"north": `fields contains {"type": "Admission", "effect": "allow", "reason": "research"} if input.purpose == "research"
fields contains {"classification": "FREE_TEXT", "effect": "deny"} if input.purpose == "research"
fields contains {"coordinate": "Admission.note", "effect": "invisible"} if input.purpose == "audit"`})
	for _, f := range catalog().Fields {
		if f.Agency != "north" || f.Name != "note" {
			continue
		}
		got, err := x.Explain(t.Context(), analyst(), "query", []policy.Field{f})
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, s := range got[0].Said {
			said = append(said, fmt.Sprintf("%s:%d %s", s.File, s.Line, s.Effect))
		}
		want := []string{"north/policy.rego:2 allow", "north/policy.rego:3 deny"}
		if !slices.Equal(said, want) || got[0].Ruling.Effect != policy.Deny {
			t.Errorf("%v %v", said, got[0].Ruling)
		}
	}
}

func TestRowRulesSpeakOneByOne(t *testing.T) {
	x := inspect(t, rules{"north": `include.Admission if input.row.region == "n"
include.Admission if { input.subject.organisation == "nobody"; input.row.days > 3 }
exclude.Admission if input.row.patientId == input.subject.id`})
	got, err := x.Rows(t.Context(), analyst(), "query", policy.TypeKey{Agency: "north", Type: "Admission"})
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	if got[0].Rows.IsNever() || !got[1].Rows.IsNever() || got[2].Rows.IsNever() || got[2].Name() != "exclude.Admission" {
		t.Errorf("%+v", got)
	}
}

func TestRulesThatNoRequestCanMeetAreFound(t *testing.T) {
	x := inspect(t, rules{"north": `import data.concordat.lib
fields contains {"type": "Admission", "effect": "allow"} if lib.purpose("research")
fields contains {"type": "Admission", "effect": "allow"} if lib.purpose("reserch")
fields contains {"type": "Admission", "effect": "allow"} if { input.purpose == "a"; input.purpose == "b" }
fields contains {"type": "Admission", "effect": "allow"} if input.subject.agreement == "gone"
include.Admission if { lib.party; input.row.region in lib.regions }
include.Admission if { 1 > 2; input.row.days == 1 }
limits contains {"minimumGroup": 3} if "marketing" in data.agreements[input.subject.agreement].purposes
fields contains {"type": "Admission", "effect": "deny"} if not input.subject.scopes
fields contains {"type": "Admission", "effect": "deny"} if count(input.subject) > 3`})
	all := make([]int, len(x.Rules()))
	for i := range all {
		all[i] = i
	}
	never, err := x.NeverApplies(t.Context(), all, []string{"a1"})
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, r := range never {
		lines = append(lines, r.Line-1)
	}
	// Line 4 (two purposes at once) is not certain: partial evaluation keeps both conditions.
	slices.Sort(lines)
	for _, want := range []int{3, 7, 8} {
		if !slices.Contains(lines, want) {
			t.Errorf("line %d is not among %v", want, lines)
		}
	}
	for _, may := range []int{2, 6, 9, 10} {
		if slices.Contains(lines, may) {
			t.Errorf("line %d can apply", may)
		}
	}
}

func TestScopesThatRulesAskForAreListed(t *testing.T) {
	x := inspect(t, rules{"north": `import data.concordat.lib
fields contains {"type": "Admission", "effect": "allow"} if lib.has_scope("one")
fields contains {"type": "Admission", "effect": "allow"} if { not "two" in input.subject.scopes }
mine := input.subject.scopes
limits contains {"minimumGroup": 3} if "three" in mine
other if "not a scope" in input.subject.purposes
`})
	var got []string
	for _, s := range x.Scopes() {
		got = append(got, fmt.Sprintf("%s:%d", s.Scope, s.Line-1))
	}
	slices.Sort(got)
	if strings.Join(got, " ") != "one:2 three:5 two:3" {
		t.Error(got)
	}
}

// The double of a rule has a name that no author can write, and nothing of it reaches the engine.
func TestAnAuthorCannotNameADouble(t *testing.T) {
	r := rules{"north": "\"rule 0\" if true"}
	if _, err := policy.Inspect(t.Context(), r.options()); err == nil {
		t.Error("accepted")
	}
}
