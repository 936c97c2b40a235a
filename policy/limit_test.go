package policy_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"concordat/policy"
	"concordat/policy/predicate"
)

// endless is a rule body that counts to 10^12 one by one: no machine sees its end.
const endless = `some a in numbers.range(1, 1000)
	some b in numbers.range(1, 1000)
	some c in numbers.range(1, 1000)
	some d in numbers.range(1, 1000)
	a + b + c + d < 0`

// What does not end in time has failed: its agency denies, the others answer, and the fault is told.
func TestRulesThatNeverEndDenyTheirOwnAgencyAlone(t *testing.T) {
	r := rules{
		"north": "fields contains {\"type\": \"Admission\", \"effect\": \"allow\"}\nfields contains {\"type\": \"Admission\", \"effect\": \"allow\", \"reason\": \"x\"} if {\n" + endless + "\n}\n",
		"south": "fields contains {\"type\": \"Admission\", \"effect\": \"allow\"}\ninclude.Admission if {\ninput.row.region == \"n\"\n" + endless + "\n}\n",
	}
	faults := map[policy.AgencyID]int{}
	o := r.options()
	o.EvaluationLimit = time.Millisecond
	o.Fault = func(a policy.AgencyID, _ error) { faults[a]++ }
	e, err := policy.Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := e.Decide(t.Context(), analyst(), policy.Request{Operation: "query",
		Fields: []policy.FieldKey{{Agency: "north", Coordinate: "Admission.id"}},
		Types:  []policy.TypeKey{{Agency: "south", Type: "Admission"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Field(policy.FieldKey{Agency: "north", Coordinate: "Admission.id"}).Effect; got != policy.Deny {
		t.Errorf("fields: %v", got)
	}
	if rows := d.Rows[policy.TypeKey{Agency: "south", Type: "Admission"}]; fmt.Sprint(rows) != fmt.Sprint(predicate.Never()) {
		t.Errorf("rows: %v", rows)
	}
	if faults["north"] == 0 || faults["south"] == 0 {
		t.Errorf("faults: %v", faults)
	}
}

// The caller's own end is no fault of the rules.
func TestACancelledRequestIsNoFaultOfTheRules(t *testing.T) {
	o := rules{"north": "fields contains {\"type\": \"Admission\", \"effect\": \"allow\"} if {\n" + endless + "\n}\n"}.options()
	o.Fault = func(_ policy.AgencyID, err error) { t.Error("told as a fault:", err) }
	e, err := policy.Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Profile(ctx, analyst()); err == nil {
		t.Error("decided for a request that is over")
	}
}

// huge is a rule body that gathers ten million texts: much memory, in little time.
const huge = `count({sprintf("%d of many", [i]) | some i in numbers.range(1, 10000000)}) < 0`

// What takes more memory than it may has failed, long before its time is over.
func TestRulesThatTakeTooMuchMemoryDeny(t *testing.T) {
	for kind, text := range map[string]string{
		"fields": "fields contains {\"type\": \"Admission\", \"effect\": \"allow\"}\nfields contains {\"type\": \"Admission\", \"effect\": \"allow\", \"reason\": \"x\"} if {\n" + huge + "\n}\n",
		"rows":   "include.Admission if {\ninput.row.region == \"n\"\n" + huge + "\n}\n",
	} {
		t.Run(kind, func(t *testing.T) {
			var fault error
			o := rules{"north": text}.options()
			o.EvaluationLimit, o.EvaluationMemory = time.Hour, 16<<20
			o.Fault = func(_ policy.AgencyID, err error) { fault = err }
			e, err := policy.Load(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			r := ask("north", "Admission.id")
			if kind == "rows" {
				r.Fields = nil
			}
			d := decide(t, e, analyst(), r)
			if !errors.Is(fault, policy.ErrTooMuch) {
				t.Errorf("the fault told is %v", fault)
			}
			for k, ruling := range d.Fields {
				if ruling.Effect != policy.Deny {
					t.Errorf("%v: %v", k, ruling)
				}
			}
			if !d.Row(policy.TypeKey{Agency: "north", Type: "Admission"}).IsNever() {
				t.Error("rows are seen")
			}
		})
	}
}
