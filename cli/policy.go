package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"concordat/policy"
)

const policyUsage = `usage: concordat policy test DIR [--threshold PERCENT] [--json]

DIR holds one directory for each agency, named for it, and gateway: *.rego, *_test.rego and data.json.

test runs the tests of every bundle together, as OPA does, and says how much of the rules they touch;
with --threshold, less than that fails.
`

// Policy runs the verb "policy".
func Policy(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, policyUsage)
		return exitUsage
	}
	switch args[0] {
	case "test":
		return policyTest(args[1:], stdout, stderr)
	case "help", "-h", "--help":
		fmt.Fprint(stdout, policyUsage)
		return exitDone
	}
	fmt.Fprintf(stderr, "concordat policy: there is no %q\n%s", args[0], policyUsage)
	return exitUsage
}

func policyTest(args []string, stdout, stderr io.Writer) int {
	set := newCredentialFlags("policy test", stderr)
	threshold := set.Float64("threshold", 0, "least coverage in percent")
	asJSON := set.Bool("json", false, "print JSON")
	paths, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(paths) != 1 {
		fmt.Fprint(stderr, policyUsage)
		return exitUsage
	}
	report, err := testPolicies(paths[0])
	if err != nil {
		fmt.Fprintln(stderr, "concordat policy test:", err)
		return exitFailed
	}
	if *asJSON {
		err = json.NewEncoder(stdout).Encode(testJSON(report))
	} else {
		err = printTests(stdout, report)
	}
	if err != nil || !report.Passed() || report.Coverage < *threshold {
		return exitFailed
	}
	return exitDone
}

func testPolicies(dir string) (*policy.TestReport, error) {
	bundles, err := policy.Bundles(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	if len(bundles) == 0 {
		return nil, errors.New("the directory holds no bundle")
	}
	return policy.Test(context.Background(), bundles)
}

func printTests(out io.Writer, report *policy.TestReport) error {
	passed := 0
	for _, r := range report.Results {
		if r.Passed {
			passed++
			continue
		}
		why := "FAIL"
		if r.Error != "" {
			why = "ERROR " + r.Error
		}
		if _, err := fmt.Fprintf(out, "%s:%d: %s: %s\n", r.File, r.Line, r.Name, why); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%d of %d tests passed, %.1f%% of the rules covered\n", passed, len(report.Results), report.Coverage)
	return err
}

type testLine struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Error  string `json:"error,omitempty"`
}

func testJSON(report *policy.TestReport) any {
	lines := make([]testLine, len(report.Results))
	for i, r := range report.Results {
		lines[i] = testLine(r)
	}
	return map[string]any{"passed": report.Passed(), "coverage": report.Coverage, "tests": lines}
}
