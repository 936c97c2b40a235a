package scenario_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"concordat/policy"
	"concordat/policy/scenario"
	"concordat/privacy"
	"concordat/privacy/deid"
)

func options() scenario.Options {
	one := func(name, class string, kind privacy.Kind) policy.Field {
		return policy.Field{Agency: "north", Coordinate: privacy.Coordinate("Stay." + name), Type: "Stay", Name: name, Classification: class, Kind: kind}
	}
	return scenario.Options{Personas: map[string]policy.Subject{"ana": {Organisation: "institute", Purpose: "research"}}, Transforms: deid.New(),
		Policy: policy.Options{CheckObligation: deid.New().Check,
			Catalog: policy.Catalog{Fields: []policy.Field{one("id", "NON_SENSITIVE", privacy.String), one("born", "QUASI_IDENTIFIER", privacy.Date),
				one("days", "NON_SENSITIVE", privacy.Int), one("cost", "SENSITIVE", privacy.Decimal), one("seen", "SENSITIVE", privacy.Time)}},
			Bundles: []policy.Bundle{{Agency: "north", Files: fstest.MapFS{"a.rego": {Data: []byte(`package concordat.access.north
fields contains {"type": "Stay", "effect": "allow"} if input.purpose == "research"
fields contains {"coordinate": "Stay.born", "effect": "transform", "method": "year"} if input.purpose == "research"
fields contains {"coordinate": "Stay.seen", "effect": "deny"} if input.context.time >= "2026"
limits contains {"minimumGroup": 7} if input.purpose == "research"
include.Stay if { input.purpose == "research"; input.row.days >= 3 }
`)}}}}},
		Ask: func(string, *policy.Profile, func(policy.Request) (*policy.Decision, error)) (scenario.Answer, error) {
			return scenario.Answer{Denied: []string{"Stay.seen"}}, nil
		}}
}

func play(t *testing.T, text string) (*scenario.Report, error) {
	t.Helper()
	return scenario.Run(t.Context(), []scenario.File{{Name: "north/scenarios.yaml", Agency: "north", Text: []byte(text)}}, options())
}

// Each expectation fails by itself where it is wrong, and says what is.
func TestExpectations(t *testing.T) {
	const who = "- {name: x, persona: ana, "
	cases := []struct{ name, text, want string }{
		{"effect", who + "fields: {Stay.id: allow, Stay.born: transform, Stay.days: allow}}", ""},
		{"effect with method", who + "fields: {Stay.born: transform year}}", ""},
		{"wrong effect", who + "fields: {Stay.born: allow}}", "Stay.born is transform year, not allow"},
		{"no such field", who + "fields: {Stay.nope: deny}}", "north has no field Stay.nope"},
		{"a row and its values", who + "rows: [{type: Stay, row: {days: 3, born: 1950-02-03, cost: 1.50, id: null}, seen: true, values: {born: \"1950\", days: 3, cost: \"1.50\", id: null}}]}", ""},
		{"a hidden row", who + "rows: [{type: Stay, row: {days: 2}, seen: true}]}", "is seen: false, not true; rows are seen where days >= 3"},
		{"an absent value", who + "rows: [{type: Stay, row: {}, seen: false}]}", ""},
		{"a raw value", who + "rows: [{type: Stay, row: {days: 3, born: 1950-02-03}, seen: true, values: {born: 1950-02-03}}]}", "Stay.born leaves as 1950, not 1950-02-03"},
		{"a value of another kind", who + "rows: [{type: Stay, row: {days: many}, seen: true}]}", "Stay.days: not a value of its kind"},
		{"no such column", who + "rows: [{type: Stay, row: {nope: 1}, seen: true}]}", "Stay.nope: no such field"},
		{"group", who + "minimumGroup: 6}", "the minimum group is 7, not 6"},
		{"time", who + "time: 2026-01-01T00:00:00Z, fields: {Stay.seen: deny}}", ""},
		{"an earlier time", who + "time: 2025-12-31T23:59:59Z, fields: {Stay.seen: deny}}", "Stay.seen is allow, not deny"},
		{"another purpose", who + "purpose: audit, fields: {Stay.id: deny}}", ""},
		{"no persona", "- {name: x, persona: bob, fields: {Stay.id: deny}}", "there is no persona bob"},
		{"a subject", "- {name: x, subject: {purposes: [research]}, fields: {Stay.id: allow}}", ""},
		{"an answer", who + "query: \"{ x }\", answer: {denied: [Stay.seen]}}", ""},
		{"another answer", who + "query: \"{ x }\"}", "the answer is denied Stay.seen, not whole"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			report, err := play(t, c.text)
			if err != nil || len(report.Results) != 1 {
				t.Fatal(err)
			}
			got := strings.Join(report.Results[0].Failures, "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) || report.Passed() != (c.want == "") {
				t.Errorf("%q is not %q", got, c.want)
			}
		})
	}
}

// A misspelt key would expect nothing, so it is a mistake, and so is a scenario that expects nothing.
func TestFilesThatSayNothingAreRefused(t *testing.T) {
	for _, text := range []string{"", "[]", "name: x", "- {name: x, persona: ana}", "- {name: x, fields: {a: b}}", "- {persona: ana, fields: {a: b}}",
		"- {name: x, persona: ana, feilds: {a: b}}", "- {name: x, persona: ana, fields: {a: b}, answer: invalid}", "- null",
		"- {name: x, persona: ana, query: x, answer: maybe}", "- {name: x, persona: ana, rows: [{type: Stay, row: {}}]}",
		"- {name: x, persona: ana, rows: [{type: Stay, row: {}, seen: false, values: {a: 1}}]}", "- {name: x, persona: ana, time: noon, minimumGroup: 1}",
		"- {name: x, persona: ana, minimumGroup: 7}\n---\n- {name: y}"} {
		if _, err := play(t, text); !errors.Is(err, scenario.ErrFile) || !strings.HasPrefix(err.Error(), "north/scenarios.yaml:") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCoveragePerRule(t *testing.T) {
	report, err := play(t, "- {name: x, persona: ana, minimumGroup: 7}\n- {name: y, persona: ana, time: 2026-01-01T00:00:00Z, minimumGroup: 7}\n- {name: z, subject: {}, minimumGroup: 0}")
	if err != nil || !report.Passed() {
		t.Fatal(err, report)
	}
	var got []int
	for _, r := range report.Rules {
		got = append(got, report.Spoke[r])
	}
	if len(got) != 5 || got[0] != 2 || got[2] != 1 || got[4] != 2 {
		t.Error(got)
	}
}
