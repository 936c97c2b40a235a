package policy_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"concordat/policy"
)

// Each case is one agency's file that must be refused, with the line (counting the package line as 1) and code.
func TestLoadRefusesWithFileLineAndCode(t *testing.T) {
	cases := []struct {
		name, text, code string
		line             int
	}{
		{"syntax", "include.Admission if {", policy.CodeFile, 2},
		{"undefined function", "fields contains {\"type\": \"Admission\", \"effect\": \"allow\"} if nosuch(1)", policy.CodeCompile, 2},
		{"unused variable (strict)", "helper if { x := 1 }", policy.CodeCompile, 2},
		{"http", `helper if http.send({"method": "get", "url": "http://localhost"}).status_code == 200`, policy.CodeCompile, 2},
		{"environment", `helper if opa.runtime().env.SECRET == "x"`, policy.CodeCompile, 2},
		{"randomness", `helper if rand.intn("x", 2) == 1`, policy.CodeCompile, 2},
		{"name look-up", `helper if net.lookup_ip_addr("localhost")`, policy.CodeCompile, 2},
		{"token verification reads the clock", `helper if io.jwt.decode_verify("x", {})[0]`, policy.CodeCompile, 2},
		{"another agency's coordinate", `fields contains {"coordinate": "Resident.birthDate", "effect": "allow"}`, policy.CodeForeign, 2},
		{"another agency's type", `fields contains {"type": "Resident", "effect": "deny"}`, policy.CodeForeign, 2},
		{"another agency's rows", `include.Resident if true`, policy.CodeForeign, 2},
		{"another agency's rules", `helper if data.concordat.access.south.helper`, policy.CodeForeign, 2},
		{"everybody's rules", `helper if count(data.concordat.access) > 1`, policy.CodeForeign, 2},
		{"all data", `helper if { some x in data; x == 1 }`, policy.CodeForeign, 2},
		{"no such coordinate", `fields contains {"coordinate": "Admission.wardd", "effect": "allow"}`, policy.CodeUnknown, 2},
		{"no such classification", `fields contains {"classification": "SECRET", "effect": "allow"}`, policy.CodeUnknown, 2},
		{"no such input", `fields contains {"type": "Admission", "effect": "allow"} if input.subject.organization == "x"`, policy.CodeUnknown, 2},
		{"no such set", `include.Admission if { true; not input.row.id in data.sets.objecters }`, policy.CodeUnknown, 2},
		{"no such field", `helper if data.fields["Admission.wardd"]`, policy.CodeUnknown, 2},
		{"no such rule", "import data.concordat.lib\nhelper if not lib.partner", policy.CodeUnknown, 3},
		{"no such effect", `fields contains {"type": "Admission", "effect": "permit"}`, policy.CodeShape, 2},
		{"unknown key", `fields contains {"type": "Admission", "effect": "allow", "when": "now"}`, policy.CodeShape, 2},
		{"two names", `fields contains {"type": "Admission", "coordinate": "Admission.id", "effect": "allow"}`, policy.CodeShape, 2},
		{"method without transform", `fields contains {"type": "Admission", "effect": "allow", "method": "redact"}`, policy.CodeShape, 2},
		{"no such method", `fields contains {"coordinate": "Admission.note", "effect": "transform", "method": "rot13"}`, policy.CodeObligation, 2},
		{"method of another kind", `fields contains {"coordinate": "Admission.note", "effect": "transform", "method": "year"}`, policy.CodeObligation, 2},
		{"transformed join", `fields contains {"coordinate": "Admission.patient", "effect": "transform", "method": "redact"}`, policy.CodeObligation, 2},
		{"fields is no set", `fields := [{"type": "Admission", "effect": "allow"}]`, policy.CodeShape, 2},
		{"unknown limit", `limits contains {"epsilon": 1}`, policy.CodeShape, 2},
		{"negative limit", `limits contains {"minimumGroup": -1}`, policy.CodeShape, 2},
		{"a statement that asks a row", `fields contains {"type": "Admission", "effect": "allow"} if input.row.region == "n"`, policy.CodeFragment, 2},
		{"include without type", `include if true`, policy.CodeShape, 2},
		{"include with a value", `include.Admission := "yes" if true`, policy.CodeShape, 2},
		{"include by default", `default include.Admission := true`, policy.CodeShape, 2},
		{"include of a computed type", `include[t] if some t in ["Admission"]`, policy.CodeShape, 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			policies := rules{"north": c.text, "south": "helper if true"}
			for _, p := range policies.problems(t) {
				if p.Code == c.code && p.Line == c.line && p.File == "north/policy.rego" {
					return
				}
			}
			t.Errorf("want %s at line %d, got %v", c.code, c.line, policies.problems(t))
		})
	}
}

