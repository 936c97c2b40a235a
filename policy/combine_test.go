package policy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

func statement(rest string) string {
	return `fields contains {"coordinate": "Admission.note", ` + rest + "}\n"
}

func TestStrictestStatementWins(t *testing.T) {
	order := []string{`"effect": "allow"`, `"effect": "transform", "method": "redact"`, `"effect": "aggregate"`,
		`"effect": "encrypted"`, `"effect": "deny"`, `"effect": "invisible"`}
	for i := range order {
		for j := range order {
			e := rules{"north": statement(order[i]) + statement(order[j])}.load(t)
			if got, want := ruling(t, e, analyst(), "north", "Admission.note").Effect, policy.Allow+policy.Effect(max(i, j)); got != want {
				t.Errorf("%s with %s: %v, want %v", order[i], order[j], got, want)
			}
		}
	}
}

func TestUndefinedMeansDeny(t *testing.T) {
	e := rules{"north": `fields contains {"coordinate": "Admission.note", "effect": "allow"} if input.purpose == "other"`}.load(t)
	for _, k := range []policy.FieldKey{{Agency: "north", Coordinate: "Admission.note"}, {Agency: "north", Coordinate: "Admission.id"},
		{Agency: "north", Coordinate: "No.such"}, {Agency: "nobody", Coordinate: "Admission.id"}, {Agency: "south", Coordinate: "Admission.id"}} {
		d := decide(t, e, analyst(), policy.Request{Operation: "query", Fields: []policy.FieldKey{k}})
		if got := d.Field(k); got.Effect != policy.Deny {
			t.Errorf("%v: %v", k, got)
		}
	}
	for _, k := range []policy.TypeKey{{Agency: "north", Type: "Admission"}, {Agency: "nobody", Type: "Admission"}, {Agency: "north", Type: "Resident"}} {
		d := decide(t, e, analyst(), policy.Request{Operation: "query", Types: []policy.TypeKey{k}})
		if !d.Row(k).IsNever() {
			t.Errorf("%v has rows", k)
		}
	}
}

func TestDifferentTransformsConflictAndDeny(t *testing.T) {
	redact, pseudonym := `"effect": "transform", "method": "redact"`, `"effect": "transform", "method": "pseudonym"`
	e := rules{"north": statement(redact) + statement(pseudonym)}.load(t)
	if got := ruling(t, e, analyst(), "north", "Admission.note"); got.Effect != policy.Deny || !got.Conflict {
		t.Errorf("%+v", got)
	}
	e = rules{"north": statement(redact) + statement(pseudonym) + statement(`"effect": "aggregate"`)}.load(t)
	if got := ruling(t, e, analyst(), "north", "Admission.note"); got.Effect != policy.Deny || !got.Conflict {
		t.Errorf("inside an aggregate: %+v", got)
	}
	e = rules{"north": statement(redact) + statement(redact+`, "reason": "again"`)}.load(t)
	if got := ruling(t, e, analyst(), "north", "Admission.note"); got.Effect != policy.Transform || got.Conflict {
		t.Errorf("the same transform twice: %+v", got)
	}
	e = rules{"north": statement(redact), "gateway": statement(pseudonym)}.load(t)
	if got := ruling(t, e, analyst(), "north", "Admission.note"); got.Effect != policy.Deny || !got.Conflict {
		t.Errorf("agency and gateway: %+v", got)
	}
}

func TestTransformHoldsInsideAggregates(t *testing.T) {
	e := rules{"north": `
fields contains {"coordinate": "Admission.days", "effect": "transform", "method": "round", "args": {"to": 10}}
fields contains {"coordinate": "Admission.days", "effect": "aggregate"}`}.load(t)
	got := ruling(t, e, analyst(), "north", "Admission.days")
	if want := (privacy.Obligation{Method: "round", Arguments: `{"to":10}`}); got.Effect != policy.Aggregate || got.Obligation != want {
		t.Errorf("%+v", got)
	}
}

