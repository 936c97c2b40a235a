package policy_test

import (
	"testing"

	"concordat/policy"
)

// Marks of all agencies asked come together, each once, and nothing but a line of text is one.
func TestMarksOfAllRulesStandInTheDecision(t *testing.T) {
	e := rules{"north": `limits contains {"mark": "break-glass case-7"}
limits contains {"mark": "audit", "minimumGroup": 3}`, "gateway": `limits contains {"mark": "audit"}`}.load(t)
	d, err := e.Decide(t.Context(), analyst(), ask("north", "Admission.id"))
	if err != nil || d.Limits.Mark != "audit; break-glass case-7" || d.Limits.MinimumGroup != 3 {
		t.Errorf("%+v %v", d.Limits, err)
	}
	for _, bad := range []string{`""`, `3`, `"two\nlines"`} {
		wantProblem(t, rules{"north": `limits contains {"mark": ` + bad + `}`})
	}
}

func wantProblem(t *testing.T, r rules) {
	t.Helper()
	if _, err := loadOnly(t, r); err == nil {
		t.Errorf("accepted: %v", r)
	}
}

func loadOnly(t *testing.T, r rules) (*policy.Engine, error) {
	t.Helper()
	return policy.Load(t.Context(), r.options())
}
