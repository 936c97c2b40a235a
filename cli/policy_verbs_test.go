package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"concordat/federation/review"
	"concordat/policy/check"
)

func policyOutput(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := policyMain(t, &out, &errs, args...); got != code {
		t.Fatalf("%v: %d, not %d\n%s%s", args, got, code, out.String(), errs.String())
	}
	return out.String() + errs.String()
}

// example copies a worked example, with one text of one file replaced.
func example(t *testing.T, name, file, old, next string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "examples", "policies", name))); err != nil {
		t.Fatal(err)
	}
	if file == "" {
		return dir
	}
	path := filepath.Join(dir, file)
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%s holds no %q: %v", file, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, next, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestWorkedExamplesAreSoundAndWhollyTried(t *testing.T) {
	for _, name := range []string{"health", "transport"} {
		dir := example(t, name, "", "", "")
		if got := policyOutput(t, 0, "check", dir); got != "0 errors, 0 warnings\n" {
			t.Errorf("%s: %s", name, got)
		}
		var run review.Tests
		if err := json.Unmarshal([]byte(policyOutput(t, 0, "test", dir, "--json")), &run); err != nil || !run.Passed || len(run.Scenarios) < 6 {
			t.Fatalf("%s: %+v %v", name, run, err)
		}
		for _, r := range run.Rules {
			if !r.Tested && r.Scenarios == 0 {
				t.Errorf("%s: %s:%d is tried by nothing", name, r.File, r.Line)
			}
		}
	}
}

// Own-region rows and an exclusion list together hide the excluded people of one's own region; without the exclude, the
// scenario that says so fails, and so does each other guard's.
func TestEachGuardOfTheExampleHasAScenarioThatFailsWithoutIt(t *testing.T) {
	const policy = "policies/health/access.rego"
	for old, want := range map[string]string{
		"exclusion.listed(input.row.patientId, data.sets.health_objectors)": "people of the own region who objected are hidden all the same",
		"territory.region(input.row.region)":                                "care sees its own region, without diagnoses",
		"	not hours.office(\"Europe/Berlin\", 7, 19)\n":                     "at night care does not see who",
		"groups.at_least(10)":                                               "research counts and reads nobody's row",
		"limitation.otherwise_denied([\"research\", \"care\"":               "",
	} {
		next := ""
		switch {
		case strings.HasPrefix(old, "exclusion"):
			next = "input.row.patientId == \"nobody\""
		case strings.HasPrefix(old, "\tnot hours"):
			next = "\thours.office(\"Europe/Berlin\", 7, 8)\n"
		case strings.HasPrefix(old, "territory"):
			next = "not territory.region(\"x\")"
		case strings.HasPrefix(old, "groups"):
			next = "groups.at_least(9)"
		case strings.HasPrefix(old, "limitation"):
			next, want = "limitation.otherwise_denied([\"research\", \"x\"", "care sees its own region"
		}
		if got := policyOutput(t, 1, "test", example(t, "health", policy, old, next)); !strings.Contains(got, want) {
			t.Errorf("without %s:\n%s", old, got)
		}
	}
}

