package explain_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"concordat/policy"
	"concordat/policy/explain"
	"concordat/policy/predicate"
	"concordat/privacy"
)

func field(name, class string, kind privacy.Kind) policy.Field {
	return policy.Field{Agency: "north", Coordinate: privacy.Coordinate("Stay." + name), Type: "Stay", Name: name, Classification: class, Kind: kind, Join: kind == 0}
}

// names is a field that is computed of a text.
func names() policy.Field {
	f := field("names", "FREE_TEXT", 0)
	f.Join, f.Computed = false, "Stay.note"
	return f
}

func sentence(t *testing.T, rego string, f policy.Field, s policy.Subject) string {
	t.Helper()
	bundles := []policy.Bundle{{Agency: "north", Files: fstest.MapFS{"a.rego": {Data: []byte("package concordat.access.north\n" + rego)}}},
		{Agency: policy.Gateway, Files: fstest.MapFS{"g.rego": {Data: []byte(`package concordat.access.gateway
fields contains {"type": "Stay", "effect": "deny", "reason": "no such scope"} if input.purpose == "none"
fields contains {"type": "Stay", "effect": "transform", "method": "year"} if input.purpose == "coarse"`)}}}}
	x, err := policy.Inspect(t.Context(), policy.Options{Bundles: bundles, Now: func() time.Time { return time.Unix(0, 0) },
		Catalog: policy.Catalog{Fields: []policy.Field{field("postcode", "QUASI_IDENTIFIER", privacy.String), field("born", "QUASI_IDENTIFIER", privacy.Date), field("patient", "SENSITIVE", 0), names()}},
		CheckObligation: func(kind privacy.Kind, ob privacy.Obligation) error {
			if ob.Method == "year" && kind != privacy.Date {
				return errors.New("does not fit")
			}
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.Explain(t.Context(), s, "query", []policy.Field{f})
	if err != nil {
		t.Fatal(err)
	}
	return explain.Field(got[0], s).Sentence
}

func TestSentencesThatAnOfficerWouldSign(t *testing.T) {
	postcode, born, patient := field("postcode", "QUASI_IDENTIFIER", privacy.String), field("born", "QUASI_IDENTIFIER", privacy.Date), field("patient", "SENSITIVE", 0)
	research := policy.Subject{Purpose: "research"}
	const prefix = `fields contains {"classification": "QUASI_IDENTIFIER", "effect": "transform", "method": "prefix", "args": {"length": 3}}`
	cases := []struct {
		name, rego string
		field      policy.Field
		subject    policy.Subject
		want       string
	}{
		{"transform", prefix, postcode, research,
			"Stay.postcode is shown as its first 3 characters because rule fields of bundle north (north/a.rego:2) treats QUASI_IDENTIFIER so for purpose research."},
		{"two rules agree", prefix + "\n" + `fields contains {"coordinate": "Stay.postcode", "effect": "deny", "reason": "sealed"}
fields contains {"type": "Stay", "effect": "deny", "reason": "closed"}`, postcode, research,
			"Stay.postcode is denied because rule fields of bundle north (north/a.rego:3) and rule fields of bundle north (north/a.rego:4) treat Stay.postcode so for purpose research (sealed; closed)."},
		{"nobody", "other := 1", postcode, policy.Subject{Anonymous: true},
			"Stay.postcode is denied because no rule of bundle north speaks of it for a caller without a token, and what nobody allows is denied."},
		{"gateway denies", prefix, postcode, policy.Subject{Purpose: "none"},
			"Stay.postcode is denied because rule fields of bundle gateway (gateway/g.rego:2) treats type Stay so for purpose none (no such scope)."},
		{"conflict", prefix, born, policy.Subject{Purpose: "coarse"},
			"Stay.born is denied because rule fields of bundle north (north/a.rego:2) and rule fields of bundle gateway (gateway/g.rego:3) demand different transforms for purpose coarse."},
		{"only the gateway speaks", "other := 1", born, policy.Subject{Purpose: "coarse"},
			"Stay.born is denied because no rule of bundle north allows it for purpose coarse, and the exchange's own rules only tighten."},
		{"does not fit", `fields contains {"type": "Stay", "effect": "transform", "method": "month"}`, patient, policy.Subject{},
			"Stay.patient is denied because a join cannot be transformed where no purpose is given: what rule fields of bundle north (north/a.rego:2) demands cannot be done."},
		{"statistics of a transform", prefix + "\n" + `fields contains {"type": "Stay", "effect": "aggregate"}`, postcode, research,
			"Stay.postcode leaves only inside statistics, there as its first 3 characters because rule fields of bundle north (north/a.rego:3) treats type Stay so for purpose research."},
		{"names", `fields contains {"type": "Stay", "effect": "allow"}`, names(), research,
			"Stay.names is computed on the text as far as that is seen because rule fields of bundle north (north/a.rego:2) treats type Stay so for purpose research."},
		{"labels", `fields contains {"type": "Stay", "effect": "transform", "method": "labels"}`, names(), research,
			"Stay.names is computed on the text as far as that is seen, and shown as its labels, without text and places because rule fields of bundle north (north/a.rego:2) treats type Stay so for purpose research."},
		{"declassified", `fields contains {"coordinate": "Stay.names", "effect": "transform", "method": "labels"}`, names(), research,
			"Stay.names is computed on the raw text and shown as its labels, without text and places because rule fields of bundle north (north/a.rego:2) treats Stay.names so for purpose research."},
		{"invisible", `fields contains {"type": "Stay", "effect": "invisible"}`, postcode, research,
			"Stay.postcode is not shown to exist because rule fields of bundle north (north/a.rego:2) treats type Stay so for purpose research."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := sentence(t, c.rego, c.field, c.subject); got != c.want {
				t.Errorf("%s\n%s", got, c.want)
			}
		})
	}
}

func TestConditionsInWords(t *testing.T) {
	long := make([]predicate.Value, 24)
	for i := range long {
		long[i] = predicate.Int(int64(i))
	}
	p := predicate.Or(predicate.And(predicate.Compare("region", predicate.Eq, predicate.String(`n"`)), predicate.Not(predicate.Null("left"))),
		predicate.Not(predicate.In("id", long...)), predicate.Fields("a", predicate.Lte, "b"), predicate.Null("c"),
		predicate.Exists("stays", predicate.Always()))
	const want = `(region is "n\"" and left is present) or not (id is one of 24 values) or a <= b or c is absent or some stays has (every row)`
	if got := explain.Condition(p); got != want {
		t.Error(got)
	}
	if got := explain.Rows(policy.TypeKey{Agency: "north", Type: "Stay"}, predicate.Never(), nil, policy.Subject{}).Sentence; !strings.HasPrefix(got, "No row of Stay of north is seen because no include rule holds") {
		t.Error(got)
	}
}