// outside are conditions that the translatable fragment does not hold.
func outside() []string {
	return []string{
		`lower(input.row.region) == "n"`,
		`input.row.days + 1 > 5`,
		`regex.match("n.*", input.row.region)`,
		`count(input.row.region) > 1`,
		`"n" in input.row.region`,
		`input.row.days == "5"`,
		`input.row.region > 5`,
		`5 < input.row.region`,
		`input.row.region in ["n", 5]`,
		`input.row.admittedOn >= "2025"`,
		`input.row.admittedOn < "2025-02-30"`,
		`input.row.seenAt < "2025-01-01"`,
		`input.row.seenAt < "2025-01-01T00:00:00.0000001Z"`,
		`input.row.score == 0.1000000000000000000001`,
		`input.row.days < input.row.region`,
		`input.row.urgent > false`,
		`input.row.ward == "x"`,
		`not input.row.wardd == "x"`,
		`input.row.patient == "x"`,
		`input.row.region == null`,
		`not input.row.region == null`,
		`is_null(input.row.region)`,
		`object.get(input.row, "region", "") == "n"`,
		`object.get(input.row, "nosuch", null) == null`,
		`object.get(input.row, input.subject.id, null) == null`,
		`input.row[input.subject.id] == "n"`,
		`input.row == {"region": "n"}`,
		`some f; input.row[f] == "n"`,
		`some v in input.row; v == "n"`,
		`every v in input.row { v == "n" }`,
		`count([1 | input.row.days > 5]) == 1`,
		`[input.row.region, 1] == ["n", 1]`,
		`startswith(input.row.admittedOn, "2025")`,
		`startswith("north", input.row.region)`,
		`r := input.row; r.region == "n"`,
		`helper(input.row)`,
		`valued == "n"`,
		`defaulted`,
		`chained`,
		`grade(input.row.days) == "high"`,
		`input.row.region == data.sets.names[input.row.days]`,
		`object.get(input, ["row", "region"], "") == "n"`,
		`input.row.region == "n" with input.purpose as "x"`,
	}
}

// more is what they refer to.
const more = `
helper(row) if row.region == "n"
valued := input.row.region
default defaulted := false
defaulted if input.row.days > 5
chained if { input.row.days > 5 } else := true if { input.row.region == "n" }
grade(days) := "high" if days > 5
grade(days) := "low" if days <= 5
`

// Each condition is outside the translatable fragment.
func TestUntranslatableRowRulesAreLoadErrors(t *testing.T) {
	for _, verb := range []string{"include", "exclude"} {
		for _, c := range outside() {
			text := more + verb + ".Admission if {\n" + c + "\n}\n"
			policies := rules{"north": text, "north/data.json": `{"sets": {"names": ["n"]}}`}
			_, err := policy.Load(context.Background(), policies.options())
			if err == nil {
				t.Errorf("loaded: %s", c)
				continue
			}
			if !strings.Contains(err.Error(), policy.CodeFragment) || !strings.Contains(err.Error(), "north/policy.rego:") {
				t.Errorf("%s: %v", c, err)
			}
		}
	}
}