func TestBreakGlassIsMarkedAndCannotBeLong(t *testing.T) {
	far := example(t, "health", "personas.json", "until:2025-06-02T13:00:00Z", "until:2125-06-02T13:00:00Z")
	if got := policyOutput(t, 0, "eval", "--policies", far, "--subject", "doctor", "Stay.note"); strings.Contains(got, "mark") || !strings.Contains(got, `"effect":"deny"`) {
		t.Errorf("a century of break-glass: %s", got)
	}
	soon := example(t, "health", "personas.json", "until:2025-06-02T13:00:00Z", "until:"+time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	if got := policyOutput(t, 0, "eval", "--policies", soon, "--subject", "doctor", "Stay.note"); !strings.Contains(got, `"mark":"break-glass case-7"`) || !strings.Contains(got, `"effect":"allow"`) {
		t.Errorf("an hour of it: %s", got)
	}
}

func TestCheckJSONOfTheDemoIsClean(t *testing.T) {
	if got := policyOutput(t, 0, "check", "--json"); got != "{\"findings\":[]}\n" {
		t.Error(got)
	}
}

func TestCheckFindsAMistakeByFileAndLine(t *testing.T) {
	dir := example(t, "transport", "policies/roads/access.rego", `"Trip.metres"]`, `"Trip.meters"]`)
	got := policyOutput(t, 1, "check", dir)
	if !strings.Contains(got, "roads/access.rego:") || !strings.Contains(got, "Trip.meters") {
		t.Error(got)
	}
}

// What a gateway would refuse to load of an agreement is found before, with its line, and so is a purpose that no rule
// knows.
func TestCheckFindsWhatAnAgreementNamesInVain(t *testing.T) {
	for _, c := range []struct{ old, now, severity, code, says string }{
		{"datasets: [Stay]", "datasets: [Stay.nmae]", "error", "POLICY_UNKNOWN", "datasets[0]: names nothing that is shared here"},
		{"datasets: [Stay]", "datasets: [Stay]\ntransforms: [{field: Stay.nmae, method: redact}]", "error", "POLICY_UNKNOWN", "transforms[0]: names nothing that is shared here"},
		{"datasets: [Stay]", "datasets: [Stay]\ntransforms: [{field: Stay.note, method: year}]", "error", "POLICY_OBLIGATION", "transforms[0]: "},
		{"purposes: [care, break-glass]", "purposes: [care, break-glass, teaching]", "warning", "POLICY_PURPOSE", `no rule knows the purpose "teaching" of the agreement care`},
	} {
		code := 0
		if c.severity == "error" {
			code = 1
		}
		var report struct{ Findings []check.Finding }
		if err := json.Unmarshal([]byte(policyOutput(t, code, "check", "--json", example(t, "health", "agreements/care.yaml", c.old, c.now))), &report); err != nil {
			t.Fatal(err)
		}
		if len(report.Findings) != 1 {
			t.Errorf("%s: %+v", c.now, report.Findings)
			continue
		}
		f := report.Findings[0]
		placed := strings.HasSuffix(f.File, "agreements/care.yaml") && f.Line > 0 || c.code == "POLICY_PURPOSE" && f.File == "care.yaml"
		if f.Severity != c.severity || f.Code != c.code || !strings.HasPrefix(f.Message, c.says) || !placed {
			t.Errorf("%s: %+v", c.now, f)
		}
	}
}

func TestExplainInASentenceAndInJSON(t *testing.T) {
	dir := example(t, "health", "", "", "")
	text := policyOutput(t, 0, "explain", "--policies", dir, "--subject", "nurse", "Stay.postcode")
	const want = "Stay.postcode is shown as its first 3 characters because rule fields of bundle health (health/access.rego:38) treats Stay.postcode so for purpose care (the district is enough)."
	if !strings.Contains(text, want) || !strings.Contains(text, `Rows of Stay of health are seen where region is "north" and not (patientId is "P-3") for purpose care`) {
		t.Error(text)
	}
	var got struct {
		Coordinate, Effect, Method, Sentence string
		Rules                                []struct {
			Rule, File, Says string
			Line             int
		}
	}
	if err := json.Unmarshal([]byte(policyOutput(t, 0, "explain", "--policies", dir, "--subject", "nurse", "--json", "Stay.postcode")), &got); err != nil ||
		got.Coordinate != "Stay.postcode" || got.Effect != "transform" || got.Method != `prefix{"length":3}` || got.Sentence != want || len(got.Rules) != 1 {
		t.Errorf("%+v %v", got, err)
	}
	if got := policyOutput(t, 1, "explain", "--policies", dir, "--subject", "nobody", "Stay.postcode"); !strings.Contains(got, "known are doctor, nurse, researcher") {
		t.Error(got)
	}
}

func TestExplainAQuery(t *testing.T) {
	file := filepath.Join(t.TempDir(), "q.graphql")
	if err := os.WriteFile(file, []byte("{ fluWeeks(where: {region: {eq: \"Norvale\"}}) { nodes { iliCases } } }"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := policyOutput(t, 0, "explain", "--subject", "partner", file)
	for _, want := range []string{"FluWeek.region is shown", "FluWeek.iliCases is shown", "Rows of FluWeek of publichealth are seen where"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestDiffMarksWhatWeakens(t *testing.T) {
	old := example(t, "health", "", "", "")
	weaker := example(t, "health", "policies/health/access.rego", `"method": "year"`, `"method": "month"`)
	same := example(t, "health", "policies/health/access.rego", `territory.region(input.row.region)`, `input.row.region in lib.regions
	not territory.region("x")`)
	stricter := example(t, "health", "policies/health/data.json", `["P-3"]`, `["P-3", "P-4"]`)
	got := policyOutput(t, 1, "diff", old, weaker, "--fail-on", "weaker")
	if !strings.Contains(got, "WEAKER  nurse: Stay.birthDate of health: transform month, was transform year") {
		t.Error(got)
	}
	policyOutput(t, 0, "diff", old, weaker)
	if got := policyOutput(t, 0, "diff", old, same, "--json"); got != "{\"changes\":[],\"rows\":[]}\n" {
		t.Error(got)
	}
	got = policyOutput(t, 0, "diff", old, stricter, "--json", "--fail-on", "weaker")
	if !strings.Contains(got, `{"persona":"nurse","agency":"health","type":"Stay","gained":false,"lost":true,"witness":{"patientId":"P-4","region":"north"}}`) {
		t.Error(got)
	}
}

func TestEvalIsOneDecision(t *testing.T) {
	var got decisionJSON
	if err := json.Unmarshal([]byte(policyOutput(t, 0, "eval", "--subject", "partner", "Admission.note")), &got); err != nil ||
		len(got.Fields) != 2 || got.Fields[0].Method != "redact" || got.Fields[1].Effect != "deny" || got.Limits.MinimumGroup != 5 || got.Revision == "" {
		t.Errorf("%+v %v", got, err)
	}
}
