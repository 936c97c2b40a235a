package policy_test

import (
	"context"
	"errors"

	"pgregory.net/rapid"

	"concordat/policy"
	"concordat/policy/predicate"
)

// loadRapid is nil where OPA's compiler refuses the text; a refusal by our own checks fails the test.
func loadRapid(t *rapid.T, o policy.Options, fault *error) *policy.Engine {
	o.Fault = func(_ policy.AgencyID, err error) { *fault = err }
	e, err := policy.Load(context.Background(), o)
	var refused *policy.LoadError
	if errors.As(err, &refused) {
		for _, p := range refused.Problems {
			if p.Code == policy.CodeFragment {
				t.Fatalf("refused: %s", p)
			}
		}
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func rowRapid(t *rapid.T, e *policy.Engine) predicate.Predicate {
	k := policy.TypeKey{Agency: "north", Type: "Admission"}
	d, err := e.Decide(context.Background(), analyst(), policy.Request{Operation: "query", Types: []policy.TypeKey{k}})
	if err != nil {
		t.Fatal(err)
	}
	return d.Row(k)
}
