package diff_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"concordat/policy"
	"concordat/policy/diff"
	"concordat/privacy"
)

func catalog() policy.Catalog {
	one := func(name, class string, kind privacy.Kind) policy.Field {
		return policy.Field{Agency: "north", Coordinate: privacy.Coordinate("Stay." + name), Type: "Stay", Name: name, Classification: class, Kind: kind}
	}
	return policy.Catalog{Fields: []policy.Field{one("id", "NON_SENSITIVE", privacy.String), one("born", "QUASI_IDENTIFIER", privacy.Date),
		one("region", "NON_SENSITIVE", privacy.String), one("days", "NON_SENSITIVE", privacy.Int)}}
}

func engine(t *testing.T, text string) *policy.Engine {
	t.Helper()
	e, err := policy.Load(t.Context(), policy.Options{Catalog: catalog(), Now: func() time.Time { return time.Unix(0, 0) },
		CheckObligation: func(privacy.Kind, privacy.Obligation) error { return nil },
		Bundles:         []policy.Bundle{{Agency: "north", Files: fstest.MapFS{"a.rego": {Data: []byte("package concordat.access.north\n" + text)}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func compare(t *testing.T, before, after string) *diff.Report {
	t.Helper()
	report, err := diff.Compare(t.Context(), engine(t, before), engine(t, after), catalog(), []diff.Persona{
		{Name: "analyst", Subject: policy.Subject{Organisation: "institute"}}, {Name: "nobody", Subject: policy.Subject{Organisation: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

const base = `
mine if input.subject.organisation == "institute"
fields contains {"type": "Stay", "effect": "allow"} if mine
fields contains {"coordinate": "Stay.born", "effect": "transform", "method": "year"} if mine
limits contains {"minimumGroup": 10} if mine
include.Stay if { mine; input.row.days > 3 }
`

func TestWhatAChangeAltersPerPersona(t *testing.T) {
	cases := []struct {
		name, after, want string
		weaker            bool
	}{
		{"nothing", base, `{"changes":[],"rows":[]}`, false},
		{"a raw date", strings.Replace(base, `"effect": "transform", "method": "year"`, `"effect": "allow"`, 1),
			`{"changes":[{"persona":"analyst","agency":"north","coordinate":"Stay.born","before":"transform year","after":"allow","weaker":true}],"rows":[]}`, true},
		{"a finer date", strings.Replace(base, "year", "month", 1),
			`{"changes":[{"persona":"analyst","agency":"north","coordinate":"Stay.born","before":"transform year","after":"transform month","weaker":true}],"rows":[]}`, true},
		{"a denied date", base + `fields contains {"coordinate": "Stay.born", "effect": "deny"} if mine`,
			`{"changes":[{"persona":"analyst","agency":"north","coordinate":"Stay.born","before":"transform year","after":"deny","weaker":false}],"rows":[]}`, false},
		{"a smaller group", strings.Replace(base, "10", "5", 1),
			`{"changes":[{"persona":"analyst","agency":"north","coordinate":"limits.minimumGroup","before":"10","after":"5","weaker":true}],"rows":[]}`, true},
		{"the same rows otherwise said", strings.Replace(base, "days > 3", "days >= 4", 1),
			`{"changes":[],"rows":[{"persona":"analyst","agency":"north","type":"Stay","gained":false,"lost":false,"witness":"none"}]}`, false},
		{"one more day", strings.Replace(base, "days > 3", "days > 2", 1),
			`{"changes":[],"rows":[{"persona":"analyst","agency":"north","type":"Stay","gained":true,"lost":false,"witness":{"days":3}}]}`, true},
		{"fewer rows", base + `exclude.Stay if input.row.region == "n"`,
			`{"changes":[],"rows":[{"persona":"analyst","agency":"north","type":"Stay","gained":false,"lost":true,"witness":{"days":4,"region":"n"}}]}`, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			report := compare(t, base, c.after)
			got, err := json.Marshal(report)
			if err != nil || string(got) != c.want || report.Weaker() != c.weaker {
				t.Errorf("%s %v", got, report.Weaker())
			}
		})
	}
}

// Whatever is not known to be as strict is called weaker.
func TestStrictnessOfTransforms(t *testing.T) {
	change := func(method string) string {
		return strings.Replace(base, `"effect": "transform", "method": "year"`, `"effect": "transform", `+method, 1)
	}
	cases := []struct {
		before, after string
		weaker        bool
	}{
		{`"method": "month"`, `"method": "year"`, false},
		{`"method": "year"`, `"method": "null"`, false},
		{`"method": "null"`, `"method": "pseudonym"`, true},
		{`"method": "prefix", "args": {"length": 3}`, `"method": "prefix", "args": {"length": 2}`, false},
		{`"method": "prefix", "args": {"length": 2}`, `"method": "prefix", "args": {"length": 3}`, true},
		{`"method": "round", "args": {"to": 10}`, `"method": "round", "args": {"to": 30}`, false},
		{`"method": "round", "args": {"to": 10}`, `"method": "round", "args": {"to": 20}`, true}, // 15 tells 14 from 16
		{`"method": "round", "args": {"to": 10}`, `"method": "round", "args": {"to": 25}`, true},
		{`"method": "mask"`, `"method": "mask", "args": {"keepLast": 2}`, true},
	}
	for _, c := range cases {
		if got := compare(t, change(c.before), change(c.after)).Weaker(); got != c.weaker {
			t.Errorf("%s to %s: %v", c.before, c.after, got)
		}
	}
}