func TestTransformThatDoesNotFitAFieldDeniesIt(t *testing.T) {
	e := rules{"north": `
fields contains {"classification": "NON_SENSITIVE", "effect": "allow"}
fields contains {"classification": "NON_SENSITIVE", "effect": "transform", "method": "redact"}`}.load(t)
	for coordinate, want := range map[string]policy.Effect{"Admission.region": policy.Transform, "Admission.days": policy.Deny, "Admission.patient": policy.Deny} {
		if got := ruling(t, e, analyst(), "north", coordinate); got.Effect != want {
			t.Errorf("%s: %+v, want %v", coordinate, got, want)
		}
	}
}

func TestGatewayOnlyTightens(t *testing.T) {
	e := rules{"gateway": `
fields contains {"coordinate": "Admission.note", "effect": "transform", "method": "redact"}
fields contains {"coordinate": "Admission.id", "effect": "transform", "method": "redact"}
fields contains {"coordinate": "Admission.region", "effect": "invisible"}
limits contains {"minimumGroup": 20}
include.Admission if input.row.region == "n"
exclude.Admission if input.row.days > 5
`, "north": `
fields contains {"coordinate": "Admission.note", "effect": "allow"}
fields contains {"coordinate": "Admission.days", "effect": "allow"}
limits contains {"minimumGroup": 10}
include.Admission if input.row.urgent == true
`}.load(t)
	for coordinate, want := range map[string]policy.Effect{"Admission.note": policy.Transform, "Admission.id": policy.Deny,
		"Admission.region": policy.Invisible, "Admission.days": policy.Allow} {
		if got := ruling(t, e, analyst(), "north", coordinate); got.Effect != want {
			t.Errorf("%s: %v, want %v", coordinate, got.Effect, want)
		}
	}
	if d := decide(t, e, analyst(), ask("north", "Admission.note")); d.Limits.MinimumGroup != 20 {
		t.Errorf("minimum group %d", d.Limits.MinimumGroup)
	}
	p := row(t, e, analyst(), "north", "Admission")
	in := record{"region": predicate.String("n"), "days": predicate.Int(1), "urgent": predicate.Bool(true)}
	if !p.Holds(in) {
		t.Errorf("%s", show(p))
	}
	for field, v := range map[string]predicate.Value{"region": predicate.String("s"), "days": predicate.Int(6), "urgent": predicate.Bool(false)} {
		out := record{"region": in["region"], "days": in["days"], "urgent": in["urgent"]}
		out[field] = v
		if p.Holds(out) {
			t.Errorf("%s lets %v through", show(p), out)
		}
	}
	// An include of the gateway alone opens nothing.
	if !row(t, e, analyst(), "south", "Admission").IsNever() {
		t.Error("the gateway's include gave south rows")
	}
}

func TestGatewayMayNotAllow(t *testing.T) {
	if got := (rules{"gateway": statement(`"effect": "allow"`)}).problems(t); got[0].Code != policy.CodeShape {
		t.Error(got)
	}
	// Nor when the statement is computed: it denies instead.
	e := rules{"north": statement(`"effect": "allow"`),
		"gateway": `fields contains {"coordinate": "Admission.note", "effect": word} if some word in ["allow"]`}.load(t)
	if got := ruling(t, e, analyst(), "north", "Admission.note"); got.Effect != policy.Deny {
		t.Error(got)
	}
}

// computed hides a value from the checks at load.
func computed(key, value string) string {
	return fmt.Sprintf(`fields contains object.union({"coordinate": "Admission.note", "effect": "deny"}, {%q: v}) if some v in [%s]`, key, value)
}