func TestLoadReportsEveryProblemAtOnce(t *testing.T) {
	policies := rules{
		"north":              "fields contains {\"type\": \"Admission\", \"effect\": \"permit\"}\nlimits contains {\"k\": 1}\ninclude.Nothing if true",
		"south":              `fields contains {"type": "Resident", "effect": "allow"}`,
		"registry/data.json": `{"set": {}}`,
	}
	// A file that cannot be read hides what depends on its content, nothing else: so two steps.
	if got := policies.problems(t); len(got) != 1 || got[0].Code != policy.CodeData || got[0].File != "registry/data.json" {
		t.Errorf("%v", got)
	}
	delete(policies, "registry/data.json")
	got := policies.problems(t)
	want := []string{"north/policy.rego:2", "north/policy.rego:3", "north/policy.rego:4", "south/policy.rego:2"}
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i, p := range got {
		if fmt.Sprintf("%s:%d", p.File, p.Line) != want[i] {
			t.Errorf("%d: %s, want %s", i, p, want[i])
		}
	}
}

func TestPackagesStayInTheirBundle(t *testing.T) {
	for _, path := range []string{"concordat.access.south", "concordat.access.gateway", "concordat.access", "concordat.lib",
		"concordat.access.north.fields", "system", "concordat.access.northern"} {
		o := rules{}.options()
		o.Bundles = []policy.Bundle{{Agency: "north", Files: fstest.MapFS{"a.rego": {Data: []byte("package " + path + "\nx if true\n")}}}}
		_, err := policy.Load(context.Background(), o)
		if err == nil || !strings.Contains(err.Error(), policy.CodePackage) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestAgenciesCannotTouchEachOthersSets(t *testing.T) {
	policies := rules{"north": "x if true", "south": "x if true",
		"north/data.json": `{"sets": {"objectors": ["p1"]}}`, "south/data.json": `{"sets": {"objectors": []}}`}
	got := policies.problems(t)
	if len(got) != 1 || got[0].Code != policy.CodeData || got[0].File != "south/data.json" {
		t.Errorf("%v", got)
	}
}

func TestDataOfTheWrongFormIsRefused(t *testing.T) {
	for _, data := range []string{``, `{`, `[]`, `{"sets": []}`, `{"sets": {}, "Sets": {}}`, `{"set": {}}`, `{"sets": {}} {}`,
		`{"sets": {"a": [], "a": ["p1"]}}`, `{"sets": {"a": {"b": 1, "b": 2}}}`, strings.Repeat(`{"sets":`, 1000)} {
		got := rules{"north": "x if true", "north/data.json": data}.problems(t)
		if len(got) != 1 || got[0].Code != policy.CodeData || got[0].File != "north/data.json" {
			t.Errorf("%.40s: %v", data, got)
		}
	}
}

func TestTestsAreNotPolicy(t *testing.T) {
	e := rules{"north": `fields contains {"type": "Admission", "effect": "allow"}`,
		"north/policy_test.rego": "package anything\nthis is not even Rego"}.load(t)
	if got := ruling(t, e, analyst(), "north", "Admission.id"); got.Effect != policy.Allow {
		t.Error(got)
	}
}

func TestRevisionChangesWithEveryInput(t *testing.T) {
	base := rules{"north": "x if true", "north/data.json": `{"sets": {"a": [1]}}`}
	seen := map[string]string{base.load(t).Revision(): "base"}
	if got := base.load(t).Revision(); seen[got] != "base" {
		t.Error("the same inputs give two revisions")
	}
	note := func(name string, o policy.Options) {
		e, err := policy.Load(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[e.Revision()]; ok {
			t.Errorf("%s and %s have one revision", name, other)
		}
		seen[e.Revision()] = name
	}
	note("rule", rules{"north": "x if 1 == 1", "north/data.json": `{"sets": {"a": [1]}}`}.options())
	note("owner", rules{"south": "x if true", "south/data.json": `{"sets": {"a": [1]}}`}.options())
	note("data", rules{"north": "x if true", "north/data.json": `{"sets": {"a": [2]}}`}.options())
	o := base.options()
	o.Agreements["a2"] = map[string]any{}
	note("agreement", o)
	o = base.options()
	o.Catalog.Fields[0].Classification = "SENSITIVE"
	note("catalog", o)
}

func TestLoadNeedsAnObligationCheck(t *testing.T) {
	o := rules{}.options()
	o.CheckObligation = nil
	if _, err := policy.Load(context.Background(), o); err == nil {
		t.Error("loaded")
	}
}
