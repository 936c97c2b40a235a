package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concordat/federation/review"
)

const libraryScenarios = "../policy/rego/scenarios"

// Each module of the library has a policy and scenarios of its own, which hold, try every rule, and show what the
// module's documentation shows.
func TestEachModuleOfTheLibraryHasScenariosThatHold(t *testing.T) {
	modules, err := filepath.Glob("../policy/rego/modules/*.rego")
	if err != nil || len(modules) < 10 {
		t.Fatal("no modules", err)
	}
	for _, module := range append(modules, "../policy/rego/lib.rego") {
		name := strings.TrimSuffix(filepath.Base(module), ".rego")
		if strings.HasSuffix(name, "_test") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(libraryScenarios, name)
			args := []string{dir, "--schemas", filepath.Join(libraryScenarios, "agencies"), "--agreements", filepath.Join(libraryScenarios, "agreements"),
				"--personas", filepath.Join(libraryScenarios, "personas.json")}
			var run review.Tests
			if err := json.Unmarshal([]byte(policyOutput(t, 0, append([]string{"test", "--json"}, args...)...)), &run); err != nil || len(run.Scenarios) < 3 {
				t.Fatalf("%+v %v", run, err)
			}
			for _, r := range run.Rules {
				if r.Scenarios == 0 {
					t.Errorf("%s:%d is tried by no scenario", r.File, r.Line)
				}
			}
			showsTheExample(t, module, dir)
		})
	}
}

// showsTheExample: the lines of the documentation's example stand in the policy, in order, with their own types.
func showsTheExample(t *testing.T, module, dir string) {
	t.Helper()
	text, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	_, example, has := strings.Cut(string(text), "#   example: |\n")
	if !has {
		return // the library's words, which are no module
	}
	policies, err := filepath.Glob(filepath.Join(dir, "*", "*.rego"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range policies {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	rest := all.String()
	for line := range strings.SplitSeq(example, "\n") {
		line, isComment := strings.CutPrefix(line, "#     ")
		if !isComment {
			return
		}
		if line = strings.TrimSpace(line); line == "}" {
			continue
		}
		_, after, found := strings.Cut(rest, line)
		if !found {
			t.Errorf("the example's line is not in the policy, or elsewhere: %s", line)
			continue
		}
		rest = after
	}
}