func TestWrongStatementMadeAtRunTimeDeniesWhatItNames(t *testing.T) {
	allow := `fields contains {"type": "Admission", "effect": "allow"}` + "\n" + `include.Admission if true` + "\n"
	cases := map[string]bool{ // whether only the note is denied
		computed("effect", `"permit"`):                              true,
		computed("effect", `5`):                                     true,
		computed("colour", `"red"`):                                 true,
		computed("reason", `7`):                                     true,
		computed("method", `"redact"`):                              true,
		computed("args", `[]`):                                      true,
		computed("coordinate", `"Resident.birthDate"`):              false,
		computed("coordinate", `"Admission.wardd"`):                 false,
		computed("coordinate", `5`):                                 false,
		`fields contains x if some x in ["allow"]`:                  false,
		`fields contains x if some x in [{"effect": "allow"}]`:      false,
		`limits contains x if some x in [{"minimumGroup": "many"}]`: false,
		`limits contains x if some x in [{"minimumGroup": 1.5}]`:    false,
		`limits contains x if some x in [{"k": 3}]`:                 false,
		`fields contains x if { some x in [{"type": "Admission", "effect": "allow"}]; to_number(input.purpose) > 3 }`: false, // the built-in fails
	}
	for text, one := range cases {
		faults := 0
		o := rules{"north": allow + text}.options()
		o.Fault = func(policy.AgencyID, error) { faults++ }
		e, err := policy.Load(context.Background(), o)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		d := decide(t, e, analyst(), ask("north", "Admission.note", "Admission.id"))
		note := d.Field(policy.FieldKey{Agency: "north", Coordinate: "Admission.note"}).Effect
		id := d.Field(policy.FieldKey{Agency: "north", Coordinate: "Admission.id"}).Effect
		never := d.Row(policy.TypeKey{Agency: "north", Type: "Admission"}).IsNever()
		if note != policy.Deny || (id == policy.Allow) != one || never == one {
			t.Errorf("%s: note %v, id %v, no rows %v", text, note, id, never)
		}
		if faults == 0 {
			t.Errorf("%s: nobody was told", text)
		}
	}
}

func TestBrokenAgencyDeniesOnlyItself(t *testing.T) {
	e := rules{"north": `fields contains x if some x in ["allow"]`, "south": statement(`"effect": "allow"`)}.load(t)
	if got := ruling(t, e, analyst(), "south", "Admission.note"); got.Effect != policy.Allow {
		t.Error(got)
	}
	e = rules{"gateway": `fields contains x if some x in ["deny"]`, "south": statement(`"effect": "allow"`) + "include.Admission if true"}.load(t)
	if got := ruling(t, e, analyst(), "south", "Admission.note"); got.Effect != policy.Deny {
		t.Errorf("a broken gateway denies nobody: %v", got)
	}
	if !row(t, e, analyst(), "south", "Admission").IsNever() {
		t.Error("a broken gateway leaves rows")
	}
}

func TestRowsNeedAnIncludeOfTheAgencysOwnPackage(t *testing.T) {
	e := rules{"north": "x if true", "north/sub.rego": "package concordat.access.north.sub\ninclude.Admission if true"}.load(t)
	if !row(t, e, analyst(), "north", "Admission").IsNever() {
		t.Error("a package below opened rows")
	}
	e = rules{"north": "include.Admission if true", "north/sub.rego": "package concordat.access.north.sub\ninclude.Admission if input.row.region == \"n\""}.load(t)
	p := row(t, e, analyst(), "north", "Admission")
	if p.Holds(record{"region": predicate.String("s")}) || !p.Holds(record{"region": predicate.String("n")}) {
		t.Errorf("packages are not ANDed: %s", show(p))
	}
}

func TestRowRuleThatFailsAtRunTimeLetsNothingThrough(t *testing.T) {
	for _, text := range []string{
		"include.Admission if input.row.days in data.sets.mixed",
		"include.Admission if input.row.region == data.sets.number",
		"include.Admission if true\nexclude.Admission if input.row.region == data.sets.number",
		"include.Admission if true\nexclude.Admission if not input.row.admittedOn == data.sets.word",
		"include.Admission if true\nexclude.Admission if { to_number(input.purpose) > 3; input.row.days > 3 }",
		"include.Admission if true\nexclude.Admission if input.row.days > data.sets.huge",
	} {
		var fault error
		o := rules{"north": text, "north/data.json": `{"sets": {"mixed": [1, "2"], "number": 5, "word": "soon", "huge": 1e999}}`}.options()
		o.Fault = func(_ policy.AgencyID, err error) { fault = err }
		e, err := policy.Load(context.Background(), o)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if p := row(t, e, analyst(), "north", "Admission"); !p.IsNever() || fault == nil {
			t.Errorf("%s: %s, told %v", text, show(p), fault)
		}
	}
}

func TestNegationAndNull(t *testing.T) {
	cases := []struct {
		condition string
		null      bool // whether a NULL row gets through
	}{
		{`not input.row.days == 5`, true}, // DESIGN.md section 6
		{`input.row.days != 5`, false},
		{`not input.row.days > 5`, false}, // the compiler hoists the operand: undefined, as OPA itself says
		{`not input.row.region in ["n"]`, false},
		{`not big`, true},
		{`object.get(input.row, "days", null) == null`, true},
		{`not input.row.days`, true},
	}
	for _, c := range cases {
		e := rules{"north": "big if input.row.days > 5\ninclude.Admission if {\n" + c.condition + "\n}"}.load(t)
		if p := row(t, e, analyst(), "north", "Admission"); p.Holds(record{}) != c.null {
			t.Errorf("%s: %s lets a NULL row through: %v", c.condition, show(p), !c.null)
		}
	}
}

func TestBigIntegersStayExact(t *testing.T) {
	e := rules{"north": `include.Admission if input.row.serial == 9007199254740993`}.load(t)
	p := row(t, e, analyst(), "north", "Admission")
	if p.Holds(record{"serial": predicate.Int(9007199254740992)}) || !p.Holds(record{"serial": predicate.Int(9007199254740993)}) {
		t.Error(show(p))
	}
}

func TestSetsOfManyValuesBecomeOneList(t *testing.T) {
	var list []string
	for i := range 5000 {
		list = append(list, fmt.Sprintf(`"p%d"`, i))
	}
	data := `{"sets": {"objectors": [` + strings.Join(list, ",") + `]}}`
	e := rules{"north": "include.Admission if true\nexclude.Admission if input.row.patientId in data.sets.objectors", "north/data.json": data}.load(t)
	n := row(t, e, analyst(), "north", "Admission").Node()
	if n.Kind != predicate.KindNot || len(n.Kids[0].Node().Values) != 5000 {
		t.Errorf("%v", n.Kind)
	}
}

func TestCancelledContextIsAnErrorAndIsNotKept(t *testing.T) {
	e := rules{"north": statement(`"effect": "allow"`)}.load(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Decide(ctx, analyst(), ask("north", "Admission.note")); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	if got := ruling(t, e, analyst(), "north", "Admission.note"); got.Effect != policy.Allow {
		t.Error(got)
	}
}

// The order in which statements stand must not show.
func TestCombinationDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.SampledFrom([]string{`"effect": "allow", "reason": "a"`, `"effect": "allow", "reason": "b"`,
			`"effect": "transform", "method": "redact", "reason": "c"`, `"effect": "transform", "method": "pseudonym"`,
			`"effect": "aggregate", "reason": "d"`, `"effect": "aggregate", "reason": "e"`, `"effect": "deny", "reason": "f"`}), 1, 5).Draw(t, "statements")
		turned := rapid.Permutation(all).Draw(t, "turned")
		rulingOf := func(list []string) policy.Ruling {
			text := ""
			for _, s := range list {
				text += statement(s)
			}
			e, err := policy.Load(context.Background(), rules{"north": text}.options())
			if err != nil {
				t.Fatal(err)
			}
			k := policy.FieldKey{Agency: "north", Coordinate: "Admission.note"}
			d, err := e.Decide(context.Background(), analyst(), policy.Request{Operation: "query", Fields: []policy.FieldKey{k}})
			if err != nil {
				t.Fatal(err)
			}
			return d.Field(k)
		}
		if a, b := rulingOf(all), rulingOf(turned); a != b {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}
